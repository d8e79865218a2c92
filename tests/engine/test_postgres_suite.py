"""The engine suite on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import adbc_driver_postgresql.dbapi
import pyarrow as pa
import pytest

from repast.backends.offline.postgres import PostgresEngine
from repast.core.manifest import SourceSpec
from repast.ports.offline import OfflineEngine
from repast.testing.engine import EngineSuite
from repast.testing.strategy import NESTED
from repast.types import Array, DataType, Primitive, Set
from server.postgres import PostgresServer, run_postgres

_NO_NANOS = "times in PostgreSQL are microseconds"
_NO_NESTING = "PostgreSQL has no such type; keep such values as json, declared Json"


def is_flat(dtype: DataType) -> bool:
    """Whether values are lists of plain ones."""
    return isinstance(dtype, Array | Set) and isinstance(dtype.item, Primitive)


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[PostgresServer]:
    with run_postgres() as started:
        TestPostgresEngine.server = started
        yield started
        _connection(started.url).close()


class TestPostgresEngine(EngineSuite):
    server: ClassVar[PostgresServer]
    examples = 10
    gaps: ClassVar[dict[str, str]] = {
        "test_nanoseconds_are_floored": _NO_NANOS,
        "test_nanoseconds_within_the_last_microsecond": _NO_NANOS,
        **{f"test_features_come_back_as_they_are[{dtype}]": _NO_NESTING for dtype in NESTED if not is_flat(dtype)},
    }

    def make_engine(self, folder: Path) -> OfflineEngine:
        return PostgresEngine(repo_path=folder, **self.server.options)

    def store_rows(self, folder: Path, name: str, rows: pa.Table) -> SourceSpec:
        store_rows(self.server, name, rows)
        return SourceSpec(name=name, source_type="postgres", options={"table": name})

    def missing_source(self, folder: Path) -> SourceSpec:
        return SourceSpec(name="gone", source_type="postgres", options={"table": "gone"})

    def storable(self, value: Any) -> Any:
        return value.replace("\x00", "\N{SYMBOL FOR NULL}") if isinstance(value, str) else value


def store_rows(server: PostgresServer, name: str, rows: pa.Table) -> None:
    """Make a table of rows; numbers without sign, which PostgreSQL has not, become numerics."""
    fields = [field.with_type(stored_type(field.type)) for field in rows.schema]
    rows = rows.cast(pa.schema(fields))
    connection = _connection(server.url)
    with connection.cursor() as cursor:
        cursor.adbc_ingest(name, rows, mode="replace")
    connection.commit()


@cache
def _connection(url: str) -> adbc_driver_postgresql.dbapi.Connection:
    return adbc_driver_postgresql.dbapi.connect(url)


def stored_type(dtype: pa.DataType) -> pa.DataType:
    if pa.types.is_unsigned_integer(dtype):
        return pa.decimal128(20, 0)
    return pa.timestamp("us", dtype.tz) if pa.types.is_timestamp(dtype) else dtype
