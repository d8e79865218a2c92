"""The offline engine on PostgreSQL: rows leave and enter as COPY BINARY, Arrow on our side (ADBC)."""

from __future__ import annotations

import os
import re
import secrets
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from repast.backends.offline.sql_engine import Session
from repast.backends.offline.sql_table import SqlTableEngine, TableSession
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import POSTGRES
from repast.core.sql.node import named, select
from repast.core.sql.relation import SourceColumn
from repast.errors import ConflictError, InvalidRequestError, NotFoundError, RepastError, UnavailableError, require

_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_STATE = re.compile(r"SQLSTATE: (\w{5})")
_MESSAGE = re.compile(r"(?:ERROR|FATAL): +([^\n]*)")
_INDEXES = """
SELECT ARRAY(
  SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
  JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.number ORDER BY k.place
)
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS m ON m.oid = c.relam
WHERE i.indrelid = $1::regclass AND m.amname = 'btree' AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
"""
_TEXT = "CAST(:x AS TEXT)"
_AWAY = ("08", "28", "40", "53", "57", "58", "XX")
"""Classes of SQLSTATE in which the server, not the statement, is what fails."""
_ANSWERED = "[libpq] Execution error [PGRES_FATAL_ERROR]: ERROR:"
"""How an error begins that comes in the middle of a result: without its SQLSTATE."""
# An array of arrays would arrive as one long list. TRIM_ARRAY keeps the type whatever it is, and is never reached.
_FLAT = (
    "CASE WHEN ARRAY_NDIMS(:x) > 1 THEN TRIM_ARRAY(:x, CAST('[repast] This array has several dimensions, which lists of"
    " one type do not: ' || CAST(:x AS TEXT) AS INT)) ELSE :x END"
)


