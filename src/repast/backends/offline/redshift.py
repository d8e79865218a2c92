"""The offline engine on Redshift: results are read through a cursor, spines are temporary tables."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlglot import exp

from repast.backends.offline.driver_row import BATCH_ROWS, column_type, to_batch, value_lists
from repast.backends.offline.redshift_stage import Stage
from repast.backends.offline.sql_engine import Session
from repast.backends.offline.sql_table import SqlTableEngine, TableSession
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import REDSHIFT, SqlDialect
from repast.core.sql.node import select
from repast.core.sql.relation import SourceColumn
from repast.errors import (
    ConflictError,
    InvalidConfigError,
    InvalidRequestError,
    NotFoundError,
    RepastError,
    UnavailableError,
    require,
)

_STATEMENT_BYTES = 4_000_000
"""Of one INSERT. Redshift refuses statements of 16 MB."""
_FEW_ROWS = 5_000
"""More are staged in S3 where there is a place for them: literals are parsed by one node."""
_TYPES: Mapping[int, pa.DataType] = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    25: pa.string(),
    700: pa.float32(),
    701: pa.float64(),
    1042: pa.string(),
    1043: pa.string(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", "UTC"),
}
"""By the number that the server gives a type. All others are selected as text."""
_NUMERIC, _SUPER, _VARBYTE = 1700, 4000, 6551
_AWAY = ("08", "28", "53", "57", "58", "XX")
"""Classes of SQLSTATE in which the server, not the statement, is what fails. XX is also that of errors in values."""


class RedshiftEngine(SqlTableEngine):
    """Runs plans in Redshift.

    Args:
        repo_path: The folder of feature_store.yaml.
        database: With the sources.
        user: Of the database. Needs SELECT on the sources and TEMP on the database; INSERT to append.
        cluster_id: Of a cluster; who you are is asked of AWS.
        workgroup: Of Redshift Serverless, instead.
        region: Of the cluster or workgroup.
        host: An endpoint to log in to with user and password, instead.
        port: The endpoint's port.
        password: Of the user.
        ssl: Whether the connection is encrypted.
        s3_staging_location: An s3:// folder for large spines, which then enter by COPY; deleted after it.
        iam_role: The role with which Redshift reads that folder.
        timeout: Seconds to connect.

    """

    kind = "redshift"
    dialect: SqlDialect = REDSHIFT
    levels = ("database", "schema")

    def __init__(
        self,
        *,
        repo_path: Path,  # noqa: ARG002 - nothing here is a file
        database: str,
        user: str | None = None,
        cluster_id: str | None = None,
        workgroup: str | None = None,
        region: str | None = None,
        host: str | None = None,
        port: int = 5439,
        password: str | None = None,
        ssl: bool = True,
        s3_staging_location: str | None = None,
        iam_role: str | None = None,
        timeout: int = 30,
    ) -> None:
        super().__init__()
        places = {"cluster_id": cluster_id, "workgroup": workgroup, "host": host}
        given = [name for name, value in places.items() if value]
        if len(given) != 1:
            raise InvalidConfigError(
                "offline_store of type 'redshift' needs one of cluster_id, workgroup and host; given: "
                + (" and ".join(given) or "none of them")
                + ".",
                hint="cluster_id and user for a cluster, workgroup for Redshift Serverless",
            )
        if host is None and region is None:
            raise InvalidConfigError("offline_store of type 'redshift' needs the option 'region'.")
        self._stage = None if s3_staging_location is None else Stage(s3_staging_location, iam_role, region)
        common = {"database": database, "port": port, "timeout": timeout, "ssl": ssl, "application_name": "repast"}
        if host is not None:
            self._options = common | {"host": host, "user": user, "password": password}
        elif cluster_id is not None:
            self._options = common | {"iam": True, "cluster_identifier": cluster_id, "region": region, "db_user": user}
        else:
            self._options = common | {
                "iam": True,
                "is_serverless": True,
                "serverless_work_group": workgroup,
                "region": region,
            }

    @property
    def errors(self) -> tuple[type[BaseException], ...]:  # type: ignore[override]
        """What the driver raises, and AWS's client where it is asked for a login."""
        aws: Any = require("botocore.exceptions", extra="redshift", purpose="The redshift offline store")
        return (_driver().Error, aws.BotoCoreError, aws.ClientError)

    def connect(self, source: SourceSpec | None = None) -> Session:  # noqa: ARG002 - one database has all sources
        """Open a connection."""
        return _RedshiftSession(_driver().connect(**self._options), self.dialect, self._stage)

    def translate(self, error: BaseException, subject: str) -> RepastError:
        """Tell errors apart by SQLSTATE."""
        told = error.args[0] if error.args and isinstance(error.args[0], Mapping) else {}
        state = str(told.get("C", ""))
        first = str(told.get("M") or error).strip().split("\n")[0]
        if state in ("42P01", "3F000"):
            return NotFoundError(f"{subject} is not there: {first}", hint="check its name, database and schema")
        if state == "42P07":
            return ConflictError(f"{subject}: {first}", hint="choose another name, or pass allow_overwrite=True")
        if state == "42501":
            return UnavailableError(f"{subject} may not be read or written: {first}", hint="grant the user its rights")
        if state[:2] in _AWAY or state == "3D000" or not state:
            hint = "check user, password and database" if state.startswith(("28", "3D")) else "check where it is"
            return UnavailableError(f"{subject}: Redshift cannot answer: {first}", hint=f"{hint} in offline_store")
        return InvalidRequestError(f"{subject}: {first}")


