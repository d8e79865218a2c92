"""Disks that are full or read-only: a clear error, nothing lost, and it works again once there is space."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fault_project import (
    KEYS,
    NOW,
    at,
    contents,
    historical_turns,
    make_sources,
    online_turns,
    opened,
    put,
    rows,
    source_turns,
    view,
    views,
)
from small_disk import SmallDisk, small_disk

from repast.backends.online.lmdb import LMDBOnlineStore
from repast.errors import UnavailableError
from repast.ports.online import OnlineTable, WriteResult

MEGABYTES = 4


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "small", megabytes=MEGABYTES) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_sources(tmp_path, [0, 1])
    return tmp_path


@pytest.fixture(params=["full", "read_only"])
def blocked(request, disk):
    """Returns a context in which nothing can be written to the small disk."""
    return disk.full if request.param == "full" else disk.read_only


def refusal() -> object:
    """What is expected: an error that names the place, and what is wrong with it."""
    return pytest.raises(UnavailableError, match=r"(?is)small/.*(no space|full|read-?only|can be written)")


# -- the registry -------------------------------------------------------------------------------------------


def test_the_registry_stays_as_it_is_and_is_served_from(folder, blocked):
    with opened(folder, registry="small/registry") as store:
        store.apply(views())
        store.materialize(at(0), at(0))
        before = contents(folder / "small")
        with blocked():
            with refusal():
                store.apply(views(tags={"a": "b"}))
            with refusal():
                store.materialize_incremental()
            with opened(folder, registry="small/registry") as other:
                assert historical_turns(other, "table", 1) == [1] * KEYS
                assert online_turns(other)
        assert before.items() <= contents(folder / "small").items(), "a document was changed or lost"
        assert not store.plan(views()).changes
        assert store.materialize_incremental().views
        assert online_turns(store) == [1] * KEYS
        store.apply(views(tags={"a": "b"}))
        assert store.get_feature_view("table").tags == {"a": "b"}


def test_a_first_apply_that_finds_no_space_leaves_nothing_registered(folder, blocked):
    with opened(folder, registry="small/registry") as store:
        with blocked(), refusal():
            store.apply(views())
        store.refresh_registry()
        assert store.list_feature_views() == []
        store.apply(views())
        assert len(store.list_feature_views()) == 3


# -- the online store ---------------------------------------------------------------------------------------


ONLINE = {"type": "sqlite", "path": "small/online.db"}


def test_online_rows_stay_and_are_served_from_a_full_disk(folder, disk):
    make_sources(folder, range(60))
    with opened(folder, online_store=ONLINE) as store:
        store.apply([view("table", "table.parquet")])
        store.materialize(at(0), at(0))
        with disk.full():
            with refusal():
                store.materialize_incremental()
            with refusal():
                for turn in range(1, 400):  # what is left of a page or of the log takes some rows
                    store.push("table_push", rows([turn]))
            held = online_turns(store)
            assert None not in held
            with opened(folder, online_store=ONLINE) as other:
                assert online_turns(other) == held
        assert online_turns(store) == held
        store.push("table_push", rows([500]))
        store.materialize_incremental()
        assert online_turns(store) == [500] * KEYS


def test_rows_of_lmdb_stay_and_are_served_from_a_full_disk(disk):
    """What finds room for some of its pages only is told of another error than what finds none."""
    table, keys = OnlineTable("project", "view"), [b"%d" % number for number in range(500)]
    store = LMDBOnlineStore(repo_path=disk.path)
    store.create([table])
    store.write(table, keys, [b"1"] * 500)
    for left in (0, 100_000, 300_000):
        with disk.full(left=left):
            with refusal() as caught:
                store.write(table, keys, [b"2" * 2000] * 500)
            assert caught.value.retryable
            assert store.read([(table, keys)]) == [[b"1"] * 500]
    assert store.write(table, keys, [b"2" * 2000] * 500) == WriteResult(written=500)
    store.close()


def test_an_online_store_on_a_read_only_disk_is_refused_and_stays(folder, disk):
    """SQLite cannot share a file that it may not write beside; reading it as if nobody else did could be wrong."""
    with opened(folder, online_store=ONLINE) as store:
        store.apply([view("table", "table.parquet")])
        store.materialize(at(0), at(0))
    with disk.read_only(), opened(folder, online_store=ONLINE) as store:
        with refusal():
            online_turns(store)
        with refusal():
            store.materialize_incremental()
        with refusal():
            store.push("table_push", rows([2]))
    with opened(folder, online_store=ONLINE) as store:
        assert online_turns(store) == [0] * KEYS
        store.materialize_incremental()
        assert online_turns(store) == [1] * KEYS


def test_tables_that_cannot_be_made_are_not_registered(folder, blocked):
    with opened(folder, online_store=ONLINE) as store:
        with blocked(), refusal():
            store.apply(views())
        assert store.list_feature_views() == []
        store.apply(views())
        store.materialize_incremental()
        assert online_turns(store) == [1] * KEYS


# -- datasets and sources -----------------------------------------------------------------------------------


def test_a_dataset_that_does_not_fit_leaves_the_old_one(folder, blocked):
    with opened(folder) as store:
        store.apply(views())
        spine = rows([1], range(200_000)).select(["key", "event_timestamp"])
        job = store.get_historical_features(spine, ["table:turn"])
        saved = store.create_saved_dataset(
            store.get_historical_features(spine.slice(0, 10), ["table:turn"]), "kept", "small/kept.parquet"
        )
        before = contents(folder / "small")
        with blocked():
            for name, overwrite in (("kept", True), ("other", False)):
                with refusal():
                    store.create_saved_dataset(job, name, f"small/{name}.parquet", allow_overwrite=overwrite)
            with refusal():
                job.to_parquet(folder / "small/plain.parquet")
        assert contents(folder / "small") == before
        assert [dataset.name for dataset in store.list_saved_datasets()] == ["kept"]
        assert store.get_saved_dataset("kept").to_arrow().num_rows == 10 == saved.definition.rows
        again = store.create_saved_dataset(job, "kept", "small/kept.parquet", allow_overwrite=True)
        assert again.to_arrow().num_rows == 200_000


@pytest.mark.parametrize("name", ["table", "parts", "text"])
def test_a_source_that_cannot_grow_stays_as_it_is(folder, blocked, name):
    make_sources(folder / "small", [0, 1])
    paths = {"table": "small/table.parquet", "parts": "small/parts", "text": "small/text.csv"}
    with opened(folder) as store:
        store.apply([view(name, paths[name])])
        before = contents(folder / "small")
        with blocked():
            with refusal():
                store.write_to_offline_store(name, rows([2]))
            with refusal():
                store.push(f"{name}_push", rows([2]), to="offline")
            assert historical_turns(store, name, 2) == [1] * KEYS
        assert contents(folder / "small") == before
        store.write_to_offline_store(name, rows([2]))
        assert source_turns(folder / "small", name) == {0: KEYS, 1: KEYS, 2: KEYS}


# -- spilling -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_spill_that_finds_no_space_fails_alone(folder, disk):
    engine = {"type": "duckdb", "memory_limit": "48MB", "threads": 1, "temp_directory": "small/spill"}
    keys = np.random.default_rng(7).permutation(1_500_000)
    put(folder / "big.parquet", _wide(keys))
    with opened(folder, offline_store=engine) as store:
        store.apply([view("big", "big.parquet")])
        spine = pa.table({"key": keys, "event_timestamp": pa.array([NOW] * len(keys), pa.timestamp("us", "UTC"))})
        with pytest.raises(UnavailableError, match=r"(?s)big.*memory.*temp_directory"):
            store.get_historical_features(spine, ["big:turn", "big:note"]).to_arrow()
        few = store.get_historical_features(spine.slice(0, 1000), ["big:turn"]).to_arrow()
        assert few.column("turn").to_pylist() == keys[:1000].tolist()
    assert not any((folder / "small").rglob("*.tmp")), "what was spilled is left behind"
    with opened(folder, offline_store={**engine, "temp_directory": "roomy"}) as store:
        whole = store.get_historical_features(spine, ["big:turn", "big:note"]).to_arrow()
        assert whole.column("turn").to_numpy().tolist() == keys.tolist()


def _wide(keys: np.ndarray) -> pa.Table:
    times = pa.array(np.full(len(keys), int(at(0).timestamp() * 1e6)), pa.timestamp("us", "UTC"))
    notes = pa.array([f"{key:060}" for key in keys.tolist()])
    return pa.table({"key": keys, "turn": keys, "note": notes, "event_timestamp": times})


def test_the_disk_is_as_small_as_the_tests_think(disk):
    with disk.full(), pytest.raises(OSError, match="No space"):
        (disk.path / "x").write_bytes(bytes(8192))
    pq.write_table(rows([0]), disk.path / "x.parquet")
