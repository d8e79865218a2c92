"""The Athena engine. No Athena runs here: what it is told is pinned, in sql/athena.sql and below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlglot
from pyathena.error import OperationalError
from sqlglot import exp

from repast.backends.offline.athena import AthenaEngine, plain_columns, spine_query, spine_statement, types_query
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import ATHENA
from repast.errors import InvalidConfigError, InvalidRequestError, NotFoundError, UnavailableError

ROWS = pa.table({"k": ["a"], "__time": pa.array([1], pa.int64()), "t": pa.array([2], pa.timestamp("us", "UTC"))})
TABLE = exp.to_table('"features"."repast_spine"')


def engine(**changes: Any) -> AthenaEngine:
    options = {"region": "eu-west-1", "database": "features", "s3_staging_location": "s3://bucket/staging/"}
    return AthenaEngine(repo_path=Path(), **options | changes)


def test_spines_are_files_with_a_table_over_them() -> None:
    assert spine_statement(TABLE, ROWS.schema, "s3://bucket/it's") == (
        "CREATE EXTERNAL TABLE `features`.`repast_spine` (`k` STRING, `__time` BIGINT, `t` BIGINT)"
        " STORED AS PARQUET LOCATION 's3://bucket/it\\'s/'"
    )
    assert plain_columns(ROWS).column("t").to_pylist() == [2]
    assert ATHENA.render(spine_query(TABLE, ROWS.schema)) == (
        '(SELECT "k", "__time", CAST(FROM_UNIXTIME_NANOS(CAST("t" AS DECIMAL(38, 0)) * 1000) AS TIMESTAMP(6) WITH TIME'
        ' ZONE) AS "t" FROM "features"."repast_spine")'
    )


def test_types_are_asked_for_without_reading_rows() -> None:
    source = exp.alias_(exp.to_table("trips"), "source", table=True, quoted=True)
    text = ATHENA.render(types_query(source, ["fare", "odd name"]))
    assert text == (
        'SELECT TYPEOF("source"."fare"), TYPEOF("source"."odd name") FROM (SELECT 1) AS "one"'
        ' LEFT JOIN "trips" AS "source" ON FALSE'
    )
    assert isinstance(sqlglot.parse_one(text, read="athena"), exp.Select)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.features.trips' does not exist", NotFoundError),
        ("User: arn:aws:iam::1:user/x is not authorized to perform: athena:StartQueryExecution", UnavailableError),
        ("SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved", InvalidRequestError),
        ("Query exhausted resources at this scale factor", UnavailableError),
    ],
)
def test_failures_are_told_apart(reason: str, expected: type[Exception]) -> None:
    assert type(engine().translate(OperationalError(reason), "Source 's'")) is expected


def test_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "geheim",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    source = SourceSpec(name="s", source_type="athena", options={"table": "t"})
    with pytest.raises(UnavailableError, match="Athena cannot answer") as caught:
        engine().inspect(source)
    assert "geheim" not in str(caught.value)


def test_options_are_checked() -> None:
    with pytest.raises(InvalidConfigError, match="s3_staging_location"):
        engine(s3_staging_location="/tmp/results")
