"""Retrievals on Spark's executors: the same bytes as one process gives, whatever the partitions."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet
import pytest
from spark_project import HOUR, NOW, open_store, rides, spine, view, write

from repast.app.store import FeatureStore
from repast.backends.offline.spark import skew
from repast.backends.offline.spark.worker import SpineShape
from repast.core.definitions import (
    Entity,
    FeatureService,
    FeatureView,
    Field,
    FileSource,
    RequestSource,
    on_demand_feature_view,
)
from repast.errors import ConflictError, InvalidValueError, UnsupportedError
from repast.types import Float64, Int64, String, UnixTimestamp

FEATURES = ["stats:trips", "stats:rate", "recent:city"]
SPARK = {"offline_store": {"type": "spark"}}


def both(folder: Path, definitions: list[Any]) -> tuple[FeatureStore, FeatureStore]:
    """Return one project on DuckDB and on Spark."""
    return open_store(folder, definitions), open_store(folder, **SPARK)


def views() -> list[Any]:
    return [view(), view("recent", ttl=timedelta(hours=3))]


def same(one: pa.Table, other: pa.Table) -> None:
    """Assert that tables are equal to the bit: NaN is NaN and -0.0 is not 0.0."""
    assert one.schema.names == other.schema.names
    assert repr(one.to_pylist()) == repr(other.to_pylist())


def skewed(rows: pa.Table) -> pa.Table:
    """Give a fifth of the rows to one key."""
    keys = [0 if i % 5 == 0 else key for i, key in enumerate(rows["driver_id"].to_pylist())]
    return rows.set_column(0, "driver_id", pa.array(keys, pa.int64()))


@on_demand_feature_view(
    sources=[view(), RequestSource(name="request", schema=[Field(name="bonus", dtype=Float64)])],
    schema=[Field(name="paid", dtype=Float64), Field(name="twice", dtype=Int64)],
    mode="pandas",
)
def pay(inputs: Any) -> Any:
    inputs["paid"] = inputs["rate"] * inputs["bonus"]
    inputs["twice"] = (inputs["trips"] % 7) * 2
    return inputs[["paid", "twice"]]


@on_demand_feature_view(sources=[view()], schema=[Field(name="shout", dtype=String)], mode="arrow")
def shout(inputs: pa.Table) -> pa.Table:
    return pa.table({"shout": pa.compute.utf8_upper(inputs["city"])})


@on_demand_feature_view(sources=[view()], schema=[Field(name="known", dtype=Int64)], mode="python", singleton=True)
def count(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"known": sum(value is not None for value in inputs.values())}


@pytest.mark.parametrize("as_of", ["event", pytest.param("available", marks=pytest.mark.slow)])
def test_frames_are_answered_as_one_process_answers_them(tmp_path: Path, session: Any, as_of: Any) -> None:
    """Ties, nulls, ttl and types of a Spark frame's answer are those of the embedded engine, in the spine's order."""
    write(rides(600, 12), tmp_path, files=3)
    local, spark = both(tmp_path, views())
    asked = spine(200, 12)
    expected = local.get_historical_features(asked, FEATURES, as_of=as_of).to_arrow()
    # Kept, for rows that are shuffled anew come in another order where there are several machines.
    frame = session.createDataFrame(asked).repartition(3).localCheckpoint()
    order = frame.toArrow()["label"].to_pylist()
    job = spark.get_historical_features(frame, FEATURES, as_of=as_of)
    found = job.to_spark_df()
    assert found.columns == ["driver_id", "event_timestamp", "label", "trips", "rate", "city"]
    answer = job.to_arrow()
    assert answer["label"].to_pylist() == order
    assert answer.schema.field("trips").type == pa.int64()
    same(answer.sort_by("label"), expected.sort_by("label"))


@pytest.mark.parametrize("as_of", ["event", pytest.param("available", marks=pytest.mark.slow)])
def test_views_of_several_keys(tmp_path: Path, session: Any, as_of: Any) -> None:
    """Two views of one key, one of another, one through other columns and one of none, whose times are nanoseconds."""
    rows = rides(300, 6)
    write(rows, tmp_path)
    finer = rows.set_column(1, "event_timestamp", rows["event_timestamp"].cast(pa.timestamp("ns", "UTC")))
    (tmp_path / "finer").mkdir()
    pa.parquet.write_table(finer.rename_columns({"event_timestamp": "at"}), tmp_path / "finer" / "0.parquet")
    where = {"name": "finer", "path": "finer", "timestamp_field": "at"}
    cities = FeatureView(
        name="cities",
        entities=[Entity(name="city", join_keys={"city": String})],
        schema=[Field(name="trips", dtype=Int64), Field(name="created", dtype=UnixTimestamp)],
        source=FileSource(**where),
    )
    all_of_them = FeatureView(
        name="all", entities=[], schema=[Field(name="trips", dtype=Int64)], source=FileSource(**where)
    )
    local, spark = both(tmp_path, [*views(), cities, all_of_them])
    asked = spine(80, 6).append_column("city", pa.array(["", "a", "b", None] * 20))
    asked = asked.append_column("other", asked["driver_id"].take(pa.array(range(79, -1, -1))))
    stats = local.get_feature_view("stats")
    twin = stats.with_name("twin").with_join_key_map({"driver_id": "other"})
    service = FeatureService(
        name="several", features=[stats, local.get_feature_view("recent"), cities, all_of_them, twin]
    )
    local.apply(service)
    expected = local.get_historical_features(asked, service, full_feature_names=True, as_of=as_of).to_arrow()
    frame = session.createDataFrame(asked).repartition(2)
    job = spark.get_historical_features(frame, service, full_feature_names=True, as_of=as_of)
    same(job.to_arrow().sort_by("label"), expected.sort_by("label"))
    if as_of == "event":
        assert "-- stats, recent\n" in job.to_sql()


@pytest.mark.slow
@pytest.mark.parametrize("parts", [2, 7, 40])
def test_a_frequent_key_is_cut_by_time(tmp_path: Path, session: Any, parts: int) -> None:
    """Most rows are of two keys: their parts begin with what was seen before them, ties included."""
    draw = random.Random(parts)
    times = [NOW - draw.randrange(30) * HOUR / 2 for _ in range(300)]
    asked = pa.table(
        {
            "driver_id": pa.array([draw.choice([0, 0, 0, 1, 1, 2, 3, None]) for _ in times], pa.int64()),
            "event_timestamp": pa.array(times, pa.timestamp("us", "UTC")),
            "label": pa.array([f"row {i}" for i in range(300)]),
        }
    )
    write(rides(200, 3), tmp_path)
    local, spark = both(tmp_path, [*views(), view("unseen", ttl=timedelta(minutes=1))])
    features = [*FEATURES, "unseen:rate"]
    expected = local.get_historical_features(asked, features, full_feature_names=True).to_arrow()
    frame = session.createDataFrame(asked)
    many = 300 * 3 // 8 // parts
    with patch.object(skew, "MANY", many), patch.object(skew, "tasks_at_a_time", lambda _: 100):
        numbered = frame.selectExpr("CAST(substring(label, 5) AS BIGINT) AS __row", "driver_id")
        shape = SpineShape(300, 0, 1, {})
        cut = skew.find_cut(numbered.where("driver_id IS NOT NULL"), ["driver_id"], shape)
        assert cut is not None
        with patch.object(skew, "tasks_at_a_time", lambda _: 1):
            assert skew.find_cut(numbered, ["driver_id"], shape) is None, "nobody waits for the longest task"
        assert {asked["driver_id"][row].as_py() for row in cut.rows} >= {0}
        assert cut.parts >= parts
        answer = spark.get_historical_features(frame, features, full_feature_names=True).to_arrow()
    same(answer.sort_by("label"), expected.sort_by("label"))


@pytest.mark.slow
def test_one_column_as_both_keys_of_a_view(tmp_path: Path, session: Any) -> None:
    """Only rows in which both keys are what the column says are its answer."""
    write(rides(300, 4, ties=False), tmp_path)
    pair = view(
        "pairs",
        entities=[Entity(name="pair", join_keys={"driver_id": Int64, "trips": Int64})],
        schema=[Field(name="rate", dtype=Float64), Field(name="city", dtype=String)],
    )
    local, spark = both(tmp_path, [pair])
    one = FeatureService(name="one", features=[pair.with_join_key_map({"trips": "driver_id"})])
    local.apply(one)
    asked = spine(60, 4)
    expected = local.get_historical_features(asked, one).to_arrow().sort_by("label")
    assert 0 < expected["city"].null_count < 60
    same(spark.get_historical_features(session.createDataFrame(asked), one).to_arrow().sort_by("label"), expected)


@pytest.mark.slow
def test_spines_of_odd_shapes(tmp_path: Path, session: Any) -> None:
    """No rows, only rows without a key, a column that is called like one of ours."""
    write(rides(100, 4), tmp_path)
    local, spark = both(tmp_path, views())
    asked = spine(40, 4)
    named = asked.append_column("__slot_0", asked["label"])
    alone = asked.filter(pa.compute.is_null(asked["driver_id"]))
    for odd in (asked.slice(0, 0), alone, named):
        expected = local.get_historical_features(odd, FEATURES).to_arrow()
        frame = session.createDataFrame(odd) if odd.num_rows else session.createDataFrame(asked).limit(0)
        answer = spark.get_historical_features(frame, FEATURES).to_arrow()
        same(answer.sort_by("label"), expected.sort_by("label"))
        assert answer.num_rows == odd.num_rows


@pytest.mark.slow
def test_partitions_and_order_change_nothing(tmp_path: Path, session: Any) -> None:
    """1, 2 and 8 partitions of shuffles, shuffled sources and spines give DuckDB's bytes; a fifth is one key's."""
    rows, asked = skewed(rides(400, 6)), skewed(spine(90, 6))
    write(rows, tmp_path)
    local, spark = both(tmp_path, views())
    answers = [repr(local.get_historical_features(asked, FEATURES).to_arrow().sort_by("label").to_pylist())]
    try:
        for partitions in (1, 2, 8):
            session.conf.set("spark.sql.shuffle.partitions", str(partitions))
            shuffled = rows.take(pa.array(sorted(range(400), key=lambda i: (i * 7919 * partitions) % 401)))
            write(shuffled, tmp_path, files=partitions)
            frame = session.createDataFrame(asked.sort_by([("label", "descending")])).repartition(partitions)
            answer = spark.get_historical_features(frame, FEATURES).to_arrow().sort_by("label")
            answers.append(repr(answer.to_pylist()))
    finally:
        session.conf.set("spark.sql.shuffle.partitions", "2")
    assert len(set(answers)) == 1


SETTINGS = {
    "spark.sql.session.timeZone": "America/New_York",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "false",
    "spark.sql.caseSensitive": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "10",
}


@pytest.mark.slow
def test_settings_that_others_make_change_nothing(tmp_path: Path, session: Any) -> None:
    """Who sets the zone, the kind of time, or batches of ten rows in our session gets DuckDB's bytes all the same."""
    write(rides(200, 6), tmp_path)
    local, spark = both(tmp_path, views())
    asked = spine(40, 6)
    expected = local.get_historical_features(asked, FEATURES).to_arrow().sort_by("label")
    frame = session.createDataFrame(asked)
    for name, value in SETTINGS.items():
        before = session.conf.get(name)
        session.conf.set(name, value)
        try:
            same(spark.get_historical_features(frame, FEATURES).to_arrow().sort_by("label"), expected)
        finally:
            session.conf.set(name, before)


