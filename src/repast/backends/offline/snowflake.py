"""The offline engine on Snowflake: results are Arrow, spines and appended rows are staged Parquet that COPY reads."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from repast.backends.offline.snowflake_connection import connection_options
from repast.backends.offline.snowflake_failure import explain_failure
from repast.backends.offline.snowflake_type import json_columns, source_columns, stage
from repast.backends.offline.sql_engine import Session
from repast.backends.offline.sql_table import SqlTableEngine, TableSession
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import SNOWFLAKE
from repast.core.sql.node import select
from repast.core.sql.relation import SourceColumn
from repast.errors import RepastError, require

_SESSION = {
    # Wall times are told from instants by their type alone, so the session's zone must not matter.
    "TIMEZONE": "UTC",
    "QUERY_TAG": "repast",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": False,
}


class SnowflakeEngine(SqlTableEngine):
    """Runs plans in Snowflake.

    Args:
        repo_path: The folder of feature_store.yaml; relative paths start there.
        account: For example "org-account".
        user: Needs USAGE on warehouse, database and schema, SELECT on the sources, and CREATE TABLE and CREATE STAGE
            on the schema (the spine is copied into a temporary table); INSERT to append.
        password: Of the user; or a key, or what the authenticator asks for.
        role: By default the user's.
        warehouse: By default the user's; a source may name another.
        database: With the tables whose names do not say it.
        schema: Likewise.
        authenticator: As the connector has it: "snowflake_jwt", "externalbrowser", "oauth", ...
        token: For authenticators that take one.
        private_key: Path of a key in PEM.
        private_key_content: The key itself, in PEM.
        private_key_passphrase: Of the key.
        config_path: A file with the section [connections.feast_offline_store]; what is said here goes before it.
        connection_name: Of a connection in the connector's own connections.toml.
        host: By default the account's.
        port: By default 443.
        protocol: "https", or "http" for an emulator.
        timeout: Seconds to log in, and for which a request that fails for a passing reason is tried again.

    """

    kind = "snowflake"
    dialect = SNOWFLAKE
    levels = ("database", "schema")

    def __init__(
        self,
        *,
        repo_path: Path,
        account: str | None = None,
        user: str | None = None,
        password: str | None = None,
        role: str | None = None,
        warehouse: str | None = None,
        database: str | None = None,
        schema: str | None = None,
        authenticator: str | None = None,
        token: str | None = None,
        private_key: str | None = None,
        private_key_content: str | None = None,
        private_key_passphrase: str | None = None,
        config_path: str | None = None,
        connection_name: str | None = None,
        host: str | None = None,
        port: int | None = None,
        protocol: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        super().__init__()
        given = {
            "account": account,
            "user": user,
            "password": password,
            "role": role,
            "warehouse": warehouse,
            "database": database,
            "schema": schema,
            "authenticator": authenticator,
            "token": token,
            "private_key": private_key,
            "private_key_content": private_key_content,
            "private_key_passphrase": private_key_passphrase,
            "connection_name": connection_name,
            "host": host,
            "port": port,
            "protocol": protocol,
        }
        self._options = connection_options(Path(repo_path), config_path, given)
        self._timeout = max(1, int(timeout))

    @property
    def errors(self) -> tuple[type[BaseException], ...]:  # type: ignore[override]
        """What the connector raises."""
        return (_connector().errors.Error,)

    def place(self, source: SourceSpec | None) -> str:
        """Return the warehouse that a source is read with, if not the usual one."""
        return str(source.options.get("warehouse") or "") if source else ""

    def connect(self, source: SourceSpec | None = None) -> Session:
        """Open a connection."""
        warehouse = self.place(source)
        connection = _connector().connect(
            **self._options | ({"warehouse": warehouse} if warehouse else {}),
            application="repast",
            session_parameters=_SESSION,
            autocommit=True,
            login_timeout=self._timeout,
            request_timeout=self._timeout,
            arrow_number_to_decimal=True,
            # Every statement of ours was read to its end when a connection is closed: nothing runs on by itself.
            enable_server_session_keep_alive_auto_detection=False,
        )
        return _SnowflakeSession(connection)

    def translate(self, error: BaseException, subject: str) -> RepastError:
        """Tell errors apart by Snowflake's numbers."""
        return explain_failure(error, subject)


