"""Sources as tables that DuckDB can select from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa
from sqlglot import exp

from repast.backends.offline.failure import translated
from repast.backends.offline.location import is_remote, local_files, local_path
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import CountRows, FeatureColumn, KeyColumn, OfflinePlan
from repast.core.sql.dialect import DUCKDB
from repast.errors import UnsupportedError
from repast.types import Json, String, Uuid

FILE_COLUMN = "filename"
_TEXT_TYPES = (String, Uuid, Json)


@dataclass
class Scan:
    """A source opened in a cursor of its own; closing it releases both."""

    cursor: duckdb.DuckDBPyConnection
    subject: str
    """The words for it in error messages."""
    table: exp.Expr = field(default_factory=exp.Table)
    schema: pa.Schema = field(default_factory=lambda: pa.schema([]))
    file_column: str | None = None

    @classmethod
    def of_query(cls, cursor: duckdb.DuckDBPyConnection, subject: str) -> Self:
        """A statement that opens no source of ours."""
        return cls(cursor, subject)

    def close(self) -> None:
        """Release the cursor. Idempotent."""
        self.cursor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def source_files(source: SourceSpec, repo_path: Path) -> Mapping[str, str]:
    """Return path -> fingerprint of the files of a source."""
    path, file_format = _options(source)
    if is_remote(path):
        raise UnsupportedError("remote")
    return local_files(local_path(path, repo_path), file_format, source=source.name)


def open_scan(
    source: SourceSpec, plan: OfflinePlan | None, *, repo_path: Path, cursor: duckdb.DuckDBPyConnection
) -> Scan:
    """Open a source.

    Raises:
        NotFoundError, CorruptDataError, UnavailableError, UnsupportedError: It cannot be read.

    """
    path, file_format = _options(source)
    files = source_files(source, repo_path)
    scan = Scan(cursor, f"Source {source.name!r} ({path})", file_column=FILE_COLUMN)
    with translated(scan.subject):
        _describe(scan, _file_function(file_format, list(files)))
        text = [name for name in _text_columns(plan) if name in scan.schema.names]
        if file_format == "csv" and text:
            _describe(scan, _file_function(file_format, list(files), text=text))
    return scan


def _describe(scan: Scan, table: exp.Expr) -> None:
    statement = exp.select("*").from_(exp.Table(this=table.copy())).limit(0)
    scan.schema = scan.cursor.sql(DUCKDB.render(statement)).to_arrow_table().schema
    scan.table = table


def _options(source: SourceSpec) -> tuple[str, str]:
    if source.source_type != "file":
        raise UnsupportedError(
            f"Source {source.name!r} is of type {source.source_type!r}; the duckdb offline store reads files.",
            hint="use FileSource, or the offline store that the source is made for",
            context={"source": source.name, "source_type": source.source_type},
        )
    return str(source.options["path"]), str(source.options.get("file_format", "parquet"))


def _text_columns(plan: OfflinePlan | None) -> list[str]:
    """Columns that are declared as text: in CSV, "007" is not to become 7."""
    if plan is None:
        return []
    rows = plan.rows if isinstance(plan, CountRows) else plan
    columns: tuple[KeyColumn | FeatureColumn, ...] = (*rows.keys, *rows.features)
    return [column.column for column in columns if column.dtype in _TEXT_TYPES]


def _file_function(file_format: str, files: list[str], *, text: Sequence[str] = ()) -> exp.Expr:
    paths = exp.Array(expressions=[exp.Literal.string(path) for path in files])
    arguments: dict[str, exp.Expr] = {}
    if len(files) > 1:
        arguments["union_by_name"] = exp.true()
    if file_format == "csv":
        arguments |= {"header": exp.true(), "sample_size": exp.Literal.number(-1)}
        if text:
            arguments["types"] = exp.Struct(
                expressions=[
                    exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=exp.Literal.string("VARCHAR"))
                    for name in text
                ]
            )
    options = [exp.EQ(this=exp.to_identifier(name), expression=value) for name, value in arguments.items()]
    return exp.Anonymous(this="read_csv" if file_format == "csv" else "read_parquet", expressions=[paths, *options])