class PostgresEngine(SqlTableEngine):
    """Runs plans in a PostgreSQL server, version 14 or later.

    Args:
        repo_path: The folder of feature_store.yaml.
        host: The server's address.
        port: The server's port.
        database: The database with the sources.
        user: Needs SELECT on the sources and TEMPORARY on the database; INSERT to append, and
            CREATE on a schema to write tables there.
        password: By default what libpq finds (PGPASSWORD, .pgpass).
        db_schema: Where tables are whose names do not say it.
        sslmode: As libpq has it: "disable", "prefer", "require", "verify-full", ...
        sslkey_path: The client's key.
        sslcert_path: The client's certificate.
        sslrootcert_path: Certificates of authorities to trust.
        keepalives_idle: Seconds of silence before a connection is probed.

    """

    kind = "postgres"
    dialect = POSTGRES
    forgets_digits = True

    def __init__(
        self,
        *,
        repo_path: Path,
        host: str = "127.0.0.1",
        port: int = 5432,
        database: str = "postgres",
        user: str | None = None,
        password: str | None = None,
        db_schema: str = "public",
        sslmode: str = "prefer",
        sslkey_path: str | None = None,
        sslcert_path: str | None = None,
        sslrootcert_path: str | None = None,
        keepalives_idle: int | None = None,
    ) -> None:
        super().__init__()
        paths = {"sslkey": sslkey_path, "sslcert": sslcert_path, "sslrootcert": sslrootcert_path}
        self._parameters = {
            "host": host,
            "port": port,
            "dbname": database,
            "user": user,
            "password": password,
            "sslmode": sslmode,
            "keepalives_idle": keepalives_idle,
            "application_name": "repast",
            # Wall times are told from instants by their type alone, so the session's zone must not matter.
            "options": f"-c TimeZone=UTC -c search_path={_escaped(db_schema)}",
            **{name: str(repo_path / path) for name, path in paths.items() if path},
        }

        self._root: Any = None
        self._root_pid = 0
        self._connecting = threading.Lock()

    @property
    def errors(self) -> tuple[type[BaseException], ...]:  # type: ignore[override]
        """What the driver raises."""
        found: tuple[type[BaseException], ...] = (_driver().Error,)
        return found

    def connect(self, source: SourceSpec | None = None) -> Session:  # noqa: ARG002 - one database has all sources
        """Open a connection."""
        with self._connecting:
            if self._root is None or self._root_pid != os.getpid():
                words = [f"{name}={_quoted(value)}" for name, value in self._parameters.items() if value is not None]
                self._root, self._root_pid = _driver().connect(" ".join(words)), os.getpid()
                weakref.finalize(self, _close_here, self._root, self._root_pid)
            # The driver learns the server's types once; what it clones knows them.
            return _PostgresSession(self._root.adbc_clone())

    def plain_query(self, session: Session, text: str) -> tuple[str, pa.Schema | None]:
        """Select uuids and the like as text; numerics are decimals."""
        query = exp.Subquery(this=exp.Var(this=f"{text}\n"))
        columns = session.inspect(query)
        schema = pa.schema([(name, column.type) for name, column in columns.items()])
        if not any(column.output for column in columns.values()):
            return text, schema
        relation = exp.alias_(query, "source", table=True, quoted=True)
        nodes = {name: exp.column(name, table="source", quoted=True) for name in columns}
        outputs = [
            named(POSTGRES.fill(column.output, x=nodes[name]) if column.output else nodes[name], name)
            for name, column in columns.items()
        ]
        return POSTGRES.render(select(*outputs).from_(relation)), schema

    def close(self) -> None:
        """Release connections."""
        super().close()
        with self._connecting:
            if self._root is not None:
                _close_here(self._root, self._root_pid)
            self._root = None

    def translate(self, error: BaseException, subject: str) -> RepastError:
        """Tell errors apart by SQLSTATE."""
        text = str(error)
        state = _STATE.search(text)
        code = str(getattr(error, "sqlstate", None) or (state.group(1) if state else ""))
        message = _MESSAGE.search(text)
        first = message.group(1) if message else text.split("\n")[0]
        if code in ("42P01", "3F000"):
            return NotFoundError(f"{subject} is not there: {first}", hint="check its name, and db_schema")
        if code == "42P07":
            return ConflictError(f"{subject}: {first}", hint="choose another name, or pass allow_overwrite=True")
        if code in ("42501",):
            return UnavailableError(f"{subject} may not be read or written: {first}", hint="grant the user its rights")
        if code[:2] in _AWAY or code == "3D000" or (not code and not text.startswith(_ANSWERED)):
            return UnavailableError(f"{subject}: PostgreSQL cannot answer: {first}", hint=_hint(code))
        return InvalidRequestError(f"{subject}: {first}")


def _hint(code: str) -> str:
    if code.startswith("28"):
        return "check user and password of offline_store"
    return "check host, port and database of offline_store" if not code or code == "3D000" else "try again"


def _close_here(connection: Any, pid: int) -> None:
    """Close a connection unless it is the parent's, of a forked process."""
    if os.getpid() == pid:
        connection.close()


def _driver() -> Any:
    return require("adbc_driver_postgresql.dbapi", extra="postgres", purpose="The postgres offline store")


def _quoted(value: object) -> str:
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _escaped(schema: str) -> str:
    quoted = '"' + schema.replace('"', '""') + '"'
    return re.sub(r"([\\ ])", r"\\\1", quoted)


