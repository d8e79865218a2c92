"""Reads go on while loads run: from other processes and threads, whole, and never back in time."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fault_project import KEYS, at, make_sources, online_turns, opened, rows, view

from repast import FeatureStore
from repast.app import load
from server.until import wait_until

CONTEXT = multiprocessing.get_context("spawn")
PAUSE = 0.001
"""Seconds between two reads: who never lets go of the interpreter keeps the writer from writing what is to be read."""


def watch(store: FeatureStore, stop: Any, reads: Any) -> int:
    """Read until told to stop, and count the reads; return how many values of keys were seen to grow."""
    seen = [-1] * KEYS
    grown = 0
    while not stop.wait(PAUSE):
        for name in ("table", "parts"):
            found = [-1 if turn is None else turn for turn in online_turns(store, name)]
            if name == "table":
                assert all(old <= new for old, new in zip(seen, found, strict=True)), "a read went back in time"
                grown += sum(old < new for old, new in zip(seen, found, strict=True))
                seen = found
        reads.value += 1
    return grown


def watch_elsewhere(folder: Path, stop: Any, reads: Any, pipe: Connection) -> None:
    with opened(folder) as store:
        pipe.send(watch(store, stop, reads))


class Watcher(NamedTuple):
    """A thread or a process that reads."""

    worker: threading.Thread | SpawnProcess
    reads: Any
    """Its ``value`` is how many there were."""

    def read_again(self) -> None:
        """Wait until it has read once more, from beginning to end, or has died."""
        wanted = self.reads.value + 2  # one may be going on
        wait_until(lambda: self.reads.value >= wanted or not self.worker.is_alive(), "a reader to read")


def write(folder: Path, turns: int, watchers: list[Watcher]) -> None:
    """Load, push and load late, in small transactions; after each turn everybody has read what it wrote."""
    with opened(folder) as store:
        for turn in range(1, turns):
            store.materialize(at(0), at(turn), ["table"])
            store.push("table_push", rows([turn - 1, turn + 1], range(turn % 7, KEYS, 7)))
            store.materialize_incremental(at(turn), ["parts"])
            for watcher in watchers:
                watcher.read_again()


@pytest.mark.parametrize("turns", [pytest.param(4, marks=pytest.mark.short), pytest.param(40, marks=pytest.mark.slow)])
def test_reads_go_on_and_never_go_back(tmp_path, monkeypatch, turns):
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    )
    monkeypatch.setattr(load, "BATCH_ROWS", 7)
    make_sources(tmp_path, range(turns))
    with opened(tmp_path) as store:
        store.apply([view("table", "table.parquet"), view("parts", "parts")])
        stop, pipes, grown, watchers = CONTEXT.Event(), [], [], []
        for _ in range(2):
            ours, theirs = CONTEXT.Pipe(duplex=False)
            reads = CONTEXT.Value("q", lock=False)
            process = CONTEXT.Process(target=watch_elsewhere, args=(tmp_path, stop, reads, theirs), daemon=True)
            watchers.append(Watcher(process, reads))
            pipes.append(ours)
        for _ in range(2):
            reads = CONTEXT.Value("q", lock=False)
            thread = threading.Thread(target=lambda reads=reads: grown.append(watch(store, stop, reads)))
            watchers.append(Watcher(thread, reads))
        for watcher in watchers:
            watcher.worker.start()
        try:
            write(tmp_path, turns, watchers)
        finally:
            stop.set()
        grown += [pipe.recv() for pipe in pipes]
        for watcher in watchers:
            watcher.worker.join()
        assert len(grown) == 4
        assert all(seen >= KEYS * (turns - 2) for seen in grown), grown
        assert online_turns(store) == [
            turns if key % 7 == (turns - 1) % 7 else _last(key, turns) for key in range(KEYS)
        ]


def _last(key: int, turns: int) -> int:
    """The newest turn of a key: the load's, or one that was pushed ahead of it."""
    return max([turns - 1, *(turn + 1 for turn in range(1, turns) if turn % 7 <= key and (key - turn % 7) % 7 == 0)])
