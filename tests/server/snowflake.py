"""The Snowflake emulator on a free port of this machine, with the real connector."""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import snowflake.connector

from repast.backends.offline.snowflake_type import stage
from server.emulator import run_emulator
from server.port import free_port

_FEW_ROWS = 100


class SnowflakeServer:
    """A running emulator; what it holds is in its memory."""

    def __init__(self, port: int) -> None:
        self.options: dict[str, Any] = {
            "account": "repast",
            "user": "repast",
            "password": "not checked",
            "database": "FEATURES",
            "schema": "PUBLIC",
            "host": "127.0.0.1",
            "port": port,
            "protocol": "http",
        }
        """What feature_store.yaml would say."""
        self.connection = snowflake.connector.connect(
            **self.options, paramstyle="qmark", enable_server_session_keep_alive_auto_detection=False
        )
        for statement in ("DATABASE IF NOT EXISTS FEATURES", "SCHEMA IF NOT EXISTS FEATURES.PUBLIC"):
            self.run(f"CREATE {statement}")
        self.run("USE SCHEMA FEATURES.PUBLIC")

    def run(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return list(cursor.fetchall())

    def store_rows(self, table: str, rows: pa.Table) -> None:
        """Make a table of rows; ``table`` is quoted."""
        columns = ", ".join(f'"{_quoted(field.name)}" {_kind(field.type)}' for field in rows.schema)
        self.run(f"CREATE OR REPLACE TABLE {table} ({columns})")
        if rows.num_rows > _FEW_ROWS:
            self._copy_rows(table, rows)
        elif rows.num_rows:
            lines = [
                "SELECT "
                + ", ".join(_literal(value, field.type) for value, field in zip(row, rows.schema, strict=True))
                for row in zip(*(column.to_pylist() for column in _plain(rows)), strict=True)
            ]
            self.run(f"INSERT INTO {table} " + " UNION ALL ".join(lines))

    def _copy_rows(self, table: str, rows: pa.Table) -> None:
        """Literals of many rows would take the emulator minutes."""
        staged = stage(rows)
        self.run("CREATE TEMPORARY STAGE IF NOT EXISTS TEST_ROWS")
        name = f"COPIED_{secrets.token_hex(8).upper()}"
        kinds = ", ".join(f'"c{place}" {kind}' for place, kind in enumerate(staged.kinds))
        self.run(f"CREATE TEMPORARY TABLE {name} ({kinds})")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.parquet"
            pq.write_table(staged.rows, path)
            self.run(f"PUT '{path.as_uri()}' @TEST_ROWS/{name} AUTO_COMPRESS = FALSE")
        reads = ", ".join(f"CAST($1:c{place} AS {kind})" for place, kind in enumerate(staged.kinds))
        self.run(f"COPY INTO {name} FROM (SELECT {reads} FROM @TEST_ROWS/{name}) FILE_FORMAT = (TYPE = PARQUET)")
        values = ", ".join(value.sql(dialect="snowflake") for value in staged.values)
        self.run(f"INSERT INTO {table} SELECT {values} FROM {name}")


def _plain(rows: pa.Table) -> list[pa.ChunkedArray]:
    """Times as microseconds, which Python's own lose nothing of."""
    times = pa.types.is_timestamp
    return [
        column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64()) if times(column.type) else column
        for column in rows.columns
    ]


def _kind(dtype: pa.DataType) -> str:
    types = pa.types
    if types.is_decimal(dtype):
        return f"NUMBER({dtype.precision}, {dtype.scale})"
    if types.is_timestamp(dtype):
        return "TIMESTAMP_TZ" if dtype.tz else "TIMESTAMP_NTZ"
    if types.is_unsigned_integer(dtype):
        return "NUMBER(20, 0)"
    kinds = {"BOOLEAN": types.is_boolean, "BIGINT": types.is_integer, "FLOAT": types.is_floating}
    kinds |= {"BINARY": types.is_binary, "DATE": types.is_date, "VARIANT": types.is_nested}
    return next((kind for kind, fits in kinds.items() if fits(dtype)), "VARCHAR")


def _literal(value: Any, dtype: pa.DataType) -> str:
    kind = _kind(dtype)
    if value is None:
        return f"CAST(NULL AS {kind})"
    if pa.types.is_timestamp(dtype):
        zone = "TZ" if dtype.tz else "NTZ"
        return f"DATEADD(MICROSECOND, {value}, CAST('1970-01-01' AS TIMESTAMP_{zone}))"
    if kind == "BINARY":
        return f"TO_BINARY('{value.hex()}', 'HEX')"
    if kind == "VARIANT":
        return f"PARSE_JSON({_text(json.dumps(value, default=str))})"
    return f"CAST({_text(str(value))} AS {kind})"


def _quoted(name: str) -> str:
    return name.replace('"', '""')


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


@contextmanager
def run_snowflake() -> Iterator[SnowflakeServer]:
    """Run an emulator until the test is done with it."""
    port = free_port()
    with run_emulator("snowflake", [str(port)], url=f"http://127.0.0.1:{port}/"):
        server = SnowflakeServer(port)
        try:
            yield server
        finally:
            server.connection.close()