class _PostgresSession(TableSession):
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._cursor = connection.cursor()

    def inspect(self, table: exp.Expr) -> Mapping[str, SourceColumn]:
        aliased = exp.alias_(table.copy(), "source", table=True, quoted=True)
        schema = self._cursor.adbc_execute_schema(POSTGRES.render(select(exp.Star()).from_(aliased)))
        exact = self._numerics(table) if isinstance(table, exp.Table) else {}
        return {field.name: _column(field, exact.get(field.name)) for field in schema}

    def _numerics(self, table: exp.Table) -> dict[str, str]:
        """Return the types of the numeric columns with their digits, which a result does not tell."""
        self._cursor.execute(
            "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = $1::regclass AND atttypid = 'numeric'::regtype AND atttypmod > 0",
            (POSTGRES.render(table.copy()),),
        )
        return dict(self._cursor.fetchall())

    def estimate_rows(self, table: exp.Expr) -> int | None:
        if not isinstance(table, exp.Table):
            return None
        self._cursor.execute(
            "SELECT reltuples::bigint FROM pg_class WHERE oid = $1::regclass", (POSTGRES.render(table.copy()),)
        )
        ((rows,),) = self._cursor.fetchall()
        return rows if rows >= 0 else None  # -1: never analyzed

    def has_index(self, table: exp.Expr, keys: Sequence[str], time: str) -> bool:
        if not isinstance(table, exp.Table) or not keys:
            return False
        self._cursor.execute(_INDEXES, (POSTGRES.render(table.copy()),))
        found = [columns for (columns,) in self._cursor.fetchall()]
        count = len(keys)
        return any(set(c[:count]) == set(keys) and c[count : count + 1] == [time] for c in found)

    def execute(self, statement: str) -> pa.RecordBatchReader:
        self._cursor.execute("SET TRANSACTION READ ONLY")
        self._cursor.execute(statement)
        return self._cursor.fetch_record_batch()

    def upload(self, spine: pa.Table) -> exp.Expr:
        name = f"repast_spine_{secrets.token_hex(8)}"
        self._cursor.adbc_ingest(name, spine, mode="create", temporary=True)
        table = exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier("pg_temp", quoted=True))
        self._cursor.execute(f"ANALYZE {POSTGRES.render(table.copy())}")
        return table

    def insert(self, table: exp.Table, rows: pa.Table) -> None:
        staged = self.upload(rows)
        names = [exp.column(name, quoted=True) for name in rows.schema.names]
        insert = exp.insert(select(*names).from_(staged), table.copy(), columns=[n.this.copy() for n in names])
        self._cursor.execute(POSTGRES.render(insert))
        self._connection.commit()

    def keep(self, query: str) -> exp.Expr:
        name = f"repast_work_{secrets.token_hex(8)}"
        self._cursor.execute(f'CREATE TEMPORARY TABLE "{name}" AS {query}')
        return exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier("pg_temp", quoted=True))

    def create(self, table: exp.Table, query: str, *, replace: bool) -> None:
        target = POSTGRES.render(table.copy())
        if replace:
            self._cursor.execute(f"DROP TABLE IF EXISTS {target}")
        self._cursor.execute(f"CREATE TABLE {target} AS {query}")
        self._connection.commit()

    def read(self, query: str) -> pa.Table:
        # Not read only: tables are made in the same transaction.
        self._cursor.execute(query)
        return self._cursor.fetch_arrow_table()

    def reset(self) -> bool:
        # Everything since the last reset is one transaction: the spine's table goes with it.
        try:
            self._cursor.close()
            self._connection.rollback()
            self._cursor = self._connection.cursor()
        except _driver().Error:
            return False
        return True

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()


def _column(field: pa.Field, exact: str | None) -> SourceColumn:
    dtype = field.type
    if pa.types.is_list(dtype):
        return SourceColumn(pa.list_(_column(dtype.value_field, None).type), _FLAT)
    if not isinstance(dtype, pa.BaseExtensionType):
        return SourceColumn(dtype)
    if dtype.extension_name == "arrow.json":
        return SourceColumn(pa.string())
    if getattr(dtype, "type_name", "") != "numeric":
        return SourceColumn(pa.string(), _TEXT)
    digits = _NUMERIC.fullmatch(exact or "")
    if digits and int(digits[1]) <= 38:
        return SourceColumn(pa.decimal128(int(digits[1]), int(digits[2])))
    return SourceColumn(pa.decimal128(38, 9), any_number=True)
