"""What is done on the executors: the writing of loads, and both ends of a retrieval."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from repast.backends.offline.spark.arrow import conform, ddl_of, map_in_arrow
from repast.backends.offline.spark.failure import Guarded
from repast.core.finish import SPINE, VIEW, found_column
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME, PointInTimeJoin

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from repast.ports.worker import Work

PIECE = 1 << 17
"""Spine rows that one task finishes, about: with what was found for them they fit a Python worker's memory."""
_PARTITION_BITS = 33
"""Spark's row numbers: the partition in the bits above, the place in it below."""


class Conformed:
    """Work whose batches get the schema that the source really has: nanoseconds travel as numbers."""

    def __init__(self, work: Work, schema: pa.Schema) -> None:
        self._work = work
        self._schema = schema

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from self._work(conform(batch, self._schema) for batch in batches)


class Restored:
    """Work whose batches have structs in which nanoseconds are to be times again."""

    def __init__(self, work: Work, nanos: Mapping[str, Mapping[str, pa.DataType]]) -> None:
        self._work = work
        self._nanos = nanos

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from self._work(self._restore(batch) for batch in batches)

    def _restore(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = [
            _retyped(c, self._nanos.get(name, {})) for name, c in zip(batch.schema.names, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _retyped(column: pa.Array, types: Mapping[str, pa.DataType]) -> pa.Array:
    if not types:
        return column
    fields = [column.type.field(i) for i in range(column.type.num_fields)]
    kept = [pa.field(field.name, types.get(field.name, field.type)) for field in fields]
    return column.cast(pa.struct(kept))


def work_on(frame: DataFrame, work: Work, schema: pa.Schema) -> DataFrame:
    """Run work on every partition of a frame; its errors come back as they are."""
    return map_in_arrow(frame, Guarded(work), ddl_of(schema))


def ship(functions: Iterable[Callable[..., Any]]) -> None:
    """Have functions of the user travel with the work: executors do not have the user's repo."""
    from pyspark import cloudpickle

    for function in functions:
        module = sys.modules.get(function.__module__)
        if module is not None and module.__name__ != "__main__":
            cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]  # has no annotations


def parted_by(rows: DataFrame, keys: Sequence[str], partitions: int) -> DataFrame:
    """Return rows with those of a key in one partition; 0 partitions: as many as Spark makes."""
    if not keys:
        return rows.coalesce(1)
    return rows.repartition(partitions, *keys) if partitions else rows.repartition(*keys)


def numbered(frame: DataFrame) -> DataFrame:
    """Return a frame with a number per row, in its order."""
    return frame.selectExpr(f"monotonically_increasing_id() AS {ROW}", "*")


def keep(frame: DataFrame, staging: str | None) -> DataFrame:
    """Return a frame whose rows are there for good: numbers that were given may not be given anew, otherwise.

    With a staging folder it is written there, and survives executors; else the executors keep it, and
    should one die, the job fails rather than numbering anew.
    """
    if staging is None:
        return frame.localCheckpoint(eager=True)
    path = f"{staging}/repast-spine-{uuid.uuid4().hex}"
    frame.write.parquet(path)
    return frame.sparkSession.read.parquet(path)


def asked(spine: DataFrame, join: PointInTimeJoin, columns: tuple[str, ...]) -> DataFrame:
    """Return the spine as one join gets it: without rows that have a null key or time."""
    keys = [f"{column} AS {_quoted(key.name)}" for column, key in zip(columns, join.keys, strict=True)]
    whole = " AND ".join(f"{column} IS NOT NULL" for column in (TIME, *columns))
    return spine.where(whole).selectExpr(ROW, TIME, *keys)


def packed_spine(spine: DataFrame) -> DataFrame:
    """Return the rows of the spine as the finisher gets them."""
    nothing = f"CAST(NULL AS BIGINT) AS {EVENT}", f"CAST(NULL AS BIGINT) AS {CREATED}"
    return spine.selectExpr(ROW, f"-1 AS {VIEW}", *nothing, SPINE)


def packed_found(found: DataFrame, view: int) -> DataFrame:
    """Return what one join found as the finisher gets it."""
    features = [name for name in found.columns if name not in (ROW, EVENT, CREATED)]
    inside = ", ".join(_quoted(name) for name in features)
    struct = f"struct({inside})" if features else "CAST(NULL AS STRUCT<>)"
    return found.selectExpr(ROW, f"{view} AS {VIEW}", EVENT, CREATED, f"{struct} AS {found_column(view)}")


def in_spine_order(rows: DataFrame, spine: DataFrame) -> DataFrame:
    """Return rows in partitions of whole numbers, each sorted, one partition after the other.

    Rows of a piece of the spine go to the task of that piece: no sampling of ranges, and no hash that a
    large partition of the spine could not be cut by.
    """
    places = f"shiftright({ROW}, {_PARTITION_BITS})", f"{ROW} & {(1 << _PARTITION_BITS) - 1}"
    counted = spine.selectExpr(f"{places[0]} AS part", f"{places[1]} AS place").groupBy("part").agg({"place": "max"})
    sizes = {int(row[0]): int(row[1]) // PIECE + 1 for row in counted.collect()}
    first, offsets = 0, []
    for part in range(max(sizes, default=0) + 1):
        offsets.append(first)
        first += sizes.get(part, 0)
    start = f"element_at(array({', '.join(map(str, offsets))}), CAST({places[0]} AS INT) + 1)"
    target = f"CAST({start} + ({places[1]}) DIV {PIECE} AS INT) AS __piece"
    pieces = rows.selectExpr("*", target).repartitionById(max(first, 1), "__piece").drop("__piece")
    return pieces.sortWithinPartitions(ROW, VIEW)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
