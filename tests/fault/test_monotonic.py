"""Reads go on while loads run: from other processes and threads, whole, and never back in time."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from fault_project import KEYS, at, make_sources, online_turns, opened, rows, view

from repast import FeatureStore
from repast.app import load

CONTEXT = multiprocessing.get_context("spawn")
PAUSE = 0.001
"""Seconds between two reads: who never lets go of the interpreter keeps the writer from writing what is to be read."""


def watch(store: FeatureStore, stop: threading.Event | None, pipe: Connection | None) -> tuple[int, int]:
    """Read until told to stop; return how many reads there were and how many values of keys were seen to grow."""
    seen = [-1] * KEYS
    reads = grown = 0
    while not (stop.wait(PAUSE) if stop else pipe.poll(PAUSE)):
        for name in ("table", "parts"):
            found = [-1 if turn is None else turn for turn in online_turns(store, name)]
            if name == "table":
                assert all(old <= new for old, new in zip(seen, found, strict=True)), "a read went back in time"
                grown += sum(old < new for old, new in zip(seen, found, strict=True))
                seen = found
        reads += 1
    return reads, grown


def watch_elsewhere(folder: Path, pipe: Connection) -> None:
    with opened(folder) as store:
        online_turns(store)
        pipe.send("ready")
        pipe.send(watch(store, None, pipe))


def write(folder: Path, turns: int) -> None:
    """Load, push and load late, in small transactions."""
    with opened(folder) as store:
        for turn in range(1, turns):
            store.materialize(at(0), at(turn), ["table"])
            store.push("table_push", rows([turn - 1, turn + 1], range(turn % 7, KEYS, 7)))
            store.materialize_incremental(at(turn), ["parts"])


@pytest.mark.parametrize("turns", [pytest.param(4, marks=pytest.mark.short), pytest.param(40, marks=pytest.mark.slow)])
def test_reads_go_on_and_never_go_back(tmp_path, monkeypatch, turns):
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    )
    monkeypatch.setattr(load, "BATCH_ROWS", 7)
    make_sources(tmp_path, range(turns))
    with opened(tmp_path) as store:
        store.apply([view("table", "table.parquet"), view("parts", "parts")])
        pipes = []
        for _ in range(2):
            ours, theirs = CONTEXT.Pipe()
            CONTEXT.Process(target=watch_elsewhere, args=(tmp_path, theirs), daemon=True).start()
            assert ours.recv() == "ready"
            pipes.append(ours)
        stop, results = threading.Event(), []
        threads = [threading.Thread(target=lambda: results.append(watch(store, stop, None))) for _ in range(2)]
        writer = threading.Thread(target=write, args=(tmp_path, turns))
        for thread in (*threads, writer):
            thread.start()
        writer.join()
        stop.set()
        for thread in threads:
            thread.join()
        for pipe in pipes:
            pipe.send("stop")
            results.append(pipe.recv())
        assert len(results) == 4
        assert all(reads > turns // 4 and grown > KEYS for reads, grown in results), results
        assert online_turns(store) == [
            turns if key % 7 == (turns - 1) % 7 else _last(key, turns) for key in range(KEYS)
        ]


def _last(key: int, turns: int) -> int:
    """The newest turn of a key: the load's, or one that was pushed ahead of it."""
    return max([turns - 1, *(turn + 1 for turn in range(1, turns) if turn % 7 <= key and (key - turn % 7) % 7 == 0)])
