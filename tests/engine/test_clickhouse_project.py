"""ClickHouse as the offline store of a project, and what it says when it cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from repast import ClickhouseSource, Entity, FeatureStore, FeatureView, Field, PushSource
from repast.backends.offline.clickhouse import ClickHouseEngine, ClickHouseSession
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import FeatureColumn, KeyColumn, ReadRows
from repast.errors import InvalidRequestError, NotFoundError, UnsupportedError
from repast.types import Array, Bytes, DataType, Decimal, Int64, String, UnixTimestamp, Uuid

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)
CONFIG = """
project: rides
registry: data/registry
offline_store: {type: clickhouse, path: data/clickhouse}
online_store: {type: sqlite, path: data/online.db}
"""


def run(folder: Path, *statements: str) -> None:
    engine = ClickHouseEngine(repo_path=folder)
    session = engine.connect()
    assert isinstance(session, ClickHouseSession)
    for statement in statements:
        session.command(statement)
    session.close()
    engine.close()


def test_training_loads_and_pushes(tmp_path: Path) -> None:
    run(
        tmp_path,
        "CREATE TABLE trips (driver_id Int64, ended_at DateTime, fare Nullable(Decimal(9, 2)))"
        " ENGINE = MergeTree ORDER BY ()",
        "INSERT INTO trips VALUES (1, '2024-07-01 12:00:00', 10), (1, '2024-07-01 13:00:00', 11), (2, 0, NULL)",
    )
    (tmp_path / "feature_store.yaml").write_text(CONFIG)
    trips = PushSource(name="pushed", batch_source=ClickhouseSource(table="trips", timestamp_field="ended_at"))
    driver = Entity(name="driver", join_keys={"driver_id": Int64})
    schema = [Field(name="fare", dtype=Decimal(9, 2))]
    view = FeatureView(
        name="fares", entities=[driver], source=trips, schema=schema, ttl=timedelta(days=1), offline=True
    )
    with FeatureStore(repo_path=tmp_path) as store:
        store.apply([trips, view])
        spine = pa.table({"driver_id": [1, 1, 2], "event_timestamp": [NOON, NOON + timedelta(hours=2), NOON]})
        job = store.get_historical_features(spine, ["fares:fare"])
        assert [f and float(f) for f in job.to_arrow().column("fare").to_pylist()] == [10, 11, None]
        store.materialize_incremental(NOON + timedelta(minutes=30))
        now = NOON + timedelta(hours=3)
        online = store.get_online_features(["fares:fare"], [{"driver_id": 1}], now=now)
        assert float(online.to_dict()["fare"][0]) == 10
        row = {"driver_id": [2], "ended_at": [NOON], "fare": pa.array([30], pa.decimal128(9, 2))}
        store.push("pushed", pa.table(row), to="offline")
        assert [f and float(f) for f in job.to_arrow().column("fare").to_pylist()][:2] == [10, 11]
        again = store.get_historical_features(spine, ["fares:fare"]).to_arrow()
        assert [f and float(f) for f in again.column("fare").to_pylist()] == [10, 11, 30]


@pytest.mark.parametrize(
    ("kind", "value", "dtype", "expected"),
    [
        ("UUID", "'AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE'", Uuid, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"),
        ("Enum('a' = 1)", "'a'", String, "a"),
        ("LowCardinality(Nullable(String))", "'a'", String, "a"),
        ("String", "'\\xff'", Bytes, b"\xff"),
        ("UInt128", "9007199254740993", Int64, 9007199254740993),
        ("DateTime('Asia/Tokyo')", "'2024-07-01 21:00:00'", UnixTimestamp, NOON),
        ("Array(Nullable(Int64))", "[1, NULL]", Array(Int64), [1, None]),
    ],
)
def test_types_of_columns(tmp_path: Path, kind: str, value: str, dtype: DataType, expected: object) -> None:
    table = f"CREATE TABLE typed (k Int64, t DateTime64(6, 'UTC'), c {kind}) ENGINE = MergeTree ORDER BY ()"
    run(tmp_path, table, f"INSERT INTO typed VALUES (1, 0, {value})")
    engine = ClickHouseEngine(repo_path=tmp_path)
    spec = SourceSpec(name="s", source_type="clickhouse", options={"table": "typed"}, timestamp_field="t")
    features = (FeatureColumn("f", "c", dtype),)
    plan = ReadRows(view="v", source=spec, keys=(KeyColumn("k", "k", Int64),), features=features)
    (row,) = engine.run(plan).read_all().to_pylist()
    assert row["f"] == expected
    engine.close()


def test_failures_are_told_apart(tmp_path: Path) -> None:
    engine = ClickHouseEngine(repo_path=tmp_path)

    def source(**options: str) -> SourceSpec:
        return SourceSpec(name="s", source_type="clickhouse", options=options)

    with pytest.raises(NotFoundError, match="'s'"):
        engine.inspect(source(table="elsewhere.trips"))
    with pytest.raises(InvalidRequestError, match="no_such_column"):
        engine.inspect(source(query="SELECT no_such_column FROM system.one"))
    engine.close()
    with pytest.raises(UnsupportedError, match="connects to no server"):
        ClickHouseEngine(repo_path=tmp_path, host="127.0.0.1")
