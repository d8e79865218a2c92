"""The point-in-time join: find the matched times with keys and times only, then fetch the features of those.

Reading is the work, not joining. The narrow first step sorts eight bytes per column instead of whole
rows; the second reads features once, streams them past a hash table of the matches, and brings back
every row that ties, so that no engine's choice among equal times can show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from repast.core.plan.offline import CREATED, EVENT, ROW, TIME, PointInTimeJoin
from repast.core.sql.instant import equals_us, instant_us, within
from repast.core.sql.key import key_node
from repast.core.sql.lookup import can_look_up, look_up
from repast.core.sql.node import all_of, case, column, integer, known_us, named, not_null, null_int, select, table
from repast.core.sql.relation import Relation
from repast.core.sql.spine import SPINE, SpineFacts

_HISTORY, _MOMENTS, _FILLED, _MATCHED = "history", "moments", "filled", "matched"
_AT, _SIDE = "__at", "__side"


def compile_join(plan: PointInTimeJoin, relation: Relation, spine: SpineFacts) -> exp.Select:
    """Return the statement for a point-in-time join; the spine must not be empty."""
    if can_look_up(plan, relation, spine):
        ctes: list[tuple[str, exp.Query]] = [(_MATCHED, look_up(plan, relation, spine))]
    else:
        step = _native_match if relation.dialect.asof_join else _window_match
        ctes = [(_HISTORY, _history(plan, relation, spine)), *step(plan, spine)]
    result = _fetch(plan, relation, spine)
    for name, query in ctes:
        # Used once, but an engine then knows how large it is before it plans the second join.
        materialized = True if name == _MATCHED and relation.dialect.materialized else None
        result = result.with_(exp.to_identifier(name, quoted=True), as_=query, materialized=materialized, copy=False)
    return result


def in_reach(plan: PointInTimeJoin, relation: Relation, spine: SpineFacts) -> list[exp.Expr]:
    """Conditions that a row's time can matter to the spine; they may let others pass."""
    start = spine.first_us - plan.ttl_us if plan.ttl_us else None
    return within(relation, relation.spec.timestamp_field, start_us=start, end_us=spine.last_us)


def _history(plan: PointInTimeJoin, relation: Relation, spine: SpineFacts) -> exp.Select:
    """Keys, event time, and the time ``__at`` from which a row counts."""
    event = instant_us(relation, relation.spec.timestamp_field)
    keys = {key.name: key_node(relation, key) for key in plan.keys}
    columns = [named(node, name) for name, node in keys.items()]
    created_column = relation.spec.created_timestamp_column if plan.as_of == "available" else None
    at = instant_us(relation, created_column) if created_column else event.copy()
    query = select(*columns, named(event, EVENT), named(at, _AT)).from_(relation.aliased(), copy=False)
    query = query.where(*in_reach(plan, relation, spine), *wanted(relation, spine, keys), copy=False)
    return _available(query, [key.name for key in plan.keys]) if created_column else query


def wanted(relation: Relation, spine: SpineFacts, keys: Mapping[str, exp.Expr]) -> list[exp.Expr]:
    """Conditions that a row's key is one of a small spine's; they may let others pass.

    Args:
        keys: The spine's key columns, with what is their value in the source.

    """
    if not keys or not spine.is_small(relation, relation.dialect.small_spine_share):
        return []
    if len(keys) == 1 or not relation.dialect.tuple_in:
        pairs: list[tuple[exp.Expr, list[str]]] = [(own, [name]) for name, own in keys.items()]
    else:
        pairs = [(exp.Tuple(expressions=[own.copy() for own in keys.values()]), list(keys))]
    found: list[exp.Expr] = []
    for own, columns in pairs:
        asked = select(*(column(name, SPINE) for name in columns)).from_(spine.aliased(), copy=False)
        found.append(exp.In(this=own.copy(), query=asked.subquery(copy=False)))
    return found


def _available(history: exp.Select, keys: Sequence[str]) -> exp.Select:
    """Turn the created time in ``__at`` into the time from which a row is both true and known."""
    event, created = column(EVENT, _HISTORY), column(_AT, _HISTORY)
    at = case((exp.GT(this=created, expression=event), created.copy()), default=event.copy())
    columns = [column(name, _HISTORY) for name in (*keys, EVENT)]
    return select(*columns, named(at, _AT)).from_(history.subquery(_HISTORY, copy=False), copy=False)


