"""The engine suite on a PostgreSQL server."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import adbc_driver_postgresql.dbapi
import pyarrow as pa
import pytest

from repast.backends.offline.postgres import PostgresEngine
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import POSTGRES
from repast.ports.offline import OfflineEngine
from repast.testing.engine import Bench, EngineSuite, TableRules
from repast.testing.engine.base import EngineBase, asked, frame_of, join_plan, spine_table
from repast.testing.engine.join import JoinRules
from repast.testing.strategy import BASE, NESTED
from repast.types import Array, DataType, Primitive, Set
from server.postgres import PostgresServer, run_postgres

_TYPES = ("test_features_come_back_as_they_are", "test_tables_hold_features_as_they_are")
_NO_NANOS = "times in PostgreSQL are microseconds"
_NO_NESTING = "PostgreSQL has no such type; keep such values as json, declared Json"


def is_flat(dtype: DataType) -> bool:
    """Whether values are lists of plain ones."""
    return isinstance(dtype, Array | Set) and isinstance(dtype.item, Primitive)


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[PostgresServer]:
    with run_postgres() as started:
        PostgresSuite.server = started
        yield started
        _connection(started.url).close()


class PostgresSuite:
    """What a subclass of the suite provides, for any form of the engine."""

    server: ClassVar[PostgresServer]
    examples = 10

    def make_engine(self, folder: Path) -> OfflineEngine:
        return PostgresEngine(repo_path=folder, **self.server.options)

    def store_rows(self, folder: Path, name: str, rows: pa.Table) -> SourceSpec:
        store_rows(self.server, name, rows)
        return SourceSpec(name=name, source_type="postgres", options={"table": name})

    def missing_source(self, folder: Path) -> SourceSpec:
        return SourceSpec(name="gone", source_type="postgres", options={"table": "gone"})

    def storable(self, value: Any) -> Any:
        return value.replace("\x00", "\N{SYMBOL FOR NULL}") if isinstance(value, str) else value


class TestPostgresEngine(PostgresSuite, TableRules, EngineSuite):
    gaps: ClassVar[dict[str, str]] = {
        "test_nanoseconds_are_floored": _NO_NANOS,
        "test_nanoseconds_within_the_last_microsecond": _NO_NANOS,
        **{f"{rule}[{dtype}]": _NO_NESTING for rule in _TYPES for dtype in NESTED if not is_flat(dtype)},
    }


class LookupEngine(PostgresEngine):
    """PostgreSQL looking up spines of any size."""

    dialect = dataclasses.replace(POSTGRES, lookup_share=float("inf"))


class TestLookups(PostgresSuite, JoinRules, EngineBase):
    """The point-in-time join through an index, in every rule that has one."""

    def make_engine(self, folder: Path) -> OfflineEngine:
        return LookupEngine(repo_path=folder, **self.server.options)

    def store_rows(self, folder: Path, name: str, rows: pa.Table) -> SourceSpec:
        source = super().store_rows(folder, name, rows)
        keys = [column for column in rows.column_names if column in ("k", "k0", "k1", "a", "b")]
        if keys and "event_timestamp" in rows.column_names:
            with self.server.connect() as connection:
                connection.execute(f'CREATE INDEX ON "{name}" ({", ".join(reversed(keys))}, event_timestamp)')
        return source

    def test_an_index_is_used(self, bench: Bench) -> None:
        frame = frame_of((1, BASE, None, 1))
        plan, spine = join_plan(frame, bench.store(frame.table())), spine_table(frame, asked((1, BASE)))
        assert "LATERAL" in bench.engine.explain(plan, spine)
        assert "LATERAL" not in bench.engine.explain(dataclasses.replace(plan, as_of="available"), spine)


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
