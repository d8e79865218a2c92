"""Between Spark's data frames and Arrow, in bounded batches."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from repast.backends.offline.spark.failure import translated
from repast.errors import InvalidRequestError, UnsupportedError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from repast.backends.offline.spark.failure import Work


def schema_of(frame: DataFrame, nanos: Mapping[str, pa.DataType] | None = None) -> pa.Schema:
    """Return the columns of a frame; ``nanos`` are those that hold nanoseconds as numbers, with their types."""
    from pyspark.errors import PySparkTypeError
    from pyspark.sql.pandas.types import to_arrow_type

    # pyspark 4.1 has it that way by default, and no such word.
    zone: dict[str, Any] = {"timezone": "UTC"} if "timezone" in signature(to_arrow_type).parameters else {}
    found = []
    for field in frame.schema.fields:
        try:
            kind = to_arrow_type(field.dataType, **zone)
        except PySparkTypeError as error:
            raise UnsupportedError(
                f"Column {field.name!r} has the type {field.dataType.simpleString()}, for which Arrow has none.",
                hint="cast it to another type, or leave it out",
            ) from error
        found.append(pa.field(field.name, (nanos or {}).get(field.name, kind)))
    return pa.schema(found)


def tells_case(session: SparkSession) -> bool:
    """Return whether a session tells names apart that differ in case only."""
    return str(session.conf.get("spark.sql.caseSensitive", "false")).lower() == "true"


def check_names(names: Iterable[str], subject: str, *, case: bool, used: Collection[str] | None = None) -> None:
    """Refuse columns that Spark cannot tell apart.

    Args:
        names: The columns.
        subject: What has them.
        case: Whether case alone tells names apart.
        used: Names that are read, so that case matters; None: all of them.

    Raises:
        InvalidRequestError: Two names are one; both are named.

    """
    seen: dict[str, str] = {}
    for name in names:
        key = name if case else name.lower()
        if key not in seen:
            seen[key] = name
            continue
        other = seen[key]
        if other == name:
            raise InvalidRequestError(f"{subject} has two columns called {name!r}.", hint="rename or drop one of them")
        if used is not None and name not in used and other not in used:
            continue
        raise InvalidRequestError(
            f"{subject} has columns {other!r} and {name!r}, which differ in case only: Spark cannot tell them apart.",
            hint="rename or drop one of them; or set spark.sql.caseSensitive: true in spark_conf",
        )


def ddl_of(schema: pa.Schema) -> Any:
    """Return an Arrow schema as Spark has it."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)


def map_in_arrow(frame: DataFrame, work: Work, schema: Any) -> DataFrame:
    """Run work on every partition of a frame, from Arrow to Arrow."""
    with warnings.catch_warnings():
        # Of versions of pandas, which takes no part in this.
        warnings.simplefilter("ignore", FutureWarning)
        return frame.mapInArrow(work, schema)


def stream(frame: DataFrame, schema: pa.Schema, subject: str) -> pa.RecordBatchReader:
    """Return the rows of a frame; the driver holds one partition at a time, as Arrow.

    Batches cross as bytes of one column: rows would become Python objects on the way.
    """

    def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # Nested, so that it travels by value: plain reads need no package of ours on the executors.
        import pyarrow

        for batch in batches:
            sink = pyarrow.BufferOutputStream()
            with pyarrow.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            yield pyarrow.RecordBatch.from_arrays([pyarrow.array([sink.getvalue().to_pybytes()])], names=["batch"])

    def batches() -> Iterator[pa.RecordBatch]:
        with translated(subject, frame.sparkSession):
            for row in map_in_arrow(frame, pack, "batch binary").toLocalIterator():
                with pa.ipc.open_stream(row.batch) as reader:
                    for batch in reader:
                        yield conform(batch, schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with these types; where they differ, they are other names of the same bytes."""
    columns = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
