"""The engine suite on the BigQuery emulator, with the real client."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.cloud import bigquery

from repast.backends.offline.bigquery import BigQueryEngine
from repast.backends.offline.bigquery_type import load_schema
from repast.core.manifest import SourceSpec
from repast.ports.offline import OfflineEngine
from repast.testing.engine import EngineSuite, TableRules
from repast.testing.strategy import NESTED
from repast.types import Array, DataType, Map, Set, Struct
from server.bigquery import BigQueryServer, run_bigquery

pytestmark = pytest.mark.slow  # the emulator takes tenths of a second for a statement

_TYPES = ("test_features_come_back_as_they_are", "test_tables_hold_features_as_they_are")
_NO_NANOS = "times in BigQuery are microseconds"
_EMPTY = "a list is empty in BigQuery where it is null, and lists of lists or with nulls cannot be stored"
_NO_MAPS = "BigQuery has no maps; keep such values as json, declared Json"
_NAMES = "names of columns in BigQuery are letters, digits and underscores"
_DIGITS = "the emulator has no BIGNUMERIC of 38 digits, BigQuery does"


def reason(dtype: DataType) -> str:
    """Return why values of a type do not come back as they were, if so."""
    if isinstance(dtype, Struct):
        return next((found for _, part in dtype.fields if (found := reason(part))), "")
    return _NO_MAPS if isinstance(dtype, Map) else _EMPTY if isinstance(dtype, Array | Set) else ""


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[BigQueryServer]:
    with run_bigquery() as started:
        started.client.create_dataset("repast")
        TestBigQueryEngine.server = started
        yield started


class TestBigQueryEngine(TableRules, EngineSuite):
    server: ClassVar[BigQueryServer]
    gaps: ClassVar[dict[str, str]] = {
        "test_columns_by_other_names": _NAMES,
        "test_nanoseconds_are_floored": _NO_NANOS,
        "test_nanoseconds_within_the_last_microsecond": _NO_NANOS,
        "test_odd_names": _NAMES,
        **{f"{rule}[Decimal(38, 0)]": _DIGITS for rule in _TYPES},
        **{f"{rule}[{dtype}]": reason(dtype) for rule in _TYPES for dtype in NESTED if reason(dtype)},
    }
    copies = 51
    examples = 2

    def make_engine(self, folder: Path) -> OfflineEngine:
        return BigQueryEngine(repo_path=folder, **self.server.options)

    def store_rows(self, folder: Path, name: str, rows: pa.Table) -> SourceSpec:
        store_rows(self.server.client, f"repast.{name}", rows)
        return SourceSpec(name=name, source_type="bigquery", options={"table": f"repast.{name}"})

    def table_name(self, name: str) -> str:
        return f"`repast.{name}`"

    def missing_source(self, folder: Path) -> SourceSpec:
        return SourceSpec(name="gone", source_type="bigquery", options={"table": "repast.gone"})


def store_rows(client: bigquery.Client, table: str, rows: pa.Table) -> None:
    """Make a table of rows; numbers without sign, which BigQuery has not, become numerics."""
    rows = rows.cast(pa.schema([field.with_type(stored_type(field.type)) for field in rows.schema]))
    client.delete_table(table, not_found_ok=True, retry=None)
    schema = [bigquery.SchemaField.from_api_repr(field) for field in load_schema(rows.schema)]
    client.create_table(bigquery.Table(f"{client.project}.{table}", schema=schema), retry=None)
    if rows.num_rows == 0:
        return
    buffer = io.BytesIO()
    pq.write_table(rows, buffer)
    buffer.seek(0)
    parquet = bigquery.ParquetOptions()
    parquet.enable_list_inference = True
    config = bigquery.LoadJobConfig(
        source_format="PARQUET", write_disposition="WRITE_APPEND", parquet_options=parquet, schema=schema
    )
    client.load_table_from_file(buffer, table, job_config=config).result(retry=None)


def stored_type(dtype: pa.DataType) -> Any:
    if pa.types.is_unsigned_integer(dtype):
        return pa.decimal128(20, 0)
    return pa.timestamp("us", dtype.tz) if pa.types.is_timestamp(dtype) else dtype
