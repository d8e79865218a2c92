"""The Trino engine. No Trino runs here: what it is told is pinned, in sql/trino.sql and below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlglot import exp
from trino.exceptions import TrinoUserError

from repast.backends.offline.driver_row import to_batch
from repast.backends.offline.trino import TrinoEngine, spine_statements
from repast.backends.offline.trino_type import exported_column, source_column
from repast.core.manifest import SourceSpec
from repast.errors import InvalidConfigError, InvalidRequestError, InvalidValueError, NotFoundError, UnavailableError


def engine(**changes: Any) -> TrinoEngine:
    options = {"host": "127.0.0.1", "port": 1, "catalog": "lake", "user": "repast"}
    return TrinoEngine(repo_path=Path(), **options | changes)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("boolean", pa.bool_()),
        ("integer", pa.int32()),
        ("bigint", pa.int64()),
        ("real", pa.float32()),
        ("double", pa.float64()),
        ("decimal(20,3)", pa.decimal128(20, 3)),
        ("varchar(10)", pa.string()),
        ("varbinary", pa.binary()),
        ("date", pa.date32()),
        ("timestamp(3)", pa.timestamp("us")),
        ("timestamp(6) with time zone", pa.timestamp("us", "UTC")),
        ("timestamp(9)", pa.timestamp("ns")),
        ("array(bigint)", pa.list_(pa.int64())),
        ("map(varchar, double)", pa.map_(pa.string(), pa.float64())),
        ("row(a bigint, b array(varchar))", pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))])),
    ],
)
def test_types_of_columns(name: str, dtype: pa.DataType) -> None:
    assert source_column(name).type == dtype


@pytest.mark.parametrize("name", ["uuid", "ipaddress", "time(3)", "interval day to second", "HyperLogLog"])
def test_other_types_are_selected_as_text(name: str) -> None:
    assert source_column(name).output == "CAST(:x AS VARCHAR)"


def test_exports_have_no_zones() -> None:
    assert "AT TIME ZONE 'UTC'" in exported_column("timestamp(3) with time zone").output
    assert exported_column("timestamp(3)").output == ""


def test_rows_become_arrow_without_loss() -> None:
    struct = pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))])
    schema = pa.schema([("i", pa.int64()), ("m", pa.map_(pa.string(), pa.int64())), ("s", struct)])
    rows = [(2**53 + 1, {"x": 1}, (1, ["y", None])), (None, None, None)]
    assert to_batch(rows, schema).to_pylist() == [
        {"i": 2**53 + 1, "m": [("x", 1)], "s": {"a": 1, "b": ["y", None]}},
        {"i": None, "m": None, "s": None},
    ]
    with pytest.raises(InvalidValueError, match="'i'"):
        to_batch([(1.5,)], pa.schema([("i", pa.int64())]))


def test_spines_are_tables_of_literals() -> None:
    columns = {"k": ["it's", None], "t": pa.array([1, 2], pa.timestamp("us", "UTC")), "b": [b"\xff", b""]}
    create, *inserts = spine_statements(exp.to_table("lake.feast.spine"), pa.table(columns), "orc")
    assert create == (
        'CREATE TABLE "lake"."feast"."spine" ("k" VARCHAR, "t" TIMESTAMP(6) WITH TIME ZONE, "b" VARBINARY)'
        " WITH (format = 'ORC')"
    )
    moment = "CAST(FROM_UNIXTIME_NANOS(CAST({} AS DECIMAL(38, 0)) * 1000) AS TIMESTAMP(6) WITH TIME ZONE)"
    assert inserts == [
        f"INSERT INTO \"lake\".\"feast\".\"spine\" VALUES ('it''s', {moment.format(1)}, FROM_HEX('ff')),"
        f" (CAST(NULL AS VARCHAR), {moment.format(2)}, FROM_HEX(''))"
    ]


def test_long_spines_take_several_statements() -> None:
    rows = pa.table({"k": pa.array(range(20_000), pa.int64())})
    _, *inserts = spine_statements(exp.to_table("lake.feast.spine"), rows, None)
    assert len(inserts) > 1
    assert all(len(insert) < 1_000_000 for insert in inserts)
    assert sum(insert.count("(CAST(") for insert in inserts) == 20_000


def test_no_server() -> None:
    source = SourceSpec(name="s", source_type="trino", options={"table": "t"})
    with pytest.raises(UnavailableError, match="Trino cannot answer"):
        engine(timeout=1).inspect(source)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"errorName": "TABLE_NOT_FOUND", "errorType": "USER_ERROR"}, NotFoundError),
        ({"errorName": "PERMISSION_DENIED", "errorType": "USER_ERROR"}, UnavailableError),
        ({"errorName": "SYNTAX_ERROR", "errorType": "USER_ERROR"}, InvalidRequestError),
        ({"errorName": "CLUSTER_OUT_OF_MEMORY", "errorType": "INSUFFICIENT_RESOURCES"}, UnavailableError),
    ],
)
def test_failures_are_told_apart(told: dict[str, str], expected: type[Exception]) -> None:
    assert type(engine().translate(TrinoUserError({"message": "no", **told}, "id"), "Source 's'")) is expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"http_scheme": "ftp"}, "http_scheme"),
        ({"auth": {"type": "magic"}}, "auth.type"),
        ({"auth": {"type": "basic", "config": {"username": "u", "password": "geheim"}}}, "TLS"),
        ({"http_scheme": "https", "auth": {"type": "jwt", "config": {"tokn": "geheim"}}}, "tokn"),
        ({"extra_credential": "geheim"}, "extra_credential"),
    ],
)
def test_options_are_checked(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidConfigError, match=words) as caught:
        engine(**options)
    assert "geheim" not in str(caught.value)
