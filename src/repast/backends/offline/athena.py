"""The offline engine on Athena: results are unloaded as Parquet, spines are Parquet files with a table over them."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from repast.backends.offline.driver_row import column_type
from repast.backends.offline.sql_engine import Session, SqlEngine
from repast.backends.offline.trino_type import exported_column
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import ATHENA
from repast.core.sql.node import named, select
from repast.core.sql.relation import SourceColumn
from repast.errors import InvalidConfigError, InvalidRequestError, NotFoundError, RepastError, UnavailableError, require

_MISSING = ("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND", "does not exist")
_DENIED = ("AccessDenied", "not authorized", "PERMISSION_DENIED", "Insufficient permissions", "Access Denied")
_USERS = ("SYNTAX_ERROR", "COLUMN_NOT_FOUND", "TYPE_MISMATCH", "INVALID_", "FAILED: ParseException", "mismatched input")


class AthenaEngine(SqlEngine):
    """Runs plans in Athena, engine version 3.

    Args:
        repo_path: The folder of feature_store.yaml.
        region: Of AWS.
        database: With the tables whose names do not say it; spines are tables there for as long as a plan runs.
        s3_staging_location: An s3:// folder for results and spines. What is there may be deleted after a day.
        data_source: The catalog.
        workgroup: By default "primary".
        poll_interval: Seconds between two looks at whether a statement is done.

    """

    kind = "athena"
    dialect = ATHENA
    levels = ("data_source", "database")

    def __init__(
        self,
        *,
        repo_path: Path,  # noqa: ARG002 - nothing here is a file
        region: str,
        database: str,
        s3_staging_location: str,
        data_source: str = "AwsDataCatalog",
        workgroup: str = "primary",
        poll_interval: float = 0.5,
    ) -> None:
        super().__init__()
        url = urlsplit(s3_staging_location)
        if url.scheme != "s3" or not url.netloc:
            raise InvalidConfigError(
                f"offline_store: s3_staging_location is {s3_staging_location!r}.", hint="give an s3:// folder"
            )
        self._folder = s3_staging_location.rstrip("/")
        self._database = database
        self._options = {
            "region_name": region,
            "schema_name": database,
            "catalog_name": data_source,
            "work_group": workgroup,
            "s3_staging_dir": f"{self._folder}/",
            "poll_interval": poll_interval,
        }

    @property
    def errors(self) -> tuple[type[BaseException], ...]:  # type: ignore[override]
        """What the client raises, and AWS's under it."""
        aws: Any = require("botocore.exceptions", extra="athena", purpose="The athena offline store")
        return (_client("error").Error, aws.BotoCoreError, aws.ClientError)

    def connect(self, source: SourceSpec | None = None) -> Session:  # noqa: ARG002 - one connection reads all catalogs
        """Return a session: requests are made when statements are run."""
        return _AthenaSession(_client("connection").Connection(**self._options), self._database, self._folder)

    def plain_query(self, session: Session, text: str) -> tuple[str, pa.Schema | None]:
        """Return the SELECT with columns that UNLOAD can write, and their types, which no rows do not have."""
        query = exp.Subquery(this=exp.Var(this=f"{text}\n"))
        columns = session.inspect(query)
        relation = exp.alias_(query, "source", table=True, quoted=True)
        outputs = [
            named(ATHENA.fill(column.output or ":x", x=exp.column(name, table="source", quoted=True)), name)
            for name, column in columns.items()
        ]
        schema = pa.schema([(name, column.type) for name, column in columns.items()])
        return ATHENA.render(select(*outputs).from_(relation)), schema

    def translate(self, error: BaseException, subject: str) -> RepastError:
        """Tell errors apart by the words of the reason that Athena gives."""
        text = str(error).strip()
        first = text.split("\n")[0]
        if any(word in text for word in _MISSING):
            return NotFoundError(f"{subject} is not there: {first}", hint="check its name, and database")
        if any(word in text for word in _DENIED):
            return UnavailableError(
                f"{subject} may not be read or written: {first}",
                hint="allow Athena, Glue and the S3 folders of the tables and of s3_staging_location",
            )
        if any(word in text for word in _USERS):
            return InvalidRequestError(f"{subject}: {first}")
        return UnavailableError(
            f"{subject}: Athena cannot answer: {first}", hint="check region, workgroup and AWS credentials, try again"
        )


def _client(part: str) -> Any:
    return require(f"pyathena.{part}", extra="athena", purpose="The athena offline store")


