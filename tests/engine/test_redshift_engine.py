"""The Redshift engine. No Redshift runs here: its connector and all but its dialect are tried on PostgreSQL.

What Redshift itself is told is pinned in sql/redshift.sql.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import boto3
import moto
import pyarrow as pa
import pytest
from sqlglot import exp

from repast.backends.offline.driver_row import column_type, value_lists
from repast.backends.offline.redshift import RedshiftEngine
from repast.backends.offline.redshift_stage import Stage
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import POSTGRES, REDSHIFT, SqlDialect
from repast.errors import InvalidConfigError, InvalidRequestError, InvalidValueError, NotFoundError, UnavailableError
from repast.ports.offline import OfflineEngine
from repast.testing.engine.base import EngineBase
from repast.testing.engine.join import JoinRules
from repast.testing.engine.life import LifeRules
from repast.testing.engine.read import ReadRules
from repast.testing.engine.table import TableRules
from repast.testing.strategy import NESTED
from server.postgres import PostgresServer
from server.redshift import run_redshift

_NO_NESTING = "Redshift has no such type; keep such values as json, declared Json"
NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def options() -> Iterator[dict[str, Any]]:
    with run_redshift() as (server, options):
        TestRedshiftEngine.server, TestRedshiftEngine.options = server, options
        yield options


class OnPostgres(RedshiftEngine):
    """The engine in PostgreSQL's words."""

    dialect: SqlDialect = POSTGRES


def engine(options: dict[str, Any], **changes: Any) -> OnPostgres:
    return OnPostgres(repo_path=Path(), **options | changes)


def source(**options: str) -> SourceSpec:
    return SourceSpec(name="s", source_type="redshift", options=options, timestamp_field="t")


@pytest.mark.slow
class TestRedshiftEngine(TableRules, JoinRules, ReadRules, LifeRules, EngineBase):
    server: ClassVar[PostgresServer]
    options: ClassVar[dict[str, Any]]
    gaps: ClassVar[dict[str, str]] = {
        "test_tables_hold_features_as_they_are[Bytes]": "bytes are written in Redshift's words, which PostgreSQL lacks",
        **{f"test_tables_hold_features_as_they_are[{dtype}]": _NO_NESTING for dtype in NESTED},
    }
    examples = 4
    copies = 51

    def make_engine(self, folder: Path) -> OfflineEngine:
        return engine(self.options)

    def store_rows(self, folder: Path, name: str, rows: pa.Table) -> SourceSpec:
        table = exp.Table(this=exp.to_identifier(name, quoted=True))
        columns = ", ".join(
            f"{exp.to_identifier(f.name, quoted=True).sql()} {column_type(f.type).sql(dialect='postgres')}"
            for f in rows.schema
        )
        with self.server.connect() as connection:
            connection.execute(f"DROP TABLE IF EXISTS {table.sql()}")
            connection.execute(f"CREATE TABLE {table.sql()} ({columns})")
            for values in value_lists(rows, POSTGRES, most_bytes=1_000_000):
                connection.execute(f"INSERT INTO {table.sql()} VALUES {values}")
        return SourceSpec(name=name, source_type="redshift", options={"table": f'"{name}"'})

    def missing_source(self, folder: Path) -> SourceSpec:
        return SourceSpec(name="gone", source_type="redshift", options={"table": "gone"})

    def storable(self, value: Any) -> Any:
        return value.replace("\x00", "\N{SYMBOL FOR NULL}") if isinstance(value, str) else value


def test_columns_have_their_types(options: dict[str, Any]) -> None:
    made = engine(options)
    columns = {
        "a": ("1::bigint", pa.int64()),
        "b": ("'50%s'::varchar", pa.string()),
        "c": ("1.5::numeric(6, 2)", pa.decimal128(6, 2)),
        "d": ("TIMESTAMPTZ '2024-07-01 12:00+00'", pa.timestamp("us", "UTC")),
        "e": ("DATE '2024-07-01'", pa.date32()),
        "f": ("NULL::float8", pa.float64()),
    }
    found = made.query("SELECT " + ", ".join(f"{value} AS {name}" for name, (value, _) in columns.items())).read_all()
    assert found.schema == pa.schema([(name, dtype) for name, (_, dtype) in columns.items()])
    (row,) = found.to_pylist()
    assert (row["b"], str(row["c"]), row["d"], row["f"]) == ("50%s", "1.50", NOON, None)
    assert made.query("SELECT 1 AS a WHERE FALSE").read_all().num_rows == 0
    made.close()


