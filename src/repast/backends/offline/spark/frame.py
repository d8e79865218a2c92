"""Spines and answers as Spark data frames."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from repast.backends.offline.spark.arrow import check_names, conform, schema_of, stream, tells_case
from repast.backends.offline.spark.failure import translate, translated
from repast.backends.offline.spark.location import hadoop_url
from repast.backends.offline.spark.table import replace_table
from repast.errors import ConflictError
from repast.ports.worker import Frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TAKEN = ("PATH_ALREADY_EXISTS", "TABLE_OR_VIEW_ALREADY_EXISTS", "already exists")


class SparkFrame(Frame):
    """A Spark data frame."""

    def __init__(self, native: DataFrame, subject: str) -> None:
        self._frame = native
        self._cleanup: weakref.finalize[..., SparkFrame] | None = None
        self.subject = subject

    def when_done(self, clean_up: Callable[[], None]) -> None:
        """Have something done when nobody can read this any more; never, if the data frame itself is given away."""
        self._cleanup = weakref.finalize(self, clean_up)
        self._cleanup.atexit = False

    @property
    def native(self) -> DataFrame:
        """The data frame itself: frames that are made of it outlive this object."""
        if self._cleanup is not None:
            self._cleanup.detach()
        return self._frame

    @property
    def schema(self) -> pa.Schema:
        """See :attr:`Frame.schema`."""
        with translated(self.subject, self._frame.sparkSession):
            return schema_of(self._frame)

    def count(self) -> int:
        """See :meth:`Frame.count`."""
        with translated(self.subject, self._frame.sparkSession):
            return self._frame.count()

    def collect(self) -> pa.Table:
        """See :meth:`Frame.collect`."""
        schema = self.schema
        with translated(self.subject, self._frame.sparkSession):
            batches = self._frame.toArrow().to_batches()
        return pa.Table.from_batches([conform(batch, schema) for batch in batches], schema)

    def stream(self) -> pa.RecordBatchReader:
        """See :meth:`Frame.stream`."""
        schema = self.schema

        def batches() -> Iterator[pa.RecordBatch]:
            # Of this object, so that it is there until the last batch is.
            yield from stream(self._frame, schema, self.subject)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def write_parquet(self, path: str) -> None:
        """See :meth:`Frame.write_parquet`."""
        self._write(path, lambda writer: writer.parquet(hadoop_url(path)))

    def write_table(self, name: str, *, overwrite: bool = False) -> None:
        """See :meth:`Frame.write_table`."""
        if overwrite:
            self._check_names()
            with _times_in_microseconds(self._frame.sparkSession):
                replace_table(self._frame, name, self.subject)
        else:
            self._write(name, lambda writer: writer.saveAsTable(name))

    def _write(self, place: str, write: Any) -> None:
        self._check_names()
        try:
            with _times_in_microseconds(self._frame.sparkSession):
                write(self._frame.write.mode("error"))
        except Exception as error:  # py4j, gRPC and PySpark have no common error
            if any(word in str(error) for word in _TAKEN):
                raise ConflictError(
                    f"There is something at {place} already.", hint="choose another place, or remove it first"
                ) from error
            raise translate(error, f"{self.subject}, to {place}") from error

    def _check_names(self) -> None:
        with translated(self.subject, self._frame.sparkSession):
            check_names(self._frame.columns, self.subject, case=tells_case(self._frame.sparkSession))


@contextmanager
def _times_in_microseconds(session: SparkSession) -> Iterator[None]:
    """Have Parquet say what times are: of INT96, Spark's default, others read nanoseconds of no zone."""
    name = "spark.sql.parquet.outputTimestampType"
    before = session.conf.get(name)
    session.conf.set(name, "TIMESTAMP_MICROS")
    try:
        yield
    finally:
        with suppress(Exception):  # of a session that was stopped meanwhile, which is what to tell
            session.conf.set(name, str(before))