class _AthenaSession(Session):
    def __init__(self, connection: Any, database: str, folder: str) -> None:
        self._connection = connection
        self._database = database
        self._folder = folder
        self._uploads: list[tuple[exp.Table, str]] = []

    def inspect(self, table: exp.Expr) -> Mapping[str, SourceColumn]:
        aliased = exp.alias_(table.copy(), "source", table=True, quoted=True)
        cursor = self._run(ATHENA.render(select(exp.Star()).from_(aliased.copy()).limit(0)))
        names = [column[0] for column in cursor.description]
        # What a description leaves out, of what an array is: the type of a null that stands for each column.
        ((*types,),) = self._run(ATHENA.render(types_query(aliased, names))).fetchall()
        return {name: exported_column(kind) for name, kind in zip(names, types, strict=True)}

    def execute(self, statement: str) -> pa.RecordBatchReader:
        cursor = self._connection.cursor(_client("arrow.cursor").ArrowCursor, unload=True)
        table: pa.Table = cursor.execute(statement).as_arrow()
        return table.to_reader()

    def upload(self, spine: pa.Table) -> exp.Expr:
        name = f"repast_spine_{secrets.token_hex(8)}"
        place = f"{self._folder}/{name}"
        self._store(spine, f"{place}/rows.parquet")
        table = exp.Table(this=exp.to_identifier(name, quoted=True), db=exp.to_identifier(self._database, quoted=True))
        self._uploads.append((table, place))
        self._run(spine_statement(table, spine.schema, place))
        return spine_query(table, spine.schema)

    def insert(self, table: exp.Table, rows: pa.Table) -> None:
        staged = exp.alias_(self.upload(rows), "staged", table=True, quoted=True)
        names = [exp.column(name, quoted=True) for name in rows.schema.names]
        insert = exp.insert(select(*names).from_(staged), table.copy(), columns=[n.this.copy() for n in names])
        self._run(ATHENA.render(insert))

    def close(self) -> None:
        while self._uploads:
            table, place = self._uploads.pop()
            with suppress(_client("error").Error, OSError):
                self._run(f"DROP TABLE IF EXISTS {_hive_name(table)}")
                bucket, key = _parts(f"{place}/rows.parquet")
                self._s3().delete_object(Bucket=bucket, Key=key)
        self._connection.close()

    def _store(self, rows: pa.Table, place: str) -> None:
        buffer = io.BytesIO()
        pq.write_table(plain_columns(rows), buffer)
        bucket, key = _parts(place)
        self._s3().put_object(Bucket=bucket, Key=key, Body=buffer.getvalue())

    def _s3(self) -> Any:
        return self._connection.session.client("s3", region_name=self._connection.region_name)

    def _run(self, statement: str) -> Any:
        return self._connection.cursor().execute(statement)


def types_query(aliased: exp.Expr, names: list[str]) -> exp.Select:
    """Return a SELECT of one row that tells the types of columns and reads no rows."""
    columns = [exp.func("TYPEOF", exp.column(name, table="source", quoted=True)) for name in names]
    one = exp.alias_(exp.Subquery(this=select(exp.Literal.number(1))), "one", table=True, quoted=True)
    return select(*columns).from_(one).join(aliased, on=exp.false(), join_type="LEFT")


def plain_columns(rows: pa.Table) -> pa.Table:
    """Return rows with times as microseconds: the tables that Athena makes have milliseconds."""
    times = pa.types.is_timestamp
    columns = [
        column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64()) if times(column.type) else column
        for column in rows.columns
    ]
    return pa.table(columns, names=rows.schema.names)


def spine_statement(table: exp.Table, schema: pa.Schema, place: str) -> str:
    """Return the DDL, in the words of Hive, of a table over such a file."""
    columns = []
    for field in schema:
        kind = column_type(pa.int64() if pa.types.is_timestamp(field.type) else field.type)
        columns.append(f"{_backticks(field.name)} {kind.sql(dialect='hive')}")
    location = exp.Literal.string(f"{place}/").sql(dialect="hive")
    return f"CREATE EXTERNAL TABLE {_hive_name(table)} ({', '.join(columns)}) STORED AS PARQUET LOCATION {location}"


def spine_query(table: exp.Table, schema: pa.Schema) -> exp.Subquery:
    """Return what is selected from such a table: with times for microseconds."""
    outputs: Iterator[exp.Expr] = (_output(field) for field in schema)
    return exp.Subquery(this=select(*outputs).from_(table.copy()))


def _output(field: pa.Field) -> exp.Expr:
    node: exp.Expr = exp.column(field.name, quoted=True)
    if not pa.types.is_timestamp(field.type):
        return node
    return named(ATHENA.fill(ATHENA.us_instant if field.type.tz else ATHENA.us_wall, us=node), field.name)


def _hive_name(table: exp.Table) -> str:
    return f"{_backticks(table.db)}.{_backticks(table.name)}"


def _backticks(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _parts(place: str) -> tuple[str, str]:
    url = urlsplit(place)
    return url.netloc, url.path.lstrip("/")
