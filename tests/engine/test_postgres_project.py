"""A whole project on PostgreSQL: its tables are the sources, and what it serves is there too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from repast import Entity, FeatureStore, FeatureView, Field, PostgreSQLSource, PushSource
from repast.backends.offline.postgres import PostgresEngine
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import FeatureColumn, KeyColumn, ReadRows
from repast.errors import InvalidRequestError, InvalidValueError, NotFoundError, UnavailableError, UnsupportedError
from repast.types import Array, DataType, Decimal, Float64, Int64, Json, String, Uuid
from server.postgres import PostgresServer, run_postgres

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)
CONFIG = """
project: rides
registry: data/registry
offline_store: {{type: postgres, host: 127.0.0.1, port: {port}, database: features, user: repast, password: {password}}}
online_store: {{type: sqlite, path: data/online.db}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with run_postgres() as started:
        yield started


@pytest.fixture
def durable() -> Iterator[PostgresServer]:
    with run_postgres(fast=False) as started:
        yield started


@pytest.fixture
def database(server: PostgresServer) -> Iterator[psycopg.Connection]:
    with server.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute(
            "CREATE TABLE trips (driver_id bigint, ended_at timestamptz, stored_at timestamptz, fare numeric(9,2),"
            " rating double precision, tags text[])"
        )
        for driver, hour, fare in ((1, 0, 10), (1, 1, 11), (2, 0, 20)):
            row = (driver, NOON + timedelta(hours=hour), NOON + timedelta(hours=hour), fare, 4.5, ["a", None])
            connection.execute("INSERT INTO trips VALUES (%s, %s, %s, %s, %s, %s)", row)
        yield connection


@pytest.fixture
def store(server: PostgresServer, database: psycopg.Connection, tmp_path: Path) -> Iterator[FeatureStore]:
    (tmp_path / "feature_store.yaml").write_text(CONFIG.format(port=server.port, password=server.password))
    with FeatureStore(repo_path=tmp_path) as opened:
        yield opened


def view(source: PostgreSQLSource | PushSource) -> FeatureView:
    driver = Entity(name="driver", join_keys={"driver_id": Int64})
    schema = [Field(name="fare", dtype=Decimal(9, 2)), Field(name="tags", dtype=Array(String))]
    return FeatureView(
        name="fares", entities=[driver], source=source, schema=schema, ttl=timedelta(days=1), offline=True
    )


TRIPS = PostgreSQLSource(table="trips", timestamp_field="ended_at", created_timestamp_column="stored_at")
FEATURES = ["fares:fare", "fares:tags"]


def served(store: FeatureStore, *drivers: int) -> list[object]:
    rows = [{"driver_id": driver} for driver in drivers]
    now = NOON + timedelta(hours=6)
    return [
        None if f is None else float(f) for f in store.get_online_features(FEATURES, rows, now=now).to_dict()["fare"]
    ]


def test_training_loads_and_pushes(store: FeatureStore, database: psycopg.Connection) -> None:
    pushed = PushSource(name="pushed_trips", batch_source=TRIPS)
    store.apply([pushed, view(pushed)])
    spine = pa.table(
        {"driver_id": [1, 1, 2, 3], "event_timestamp": [NOON + timedelta(minutes=m) for m in (-1, 59, 60, 60)]}
    )
    job = store.get_historical_features(spine, FEATURES)
    assert [None if f is None else float(f) for f in job.to_arrow().column("fare").to_pylist()] == [None, 10, 20, None]
    assert "SELECT" in job.to_sql()
    saved = store.create_saved_dataset(job, name="training", path="data/training.parquet")
    assert saved.to_arrow().num_rows == 4

    store.materialize(NOON - timedelta(days=1), NOON + timedelta(minutes=30))
    assert served(store, 1, 2, 3) == [10, 20, None]
    store.materialize_incremental(NOON + timedelta(hours=2))
    assert served(store, 1) == [11]
    # Recorded after the last load, for a time before it.
    late = (2, NOON + timedelta(minutes=10), datetime.now(UTC), 21, None, None)
    database.execute("INSERT INTO trips VALUES (%s, %s, %s, %s, %s, %s)", late)
    store.materialize_incremental(NOON + timedelta(hours=3))
    assert served(store, 1, 2) == [11, 21]

    rows = pa.table(
        {
            "driver_id": [3],
            "ended_at": [NOON],
            "stored_at": [NOON],
            "fare": pa.array([30], pa.decimal128(9, 2)),
            "rating": [1.5],
            "tags": [["new"]],
        }
    )
    store.push("pushed_trips", rows, to="online_and_offline")
    assert served(store, 3) == [30]
    assert store.get_historical_features(spine, FEATURES).to_arrow().column("tags").to_pylist()[3] == ["new"]


def test_a_query_is_a_source_and_a_spine(store: FeatureStore) -> None:
    query = "SELECT *, fare * 2 AS double_fare FROM trips -- as it was written\n;"
    source = PostgreSQLSource(name="doubled", query=query, timestamp_field="ended_at")
    driver = Entity(name="driver", join_keys={"driver_id": Int64})
    store.apply(
        FeatureView(name="v", entities=[driver], source=source, schema=[Field(name="double_fare", dtype=Float64)])
    )
    spine = "SELECT DISTINCT driver_id, TIMESTAMPTZ '2024-07-01 20:00+00' AS event_timestamp FROM trips"
    answer = store.get_historical_features(spine, ["v:double_fare"]).to_arrow()
    assert sorted(answer.column("double_fare").to_pylist()) == [22.0, 40.0]
    with pytest.raises(InvalidRequestError, match="one SELECT"):
        store.get_historical_features(f"WITH gone AS (DELETE FROM trips RETURNING *) {spine}", ["v:double_fare"])


def engine(server: PostgresServer, **changes: object) -> PostgresEngine:
    return engine_with(server.options | changes)


def engine_with(options: Mapping[str, Any]) -> PostgresEngine:
    return PostgresEngine(repo_path=Path(), **options)


def source(**options: str) -> SourceSpec:
    return SourceSpec(name="s", source_type="postgres", options=options, timestamp_field="ended_at")


def read(spec: SourceSpec, column: str, dtype: DataType, key: str = "driver_id") -> ReadRows:
    features = (FeatureColumn("f", column, dtype),)
    return ReadRows(view="v", source=spec, keys=(KeyColumn("k", key, Int64),), features=features)


@pytest.mark.parametrize(
    ("sql_type", "value", "dtype", "expected"),
    [
        ("numeric", "9007199254740993", Int64, 9007199254740993),
        ("numeric", "0.1", Float64, 0.1),
        ("numeric(6,2)", "1.50", Float64, "1.50"),
        ("uuid", "AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE", Uuid, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"),
        ("jsonb", '{"a":1}', Json, '{"a": 1}'),
        ("inet", "10.0.0.1", String, "10.0.0.1/32"),
        ("int[]", "{1,null}", Array(Int64), [1, None]),
    ],
)
def test_types_of_columns(
    server: PostgresServer, database: psycopg.Connection, sql_type: str, value: str, dtype: DataType, expected: object
) -> None:
    database.execute("CREATE TABLE typed AS SELECT * FROM trips LIMIT 1")
    database.execute(f"ALTER TABLE typed ADD c {sql_type} DEFAULT '{value}'")
    made = engine(server)
    (row,) = made.run(read(source(table="typed"), "c", dtype)).read_all().to_pylist()
    assert (str(row["f"]) if isinstance(expected, str) else row["f"]) == expected
    made.close()


def test_columns_of_a_spine_are_plain(server: PostgresServer, database: psycopg.Connection) -> None:
    made = engine(server)
    query = "SELECT 1.5::numeric AS n, 'a'::text AS t, gen_random_uuid() AS u, '{}'::jsonb AS j ORDER BY 1"
    found = made.query(query).read_all()
    assert found.schema.types == [pa.decimal128(38, 9), pa.string(), pa.string(), pa.string()]
    assert len(found.column("u")[0].as_py()) == 36
    assert made.query("SELECT 1 AS a, 2::numeric AS b").read_all().to_pylist() == [{"a": 1, "b": 2}]
    made.close()


@pytest.mark.parametrize(
    ("sql_type", "value", "dtype", "words"),
    [
        ("int[]", "{{1,2},{3,4}}", Array(Int64), "several dimensions"),
        ("numeric", "1.5", Int64, "column 'f'"),
        ("numeric", "NaN", Decimal(9, 2), "column 'f'"),
    ],
)
def test_values_that_would_change_are_refused(
    server: PostgresServer, database: psycopg.Connection, sql_type: str, value: str, dtype: DataType, words: str
) -> None:
    database.execute("CREATE TABLE typed AS SELECT * FROM trips LIMIT 1")
    database.execute(f"ALTER TABLE typed ADD c {sql_type} DEFAULT '{value}'")
    made = engine(server)
    with pytest.raises(InvalidValueError, match=words):
        made.run(read(source(table="typed"), "c", dtype)).read_all()
    made.close()


def test_failures_are_told_apart(server: PostgresServer, database: psycopg.Connection) -> None:
    made = engine(server)
    with pytest.raises(NotFoundError, match="'s'"):
        made.inspect(source(table="elsewhere.trips"))
    with pytest.raises(InvalidRequestError, match="no_such_column"):
        made.inspect(source(query="SELECT no_such_column FROM trips"))
    with pytest.raises(UnsupportedError, match="query"):
        made.append(source(query="SELECT * FROM trips"), pa.table({"a": [1]}))
    made.close()
    for options in ({"password": "wrong-secret"}, {"database": "none"}, {"port": 1}):
        with pytest.raises(UnavailableError) as caught:
            engine(server, **options).inspect(source(table="trips"))
        assert "wrong-secret" not in str(caught.value)
        assert server.password not in str(caught.value)


def test_a_schema_of_any_name_is_searched(server: PostgresServer, database: psycopg.Connection) -> None:
    database.execute("""CREATE SCHEMA "odd 'name' \\ x" """)
    database.execute("""CREATE TABLE "odd 'name' \\ x"."Mixed.Case" (ended_at timestamptz)""")
    made = engine(server, db_schema="odd 'name' \\ x")
    assert made.inspect(source(table='"Mixed.Case"')).names == ["ended_at"]
    made.close()


def test_a_forked_process_opens_its_own_connections(server: PostgresServer, database: psycopg.Connection) -> None:
    made = engine(server)
    names = made.inspect(source(table="trips")).names
    pid = os.fork()
    if pid == 0:
        same = made.inspect(source(table="trips")).names == names
        made.close()
        os._exit(0 if same else 1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert made.inspect(source(table="trips")).names == names
    made.close()


@pytest.mark.parametrize("closed", [True, False])
def test_nothing_is_said_at_the_end(server: PostgresServer, database: psycopg.Connection, closed: bool) -> None:
    """Engines that are forgotten, and readers that are never read, end without a word, and leave no connection."""
    program = f"""
from pathlib import Path
from test_postgres_project import SourceSpec, engine_with, read, Int64
made = engine_with({server.options!r})
spec = SourceSpec(name="s", source_type="postgres", options={{"table": "trips"}}, timestamp_field="ended_at")
readers = [made.run(read(spec, "driver_id", Int64)) for _ in range(3)]
assert readers[0].read_all().num_rows == 3
{"made.close()" if closed else ""}
"""
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_that_comes_back_is_used_again(durable: PostgresServer) -> None:
    with durable.connect() as connection:
        connection.execute("CREATE TABLE trips (ended_at timestamptz)")
    made = engine(durable)
    assert made.inspect(source(table="trips"))
    durable.crash()
    for _ in range(2):
        with pytest.raises(UnavailableError):
            made.inspect(source(table="trips"))
    durable.start()
    assert made.inspect(source(table="trips"))
    made.close()
