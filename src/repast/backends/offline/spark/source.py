"""Sources as Spark data frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from glob import has_magic
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from repast.backends.offline.file_function import estimate_rows
from repast.backends.offline.location import is_remote, local_files, local_path, partition_names
from repast.backends.offline.spark.arrow import check_names, schema_of, tells_case
from repast.backends.offline.spark.failure import translated
from repast.backends.offline.spark.location import FILE_PATH, file_path, metadata_path, spark_path
from repast.backends.offline.spark.schema import SchemaMemory, footer_schema
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import CountRows, OfflinePlan, ReadRows
from repast.core.source_kind import unreadable
from repast.core.sql.dialect.spark import SPARK
from repast.core.sql.node import column, table
from repast.core.sql.relation import Relation
from repast.errors import InvalidRequestError, UnsupportedError
from repast.types import Json, String, Uuid

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SOURCE_VIEW = "__repast_source"
_FILE = "__repast_file"
_TEXT_TYPES = (String, Uuid, Json)
_TABLE_FORMATS = ("delta", "iceberg", "hudi")


@dataclass(frozen=True)
class Scan:
    """A source opened for a plan, or for its columns."""

    source: SourceSpec
    frame: DataFrame
    schema: pa.Schema
    changed: exp.Expr | None = None
    rows: int | None = None
    nanos: Mapping[str, pa.DataType] = field(default_factory=dict)
    """Columns that hold nanoseconds as numbers."""

    def relation(self, view: str, name: str = SOURCE_VIEW) -> Relation:
        """Return the source as the compiler sees it, as a table of some name."""
        return Relation(
            spec=self.source,
            table=table(name),
            columns=dict(zip(self.schema.names, self.schema.types, strict=True)),
            dialect=SPARK,
            changed=self.changed,
            rows=self.rows,
            view=view,
        )


def subject_of(source: SourceSpec) -> str:
    """Return the words for a source in error messages."""
    where = next((source.options[way] for way in ("path", "table") if source.options.get(way)), "its query")
    return f"Source {source.name!r} ({where})"


def open_source(
    session: SparkSession,
    source: SourceSpec,
    repo_path: Path,
    plan: OfflinePlan | None = None,
    schemas: SchemaMemory | None = None,
) -> Scan:
    """Open a source; with a plan, so that it can be told which rows are of the files that the plan names.

    Local files whose schema is known, or told by a footer, are opened without a job: ``schemas`` remembers.

    Raises:
        NotFoundError, CorruptDataError, UnsupportedError: It cannot be read.

    """
    with translated(subject_of(source)):
        if source.source_type == "file" or source.options.get("path"):
            return _open_path(session, source, repo_path, plan, schemas or SchemaMemory())
        if source.source_type != "spark":
            raise unreadable(source, engine="spark")
        query = source.options.get("query")
        # In brackets it can only be a query: Spark would run a DROP at once.
        frame = session.sql(_bracketed(str(query))) if query else session.table(str(source.options["table"]))
        return _scan(source, frame, plan)


def _scan(source: SourceSpec, frame: DataFrame, plan: OfflinePlan | None) -> Scan:
    check_names(frame.columns, subject_of(source), case=tells_case(frame.sparkSession), used=_used(plan))
    return Scan(source, frame, schema_of(frame))


def _check_footer(session: SparkSession, source: SourceSpec, path: str) -> None:
    """Name columns that Spark cannot tell apart: of files it refuses them whether they are read or not."""
    try:
        names = pq.read_schema(path).names
    except (pa.ArrowException, OSError):
        return  # Spark's to complain about
    check_names(names, subject_of(source), case=tells_case(session))


def _used(plan: OfflinePlan | None) -> set[str]:
    """Return the columns that a plan reads: others may be as they like."""
    if plan is None:
        return set()
    rows = plan.rows if isinstance(plan, CountRows) else plan
    times = {rows.source.timestamp_field, rows.source.created_timestamp_column or ""}
    return {key.column for key in rows.keys} | {feature.column for feature in rows.features} | times


def _bracketed(query: str) -> str:
    return f"SELECT * FROM (\n{query.strip().rstrip(';')}\n)"  # noqa: S608  # the user's own


def source_files(source: SourceSpec, repo_path: Path) -> Mapping[str, str] | None:
    """Return the local files of a source with their fingerprints; of anything else Spark does not tell."""
    if source.source_type not in ("file", "spark"):
        raise unreadable(source, engine="spark")
    path, file_format = str(source.options.get("path") or ""), format_of(source)
    if not path or is_remote(path) or file_format not in ("parquet", "csv"):
        return None
    return local_files(local_path(path, repo_path), file_format, source=source.name)


def format_of(source: SourceSpec) -> str:
    """Return the format of a source's path."""
    return str(source.options.get("file_format") or "parquet").lower()