def test_results_are_fetched_part_by_part(options: dict[str, Any]) -> None:
    made = engine(options)
    reader = made.query("SELECT i FROM generate_series(1, 25000) AS g(i)")
    assert [batch.num_rows for batch in reader] == [10_000, 10_000, 5_000]
    made.close()


# After a login that fails, the connector leaves its socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:unclosed:ResourceWarning")
def test_failures_are_told_apart(options: dict[str, Any]) -> None:
    made = engine(options)
    with pytest.raises(NotFoundError, match="'s'"):
        made.inspect(source(table="gone"))
    with pytest.raises(InvalidRequestError, match="no_such_column"):
        made.inspect(source(query="SELECT no_such_column FROM pg_class"))
    made.close()
    for changes in ({"password": "wrong-secret"}, {"database": "none"}, {"port": 1}):
        assert "wrong-secret" not in refused_login({**options, **changes})
    gc.collect()  # now, while it may be said that sockets were left


def refused_login(options: dict[str, Any]) -> str:
    with pytest.raises(UnavailableError) as caught:
        engine(options).inspect(source(table="t"))
    return str(caught.value)


def test_a_refused_value_is_named_in_redshifts_error() -> None:
    """As Redshift words it: the statement gives a text where it wants JSON, and the error says which text."""
    words = "[repast] View 'v', column 'k' of source 's' has a value that is not a lossless Int64 key 'k': 1.9"
    told = {"S": "ERROR", "C": "XX000", "M": "JSON parsing error", "D": f"context: invalid json object {words}"}
    made = RedshiftEngine(repo_path=Path(), host="127.0.0.1", port=1, database="d")
    with pytest.raises(InvalidValueError, match=r"not a lossless Int64 key 'k': 1\.9"), made._translated("Source 's'"):
        raise made.errors[0](told)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "cluster_id, workgroup and host"),
        ({"cluster_id": "c", "workgroup": "w", "region": "eu-west-1"}, "cluster_id and workgroup"),
        ({"workgroup": "w"}, "region"),
        ({"workgroup": "w", "region": "r", "s3_staging_location": "/tmp", "iam_role": "r"}, "s3_staging_location"),
        ({"workgroup": "w", "region": "r", "s3_staging_location": "s3://b/f"}, "iam_role"),
    ],
)
def test_options_are_checked(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidConfigError, match=words):
        RedshiftEngine(repo_path=Path(), database="d", **given)


def test_large_spines_are_staged_in_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is there while COPY reads it, and not after."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="stage")
        stage = Stage("s3://stage/spines/", "arn:aws:iam::1:role/it's", "us-east-1")
        with stage.put(pa.table({"k": [1, 2]})) as copy:
            (stored,) = client.list_objects_v2(Bucket="stage")["Contents"]
            assert copy.startswith(f"FROM 's3://stage/{stored['Key']}' IAM_ROLE 'arn:aws:iam::1:role/it''s'")
            assert stored["Key"].startswith("spines/")
        assert "Contents" not in client.list_objects_v2(Bucket="stage")


def test_spines_are_written_in_redshifts_words() -> None:
    rows = pa.table({"k": ["it's", None], "t": pa.array([1, 2], pa.timestamp("us", "UTC")), "b": [b"\xff", b""]})
    (values,) = value_lists(rows, REDSHIFT, most_bytes=1_000)
    assert values.startswith(
        "('it\\'s', TIMEZONE('UTC', DATEADD(MICROSECOND, 1, CAST('1970-01-01' AS TIMESTAMP))), FROM_HEX('ff')), "
    )
    assert "(CAST(NULL AS VARCHAR), " in values
