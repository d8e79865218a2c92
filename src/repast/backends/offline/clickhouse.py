"""The offline engine on ClickHouse, in this process (chdb)."""

from __future__ import annotations

import re
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from repast.backends.offline.sql_engine import Session
from repast.backends.offline.sql_table import SqlTableEngine, TableSession
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import CLICKHOUSE
from repast.core.sql.node import select
from repast.core.sql.relation import SourceColumn
from repast.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    RepastError,
    UnavailableError,
    UnsupportedError,
    require,
)

_SETTINGS = {
    "session_timezone": "'UTC'",
    "join_use_nulls": "1",
    # The greatest of nothing is null, not zero.
    "aggregate_functions_null_for_empty": "1",
    "prefer_column_name_to_alias": "1",
    "output_format_arrow_string_as_string": "1",
    "output_format_arrow_fixed_string_as_fixed_byte_array": "1",
}
_BATCH_ROWS = 65_536
_WRAPPED = re.compile(r"(?:Nullable|LowCardinality)\((.*)\)")
_CODE = re.compile(r"Code: (\d+)\.")
_MISSING = (60, 81)
"""UNKNOWN_TABLE, UNKNOWN_DATABASE."""
_TAKEN = 57
_AWAY = (159, 209, 210, 241, 243, 279, 394, 425, 516, 999)
"""Time-outs, networks, memory, disks, wrong passwords."""


class ClickHouseEngine(SqlTableEngine):
    """Runs plans in ClickHouse's own engine, in this process.

    Args:
        repo_path: Where relative paths start.
        path: Folder of the database.
        database: The one with tables whose names do not say it.
        memory_limit: Bytes a statement may take; by default ClickHouse's own limit.
        threads: By default one per core.
        host: Servers are not connected to; see the error.

    """

    kind = "clickhouse"
    dialect = CLICKHOUSE
    nullable_nests = False

    def __init__(
        self,
        *,
        repo_path: Path,
        path: str | Path = "data/clickhouse",
        database: str = "default",
        memory_limit: int | None = None,
        threads: int | None = None,
        host: str | None = None,
    ) -> None:
        super().__init__()
        if host is not None:
            raise UnsupportedError(
                "The clickhouse offline store runs ClickHouse in this process and connects to no server.",
                hint="leave host out, and read the server's tables through views over remoteSecure() in that folder",
            )
        self._path = Path(repo_path) / path
        self._database = database
        self._settings = dict(_SETTINGS)
        if memory_limit is not None:
            self._settings["max_memory_usage"] = str(int(memory_limit))
        if threads is not None:
            self._settings["max_threads"] = str(int(threads))

    @property
    def errors(self) -> tuple[type[BaseException], ...]:  # type: ignore[override]
        """What the driver raises."""
        return (_chdb().ChdbError, RuntimeError)

    def connect(self, source: SourceSpec | None = None) -> Session:  # noqa: ARG002 - one folder has all sources
        """Open the folder."""
        self._path.mkdir(parents=True, exist_ok=True)
        session = ClickHouseSession(_chdb().connect(str(self._path)))
        session.command(f"USE {exp.to_identifier(self._database, quoted=True).sql(dialect='clickhouse')}")
        session.command("SET " + ", ".join(f"{name} = {value}" for name, value in self._settings.items()))
        return session

    def translate(self, error: BaseException, subject: str) -> RepastError:
        """Tell errors apart by ClickHouse's codes."""
        text = str(error)
        found = _CODE.search(text)
        code = int(found.group(1)) if found else 0
        first = re.sub(r"^Code: \d+\. (DB::Exception: )?", "", text.strip().split("\n")[0])[:500]
        if code in _MISSING:
            return NotFoundError(f"{subject} is not there: {first}", hint="check its name, and database")
        if code == _TAKEN:
            return ConflictError(f"{subject}: {first}", hint="choose another name, or pass allow_overwrite=True")
        if code in _AWAY or isinstance(error, OSError):
            return UnavailableError(f"{subject}: ClickHouse cannot answer: {first}")
        return InvalidRequestError(f"{subject}: {first}")


def _chdb() -> Any:
    return require("chdb", extra="clickhouse", purpose="The clickhouse offline store")