def _connector() -> Any:
    return require("snowflake.connector", extra="snowflake", purpose="The snowflake offline store")


class _SnowflakeSession(TableSession):
    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._uploads: list[str] = []
        self._stage = ""

    def inspect(self, table: exp.Expr) -> Mapping[str, SourceColumn]:
        return source_columns(self._describe(table))

    def execute(self, statement: str) -> pa.RecordBatchReader:
        cursor = self._connection.cursor()
        cursor.execute(statement)
        columns = source_columns(cursor.description)
        schema = pa.schema([(name, column.type) for name, column in columns.items()])

        def batches() -> Iterator[pa.RecordBatch]:
            for table in cursor.fetch_arrow_batches(force_microsecond_precision=True):
                yield from table.to_batches()
            cursor.close()

        return pa.RecordBatchReader.from_batches(schema, batches())

    def upload(self, spine: pa.Table) -> exp.Expr:
        return exp.Subquery(this=self._load(spine))

    def insert(self, table: exp.Table, rows: pa.Table) -> None:
        loaded = self._load(rows, json_columns(self._describe(table)))
        names = [exp.to_identifier(name, quoted=True) for name in rows.schema.names]
        self._run(SNOWFLAKE.render(exp.insert(loaded, table.copy(), columns=names)))

    def keep(self, query: str) -> exp.Expr:
        name = f"REPAST_WORK_{secrets.token_hex(8).upper()}"
        self._run(f"CREATE TEMPORARY TABLE {name} AS {query}")
        self._uploads.append(name)
        return exp.to_table(name, dialect="snowflake")

    def create(self, table: exp.Table, query: str, *, replace: bool) -> None:
        # Either is one statement, which makes all of a table or nothing.
        verb = "CREATE OR REPLACE TABLE" if replace else "CREATE TABLE"
        self._run(f"{verb} {SNOWFLAKE.render(table.copy())} AS {query}")

    def reset(self) -> bool:
        try:
            while self._uploads:
                self._run(f"DROP TABLE {self._uploads[-1]}")
                self._uploads.pop()
        except _connector().errors.Error:
            return False
        return True

    def close(self) -> None:
        with suppress(_connector().errors.Error):  # what is temporary ends with the session
            self._connection.close()

    def _describe(self, table: exp.Expr) -> Any:
        aliased = exp.alias_(table.copy(), "source", table=True, quoted=True)
        with self._connection.cursor() as cursor:
            return cursor.describe(SNOWFLAKE.render(select(exp.Star()).from_(aliased)))

    def _load(self, rows: pa.Table, json: Collection[str] = ()) -> exp.Select:
        """Copy rows into a temporary table; return what selects them."""
        staged = stage(rows, json)
        if not self._stage:
            self._stage = f"REPAST_STAGE_{secrets.token_hex(8).upper()}"
            self._run(f"CREATE TEMPORARY STAGE {self._stage}")
        name = f"REPAST_SPINE_{secrets.token_hex(8).upper()}"
        columns = ", ".join(f'"c{place}" {kind}' for place, kind in enumerate(staged.kinds))
        self._run(f"CREATE TEMPORARY TABLE {name} ({columns})")
        self._uploads.append(name)
        with tempfile.TemporaryDirectory(prefix="repast-") as folder:
            path = Path(folder) / "rows.parquet"
            pq.write_table(staged.rows, path)
            self._run(f"PUT '{path.as_uri()}' @{self._stage}/{name} AUTO_COMPRESS = FALSE")
        reads = ", ".join(f"CAST($1:c{place} AS {kind})" for place, kind in enumerate(staged.kinds))
        source = f"SELECT {reads} FROM @{self._stage}/{name}"  # noqa: S608 - names of ours
        self._run(f"COPY INTO {name} FROM ({source}) FILE_FORMAT = (TYPE = PARQUET) PURGE = TRUE")
        return select(*staged.values).from_(exp.to_table(name, dialect="snowflake"))

    def _run(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