@pytest.mark.slow
def test_spines_and_results_of_every_kind(tmp_path: Path, session: Any) -> None:
    """SQL, Parquet paths and local frames as spines; data frames, files, tables and batches as results."""
    write(rides(300, 6), tmp_path, files=2)
    local, spark = both(tmp_path, views())
    asked = spine(50, 6)
    pa.parquet.write_table(asked, tmp_path / "asked.parquet")
    session.createDataFrame(asked).createOrReplaceTempView("asked")
    expected = local.get_historical_features(asked, FEATURES).to_arrow().sort_by("label")
    spines = ["SELECT * FROM asked", "asked.parquet", tmp_path / "asked.parquet"]
    for one in spines:
        same(spark.get_historical_features(one, FEATURES).to_arrow().sort_by("label"), expected)
    job = spark.get_historical_features(asked, FEATURES)
    same(job.to_arrow().sort_by("label"), expected)
    same(job.to_spark_df().toArrow().sort_by("label"), expected)
    frames = spark.get_historical_features("SELECT * FROM asked", FEATURES)
    assert len(frames) == 50
    batches = list(frames.to_batches(batch_size=20))
    assert [batch.num_rows for batch in batches] == [20, 20, 10]
    same(pa.Table.from_batches(batches).sort_by("label"), expected)
    frames.to_parquet(tmp_path / "answer")
    same(session.read.parquet(f"file://{tmp_path / 'answer'}").toArrow().sort_by("label"), expected)
    frames.to_table("answers")
    assert session.table("answers").count() == 50
    assert "UNION ALL" in frames.to_sql()
    assert "stats" in frames.explain()
    for write_again in (lambda: frames.to_parquet(tmp_path / "answer"), lambda: frames.to_table("answers")):
        with pytest.raises(ConflictError, match="already"):
            write_again()


