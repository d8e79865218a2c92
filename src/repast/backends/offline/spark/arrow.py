"""Between Spark's data frames and Arrow, in bounded batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from repast.backends.offline.spark.failure import translated

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from repast.backends.offline.spark.failure import Work


def schema_of(frame: DataFrame, nanos: Mapping[str, pa.DataType] | None = None) -> pa.Schema:
    """Return the columns of a frame; ``nanos`` are those that hold nanoseconds as numbers, with their types."""
    from pyspark.sql.pandas.types import to_arrow_schema

    schema = to_arrow_schema(frame.schema, timezone="UTC")
    types = {name: (nanos or {}).get(name, schema.field(name).type) for name in schema.names}
    return pa.schema([pa.field(name, types[name]) for name in schema.names])


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
        with translated(subject):
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
