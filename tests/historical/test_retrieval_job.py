"""What a retrieval job offers: every form of the result, once read, in bounded memory, whole or not at all."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from historical_project import DRIVER_FEATURES, at, driver_rows

import repast.app.retrieval as retrieval
from repast.errors import InvalidRequestError, UnavailableError
from repast.types import Float64, Int64

REFS = ["stats:trips", "stats:rating"]


@pytest.fixture
def drivers(shop):
    return shop.apply(shop.view("stats", driver_rows(), features=DRIVER_FEATURES, ttl=timedelta(hours=3)))


@pytest.fixture
def counted(drivers, monkeypatch):
    """The shop, and a list of what its engine was asked to run."""
    runs = []
    engine = drivers.store._workspace.engine
    run = engine.run
    monkeypatch.setattr(engine, "run", lambda plan, spine=None: (runs.append((plan, spine)), run(plan, spine))[1])
    return drivers, runs


def spine(rows=7):
    return pa.table(
        {"driver_id": [1 + i % 3 for i in range(rows)], "event_timestamp": [at(i / 2) for i in range(rows)]}
    )


def test_nothing_is_read_before_it_is_asked_for_and_then_once(counted):
    drivers, runs = counted
    job = drivers.get(spine(), REFS)
    assert job.columns == ["driver_id", "event_timestamp", "trips", "rating"]
    assert len(job) == 7
    job.explain()
    assert runs == []
    job.to_arrow(), job.to_df(), job.to_polars(), list(job.to_batches(3))
    assert len(runs) == 1


def test_all_forms_say_the_same(drivers, tmp_path):
    job = drivers.get(spine(), REFS)
    table = job.to_arrow()
    assert pa.Table.from_batches(job.to_batches(2)).equals(table.combine_chunks())
    assert pq.read_table(job.to_parquet(tmp_path / "out.parquet")).equals(table)
    assert job.to_polars().equals(pl.from_arrow(table))
    assert job.to_df().equals(job.to_pandas())
    expected = [None if v is None else v for v in table["trips"].to_pylist()]
    assert [None if v is pd.NA else v for v in job.to_df()["trips"]] == expected


def test_metadata_says_what_the_result_is_made_from(drivers):
    found = drivers.get(spine(), REFS, full_feature_names=True).metadata
    assert found.features == ("stats__trips", "stats__rating")
    assert (found.keys, found.time_column, found.rows) == (("driver_id",), "event_timestamp", 7)
    assert (found.min_event_timestamp, found.max_event_timestamp) == (at(0), at(3))
    empty = drivers.get(spine().slice(0, 0), REFS).metadata
    assert (empty.rows, empty.min_event_timestamp) == (0, None)


def test_explain_says_what_is_joined_and_how(drivers):
    job = drivers.get(spine(), REFS, as_of="available")
    text = job.explain()
    assert "spine: 7 rows, time 'event_timestamp'" in text
    assert "join stats on driver_id (ttl 3:00:00, as of available time): trips, rating" in text
    assert "ASOF JOIN" in text
    assert job.to_sql().startswith("-- stats\n")
    assert job.to_sql() in text


# -- large results --------------------------------------------------------------------------------


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(retrieval, "ROW_GROUP", 4)
    monkeypatch.setattr(retrieval, "_CHUNK_CELLS", 8)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 100])
def test_a_large_spine_is_read_part_by_part(counted, small_parts, size):
    drivers, runs = counted
    whole = drivers.get(spine(30), REFS).to_arrow()
    runs.clear()
    batches = list(drivers.get(spine(30), REFS).to_batches(size))
    assert pa.Table.from_batches(batches).equals(whole.combine_chunks())
    assert [batch.num_rows for batch in batches[:-1]] == [size] * (len(batches) - 1)
    assert max(asked.num_rows for _, asked in runs) == 4


def test_batches_come_before_everything_is_read(counted, small_parts):
    drivers, runs = counted
    batches = drivers.get(spine(30), REFS).to_batches(4)
    next(batches)
    assert len(runs) == 1


def test_parts_make_the_same_file_as_the_whole(drivers, tmp_path, small_parts):
    in_parts = drivers.get(spine(30), REFS).to_parquet(tmp_path / "parts.parquet")
    read_before = drivers.get(spine(30), REFS)
    read_before.to_arrow()
    assert read_before.to_parquet(tmp_path / "whole.parquet").read_bytes() == in_parts.read_bytes()


def test_writing_tells_how_far_it_is(drivers, tmp_path, small_parts):
    told = []
    path = drivers.get(spine(10), REFS).to_parquet(tmp_path / "a.parquet", progress=lambda *rows: told.append(rows))
    assert told == [(0, 10), (4, 10), (8, 10), (10, 10)]
    assert pq.read_metadata(path).num_rows == 10


def test_an_empty_spine_has_no_batches_and_a_file_with_columns(drivers, tmp_path):
    job = drivers.get(spine().slice(0, 0), REFS)
    assert list(job.to_batches()) == []
    assert pq.read_table(job.to_parquet(tmp_path / "none.parquet")).column_names == job.columns


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "10", None])
def test_a_batch_size_is_a_positive_whole_number(drivers, size):
    with pytest.raises(InvalidRequestError, match="batch_size"):
        drivers.get(spine(), REFS).to_batches(size)


# -- files ----------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all(drivers, tmp_path, monkeypatch):
    path = tmp_path / "out" / "train.parquet"
    drivers.get(spine(), REFS).to_parquet(path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(retrieval, "_write_groups", fail)
    with pytest.raises(UnavailableError, match=r"train\.parquet' cannot be written: disk full"):
        drivers.get(spine(3), REFS).to_parquet(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_says_so(drivers, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot be written"):
        drivers.get(spine(), REFS).to_parquet(tmp_path / "file" / "train.parquet")


def test_a_source_that_cannot_be_reached_is_not_blamed_on_the_file(drivers, tmp_path, monkeypatch):
    def fail(*_):
        raise UnavailableError("the bucket is away")

    monkeypatch.setattr(drivers.store._workspace.engine, "run", fail)
    with pytest.raises(UnavailableError, match="the bucket is away"):
        drivers.get(spine(), REFS).to_parquet(tmp_path / "train.parquet")


def test_a_file_replaces_the_one_before(drivers, tmp_path):
    path = tmp_path / "train.parquet"
    drivers.get(spine(3), REFS).to_parquet(str(path))
    drivers.get(spine(5), REFS).to_parquet(path)
    assert pq.read_table(path).num_rows == 5


def test_a_failure_of_the_join_leaves_no_file(shop, tmp_path):
    shop.apply(shop.view("stats", {"driver_id": [1], "event_timestamp": [at(0)], "trips": [1.5]}))
    with pytest.raises(ValueError, match=r"1\.5"):
        shop.get(spine(), ["stats:trips"]).to_parquet(tmp_path / "out" / "train.parquet")
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_ties_in_one_part_do_not_touch_another(shop, small_parts):
    rows = {"driver_id": [1, 1, 2, 2], "event_timestamp": [at(0)] * 4, "trips": [1, 2, 3, 4], "z": [9, 1, 9, 1]}
    shop.apply(shop.view("stats", rows, features={"trips": Int64, "z": Int64}))
    whole = shop.get(spine(20), ["stats:trips"]).to_arrow()
    assert pa.Table.from_batches(shop.get(spine(20), ["stats:trips"]).to_batches(7)).equals(whole.combine_chunks())


def test_memory_is_bounded_by_the_spine_not_by_the_result(shop, monkeypatch):
    rows, width = 60_000, 30
    rng = np.random.default_rng(1)
    features = {f"f{i}": Float64 for i in range(width)}
    columns = {name: rng.random(2_000) for name in features}
    times = pa.array(rng.integers(0, 10**12, 2_000), pa.timestamp("us", "UTC"))
    shop.apply(
        shop.view("wide", {"driver_id": np.arange(2_000) % 50, "event_timestamp": times, **columns}, features=features)
    )
    asked = pa.table(
        {"driver_id": np.arange(rows) % 50, "event_timestamp": pa.array([10**12] * rows, pa.timestamp("us"))}
    )
    monkeypatch.setattr(retrieval, "ROW_GROUP", 4_096)
    monkeypatch.setattr(retrieval, "_CHUNK_CELLS", 4_096 * width)
    job = shop.get(asked, [f"wide:{name}" for name in features])
    before, most, seen = pa.total_allocated_bytes(), 0, 0
    for batch in job.to_batches(1_000):
        seen += batch.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert seen == rows
    assert most < rows * width * 8 / 3