class ClickHouseSession(TableSession):
    """One connection to the database of a folder."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._uploads: list[str] = []

    def command(self, statement: str) -> None:
        """Run a statement that yields nothing."""
        self._connection.query(statement, "CSV")

    def inspect(self, table: exp.Expr) -> Mapping[str, SourceColumn]:
        aliased = exp.alias_(table.copy(), "source", table=True, quoted=True)
        rows = CLICKHOUSE.render(select(exp.Star()).from_(aliased))
        native = self._connection.query(f"DESCRIBE ({rows})", "ArrowTable")
        types = dict(zip(native.column("name").to_pylist(), native.column("type").to_pylist(), strict=True))
        schema = self._connection.query(f"{rows} LIMIT 0", "ArrowTable").schema
        return {field.name: _column(field.type, str(types[field.name])) for field in schema}

    def execute(self, statement: str) -> pa.RecordBatchReader:
        return self._connection.send_query(statement, "Arrow").record_batch(_BATCH_ROWS)

    def upload(self, spine: pa.Table) -> exp.Expr:
        # Without nulls columns are plain and join faster.
        columns = zip(spine.schema, spine.columns, strict=True)
        schema = pa.schema([field.with_nullable(column.null_count > 0) for field, column in columns])
        name = self._temporary()
        self.load(f"CREATE TEMPORARY TABLE {name} ENGINE = Memory AS", spine.cast(schema))
        return exp.Table(this=exp.to_identifier(name, quoted=True))

    def insert(self, table: exp.Table, rows: pa.Table) -> None:
        names = ", ".join(exp.to_identifier(name, quoted=True).sql(dialect="clickhouse") for name in rows.schema.names)
        # One block becomes one part, which is there as a whole or not at all.
        rows_of_block = rows.num_rows + 1
        self.command(f"SET max_insert_block_size = {rows_of_block}, min_insert_block_size_rows = {rows_of_block}")
        self.load(f"INSERT INTO {CLICKHOUSE.render(table.copy())} ({names})", rows)

    def keep(self, query: str) -> exp.Expr:
        name = self._temporary()
        self.command(f"CREATE TEMPORARY TABLE {name} ENGINE = Memory AS {query}")
        return exp.Table(this=exp.to_identifier(name, quoted=True))

    def create(self, table: exp.Table, query: str, *, replace: bool) -> None:
        target, rest = CLICKHOUSE.render(table.copy()), f"ENGINE = MergeTree ORDER BY tuple() AS {query}"
        if replace:  # that fills a table of another name, and exchanges the two
            self.command(f"CREATE OR REPLACE TABLE {target} {rest}")
            return
        staged = table.copy()
        staged.set("this", exp.to_identifier(f"repast_{secrets.token_hex(8)}", quoted=True))
        stage = CLICKHOUSE.render(staged)
        try:
            self.command(f"CREATE TABLE {stage} {rest}")
            self.command(f"RENAME TABLE {stage} TO {target}")
        except (_chdb().ChdbError, RuntimeError):
            self.command(f"DROP TABLE IF EXISTS {stage}")
            raise

    def _temporary(self) -> str:
        name = "spine" if not self._uploads else f"uploaded_{len(self._uploads)}"
        self._uploads.append(name)
        return name

    def load(self, into: str, rows: pa.Table) -> None:
        """Run a statement that goes on with a SELECT of these rows."""
        with tempfile.NamedTemporaryFile(prefix="repast-", suffix=".arrow") as file:
            with pa.ipc.new_file(file, rows.schema) as writer:
                writer.write_table(rows)
            file.flush()
            path = exp.Literal.string(file.name).sql(dialect="clickhouse")
            self.command(f"{into} SELECT * FROM file({path}, 'Arrow')")  # noqa: S608 - a literal

    def reset(self) -> bool:
        while self._uploads:
            self.command(f"DROP TEMPORARY TABLE IF EXISTS {self._uploads.pop()}")
        return True

    def close(self) -> None:
        self._connection.close()


def _column(dtype: pa.DataType, native: str) -> SourceColumn:
    while wrapped := _WRAPPED.fullmatch(native):
        native = wrapped.group(1)
    if native == "String":
        return SourceColumn(pa.string(), any_bytes=True)
    if native.startswith("DateTime") and not native.startswith("DateTime64"):
        return SourceColumn(pa.timestamp("us", "UTC"), "toDateTime64(:x, 6, 'UTC')")
    if native in ("Int128", "UInt128", "Int256", "UInt256"):
        return SourceColumn(pa.decimal128(38, 0), "toString(:x)", any_number=True)
    if native == "UUID" or native.startswith(("Enum", "IPv", "FixedString", "JSON", "Variant", "Dynamic")):
        return SourceColumn(pa.string(), "toString(:x)")
    return SourceColumn(plain(dtype))


def plain(dtype: pa.DataType) -> pa.DataType:
    """Return a type without the promises about nulls that ClickHouse makes of nested values."""
    if pa.types.is_list(dtype):
        return pa.list_(plain(dtype.value_type))
    if pa.types.is_map(dtype):
        return pa.map_(plain(dtype.key_type), plain(dtype.item_type))
    if pa.types.is_struct(dtype):
        return pa.struct([(field.name, plain(field.type)) for field in dtype])
    return dtype
