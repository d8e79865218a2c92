"""The rows of many views and of a spine as one table, to be sorted by key and time once.

For engines that move what they join, and whose workers can then go through the sorted rows
(:class:`repast.core.settle.Settler`): every source is read once and moved once, and the spine once for all views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from repast.core.finish import SPINE as STRUCT
from repast.core.plan.offline import CREATED, ROW, TIME, PointInTimeJoin
from repast.core.plan.timeline import SIDE, Timeline
from repast.core.sql.instant import instant_us
from repast.core.sql.join import in_reach, wanted
from repast.core.sql.key import key_node
from repast.core.sql.node import column, integer, named, not_null, select
from repast.core.sql.relation import Relation
from repast.core.sql.spine import SPINE, SpineFacts


@dataclass(frozen=True)
class Line:
    """One view of a time line."""

    plan: PointInTimeJoin
    """By event time: what was known when is not told by the order of moments."""
    relation: Relation
    keys: Mapping[str, str]
    """The spine's key columns, with the plan's names for them; the same for all views of a time line."""


def compile_timeline(timeline: Timeline, lines: Sequence[Line], spine: SpineFacts) -> exp.Query:
    """Return the statement that yields a time line's rows, in any order.

    Args:
        timeline: Its columns.
        lines: Its views, in the order of their sides.
        spine: What is known of the spine: a table with ``__row``, ``__time``, the keys, and a struct ``__spine`` of
            the columns that travel along.

    """
    keys = sorted(lines[0].keys)
    parts = [_history(side, timeline, line, keys, spine) for side, line in enumerate(lines)]
    return exp.union(*parts, _asked(timeline, keys, spine), distinct=False, copy=False)


def _history(side: int, timeline: Timeline, line: Line, keys: Sequence[str], spine: SpineFacts) -> exp.Select:
    plan, relation = line.plan, line.relation
    by_name = {key.name: key for key in plan.keys}
    own = {key: key_node(relation, by_name[line.keys[key]]) for key in keys}
    event, created = relation.spec.timestamp_field, relation.spec.created_timestamp_column
    slots = timeline.slots[side]
    filled: dict[str, exp.Expr] = {slots[f.name]: relation.output(f.column) for f in plan.features}
    if created:
        filled[slots[CREATED]] = instant_us(relation, created)
    query = select(
        *[named(node, name) for name, node in own.items()],
        named(instant_us(relation, event), TIME),
        named(integer(side), SIDE),
        *[named(filled.get(slot, exp.null()), slot) for slot in timeline.columns],
    ).from_(relation.aliased(), copy=False)
    # Rows without a key answer nothing, and would all come together in one place.
    whole = [not_null(column(name)) for name in (*(key.column for key in plan.keys), event)]
    return query.where(*whole, *in_reach(plan, relation, spine), *wanted(relation, spine, own), copy=False)


def _asked(timeline: Timeline, keys: Sequence[str], spine: SpineFacts) -> exp.Select:
    filled = {
        slot: exp.Dot(this=column(STRUCT, SPINE), expression=exp.to_identifier(name, quoted=True))
        for name, slot in timeline.own.items()
    } | {timeline.own[ROW]: column(ROW, SPINE)}
    return select(
        *[column(key, SPINE) for key in keys],
        column(TIME, SPINE),
        # The last of a moment: a row counts from its own moment on.
        named(integer(len(timeline.views)), SIDE),
        *[named(filled.get(slot, exp.null()), slot) for slot in timeline.columns],
    ).from_(spine.aliased(), copy=False)