def test_on_demand_functions_run_on_the_executors(tmp_path: Path, session: Any) -> None:
    """Functions of the user's travel there by value, get pandas, Arrow or Python values; errors come back as ours."""
    write(rides(200, 6), tmp_path)
    local, spark = both(tmp_path, [view(), pay, shout, count])
    asked = spine(40, 6).append_column("bonus", pa.array([0.5] * 40))
    features = ["pay:paid", "stats:trips", "pay:twice", "shout:shout", "count:known"]
    expected = local.get_historical_features(asked, features).to_arrow().sort_by("label")
    frame = session.createDataFrame(asked)
    same(spark.get_historical_features(frame, features).to_arrow().sort_by("label"), expected)
    refused = frame.selectExpr("CAST(driver_id AS DOUBLE) + 0.5 AS driver_id", "event_timestamp", "label", "bonus")
    with pytest.raises(InvalidValueError, match="join key of feature view 'stats'"):
        spark.get_historical_features(refused, features).to_arrow()


def test_engines_without_frames_say_so(tmp_path: Path) -> None:
    """A Spark frame is asked of an engine that has frames."""
    write(rides(20, 3), tmp_path)
    local = open_store(tmp_path, [view()])
    with pytest.raises(UnsupportedError, match="duckdb"):
        local.get_historical_features(spine(3, 3), ["stats:trips"]).to_spark_df()
