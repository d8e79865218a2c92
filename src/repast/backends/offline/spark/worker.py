"""What is done on the executors: the writing of loads, and both ends of a retrieval."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from repast.backends.offline.spark.arrow import conform, ddl_of, map_in_arrow
from repast.backends.offline.spark.failure import Guarded
from repast.backends.offline.spark.skew import PART, cut_line, find_cut
from repast.core.finish import SPINE, found_column
from repast.core.plan.offline import ROW, TIME
from repast.core.plan.timeline import ORDER, SECOND_BITS, SIDE, Timeline

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from repast.ports.worker import FrameJoin, Work

PIECE = 1 << 17
"""Spine rows that one task finishes, about: with what was found for them they fit a Python worker's memory."""
_PARTITION_BITS = 33
"""Spark's row numbers: the partition in the bits above, the place in it below."""
_PART, _PLACE = f"shiftright({ROW}, {_PARTITION_BITS})", f"{ROW} & {(1 << _PARTITION_BITS) - 1}"


class Conformed:
    """Work whose batches get the schema that the source really has: nanoseconds travel as numbers."""

    def __init__(self, work: Work, schema: pa.Schema) -> None:
        self._work = work
        self._schema = schema

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from self._work(conform(batch, self._schema) for batch in batches)


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


def bound_rows(spine: DataFrame, request: FrameJoin) -> DataFrame:
    """Return a numbered spine as joins get it; rows whose keys and times are what they must be stay out of Python."""
    from pyspark.sql.types import TimestampType

    schema, taken = ddl_of(request.bound), {bound: own for own, bound in request.shared.items()}
    own = schema[SPINE].dataType.fields
    # Other types that Arrow has one type for (text with a collation, say) become that on the way through Python.
    is_same = all(field.dataType.simpleString() == spine.schema[field.name].dataType.simpleString() for field in own)
    columns = [name for name in schema.names if name not in (ROW, TIME, SPINE)]
    if not is_same or not taken.keys() >= {TIME, *columns}:
        return work_on(spine, request.bind, request.bound)
    if not isinstance(spine.schema[taken[TIME]].dataType, TimestampType):
        return work_on(spine, request.bind, request.bound)
    keys = [f"{_quoted(taken[name])} AS {name}" for name in columns]
    packed = f"struct({', '.join(_quoted(field.name) for field in own)}) AS {SPINE}"
    return spine.selectExpr(ROW, f"unix_micros({_quoted(taken[TIME])}) AS {TIME}", *keys, packed)


def asked(spine: DataFrame, keys: Mapping[str, str]) -> DataFrame:
    """Return the spine as joins get it: without rows that have a null key or time.

    Args:
        spine: The bound spine.
        keys: The names that its key columns get, with those they have.

    """
    named = [f"{own} AS {_quoted(name)}" for name, own in keys.items()]
    return spine.where(_is_whole(keys)).selectExpr(ROW, TIME, SPINE, *named)


def with_incomplete(line: DataFrame, spine: DataFrame, keys: Mapping[str, str], timeline: Timeline) -> DataFrame:
    """Return a time line with the rows of the spine that have a null key or time: partitions that find nothing."""
    own = [f"{SPINE}.{_quoted(name)} AS {slot}" for name, slot in timeline.own.items() if name != ROW]
    numbers = f"{ROW} AS {timeline.own[ROW]}", f"{ROW} AS {ORDER}"
    named = [f"{column} AS {_quoted(name)}" for name, column in keys.items()]
    side = f"{len(timeline.views)} AS {SIDE}"
    others = spine.where(f"NOT ({_is_whole(keys)})").selectExpr(side, TIME, *named, *numbers, *own)
    return line.unionByName(others, allowMissingColumns=True)


def _is_whole(keys: Mapping[str, str]) -> str:
    return " AND ".join(f"{column} IS NOT NULL" for column in (TIME, *keys.values()))


def packed_found(found: DataFrame, number: int) -> DataFrame:
    """Return what one join found as the finisher gets it."""
    inside = ", ".join(_quoted(name) for name in found.columns if name != ROW)
    return found.selectExpr(ROW, f"struct({inside}) AS {found_column(number)}")


def sorted_line(
    rows: DataFrame, spine: DataFrame, keys: Iterable[str], timeline: Timeline, shape: SpineShape
) -> DataFrame:
    """Return the rows of a time line in the partitions, and the order, in which they are settled."""
    by = [*keys]
    cut = find_cut(spine, by, shape)
    if cut is not None:
        rows = cut_line(rows, spine, by, len(timeline.views), cut)
        by.append(PART)
    second = f"GREATEST(0, LEAST({(1 << SECOND_BITS) - 1}, {TIME} DIV 1000000))"
    order = f"shiftleft(CAST(hash({', '.join(map(_quoted, by))}) AS BIGINT), {SECOND_BITS}) | {second} AS {ORDER}"
    # Sorted by one number, and by nothing else: that is what Spark does without comparing rows.
    return rows.repartition(*by).selectExpr("*", order).sortWithinPartitions(ORDER)


def settled(line: DataFrame, work: Work, schema: Any) -> DataFrame:
    """Return what the joins of a sorted time line found as the finisher gets it."""
    return map_in_arrow(line, Guarded(work), schema)


@dataclass(frozen=True)
class SpineShape:
    """What one look at a numbered spine tells."""

    rows: int
    first_us: int
    last_us: int
    sizes: Mapping[int, int]
    """Partition -> the greatest place in it."""


def look_at(spine: DataFrame) -> SpineShape:
    """Count a spine's rows, look for its first and last time, and for how large its partitions are, at once."""
    columns = f"{_PART}, max({_PLACE}), count(*), min({TIME}), max({TIME})"
    looked = f"SELECT {columns} FROM {{spine}} GROUP BY 1"  # noqa: S608  # of names of ours
    parts = spine.sparkSession.sql(looked, None, spine=spine).collect()
    return SpineShape(
        rows=sum(rows for _, _, rows, _, _ in parts),
        first_us=min((first for *_, first, _ in parts if first is not None), default=0),
        last_us=max((last for *_, last in parts if last is not None), default=0),
        sizes={part: place for part, place, *_ in parts},
    )


def in_spine_order(rows: DataFrame, shape: SpineShape) -> DataFrame:
    """Return rows in partitions of whole numbers, each sorted, one partition after the other.

    Rows of a piece of the spine go to the task of that piece: no sampling of ranges, and no hash that a
    large partition of the spine could not be cut by.
    """
    pieces = {part: last // PIECE + 1 for part, last in shape.sizes.items()}
    first, offsets = 0, []
    for part in range(max(pieces, default=0) + 1):
        offsets.append(first)
        first += pieces.get(part, 0)
    start = f"element_at(array({', '.join(map(str, offsets))}), CAST({_PART} AS INT) + 1)"
    target = f"CAST({start} + ({_PLACE}) DIV {PIECE} AS INT) AS __piece"
    placed = rows.selectExpr("*", target).repartitionById(max(first, 1), "__piece").drop("__piece")
    return placed.sortWithinPartitions(ROW)


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
