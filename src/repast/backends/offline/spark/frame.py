"""Spines and answers as Spark data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from repast.backends.offline.spark.arrow import conform, schema_of, stream
from repast.backends.offline.spark.failure import translate, translated
from repast.errors import ConflictError
from repast.ports.worker import Frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_TAKEN = ("PATH_ALREADY_EXISTS", "TABLE_OR_VIEW_ALREADY_EXISTS", "already exists")


class SparkFrame(Frame):
    """A Spark data frame; ``native`` is the data frame itself."""

    native: DataFrame

    def __init__(self, native: DataFrame, subject: str) -> None:
        self.native = native
        self.subject = subject

    @property
    def schema(self) -> pa.Schema:
        """See :attr:`Frame.schema`."""
        with translated(self.subject):
            return schema_of(self.native)

    def count(self) -> int:
        """See :meth:`Frame.count`."""
        with translated(self.subject):
            return self.native.count()

    def collect(self) -> pa.Table:
        """See :meth:`Frame.collect`."""
        schema = self.schema
        with translated(self.subject):
            batches = self.native.toArrow().to_batches()
        return pa.Table.from_batches([conform(batch, schema) for batch in batches], schema)

    def stream(self) -> pa.RecordBatchReader:
        """See :meth:`Frame.stream`."""
        return stream(self.native, self.schema, self.subject)

    def write_parquet(self, path: str) -> None:
        """See :meth:`Frame.write_parquet`."""
        self._write(path, lambda writer: writer.parquet(path))

    def write_table(self, name: str) -> None:
        """See :meth:`Frame.write_table`."""
        self._write(name, lambda writer: writer.saveAsTable(name))

    def _write(self, place: str, write: Any) -> None:
        try:
            write(self.native.write.mode("error"))
        except Exception as error:  # py4j, gRPC and PySpark have no common error
            if any(word in str(error) for word in _TAKEN):
                raise ConflictError(
                    f"There is something at {place} already.", hint="choose another place, or remove it first"
                ) from error
            raise translate(error, self.subject) from error
