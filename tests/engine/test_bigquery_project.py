"""A whole project on the BigQuery emulator: its tables are the sources; and what BigQuery says when it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from repast import BigQuerySource, Entity, FeatureStore, FeatureView, Field, PushSource
from repast.backends.offline.bigquery import BigQueryEngine, storage_client
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import FeatureColumn, KeyColumn, ReadRows
from repast.errors import InvalidConfigError, InvalidRequestError, NotFoundError, UnavailableError, UnsupportedError
from repast.types import Array, DataType, Decimal, Float64, Int64, Json, String
from server.bigquery import BigQueryServer, run_bigquery

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)
CONFIG = """
project: rides
registry: data/registry
offline_store: {{type: bigquery, project_id: features, dataset: repast, location: US, api_endpoint: "{endpoint}"}}
online_store: {{type: sqlite, path: data/online.db}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[BigQueryServer]:
    with run_bigquery() as started:
        started.client.create_dataset("repast")
        started.run(
            "CREATE TABLE repast.trips (driver_id INT64, ended_at TIMESTAMP, stored_at TIMESTAMP,"
            " fare NUMERIC(9, 2), tags ARRAY<STRING>)"
        )
        for driver, hour, fare in ((1, 0, 10), (1, 1, 11), (2, 0, 20)):
            moment = f"TIMESTAMP '{NOON + timedelta(hours=hour)}'"
            started.run(f"INSERT INTO repast.trips VALUES ({driver}, {moment}, {moment}, {fare}, ['a', 'b'])")
        yield started


def engine(server: BigQueryServer, **changes: Any) -> BigQueryEngine:
    return BigQueryEngine(repo_path=Path(), **server.options | changes)


def source(**options: str) -> SourceSpec:
    return SourceSpec(name="s", source_type="bigquery", options=options, timestamp_field="ended_at")


def test_training_loads_and_pushes(server: BigQueryServer, tmp_path: Path) -> None:
    (tmp_path / "feature_store.yaml").write_text(CONFIG.format(endpoint=server.options["api_endpoint"]))
    trips = BigQuerySource(table="repast.trips", timestamp_field="ended_at", created_timestamp_column="stored_at")
    pushed = PushSource(name="pushed", batch_source=trips)
    driver = Entity(name="driver", join_keys={"driver_id": Int64})
    schema = [Field(name="fare", dtype=Decimal(9, 2)), Field(name="tags", dtype=Array(String))]
    view = FeatureView(
        name="fares", entities=[driver], source=pushed, schema=schema, ttl=timedelta(days=1), offline=True
    )
    with FeatureStore(repo_path=tmp_path) as store:
        store.apply([pushed, view])
        times = [NOON + timedelta(minutes=m) for m in (-1, 59, 60, 60)]
        spine = pa.table({"driver_id": [1, 1, 2, 3], "event_timestamp": times})
        job = store.get_historical_features(spine, ["fares:fare", "fares:tags"])
        assert [f and float(f) for f in job.to_arrow().column("fare").to_pylist()] == [None, 10, 20, None]
        assert job.to_arrow().column("tags").to_pylist()[1] == ["a", "b"]
        assert "UNIX_MICROS" in job.to_sql()

        written = "SELECT 1 AS driver_id, TIMESTAMP '2024-07-01 14:00:00+00' AS event_timestamp"
        answer = store.get_historical_features(written, ["fares:fare"]).to_arrow()
        assert [float(f) for f in answer.column("fare").to_pylist()] == [11]

        store.materialize(NOON - timedelta(days=1), NOON + timedelta(minutes=30))
        now = NOON + timedelta(hours=6)
        rows = [{"driver_id": driver_id} for driver_id in (1, 2, 3)]
        served = store.get_online_features(["fares:fare"], rows, now=now).to_dict()["fare"]
        assert [f and float(f) for f in served] == [10, 20, None]
        store.materialize_incremental(NOON + timedelta(hours=2))
        assert float(store.get_online_features(["fares:fare"], rows, now=now).to_dict()["fare"][0]) == 11

        row = {
            "driver_id": [3],
            "ended_at": [NOON],
            "stored_at": [NOON],
            "fare": pa.array([30], pa.decimal128(9, 2)),
            "tags": [["new"]],
        }
        store.push("pushed", pa.table(row), to="online_and_offline")
        assert float(store.get_online_features(["fares:fare"], rows, now=now).to_dict()["fare"][2]) == 30
        again = store.get_historical_features(spine, ["fares:fare"]).to_arrow()
        assert [f and float(f) for f in again.column("fare").to_pylist()] == [None, 10, 20, 30]
    assert not [table.table_id for table in server.client.list_tables("repast") if "spine" in table.table_id]


@pytest.mark.parametrize(
    ("column", "dtype", "expected"),
    [
        ("NUMERIC '0.1'", Float64, 0.1),
        ("NUMERIC '7'", Int64, 7),
        ("JSON '{\"a\": 1}'", Json, '{"a":1}'),
        ("[1, 2]", Array(Int64), [1, 2]),
        ("STRUCT(1 AS a, 'x' AS b)", Json, {"a": 1, "b": "x"}),
    ],
    ids=["numeric", "whole numeric", "json", "array", "struct"],
)
def test_types_of_columns(server: BigQueryServer, column: str, dtype: DataType, expected: object) -> None:
    query = f"SELECT 1 AS driver_id, TIMESTAMP '2024-07-01' AS ended_at, {column} AS c"
    features = (FeatureColumn("f", "c", dtype),)
    plan = ReadRows(view="v", source=source(query=query), keys=(KeyColumn("k", "driver_id", Int64),), features=features)
    made = engine(server)
    (row,) = made.run(plan).read_all().to_pylist()
    assert (row["f"].replace(" ", "") if isinstance(expected, str) else row["f"]) == expected
    made.close()


# Google's client warns of its own method, which it calls itself.
@pytest.mark.filterwarnings("ignore:Retrieving Arrow record batches:PendingDeprecationWarning")
def test_the_storage_api_is_asked_where_it_is_installed(server: BigQueryServer) -> None:
    """The emulator's has tables only, so it is a table that is read, by the client that the engine makes."""
    reader = storage_client(server.storage_endpoint)
    assert reader is not None
    rows = server.client.list_rows("repast.trips", retry=None)
    read = [batch for batch in rows.to_arrow_iterable(bqstorage_client=reader) if batch.num_rows]
    assert sum(batch.num_rows for batch in read) >= 3
    assert read[0].schema.field("fare").type == pa.decimal128(9, 2)
    reader.transport.close()


def test_failures_are_told_apart(server: BigQueryServer) -> None:
    made = engine(server)
    with pytest.raises(NotFoundError, match="'s'"):
        made.inspect(source(table="repast.tripz"))
    with pytest.raises(NotFoundError, match="'s'"):
        made.inspect(source(table="elsewhere.trips"))
    with pytest.raises(InvalidRequestError, match="no_such_column"):
        made.inspect(source(query="SELECT no_such_column FROM repast.trips"))
    with pytest.raises(UnsupportedError, match="query"):
        made.append(source(query="SELECT * FROM repast.trips"), pa.table({"a": [1]}))
    made.close()
    with pytest.raises(UnavailableError):
        engine(server, api_endpoint="http://127.0.0.1:1", timeout=1).inspect(source(table="repast.trips"))
    with pytest.raises(InvalidConfigError, match="table_create_disposition"):
        engine(server, table_create_disposition="SOMETIMES")
