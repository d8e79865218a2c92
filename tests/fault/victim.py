"""Processes that are killed: each repeats one operation, turn after turn, and tells of every beginning and end.

They are forked from a server that has imported everything and opened nothing, so that five hundred of
them take seconds.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import count, pairwise
from math import inf
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import monotonic
from types import FrameType
from typing import Any, NamedTuple

import duckdb  # noqa: F401 - imported once, for all
import numpy as np  # noqa: F401
import pyarrow.compute
import pyarrow.csv
import pyarrow.dataset  # noqa: F401
import sqlglot.dialects.duckdb  # noqa: F401
from fault_project import SOURCES, at, opened, rows, view, views

import repast
import repast.app.apply
import repast.app.dataset
import repast.app.historical
import repast.app.history
import repast.app.materialize
import repast.app.online
import repast.app.plugin
import repast.app.provider
import repast.app.registry
import repast.app.write
import repast.backends.offline.duckdb
import repast.backends.online.sqlite
import repast.backends.registry.folder
import repast.core.finish
import repast.ports.worker
from repast import FeatureStore
from repast.app import load
from repast.errors import ConflictError

Operation = Callable[[FeatureStore, int], object]
LOAD_BATCH = 4
"""Rows of a transaction of a load: few, so that a load has many moments to be killed between."""
NAMES = tuple(SOURCES)
"""Operations on one view take them in turns: turn ``t`` is of view ``t`` modulo three."""
SPINE = 400
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["victim"])


def apply(store: FeatureStore, turn: int) -> object:
    """Change all views, add one, and delete the one that was added last."""
    definitions = [*views(tags={"turn": str(turn)}), view(f"added_{turn}", SOURCES["table"])]
    return store.apply(definitions, partial=False)


def materialize(store: FeatureStore, turn: int) -> object:
    load.BATCH_ROWS = LOAD_BATCH
    name = NAMES[turn % len(NAMES)]
    if turn % 2:
        return store.materialize(at(0), at(turn), [name])
    return store.materialize_incremental(at(turn), [name])


def push(store: FeatureStore, turn: int) -> object:
    return store.push("table_push", rows([turn]), to="online_and_offline")


def append(store: FeatureStore, turn: int) -> object:
    return store.write_to_offline_store(NAMES[turn % len(NAMES)], rows([turn]))


def save(store: FeatureStore, turn: int) -> object:
    """Replace one dataset, or make a new one; ``label`` says how many rows it is to have.

    A file that was complete but not registered when a process died is in the way of a new name, and said to be.
    """
    size = SPINE + turn
    spine = rows([turn], range(size)).select(["key", "event_timestamp"]).append_column("label", [[size] * size])
    job = store.get_historical_features(spine, ["table:turn"])
    if not turn % 2:
        return store.create_saved_dataset(job, "same", "sets/same.parquet", allow_overwrite=True)
    name = f"new_{turn}"
    try:
        return store.create_saved_dataset(job, name, f"sets/{name}.parquet")
    except ConflictError as error:
        if name in {dataset.name for dataset in store.list_saved_datasets()}:
            return None  # the process died between the registry's answer and ours
        file = store.config.repo_path / f"sets/{name}.parquet"
        assert str(file) in error.message, error  # noqa: PT017
        file.unlink()
        return store.create_saved_dataset(job, name, f"sets/{name}.parquet")


OPERATIONS: dict[str, Operation] = {
    "apply": apply,
    "materialize": materialize,
    "push": push,
    "append": append,
    "save": save,
}


LIFE = 2
"""Turns of a process: it then waits for its end, so a killer that comes late finds no long history."""


class Told(NamedTuple):
    """What a process says of itself."""

    what: str
    """``ready``, ``begin`` or ``end``; else what went wrong."""
    turn: int
    at: float = 0.0
    """Seconds, by a clock that does not jump."""
    lines: int = 0
    """How many were executed, if they are counted."""


class Lines:
    """Counts the lines of Repast that a process executes, in all of its threads, and kills it at one of them.

    Args:
        last: The number of that line; 0: live on.

    """

    def __init__(self, last: int) -> None:
        self._last = last
        self._folder = str(Path(repast.__file__).parent)
        self._numbers = count(1)
        self.executed = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count in this thread and in those that it starts."""
        threading.settrace(self._enter)
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(None)
            threading.settrace(None)

    def _enter(self, frame: FrameType, _event: str, _argument: object) -> Any:
        return self._step if frame.f_code.co_filename.startswith(self._folder) else None

    def _step(self, _frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            self.executed = next(self._numbers)
            if self.executed == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._step


def _repeat(folder: Path, operation: str, first: int, lines: Lines | None, pipe: Connection) -> None:
    def tell(what: str, turn: int) -> None:
        pipe.send(Told(what, turn, monotonic(), lines.executed if lines else 0))

    with opened(folder) as store:
        store.refresh_registry()
        tell("ready", first)
        for turn in range(first, first + LIFE):
            tell("begin", turn)
            try:
                with lines.counted() if lines else nullcontext():
                    OPERATIONS[operation](store, turn)
            except Exception as error:
                tell(repr(error), turn)
                raise
            tell("end", turn)
        signal.pause()


@dataclass(frozen=True)
class Killed:
    """What a process told before it was killed."""

    begun: int
    """The last turn that it began."""
    acknowledged: int
    """The last turn whose operation returned; the one before the first if none did."""


class Killer:
    """Kills processes that repeat an operation: in turns at a line of Repast's code and at a moment.

    A line is where it is however fast the machine is; a moment may be within a line, in an engine or in a
    call of the system. Both are spread over all turns of a life: these are divided in as many parts as there
    are kills of a kind, and each part has one, somewhere.

    Args:
        folder: The project's.
        operation: A name of OPERATIONS.
        kills: How many there will be.

    """

    def __init__(self, folder: Path, operation: str, kills: int) -> None:
        self._folder, self._operation, self._kills = folder, operation, kills
        self._random = random.Random(kills)
        self._seconds = [deque[float](maxlen=5) for _ in range(LIFE)]
        """How long the first turn of a life took, and the second, lately."""
        self.acknowledged = 0

    def kills(self) -> Iterator[Killed]:
        """Start a process where the last one ended, kill it somewhere, and tell how far it came; again and again."""
        self._live()
        counted = [event.lines for event in self._live(Lines(0)) if event.what == "end"]
        lines = [after - before for before, after in pairwise([0, *counted])]
        moments, places = self._spread(self._kills // 2), self._spread(self._kills - self._kills // 2)
        for number in range(self._kills):
            if number % 2:
                told = self._live(seconds=_length(next(moments), [median(turn) for turn in self._seconds]))
            else:
                told = self._live(Lines(1 + int(_length(next(places), lines))))
            yield Killed(max((event.turn for event in told), default=self.acknowledged), self.acknowledged)

    def _spread(self, parts: int) -> Iterator[float]:
        """Yield numbers of turns."""
        numbers = [LIFE * (part + self._random.random()) / parts for part in range(parts)]
        self._random.shuffle(numbers)
        return iter(numbers)

    def _live(self, lines: Lines | None = None, seconds: float = inf) -> list[Told]:
        """Let a process live to its end, at most for some seconds of its turns, and return what it told of these."""
        first = self.acknowledged + 1
        told: list[Told] = []
        with self._process(first, lines) as pipe, suppress(EOFError):
            assert pipe.recv()[:2] == ("ready", first)
            told.append(pipe.recv())
            deadline = monotonic() + seconds
            while told[-1][:2] != ("end", first + LIFE - 1):
                if not pipe.poll(None if seconds == inf else max(0.0, deadline - monotonic())):
                    break
                told.append(pipe.recv())
        told += self._last_words
        assert all(event.what in ("begin", "end") for event in told), told
        ends = {event.turn: event.at for event in told if event.what == "end"}
        if lines is None:
            for event in told:
                if event.what == "begin" and event.turn in ends:
                    self._seconds[event.turn - first].append(ends[event.turn] - event.at)
        self.acknowledged = max(ends, default=self.acknowledged)
        return told

    @contextmanager
    def _process(self, first: int, lines: Lines | None) -> Iterator[Connection]:
        """A process; it is killed at the end, if it lives, and what it still told is kept."""
        ours, theirs = CONTEXT.Pipe(duplex=False)
        arguments = (self._folder, self._operation, first, lines, theirs)
        process = CONTEXT.Process(target=_repeat, args=arguments, daemon=True)
        process.start()
        theirs.close()
        self._last_words: list[Told] = []
        try:
            yield ours
        finally:
            process.kill()
            process.join()
            with suppress(EOFError):
                while True:
                    self._last_words.append(ours.recv())
            ours.close()
            assert process.exitcode == -signal.SIGKILL, f"exit code {process.exitcode}"
            process.close()


def _length(turns: float, lengths: Sequence[float]) -> float:
    """Return how long a number of turns is, which need not be whole; no turn need be as long as another."""
    return sum(length * min(max(turns - number, 0.0), 1.0) for number, length in enumerate(lengths))
