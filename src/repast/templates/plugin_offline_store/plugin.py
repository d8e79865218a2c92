"""An offline engine on the tables of a DuckDB database file, and the source that names them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import duckdb
import pyarrow as pa
from sqlglot import exp

from repast.backends.offline.sql_engine import Session, SqlEngine
from repast.core.definitions.table_source import TableSource
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import DUCKDB
from repast.core.sql.node import select
from repast.core.sql.relation import SourceColumn
from repast.errors import InvalidRequestError, NotFoundError, RepastError, UnavailableError

KIND = "PROJECT_NAME"

_OPENING = threading.Lock()
"""Whoever gets a database that another thread is just opening finds none of DuckDB's own functions in it."""


class Source(TableSource):
    """A table or query of the database."""

    source_type: ClassVar[str] = KIND


class Engine(SqlEngine):
    """Runs plans in a DuckDB database file.

    Args:
        repo_path: Folder of the repo, where a relative ``database`` starts.
        database: The file.

    """

    kind = KIND
    dialect = DUCKDB
    errors = (duckdb.Error,)

    def __init__(self, *, repo_path: Path, database: str = "warehouse.duckdb") -> None:
        super().__init__()
        self._path = Path(repo_path) / database

    def connect(self, source: SourceSpec | None = None) -> Session:  # noqa: ARG002 - one database has all sources
        """Open the file; connections of one process share it."""
        with _OPENING:
            connection = duckdb.connect(self._path)
        connection.execute("SET TimeZone = 'UTC'")
        return _Session(connection)

    def translate(self, error: BaseException, subject: str) -> RepastError:
        """Say what an error of DuckDB means."""
        first = str(error).split("\n")[0]
        if isinstance(error, duckdb.CatalogException):
            return NotFoundError(f"{subject} is not there: {first}", hint="check its name")
        if isinstance(error, duckdb.IOException):
            return UnavailableError(f"{subject}: {first}", hint="check the option database of offline_store")
        return InvalidRequestError(f"{subject}: {first}")


class _Session(Session):
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def inspect(self, table: exp.Expr) -> Mapping[str, SourceColumn]:
        aliased = exp.alias_(table.copy(), "source", table=True, quoted=True)
        statement = DUCKDB.render(select(exp.Star()).from_(aliased).limit(0))
        return {
            field.name: SourceColumn(field.type) for field in self._connection.sql(statement).to_arrow_table().schema
        }

    def execute(self, statement: str) -> pa.RecordBatchReader:
        return self._connection.sql(statement).to_arrow_reader(65_536)

    def upload(self, spine: pa.Table) -> exp.Expr:
        self._connection.register("uploaded", spine)
        return exp.Table(this=exp.to_identifier("uploaded", quoted=True))

    def insert(self, table: exp.Table, rows: pa.Table) -> None:
        self._connection.register("rows_to_insert", rows)
        columns = [exp.to_identifier(name, quoted=True) for name in rows.column_names]
        statement = exp.insert(exp.select(*columns).from_("rows_to_insert"), table, columns=columns)
        self._connection.execute(DUCKDB.render(statement))

    def close(self) -> None:
        self._connection.close()
