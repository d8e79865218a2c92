"""Point-in-time joins of many views in one time line: every source is read once, and sorted with the spine once.

For engines that move what they join (a shuffle) and have structs. A row of the line is a moment of one key: a row
of a source with its features in a struct, or a row of the spine, which sees the last struct of each view before it.
Which of several rows of one moment that is, the engine does not say: they come out as well, to be settled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from repast.core.plan.offline import CREATED, EVENT, ROW, SIDE, TIME, PointInTimeJoin
from repast.core.sql.instant import instant_us
from repast.core.sql.join import in_reach, wanted
from repast.core.sql.key import key_node
from repast.core.sql.node import all_of, any_of, case, column, integer, named, not_null, null_int, select, table
from repast.core.sql.relation import Relation
from repast.core.sql.spine import SPINE, SpineFacts

_AT = "__at"
_MOMENTS, _LINE = "moments", "line"
_NEXT_AT, _NEXT_SIDE = "__next_at", "__next_side"


@dataclass(frozen=True)
class Line:
    """One view on a time line."""

    plan: PointInTimeJoin
    """By event time: what was known when is not told by the order of moments."""
    relation: Relation
    keys: Mapping[str, str]
    """The spine's key columns, with the plan's names for them."""
    found: str
    """The column with its answer: a struct of ``__event``, ``__created`` and the features."""


def compile_timeline(lines: Sequence[Line], spine: SpineFacts, carried: Sequence[str] = ()) -> exp.Select:
    """Return the statement for views that have the same key columns in the spine.

    It yields ``__side``, ``__row``, the keys, what is carried, and each view's struct: for each row of the spine, what
    it found, null for nothing; and, in their own view's column, rows of a source that others tie with in key and event
    time, all of them but one, which is what rows of the spine find. Where the engine keeps the order of its window,
    these come before the rows of the spine that see them.

    Args:
        lines: The views.
        spine: What is known of the spine, a table with ``__row``, ``__time`` and the keys.
        carried: Other columns of the spine.

    """
    keys = sorted(lines[0].keys)
    asked = _asked(lines, keys, spine, carried)
    parts = [_history(side, lines, keys, spine, carried) for side in range(len(lines))]
    moments = exp.union(*parts, asked, distinct=False, copy=False)
    order = exp.Order(expressions=[exp.Ordered(this=column(name, _MOMENTS)) for name in (_AT, SIDE)])

    def over(function: exp.Expr, name: str, spec: exp.WindowSpec | None = None) -> exp.Expr:
        by = [column(key, _MOMENTS) for key in keys]
        return named(exp.Window(this=function, partition_by=by, order=order.copy(), spec=spec), name)

    so_far = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    lasts = [exp.LastValue(this=column(line.found, _MOMENTS)) for line in lines]
    seen = select(
        *[column(name, _MOMENTS) for name in (_AT, SIDE, ROW, *keys, *carried)],
        *[over(exp.IgnoreNulls(this=last), last.this.name, so_far.copy()) for last in lasts],
        *[over(exp.Lead(this=column(of, _MOMENTS)), name) for of, name in ((_AT, _NEXT_AT), (SIDE, _NEXT_SIDE))],
    ).from_(table(_MOMENTS), copy=False)
    ties = [
        exp.EQ(this=column(_NEXT_AT, _LINE), expression=column(_AT, _LINE)),
        exp.EQ(this=column(_NEXT_SIDE, _LINE), expression=column(SIDE, _LINE)),
    ]
    query = select(*[column(name, _LINE) for name in (SIDE, ROW, *keys, *carried)], *_answers(lines))
    query = query.from_(table(_LINE), copy=False).where(any_of(_is_side(len(lines)), all_of(*ties)), copy=False)
    for name, part in ((_MOMENTS, moments), (_LINE, seen)):
        query = query.with_(exp.to_identifier(name, quoted=True), as_=part, copy=False)
    return query


def _history(
    side: int, lines: Sequence[Line], keys: Sequence[str], spine: SpineFacts, carried: Sequence[str]
) -> exp.Select:
    line = lines[side]
    plan, relation = line.plan, line.relation
    by_name = {key.name: key for key in plan.keys}
    own = {key: key_node(relation, by_name[line.keys[key]]) for key in keys}
    event, created = relation.spec.timestamp_field, relation.spec.created_timestamp_column
    fields = [
        (EVENT, instant_us(relation, event)),
        (CREATED, instant_us(relation, created) if created else null_int()),
        *((feature.name, relation.output(feature.column)) for feature in plan.features),
    ]
    parts = [exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=node) for name, node in fields]
    struct = exp.Struct(expressions=parts)
    query = select(
        *[named(node, name) for name, node in own.items()],
        named(instant_us(relation, event), _AT),
        named(integer(side), SIDE),
        named(null_int(), ROW),
        *[named(exp.null(), name) for name in carried],
        *[named(struct if other is line else exp.null(), other.found) for other in lines],
    ).from_(relation.aliased(), copy=False)
    # Rows without a key answer nothing, and would all come together in one place.
    whole = [not_null(column(name)) for name in (*(key.column for key in plan.keys), event)]
    return query.where(*whole, *in_reach(plan, relation, spine), *wanted(relation, spine, own), copy=False)


def _asked(lines: Sequence[Line], keys: Sequence[str], spine: SpineFacts, carried: Sequence[str]) -> exp.Select:
    return select(
        *[column(key, SPINE) for key in keys],
        named(column(TIME, SPINE), _AT),
        # Last of a moment: a row counts from its own moment on.
        named(integer(len(lines)), SIDE),
        *[column(name, SPINE) for name in (ROW, *carried)],
        *[named(exp.null(), line.found) for line in lines],
    ).from_(spine.aliased(), copy=False)


def _answers(lines: Sequence[Line]) -> list[exp.Expr]:
    answers: list[exp.Expr] = []
    for side, line in enumerate(lines):
        found, asked = column(line.found, _LINE), _is_side(len(lines))
        if line.plan.ttl_us:
            event = exp.Dot(this=found.copy(), expression=exp.to_identifier(EVENT, quoted=True))
            oldest = exp.Sub(this=column(_AT, _LINE), expression=integer(line.plan.ttl_us))
            asked = all_of(asked, exp.GTE(this=event, expression=oldest))
        answers.append(named(case((any_of(_is_side(side), asked), found)), line.found))
    return answers


def _is_side(side: int) -> exp.Expr:
    return exp.EQ(this=column(SIDE, _LINE), expression=integer(side))