def _driver() -> Any:
    return require("redshift_connector", extra="redshift", purpose="The redshift offline store")


class _RedshiftSession(TableSession):
    def __init__(self, connection: Any, dialect: SqlDialect, stage: Stage | None) -> None:
        self._connection = connection
        self._dialect = dialect
        self._stage = stage
        # Wall times are told from instants by their type alone, so the session's zone must not matter.
        self._run("SET TIMEZONE TO 'UTC'")
        self._connection.commit()

    def inspect(self, table: exp.Expr) -> Mapping[str, SourceColumn]:
        aliased = exp.alias_(table.copy(), "source", table=True, quoted=True)
        return _columns(self._run(self._dialect.render(select(exp.Star()).from_(aliased).limit(0))))

    def execute(self, statement: str) -> pa.RecordBatchReader:
        # Without a cursor the driver would keep all rows in memory.
        name = f"repast_{secrets.token_hex(8)}"
        self._run(f"DECLARE {name} CURSOR FOR {statement}")
        fetch = f"FETCH FORWARD {BATCH_ROWS} FROM {name}"
        first = self._run(fetch)
        schema = pa.schema([(column, kind.type) for column, kind in _columns(first).items()])

        def batches() -> Iterator[pa.RecordBatch]:
            rows = first.fetchall()
            while rows:
                yield to_batch(rows, schema)
                rows = self._run(fetch).fetchall() if len(rows) == BATCH_ROWS else ()

        return pa.RecordBatchReader.from_batches(schema, batches())

    def upload(self, spine: pa.Table) -> exp.Expr:
        table = exp.Table(this=exp.to_identifier(f"repast_spine_{secrets.token_hex(8)}", quoted=True))
        fields = [(exp.to_identifier(field.name, quoted=True), column_type(field.type)) for field in spine.schema]
        columns = ", ".join(f"{name.sql()} {_exact(kind, self._dialect)}" for name, kind in fields)
        self._run(f"CREATE TEMPORARY TABLE {table.sql()} ({columns})")
        if self._stage is not None and spine.num_rows > _FEW_ROWS:
            with self._stage.put(spine) as copy:
                self._run(f"COPY {table.sql()} {copy}")
        else:
            for values in value_lists(spine, self._dialect, most_bytes=_STATEMENT_BYTES):
                self._run(f"INSERT INTO {table.sql()} VALUES {values}")  # noqa: S608 - literals
        return table

    def insert(self, table: exp.Table, rows: pa.Table) -> None:
        staged = self.upload(rows)
        names = [exp.column(name, quoted=True) for name in rows.schema.names]
        insert = exp.insert(select(*names).from_(staged), table.copy(), columns=[n.this.copy() for n in names])
        self._run(self._dialect.render(insert))
        self._connection.commit()

    def keep(self, query: str) -> exp.Expr:
        table = exp.Table(this=exp.to_identifier(f"repast_work_{secrets.token_hex(8)}", quoted=True))
        self._run(f"CREATE TEMPORARY TABLE {table.sql()} AS {query}")
        return table

    def create(self, table: exp.Table, query: str, *, replace: bool) -> None:
        for statement in table_statements(table, query, self._dialect, replace=replace):
            self._run(statement)
        self._connection.commit()

    def reset(self) -> bool:
        # Everything since the last reset is one transaction: the spine's table goes with it.
        try:
            self._connection.rollback()
        except (_driver().Error, OSError):
            return False
        return True

    def close(self) -> None:
        with suppress(_driver().Error, OSError):
            self._connection.close()

    def _run(self, statement: str) -> Any:
        cursor = self._connection.cursor()
        cursor.paramstyle = "named"  # a percent sign is itself
        cursor.execute(statement)
        return cursor


def table_statements(table: exp.Table, query: str, dialect: SqlDialect, *, replace: bool) -> Iterator[str]:
    """Return the statements that, in one transaction, make a table of what a SELECT yields."""
    target = dialect.render(table.copy())
    if replace:
        yield f"DROP TABLE IF EXISTS {target}"
    yield f"CREATE TABLE {target} AS {query}"


def _columns(cursor: Any) -> dict[str, SourceColumn]:
    return {
        _name(column["label"]): _column(column["type_oid"], column["type_modifier"]) for column in _described(cursor)
    }


def _described(cursor: Any) -> Any:
    """Return the server's description of a result, which knows how many digits a number has."""
    return cursor.ps["row_desc"]


def _name(label: str | bytes) -> str:
    return label.decode() if isinstance(label, bytes) else label


def _column(oid: int, modifier: int) -> SourceColumn:
    if oid == _NUMERIC:
        if modifier < 4:
            return SourceColumn(pa.decimal128(38, 9), any_number=True)
        return SourceColumn(pa.decimal128((modifier - 4) >> 16, (modifier - 4) & 0xFFFF))
    if oid == _VARBYTE:
        return SourceColumn(pa.binary())
    if oid == _SUPER:
        return SourceColumn(pa.string(), "JSON_SERIALIZE(:x)")
    dtype = _TYPES.get(int(oid))
    return SourceColumn(pa.string(), "CAST(:x AS VARCHAR)") if dtype is None else SourceColumn(dtype)


def _exact(kind: exp.DataType, dialect: SqlDialect) -> str:
    """Text has 256 bytes there, unless told otherwise."""
    text = kind.sql(dialect=dialect.name)
    return "VARCHAR(65535)" if text == "VARCHAR" else text
