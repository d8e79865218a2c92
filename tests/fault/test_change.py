"""Sources that change under a read, clocks that go backwards, rows of the future: no answer mixes, no row is lost."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fault_project import BEGIN, KEYS, at, historical_turns, make_sources, online_turns, opened, put, rows, view

from repast.backends.offline.duckdb import DuckDBEngine
from repast.errors import CorruptDataError, NotFoundError, RepastError
from repast.testing.clock import ManualClock

LATER = 9


@pytest.fixture
def project(tmp_path: Path):
    make_sources(tmp_path, [0, 1])
    with opened(tmp_path) as store:
        store.apply([view("table", "table.parquet"), view("parts", "parts")])
        yield tmp_path, store


def _replace(file: Path) -> None:
    put(file, rows([0, LATER]))


def _truncate(file: Path) -> None:
    with file.open("rb+") as opened_file:
        opened_file.truncate(file.stat().st_size // 2)


# -- between the plan and the scan --------------------------------------------------------------------------


@pytest.mark.parametrize("change", [_replace, Path.unlink, _truncate])
@pytest.mark.parametrize(("name", "file"), [("table", "table.parquet"), ("parts", "parts/first.parquet")])
def test_a_source_that_changes_before_it_is_scanned(project, monkeypatch, change, name, file):
    """Who replaces or deletes a file is not noticed; who truncates it breaks the read, not the answer."""
    folder, store = project
    compile_plan = DuckDBEngine._compile
    left = [folder / file]

    def changing(*args, **options):
        statement = compile_plan(*args, **options)
        while left:
            change(left.pop())
        return statement

    monkeypatch.setattr(DuckDBEngine, "_compile", changing)
    if change is _truncate:
        with pytest.raises(CorruptDataError, match=f"{name}_rows"):
            historical_turns(store, name, LATER)
    else:
        assert historical_turns(store, name, LATER) == [1] * KEYS
    if change is _replace:
        assert historical_turns(store, name, LATER) == [LATER] * KEYS
    else:
        with pytest.raises(CorruptDataError if change is _truncate else NotFoundError):
            historical_turns(store, name, LATER)


# -- all the time -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [put, lambda file, table: rewrite(file, table)], ids=["replaced", "overwritten"])
def test_no_answer_mixes_two_versions_of_a_file(project, write: Callable[..., None]):
    folder, store = project
    stop = threading.Event()

    def change() -> None:
        versions = [rows([0, 1]), rows([0, 5, LATER])]
        while not stop.is_set():
            for version in versions:
                write(folder / "table.parquet", version)

    writer = threading.Thread(target=change)
    writer.start()
    seen: set[int | None] = set()
    try:
        turn = 0
        while turn < 40 or (write is put and len(seen) < 2 and turn < 4000):  # the writer may get few turns
            turn += 1
            try:
                found = set(historical_turns(store, "table", LATER))
            except RepastError as error:
                assert write is not put, error  # noqa: PT017
                assert "table" in str(error)  # noqa: PT017
            else:
                assert len(found) == 1, "an answer of two versions"
                seen |= found
    finally:
        stop.set()
        writer.join()
    assert seen <= {1, LATER}
    assert write is not put or seen == {1, LATER}


def rewrite(file: Path, table: object) -> None:
    """Overwrite a file as the careless do: for a while it is empty."""
    other = file.with_name("_whole.parquet")
    put(other, table)
    file.write_bytes(other.read_bytes())


# -- clocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(s, marks=pytest.mark.slow) for s in range(2, 10))])
def test_incremental_loads_lose_nothing_when_the_clock_goes_backwards(tmp_path, seed):
    random_ = random.Random(seed)
    make_sources(tmp_path, [0])
    clock = ManualClock(at(50))
    newest = dict.fromkeys(range(KEYS), 0)
    with opened(tmp_path, clock=clock) as store:
        store.apply([view("parts", "parts")])
        for step in range(12):
            clock.set(at(random_.randrange(100)))
            turn, keys = random_.randrange(1, 100), random_.sample(range(KEYS), 10)
            put(tmp_path / f"parts/more_{step}.parquet", rows([turn], keys))
            newest |= {key: max(turn, newest[key]) for key in keys}
            before = online_turns(store, "parts")
            store.materialize_incremental()
            after = online_turns(store, "parts")
            assert all((one or 0) <= (other or 0) for one, other in zip(before, after, strict=True))
        clock.set(at(200))
        store.materialize_incremental()
        assert online_turns(store, "parts") == list(newest.values())


def test_rows_of_the_future_wait_for_their_time(tmp_path):
    make_sources(tmp_path, [0, 10, 20])
    clock = ManualClock(BEGIN)
    with opened(tmp_path, clock=clock) as store:
        store.apply([view("parts", "parts", ttl=timedelta(minutes=15))])
        for minutes, expected in ((0, 0), (9, 0), (10, 10), (19, 10), (20, 20), (35, 20), (36, None)):
            clock.set(at(minutes))
            store.materialize_incremental()
            assert online_turns(store, "parts") == [expected] * KEYS, minutes
            assert historical_turns(store, "parts", minutes) == [expected] * KEYS, minutes
        store.push("parts_push", rows([90]))  # what a program says is the newest is served at once
        assert online_turns(store, "parts") == [90] * KEYS
