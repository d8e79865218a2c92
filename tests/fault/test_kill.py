"""kill -9 at random moments of every operation that writes: nothing is lost, nothing is half, a rerun completes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_project import KEYS, SOURCES, historical_turns, make_sources, online_turns, opened, source_turns, views
from victim import LIFE, LOAD_BATCH, NAMES, OPERATIONS, SPINE, Killed, Killer

from repast import FeatureStore

FEW = 10
MANY = 100


@pytest.fixture(params=[pytest.param(FEW, marks=pytest.mark.short), pytest.param(MANY, marks=pytest.mark.slow)])
def kills(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(here))  # for the server that forks, at its first use
    make_sources(tmp_path)
    with opened(tmp_path) as store:
        store.apply(views())
    return tmp_path


def killed(folder: Path, operation: str, times: int) -> Iterator[Killed]:
    """Kill an operation again and again; meanwhile, between two kills, the caller looks at what is left."""
    return Killer(folder, operation, times).kills()


def litter(folder: Path) -> list[str]:
    """Files of nobody: neither data, nor documents, nor what a writer uses again."""
    hidden = [file for file in folder.rglob(".*") if file.name not in (".lock", ".pending")]
    return sorted(str(file.relative_to(folder)) for file in hidden)


def rerun(store: FeatureStore, operation: str, turn: int) -> None:
    OPERATIONS[operation](store, turn)


def registered_turn(store: FeatureStore) -> int:
    store.refresh_registry()
    turns = {v.tags.get("turn", "0") for v in store.list_feature_views() if not v.name.startswith("added_")}
    assert len(turns) == 1
    turn = int(turns.pop())
    assert {v.name for v in store.list_feature_views()} == {*SOURCES, *([f"added_{turn}"] if turn else [])}
    return turn


def test_apply(folder, kills):
    for after in killed(folder, "apply", kills):
        with opened(folder) as store:
            turn = registered_turn(store)
            assert after.acknowledged <= turn <= after.begun
            log = store.log(3)
            assert [entry.generation for entry in log] == sorted((entry.generation for entry in log), reverse=True)
            assert online_turns(store, f"added_{turn}" if turn else "table") == [None] * KEYS
    with opened(folder) as store:
        rerun(store, "apply", turn + 1)
        assert registered_turn(store) == turn + 1
        assert not store.plan(views(tags={"turn": str(turn + 1)})).changes
        tables = online_tables(folder)
        assert tables == {*SOURCES, f"added_{turn + 1}"}, "a table of a deleted view was left behind"
        generations = [entry.generation for entry in store.log(200)]
        assert generations == list(range(generations[0], generations[-1] - 1, -1)), "a gap in the history"
    assert litter(folder) == []


def online_tables(folder: Path) -> set[str]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(folder / "data/online_store.db")) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name.split("/")[2].replace("%5f", "_") for (name,) in names}


def test_materialize(folder, kills):
    turns = 1 + 3 * LIFE  # of two processes that measure, and of the first that is killed
    make_sources(folder, range(turns))
    partly = 0
    for after in killed(folder, "materialize", kills):
        assert after.begun < turns
        with opened(folder) as store:
            for number, name in enumerate(NAMES):
                last, begun = latest(number, after.acknowledged), latest(number, after.begun)
                found = online_turns(store, name)
                # One more may have been written, but not acknowledged, by a process before the last one.
                assert set(found) <= {last or None, last + len(NAMES), begun}
                assert None not in found or found == [None] * KEYS or begun <= len(NAMES)
                partly += len(set(found)) > 1
            assert store.log(1)
        turns = after.acknowledged + 1 + LIFE
        make_sources(folder, range(after.acknowledged, turns))  # a long history would be read by every load
    assert KEYS > 2 * LOAD_BATCH
    assert partly, "no load was killed in its midst: this test shows nothing"
    with opened(folder) as store:
        store.materialize_incremental()
        for name in NAMES:
            assert online_turns(store, name) == [turns - 1] * KEYS == historical_turns(store, name, turns)
        assert store.materialize_incremental().read == 0
    assert litter(folder) == []


def latest(number: int, turn: int) -> int:
    """The last turn of a view up to some turn; 0 or less: none yet."""
    return turn - (turn - number) % len(NAMES)


def test_push(folder, kills):
    for after in killed(folder, "push", kills):
        with opened(folder) as store:
            found = online_turns(store)
            assert all(turn is not None and after.acknowledged <= turn <= after.begun for turn in found)
            check_source(folder, "table", range(1, after.acknowledged + 1), after)
            assert historical_turns(store, "table", after.begun)[0] in (after.acknowledged, after.begun)
    with opened(folder) as store:
        rerun(store, "push", after.begun)
        assert online_turns(store) == [after.begun] * KEYS == historical_turns(store, "table", after.begun)
        # What was pushed may be loaded as well: it is there already.
        assert not any(load.late for load in store.materialize_incremental(feature_views=["table"]).views)
        assert online_turns(store) == [after.begun] * KEYS
    check_litter(folder)


def check_source(folder: Path, name: str, acknowledged: range, after: Killed) -> None:
    """Each acknowledged turn is there, whole; the one that was killed is there, whole, or is not.

    A turn that was written but not acknowledged is written once more by the process that goes on from there.
    """
    counts = source_turns(folder, name)
    assert set(acknowledged) <= set(counts) <= {0, *acknowledged, after.begun}
    assert all(count % KEYS == 0 for count in counts.values())
    assert counts[0] == KEYS


def test_append(folder, kills):
    for after in killed(folder, "append", kills):
        for number, name in enumerate(NAMES):
            turns = range(number or len(NAMES), after.acknowledged + 1, len(NAMES))
            check_source(folder, name, turns, after)
    with opened(folder) as store:
        for turn in range(after.begun, after.begun + len(NAMES)):
            rerun(store, "append", turn)
            assert historical_turns(store, NAMES[turn % len(NAMES)], turn) == [turn] * KEYS
    check_litter(folder)


def test_save(folder, kills):
    for after in killed(folder, "save", kills):
        with opened(folder) as store:
            names = [dataset.name for dataset in store.list_saved_datasets()]
            assert {f"new_{turn}" for turn in range(1, after.acknowledged + 1, 2)} <= set(names)
            for name in sorted(names)[-5:]:
                check_dataset(store, name, after)
            complete = {file.name for file in (folder / "sets").glob("[!.]*")}
            assert complete <= {f"{name}.parquet" for name in (*names, "same", f"new_{after.begun}")}
    with opened(folder) as store:
        for turn in (after.begun, after.begun + 1):
            rerun(store, "save", turn)
            check_dataset(store, f"new_{turn}" if turn % 2 else "same", Killed(turn, turn))
    check_litter(folder)


def check_dataset(store: FeatureStore, name: str, after: Killed) -> None:
    dataset = store.get_saved_dataset(name)
    table = dataset.to_arrow()
    assert set(table.column("label").to_pylist()) == {table.num_rows}, "rows of two datasets in one file"
    if name == "same":
        # The file is replaced before the registry is told.
        assert after.acknowledged - 1 <= table.num_rows - SPINE <= after.begun
        assert after.acknowledged - 1 <= dataset.definition.rows - SPINE <= table.num_rows - SPINE
    else:
        assert dataset.definition.rows == table.num_rows == SPINE + int(name.removeprefix("new_"))


def check_litter(folder: Path) -> None:
    """What killed processes left was removed by who wrote there next."""
    assert litter(folder) == []
