"""Training sets as tables of PostgreSQL, and what engines say that make none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from sqlglot import exp

from repast import (
    BigQuerySource,
    Entity,
    FeatureStore,
    FeatureView,
    Field,
    FileSource,
    PostgreSQLSource,
    on_demand_feature_view,
)
from repast.backends.offline import bigquery, redshift, trino
from repast.core.sql.dialect import REDSHIFT
from repast.errors import ConflictError, InvalidRequestError, NotFoundError, UnavailableError, UnsupportedError
from repast.ports.table import Result
from repast.types import Array, Decimal, Float32, Float64, Int64, String, Uuid
from server.bigquery import run_bigquery
from server.postgres import PostgresServer, run_postgres

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)
CONFIG = """
project: rides
registry: data/registry
offline_store: {{type: postgres, host: 127.0.0.1, port: {port}, database: features, user: {user}, password: {password}}}
online_store: {{type: sqlite, path: data/online.db}}
"""
DRIVER = Entity(name="driver", join_keys={"driver_id": Int64})
FARES = FeatureView(
    name="fares",
    entities=[DRIVER],
    source=PostgreSQLSource(table="trips", timestamp_field="ended_at", created_timestamp_column="stored_at"),
    schema=[
        Field(name="fare", dtype=Decimal(9, 2)),
        Field(name="tags", dtype=Array(String)),
        Field(name="count", dtype=Int64),
        Field(name="code", dtype=String),
    ],
    ttl=timedelta(days=1),
)
RATINGS = FeatureView(
    name="ratings",
    entities=[DRIVER],
    source=PostgreSQLSource(name="ratings", query="SELECT * FROM trips", timestamp_field="ended_at"),
    schema=[Field(name="rating", dtype=Float32), Field(name="code", dtype=Uuid)],
)


@on_demand_feature_view(sources=[FARES], schema=[Field(name="doubled", dtype=Float64)])
def doubled(inputs: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"doubled": inputs["fare"].astype("float64") * 2})


FEATURES = ["fares:fare", "fares:tags", "fares:count", "ratings:rating", "ratings:code"]
CODES = [f"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeee{digit}" for digit in range(4)]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with run_postgres() as started:
        yield started


@pytest.fixture
def database(server: PostgresServer) -> Iterator[psycopg.Connection]:
    with server.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute(
            "CREATE TABLE trips (driver_id bigint, ended_at timestamptz, stored_at timestamptz, fare numeric(9,2),"
            " rating double precision, tags text[], count int, code uuid)"
        )
        # Two rows of driver 2 tie by both times.
        for driver, hour, fare, code in ((1, 0, 10, 0), (1, 1, 11, 1), (2, 0, 20, 2), (2, 0, 30, 3)):
            when = NOON + timedelta(hours=hour)
            row = (driver, when, when, fare, 4.1, ["a", None], fare, CODES[code])
            connection.execute("INSERT INTO trips VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", row)
        yield connection


def opened(folder: Path, server: PostgresServer, **login: str) -> FeatureStore:
    user = {"user": "repast", "password": server.password} | login
    (folder / "feature_store.yaml").write_text(CONFIG.format(port=server.port, **user))
    return FeatureStore(repo_path=folder)


@pytest.fixture
def store(server: PostgresServer, database: psycopg.Connection, tmp_path: Path) -> Iterator[FeatureStore]:
    with opened(tmp_path, server) as made:
        made.apply([FARES, RATINGS, doubled])
        yield made


def spine(rows: int = 4) -> pa.Table:
    return pa.table(
        {
            "driver_id": [1, 1, 2, 3][:rows],
            "event_timestamp": [NOON + timedelta(minutes=m) for m in (-1, 59, 60, 60)][:rows],
            "Label of row": pa.array(["a", "b", None, "d"][:rows]).dictionary_encode(),
        }
    )


def same(table: pa.Table, wanted: pa.Table) -> None:
    order = [("driver_id", "ascending"), ("event_timestamp", "ascending")]
    label = wanted.schema.get_field_index("Label of row")
    wanted = wanted.set_column(label, "Label of row", wanted["Label of row"].cast(pa.string()))
    assert [str(dtype) for dtype in table.schema.types] == [str(dtype) for dtype in wanted.schema.types]
    assert table.sort_by(order).to_pylist() == wanted.sort_by(order).to_pylist()


def test_a_table_is_what_arrow_is(store: FeatureStore) -> None:
    store.get_historical_features(spine(), FEATURES).to_table('public."Training set"')
    wanted = store.get_historical_features(spine(), FEATURES).to_arrow()
    saved = store._workspace.engine.read_table('"Training set"').read_all()
    same(saved, wanted)
    assert wanted["fare"].to_pylist()[2] == 30
    assert wanted["fare"].type == pa.decimal128(9, 2)


def test_only_what_sql_cannot_make_is_joined_here(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    engine = store._workspace.engine
    run = engine.run

    def noting(plan, rows=None):
        asked.append((plan.view, rows.num_rows))
        return run(plan, rows)

    monkeypatch.setattr(engine, "run", noting)
    store.get_historical_features(spine(), ["fares:count", "fares:tags"]).to_table("first")
    # Of one row, whose candidates tie; asked again with all features, which decide.
    assert asked == [("fares", 1), ("fares", 1)]
    asked.clear()
    store.get_historical_features(spine(2), ["fares:fare"]).to_table("second")
    assert asked == []


def test_on_demand_features_are_in_it(store: FeatureStore) -> None:
    job = store.get_historical_features(spine(), [*FEATURES, "doubled:doubled"])
    job.to_table("training")
    same(store._workspace.engine.read_table("training").read_all(), job.to_arrow())
    job.to_table("training", allow_overwrite=True)  # of what was read already
    same(store._workspace.engine.read_table("training").read_all(), job.to_arrow())


def test_without_a_spine(store: FeatureStore) -> None:
    job = store.get_historical_features(None, ["fares:fare"], last_n=1)
    job.to_table("latest")
    assert store._workspace.engine.read_table("latest").read_all().num_rows == job.to_arrow().num_rows == 2


def test_a_saved_dataset_is_a_table(store: FeatureStore) -> None:
    job = store.get_historical_features(spine(), FEATURES)
    saved = store.create_saved_dataset(job, "training", table="sets")
    assert (saved.path, saved.definition.table, saved.definition.rows) == (None, "sets", 4)
    again = store.get_saved_dataset("training")
    assert "table='sets'" in repr(again)
    same(again.to_arrow(), job.to_arrow())
    with pytest.raises(ConflictError, match="'training'"):
        store.create_saved_dataset(job, "training", table="others")
    with pytest.raises(ConflictError, match="sets"):
        store.create_saved_dataset(job, "other", table="sets")
    for places in ({}, {"path": "a.parquet", "table": "a"}):
        with pytest.raises(InvalidRequestError, match="one file or one table"):
            store.create_saved_dataset(job, "other", **places)


def test_what_goes_wrong(
    store: FeatureStore, database: psycopg.Connection, server: PostgresServer, tmp_path: Path
) -> None:
    job = store.get_historical_features(spine(), FEATURES)
    job.to_table("training")
    with pytest.raises(ConflictError, match="training"):
        job.to_table("training")
    with pytest.raises(NotFoundError, match="nowhere"):
        job.to_table("nowhere.training")
    with pytest.raises(InvalidRequestError, match="cannot be read as the name"):
        job.to_table("f(1)")
    with pytest.raises(UnsupportedError, match="to_parquet"):
        job.to_remote_storage("gs://bucket/folder")
    with pytest.raises(InvalidRequestError, match="'__row'"):
        store.get_historical_features(spine().append_column("__row", spine()["driver_id"]), FEATURES).to_table("x")
    database.execute("DROP ROLE IF EXISTS reader")
    database.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    database.execute("GRANT USAGE ON SCHEMA public TO reader")
    database.execute("GRANT SELECT ON trips TO reader")
    with opened(tmp_path, server, user="reader", password="reader") as limited:
        refused = limited.get_historical_features(spine(), FEATURES)
        with pytest.raises(UnavailableError, match="grant"):
            refused.to_table("mine")
    assert database.execute("SELECT to_regclass('mine')").fetchone() == (None,)


def test_engines_without_tables_say_so(tmp_path: Path) -> None:
    (tmp_path / "feature_store.yaml").write_text("project: p\nregistry: data/registry\n")
    rows = pa.table({"driver_id": [1], "event_timestamp": [NOON], "fare": [1.5]})
    pd.DataFrame(rows.to_pandas()).to_parquet(tmp_path / "fares.parquet")
    source = FileSource(path="fares.parquet", timestamp_field="event_timestamp")
    with FeatureStore(repo_path=tmp_path) as store:
        view = FeatureView(name="fares", entities=[DRIVER], source=source, schema=[Field(name="fare", dtype=Float64)])
        store.apply([view])
        job = store.get_historical_features(rows.select(["driver_id", "event_timestamp"]), ["fares:fare"])
        for call in (
            lambda: job.to_table("training"),
            lambda: job.to_remote_storage("gs://bucket/folder"),
            lambda: store.create_saved_dataset(job, "training", table="training"),
        ):
            with pytest.raises(UnsupportedError, match="duckdb"):
                call()
        assert store.list_saved_datasets() == []


# -- what no server here runs ----------------------------------------------------------------------


QUERY = 'SELECT "a" FROM "work"'


def test_redshift_makes_a_table_in_one_transaction() -> None:
    table = exp.to_table("lake.sets.training", dialect="redshift")
    made = list(redshift.table_statements(table, QUERY, REDSHIFT, replace=True))
    assert made == [
        'DROP TABLE IF EXISTS "lake"."sets"."training"',
        f'CREATE TABLE "lake"."sets"."training" AS {QUERY}',
    ]
    assert list(redshift.table_statements(table, QUERY, REDSHIFT, replace=False)) == made[1:]
    assert [type(tree) for text in made for tree in sqlglot.parse(text, read="redshift")] == [exp.Drop, exp.Create]


def test_trino_makes_a_table_under_another_name() -> None:
    table, staged = exp.to_table('sets."Training set"'), exp.to_table("sets.staged")
    made = list(trino.table_statements(table, staged, QUERY, replace=True))
    assert made == [
        f'CREATE TABLE "sets"."staged" AS {QUERY}',
        'DROP TABLE IF EXISTS "sets"."Training set"',
        'ALTER TABLE "sets"."staged" RENAME TO "sets"."Training set"',
    ]
    assert list(trino.table_statements(table, staged, QUERY, replace=False)) == [made[0], made[2]]
    assert [type(tree) for text in made for tree in sqlglot.parse(text, read="trino")] == [
        exp.Create,
        exp.Drop,
        exp.Alter,
    ]


def test_bigquery_exports_to_cloud_storage() -> None:
    text = bigquery.export_statement("gs://bucket/it's/*.parquet", "SELECT `a` FROM `work`", overwrite=False)
    assert text == (
        r"EXPORT DATA OPTIONS (uri = 'gs://bucket/it\'s/*.parquet', format = 'PARQUET', overwrite = false)"
        " AS SELECT `a` FROM `work`"
    )
    (tree,) = sqlglot.parse(text, read="bigquery")
    assert isinstance(tree, exp.Export)
    assert isinstance(tree.this, exp.Select)
    assert "overwrite = true" in bigquery.export_statement("gs://b/*.parquet", "SELECT 1", overwrite=True)


@pytest.mark.parametrize("folder", [None, "s3://bucket/folder", "gs://", "gs://bucket/*", "folder"])
def test_bigquery_asks_for_a_folder_of_cloud_storage(folder: str | None, tmp_path: Path) -> None:
    engine = bigquery.BigQueryEngine(repo_path=tmp_path)
    result = Result(rows=pa.table({"__row": [0]}), columns=(), joins=(), answer=lambda *_: pa.table({}))
    with pytest.raises(InvalidRequestError, match="gcs_staging_location"):
        engine.write_objects(folder, result)


@pytest.mark.slow
def test_bigquery_writes_files_of_what_it_joins(tmp_path: Path) -> None:
    with run_bigquery() as emulator:
        emulator.client.create_dataset("repast")
        emulator.run(
            "CREATE TABLE repast.trips AS"
            " SELECT 1 AS driver_id, TIMESTAMP '2024-07-01 11:00:00' AS t, CAST(7 AS INT64) AS n"
        )
        (emulator.buckets / "bucket").mkdir()
        yaml = {"type": "bigquery", "gcs_staging_location": "gs://bucket/sets", **emulator.options}
        (tmp_path / "feature_store.yaml").write_text(json.dumps({"project": "p", "offline_store": yaml}))
        source = BigQuerySource(table="repast.trips", timestamp_field="t")
        view = FeatureView(name="trips", entities=[DRIVER], source=source, schema=[Field(name="n", dtype=Int64)])
        with FeatureStore(repo_path=tmp_path) as store:
            store.apply([view])
            job = store.get_historical_features(spine(), ["trips:n"])
            assert job.supports_remote_storage
            (address,) = job.to_remote_storage()
            assert re.fullmatch(r"gs://bucket/sets/\w{32}/000000000000\.parquet", address)
            same(pq.read_table(emulator.buckets / address.removeprefix("gs://")), job.to_arrow())
            (address,) = job.to_remote_storage("gs://bucket/mine")
            assert address == "gs://bucket/mine/000000000000.parquet"
            with pytest.raises(ConflictError, match="gs://bucket/mine"):
                job.to_remote_storage("gs://bucket/mine")
            job.to_remote_storage("gs://bucket/mine", allow_overwrite=True)
            left = [table.table_id for table in emulator.client.list_tables("repast", retry=None)]
            assert left == ["trips"]