def _native_match(plan: PointInTimeJoin, spine: SpineFacts) -> list[tuple[str, exp.Query]]:
    """``ASOF JOIN`` on the time a row counts from; what it finds is the greatest event time so far.

    With ``as_of="available"`` the greatest event time is not that of the last row to arrive, so the
    history is first turned into a staircase. Rows that arrive at the same time carry the same step.
    """
    keys = [key.name for key in plan.keys]
    steps: list[tuple[str, exp.Query]] = []
    history = _HISTORY
    if plan.as_of == "available":
        history = _FILLED
        top = _running_max([column(name, _HISTORY) for name in keys], [column(_AT, _HISTORY)], rows=False)
        columns = [column(name, _HISTORY) for name in (*keys, _AT)]
        steps.append((history, select(*columns, named(top, EVENT)).from_(table(_HISTORY), copy=False)))
    conditions: list[exp.Expr] = [exp.EQ(this=column(name, SPINE), expression=column(name, history)) for name in keys]
    conditions.append(exp.GTE(this=column(TIME, SPINE), expression=column(_AT, history)))
    join = exp.Join(this=table(history), method="ASOF", on=all_of(*conditions))
    columns = [column(name, SPINE) for name in (ROW, TIME, *keys)]
    matched = select(*columns, column(EVENT, history)).from_(spine.aliased(), copy=False).join(join, copy=False)
    return [*steps, (_MATCHED, matched.where(*_fresh(plan, SPINE, TIME, history), copy=False))]


def _window_match(plan: PointInTimeJoin, spine: SpineFacts) -> list[tuple[str, exp.Query]]:
    """Spine and history in one time line per key; a spine row sees the greatest event time before it."""
    keys = [key.name for key in plan.keys]
    past = select(
        *[column(name, _HISTORY) for name in (*keys, _AT)],
        named(integer(0), _SIDE),
        column(EVENT, _HISTORY),
        named(null_int(), ROW),
    ).from_(table(_HISTORY), copy=False)
    asked = select(
        *[column(name, SPINE) for name in keys],
        named(column(TIME, SPINE), _AT),
        named(integer(1), _SIDE),
        named(null_int(), EVENT),
        column(ROW, SPINE),
    ).from_(spine.aliased(), copy=False)
    # At equal times history comes first: a row counts from its own moment on.
    order = [column(_AT, _MOMENTS), column(_SIDE, _MOMENTS)]
    top = _running_max([column(name, _MOMENTS) for name in keys], order, rows=True)
    filled = select(*[column(name, _MOMENTS) for name in (*keys, _AT, _SIDE, ROW)], named(top, EVENT))
    matched = select(
        column(ROW, _FILLED),
        named(column(_AT, _FILLED), TIME),
        *[column(name, _FILLED) for name in keys],
        column(EVENT, _FILLED),
    ).from_(table(_FILLED), copy=False)
    conditions = [
        exp.EQ(this=column(_SIDE, _FILLED), expression=integer(1)),
        not_null(column(EVENT, _FILLED)),
        *_fresh(plan, _FILLED, _AT, _FILLED),
    ]
    moments = exp.Union(this=past, expression=asked, distinct=False)
    return [
        (_MOMENTS, moments),
        (_FILLED, filled.from_(table(_MOMENTS), copy=False)),
        (_MATCHED, matched.where(*conditions, copy=False)),
    ]


def _running_max(keys: Sequence[exp.Expr], order: Sequence[exp.Column], *, rows: bool) -> exp.Window:
    spec = exp.WindowSpec(
        kind="ROWS" if rows else "RANGE", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW"
    )
    ordered = exp.Order(expressions=[exp.Ordered(this=node) for node in order])
    event = column(EVENT, order[0].table)
    return exp.Window(this=exp.Max(this=event), partition_by=keys, order=ordered, spec=spec)


def _fresh(plan: PointInTimeJoin, time_table: str, time: str, event_table: str) -> list[exp.Expr]:
    if not plan.ttl_us:
        return []
    oldest = exp.Sub(this=column(time, time_table), expression=integer(plan.ttl_us))
    return [exp.GTE(this=column(EVENT, event_table), expression=oldest)]


def _fetch(plan: PointInTimeJoin, relation: Relation, spine: SpineFacts) -> exp.Select:
    """All rows of the source at the matched keys and times."""
    conditions: list[exp.Expr] = [
        exp.EQ(this=key_node(relation, key), expression=column(key.name, _MATCHED)) for key in plan.keys
    ]
    conditions.append(equals_us(relation, relation.spec.timestamp_field, column(EVENT, _MATCHED)))
    created_column = relation.spec.created_timestamp_column
    created = instant_us(relation, created_column) if created_column else null_int()
    if plan.as_of == "available" and created_column:
        conditions.append(exp.LTE(this=known_us(created.copy()), expression=column(TIME, _MATCHED)))
    query = select(
        column(ROW, _MATCHED),
        column(EVENT, _MATCHED),
        named(created, CREATED),
        *[named(relation.output(feature.column), feature.name) for feature in plan.features],
    ).from_(table(_MATCHED), copy=False)
    join = exp.Join(this=relation.aliased(), kind="INNER", on=all_of(*conditions))
    return query.join(join, copy=False).where(*in_reach(plan, relation, spine), copy=False)