def _open_path(
    session: SparkSession, source: SourceSpec, repo_path: Path, plan: OfflinePlan | None, schemas: SchemaMemory
) -> Scan:
    if source.source_type not in ("file", "spark"):
        raise unreadable(source, engine="spark")
    file_format, files = format_of(source), source_files(source, repo_path)
    reader = session.read.format(file_format)
    if files is None:
        frame = _load(reader, source, spark_path(str(source.options["path"]), repo_path))
        return _scan(source, frame, plan)
    root = local_path(str(source.options["path"]), repo_path)
    folders = partition_names(files, str(root))
    if folders:
        reader = reader.option("basePath", f"file://{_above_partitions(root)}")
    urls = [file_path(path) for path in files]
    # The columns that folders give depend on where the path starts.
    form = f"{file_format} {root}"
    known = schemas.get(form, files)
    if known is None and file_format == "parquet" and not folders:
        known = footer_schema(next(iter(files)))
        if known is None:
            _check_footer(session, source, next(iter(files)))
    frame = _load(reader if known is None else reader.schema(known), source, urls)
    if known is None:
        schemas.put(form, files, frame.schema)
    nanos = _nanos(next(iter(files))) if file_format == "parquet" else {}
    if file_format == "csv" and plan is not None:
        frame = _with_texts(reader, frame, source, urls, plan)
    rows = estimate_rows(list(files)) if file_format == "parquet" else None
    schema = schema_of(frame, nanos)
    changed = None
    if (named := _changed_files(plan)) is not None:
        literals = [exp.Literal.string(metadata_path(path)) for path in files if path in named]
        changed = exp.In(this=column(_FILE), expressions=literals) if literals else exp.false()
        frame = frame.selectExpr("*", f"{FILE_PATH} AS {_FILE}")
    return Scan(source, frame, schema, changed, rows, nanos)


def _above_partitions(root: Path) -> Path:
    """Return the folder whose folders give values to columns: of a pattern, the part that names one."""
    if root.is_dir():
        return root
    return Path(*takewhile(lambda part: "=" not in part and not has_magic(part), root.parts))


def _load(reader: Any, source: SourceSpec, paths: str | list[str]) -> DataFrame:
    file_format = format_of(source)
    if file_format == "csv":
        tabs = str(source.options.get("path", "")).endswith((".tsv", ".tsv.gz"))
        options = {"header": True, "inferSchema": True, "escape": '"', "multiLine": True, "sep": "\t" if tabs else ","}
        # Nothing between two commas is null, "" is empty text: Spark tells them apart if null is something else.
        reader = reader.options(nullValue="\0", **options)
        # As Python, Arrow and DuckDB write them; "NaN" and "Infinity" are known anyway.
        reader = reader.options(nanValue="nan", positiveInf="inf", negativeInf="-inf")
    frame: DataFrame = reader.load(paths)
    if file_format in _TABLE_FORMATS:
        _ = frame.schema  # Connect looks for the format only now
    return frame


def _with_texts(reader: Any, frame: DataFrame, source: SourceSpec, urls: list[str], plan: OfflinePlan) -> DataFrame:
    """Read columns of a CSV file as text where text is declared: "007" is not to become 7."""
    rows = plan.rows if isinstance(plan, CountRows) else plan
    declared = [key.column for key in rows.keys if key.dtype in _TEXT_TYPES]
    declared += [feature.column for feature in rows.features if feature.dtype in _TEXT_TYPES]
    if not set(declared) & set(frame.columns):
        return frame
    from pyspark.sql.types import StringType, StructField, StructType

    fields = [StructField(f.name, StringType() if f.name in declared else f.dataType) for f in frame.schema.fields]
    return _load(reader.schema(StructType(fields)), source, urls)


def _nanos(path: str) -> dict[str, pa.DataType]:
    with pq.ParquetFile(path) as file:
        schema, columns = file.schema_arrow, [file.schema.column(i) for i in range(len(file.schema))]
    # INT96 is how Spark itself writes times by default: Arrow says nanoseconds of them, Spark reads them as times.
    numbers = {column.path for column in columns if column.physical_type == "INT64"}
    found = [f for f in schema if pa.types.is_timestamp(f.type) and f.type.unit == "ns" and f.name in numbers]
    return {f.name: f.type for f in found}


def _changed_files(plan: OfflinePlan | None) -> tuple[str, ...] | None:
    rows = plan.rows if isinstance(plan, CountRows) else plan
    changed = rows.changed if isinstance(rows, ReadRows) else None
    return changed.files or None if changed is not None else None


def nanos_of(plan: OfflinePlan, scan: Scan) -> dict[str, pa.DataType]:
    """Return the columns of an answer that hold nanoseconds as numbers."""
    if isinstance(plan, CountRows):
        return {}
    columns = {feature.name: feature.column for feature in plan.features}
    if isinstance(plan, ReadRows):
        columns |= {key.name: key.column for key in plan.keys}
    return {name: scan.nanos[column] for name, column in columns.items() if column in scan.nanos}


def append(session: SparkSession, source: SourceSpec, rows: pa.Table, repo_path: Path) -> None:
    """Add rows to a source.

    Raises:
        InvalidRequestError: Its columns are others.
        UnsupportedError: It is a query.

    """
    if source.options.get("query"):
        raise UnsupportedError(
            f"Source {source.name!r} is a query: rows cannot be appended to it.", hint="append to a table or path"
        )
    scan = open_source(session, source, repo_path)
    if set(rows.column_names) != set(scan.schema.names):
        raise InvalidRequestError(
            f"Source {source.name!r} cannot take these rows: its columns are {', '.join(scan.schema.names)}.",
            context={"source": source.name},
        )
    try:
        typed = rows.select(scan.schema.names).cast(scan.schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidRequestError(f"Source {source.name!r} cannot take these rows: {error}") from error
    if not typed.num_rows:
        return
    with translated(subject_of(source)):
        frame = session.createDataFrame(typed)
        if source.options.get("table"):
            frame.write.insertInto(str(source.options["table"]))  # in the table's order, of either catalog version
        else:
            writer = frame.coalesce(1).write.mode("append").format(format_of(source))
            writer.save(spark_path(str(source.options["path"]), repo_path))
