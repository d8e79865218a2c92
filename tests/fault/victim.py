"""Processes that are killed: each repeats one operation, turn after turn, and tells of every beginning and end.

They are forked from a server that has imported everything and opened nothing, so that five hundred of
them take seconds.
"""

from __future__ import annotations

import multiprocessing
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic

import duckdb  # noqa: F401 - imported once, for all
import numpy as np  # noqa: F401
import pyarrow.compute
import pyarrow.csv
import pyarrow.dataset  # noqa: F401
from fault_project import SOURCES, at, opened, rows, view, views

import repast.app.apply
import repast.app.dataset
import repast.app.historical
import repast.app.materialize
import repast.app.online
import repast.app.write
import repast.backends.offline.duckdb
import repast.backends.online.sqlite
import repast.backends.registry.object_store  # noqa: F401
from repast import FeatureStore
from repast.app import load

Operation = Callable[[FeatureStore, int], object]
LOAD_BATCH = 1
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
    """Replace one dataset, or make a new one; ``label`` says how many rows it is to have."""
    size = SPINE + turn
    spine = rows([turn], range(size)).select(["key", "event_timestamp"]).append_column("label", [[size] * size])
    job = store.get_historical_features(spine, ["table:turn"])
    if turn % 2:
        return store.create_saved_dataset(job, f"new_{turn}", f"sets/new_{turn}.parquet")
    return store.create_saved_dataset(job, "same", "sets/same.parquet", allow_overwrite=True)


OPERATIONS: dict[str, Operation] = {
    "apply": apply,
    "materialize": materialize,
    "push": push,
    "append": append,
    "save": save,
}


def _repeat(folder: Path, operation: str, first: int, pipe: Connection) -> None:
    with opened(folder) as store:
        store.refresh_registry()
        pipe.send(("ready", first))
        turn = first
        while True:
            pipe.send(("begin", turn))
            try:
                OPERATIONS[operation](store, turn)
            except Exception as error:
                pipe.send((repr(error), turn))
                raise
            pipe.send(("end", turn))
            turn += 1


@dataclass(frozen=True)
class Killed:
    """What a process told before it was killed."""

    begun: int
    """The last turn that it began."""
    acknowledged: int
    """The last turn whose operation returned; the one before the first if none did."""


class Killer:
    """Kills processes that repeat an operation, at moments spread evenly over what an operation takes.

    Args:
        folder: The project's.
        operation: A name of OPERATIONS.
        seed: Of the moments.

    """

    def __init__(self, folder: Path, operation: str, *, seed: int) -> None:
        self._folder, self._operation = folder, operation
        self._random = random.Random(seed)
        self.seconds = 0.0
        self.acknowledged = 0

    def measure(self, turns: int = 3) -> None:
        """Let a process do some turns, and note how long one takes."""
        events: list[tuple[str, int]] = []
        with self._process() as pipe:
            began = monotonic()
            while ("end", self.acknowledged + turns) not in events:
                events.append(pipe.recv())
            self.seconds = (monotonic() - began) / turns
        self._settle(events)

    def kill(self) -> Killed:
        """Start a process where the last one ended, kill it at some moment, and tell how far it came."""
        events: list[tuple[str, int]] = []
        with self._process() as pipe:
            deadline = monotonic() + self._random.uniform(0, 1.5 * self.seconds)
            while pipe.poll(max(0.0, deadline - monotonic())):
                events.append(pipe.recv())
                if monotonic() > deadline:
                    break
        return self._settle(events)

    def _settle(self, events: list[tuple[str, int]]) -> Killed:
        events += self._last_words
        assert all(kind in ("begin", "end") for kind, _ in events), events
        self.acknowledged = max((turn for kind, turn in events if kind == "end"), default=self.acknowledged)
        return Killed(max((turn for _, turn in events), default=self.acknowledged), self.acknowledged)

    @contextmanager
    def _process(self) -> Iterator[Connection]:
        """A process that is ready; it is killed at the end, and what it still told is kept."""
        ours, theirs = CONTEXT.Pipe(duplex=False)
        first = self.acknowledged + 1
        process = CONTEXT.Process(target=_repeat, args=(self._folder, self._operation, first, theirs), daemon=True)
        process.start()
        theirs.close()
        self._last_words: list[tuple[str, int]] = []
        try:
            assert ours.recv() == ("ready", first)
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
