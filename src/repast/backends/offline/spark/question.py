"""What Spark is asked for the joins of a spine that its executors hold: views of the same keys together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlglot import exp

from repast.backends.offline.spark.arrow import ddl_of
from repast.backends.offline.spark.source import SOURCE_VIEW, Scan, nanos_of
from repast.core.finish import SPINE, found_column
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME, PointInTimeJoin
from repast.core.plan.timeline import Slots, Timeline
from repast.core.sql.plan import check_columns, compile_plan
from repast.core.sql.spine import SpineFacts
from repast.core.sql.timeline import Line, compile_timeline
from repast.ports.worker import FrameJoin

if TYPE_CHECKING:
    from pyspark.sql.types import StructField


@dataclass(frozen=True)
class Question:
    """A statement that answers some of the joins of a request."""

    numbers: tuple[int, ...]
    """Which ones."""
    scans: Mapping[str, Scan]
    """The sources by their names in the statement, in the order of the numbers."""
    keys: Mapping[str, str]
    """The spine's key columns: names in the statement, with their own."""
    tree: exp.Query
    types: Mapping[int, Mapping[str, pa.DataType]]
    """Per join the columns that hold nanoseconds as numbers."""
    timeline: Timeline | None = None
    """What the statement yields, yet to be sorted and settled; None: what was found."""
    found_schema: Any = None
    """What settling it yields, as Spark has it."""


def questions_of(
    request: FrameJoin, open_scan: Callable[[PointInTimeJoin], Scan], spine: SpineFacts
) -> Iterator[Question]:
    """Yield the statements that answer a request.

    Views that have the same keys share a time line. What was known when does not go by the order of moments,
    a view without keys is not sorted by them, and one column may be two of a view's keys: such a view has a
    statement of its own.
    """
    lines: dict[tuple[str, ...], list[int]] = {}
    alone: list[int] = []
    for number, (plan, columns) in enumerate(request.joins):
        by_event = plan.as_of == "event" or not plan.source.created_timestamp_column
        if by_event and columns and len(set(columns)) == len(columns):
            lines.setdefault(tuple(sorted(columns)), []).append(number)
        else:
            alone.append(number)
    for number in alone:
        plan, key_columns = request.joins[number]
        scan = open_scan(plan)
        keys = {key.name: column for key, column in zip(plan.keys, key_columns, strict=True)}
        tree = compile_plan(plan, scan.relation(plan.view), spine)
        yield Question((number,), {SOURCE_VIEW: scan}, keys, tree, {number: nanos_of(plan, scan)})
    is_one = len(lines) == 1 and not alone
    own = ddl_of(request.bound)[SPINE].dataType.fields if is_one else None
    for columns, numbers in lines.items():
        yield _on_a_line(request, tuple(numbers), columns, open_scan, spine, own)


def _on_a_line(
    request: FrameJoin,
    numbers: tuple[int, ...],
    columns: tuple[str, ...],
    open_scan: Callable[[PointInTimeJoin], Scan],
    spine: SpineFacts,
    own_fields: Sequence[StructField] | None,
) -> Question:
    plans = [request.joins[number][0] for number in numbers]
    scans = {f"{SOURCE_VIEW}_{number}": open_scan(plan) for number, plan in zip(numbers, plans, strict=True)}
    lines: list[Line] = []
    for number, (name, scan) in zip(numbers, scans.items(), strict=True):
        plan, key_columns = request.joins[number]
        relation = scan.relation(plan.view, name)
        check_columns(plan, relation)
        lines.append(Line(plan, relation, dict(zip(key_columns, (key.name for key in plan.keys), strict=True))))
    slots = Slots()
    shared = {own: column for own, column in request.shared.items() if column in (TIME, *columns)}
    own = [(field.name, field.dataType.simpleString()) for field in own_fields or () if field.name not in shared]
    timeline = Timeline(
        views=numbers,
        slots=tuple(slots.fill(_columns_of(plan, scan)) for plan, scan in zip(plans, scans.values(), strict=True)),
        own=slots.fill([(ROW, _INT64), *own]),
        shared=None if own_fields is None else shared,
        types={n: nanos_of(plan, scan) for n, plan, scan in zip(numbers, plans, scans.values(), strict=True)},
    )
    tree = compile_timeline(timeline, lines, spine)
    schema = _found_schema(numbers, plans, scans.values())
    return Question(numbers, scans, {key: key for key in columns}, tree, timeline.types, timeline, schema)


def _columns_of(plan: PointInTimeJoin, scan: Scan) -> Iterator[tuple[str, str]]:
    if plan.source.created_timestamp_column:
        yield CREATED, _INT64
    for feature in plan.features:
        yield feature.name, scan.frame.schema[feature.column].dataType.simpleString()


_INT64 = "bigint"


def _found_schema(numbers: Iterable[int], plans: Iterable[PointInTimeJoin], scans: Iterable[Scan]) -> Any:
    from pyspark.sql.types import LongType, StructField, StructType

    fields = [StructField(ROW, LongType())]
    for number, plan, scan in zip(numbers, plans, scans, strict=True):
        found = [StructField(EVENT, LongType()), StructField(CREATED, LongType())]
        found += [StructField(f.name, scan.frame.schema[f.column].dataType) for f in plan.features]
        fields.append(StructField(found_column(number), StructType(found)))
    return StructType(fields)
