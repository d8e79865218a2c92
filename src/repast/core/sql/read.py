"""Reads without a spine: windows, the newest rows per key, what changed, and counts of these."""

from __future__ import annotations

from sqlglot import exp

from repast.core.plan.offline import CREATED, EVENT, Changed, CountRows, ReadRows
from repast.core.sql.instant import instant_us, within
from repast.core.sql.node import (
    all_of,
    any_of,
    case,
    column,
    integer,
    is_null,
    known_us,
    named,
    not_null,
    null_int,
    select,
    table,
)
from repast.core.sql.relation import Relation
from repast.errors import UnsupportedError

_NARROW, _LATEST, _WANTED, _RANKED, _RANK = "narrow", "latest", "wanted", "ranked", "__rank"


def compile_read(plan: ReadRows, relation: Relation) -> exp.Select:
    """Return the statement for rows of one view."""
    query = (
        select(
            *[named(relation.output(key.column), key.name) for key in plan.keys],
            named(_event(relation), EVENT),
            named(_created(relation), CREATED),
            *[named(relation.output(feature.column), feature.name) for feature in plan.features],
        )
        .from_(relation.aliased(), copy=False)
        .where(*_conditions(plan, relation), copy=False)
    )
    if plan.last_n is None:
        return query
    ctes = _newest(plan, relation) if plan.last_n == 1 else _newest_n(plan, relation, plan.last_n)
    for name, cte in ctes:
        query = query.with_(exp.to_identifier(name, quoted=True), as_=cte, copy=False)
    matches = [
        *[exp.EQ(this=column(key.column), expression=column(key.name, _WANTED)) for key in plan.keys],
        exp.EQ(this=_event(relation), expression=column(EVENT, _WANTED)),
        exp.EQ(this=known_us(_created(relation)), expression=column(CREATED, _WANTED)),
    ]
    return query.join(exp.Join(this=table(_WANTED), kind="INNER", on=all_of(*matches)), copy=False)


def compile_count(plan: CountRows, relation: Relation) -> exp.Select:
    """Return the statement for the counts of a load's window. ``last_n`` does not narrow what is counted."""
    rows = plan.rows
    read = all_of(*_conditions(rows, relation))
    nulls = [is_null(column(key.column)) for key in rows.keys] + [is_null(_event(relation))]
    created = case((read.copy(), _created(relation)))
    return select(
        named(_count(read), "read"),
        named(_count(any_of(*nulls)), "rejected"),
        named(exp.Max(this=created), "created_max"),
    ).from_(relation.aliased(), copy=False)


def _count(condition: exp.Expr) -> exp.Expr:
    return exp.Count(this=case((condition, integer(1))))


def _event(relation: Relation) -> exp.Expr:
    return instant_us(relation, relation.spec.timestamp_field)


def _created(relation: Relation) -> exp.Expr:
    name = relation.spec.created_timestamp_column
    return instant_us(relation, name) if name else null_int()


def _conditions(plan: ReadRows, relation: Relation) -> list[exp.Expr]:
    event = _event(relation)
    conditions = within(relation, relation.spec.timestamp_field, start_us=plan.start_us, end_us=plan.end_us)
    if plan.start_us is not None:
        conditions.append(exp.GTE(this=event.copy(), expression=integer(plan.start_us)))
    if plan.end_us is not None:
        conditions.append(exp.LTE(this=event.copy(), expression=integer(plan.end_us)))
    conditions += [not_null(column(key.column)) for key in plan.keys]
    conditions.append(not_null(event))
    if plan.changed is not None:
        conditions.append(_changed(plan.changed, relation))
    return conditions


def _changed(changed: Changed, relation: Relation) -> exp.Expr:
    """Any clause that is there; with none there, nothing can have changed."""
    clauses: list[exp.Expr] = []
    if changed.event_after_us is not None:
        clauses.append(exp.GT(this=_event(relation), expression=integer(changed.event_after_us)))
    if changed.created_from_us is not None:
        created = _created(relation)
        clauses.append(exp.GTE(this=created, expression=integer(changed.created_from_us)))
        clauses.append(is_null(created.copy()))
    if changed.files:
        if relation.changed is None:
            raise UnsupportedError(f"Source {relation.spec.name!r} is not made of files that can be told apart.")
        clauses.append(relation.changed.copy())
    return any_of(*clauses)


def _narrow(plan: ReadRows, relation: Relation) -> exp.Select:
    """Keys and times of the rows to choose from: what choosing costs is independent of the features."""
    return (
        select(
            *[named(column(key.column), key.name) for key in plan.keys],
            named(_event(relation), EVENT),
            named(known_us(_created(relation)), CREATED),
        )
        .from_(relation.aliased(), copy=False)
        .where(*_conditions(plan, relation), copy=False)
    )


def _newest(plan: ReadRows, relation: Relation) -> list[tuple[str, exp.Select]]:
    """The greatest (event, created) per key by two aggregations, which spill and need no sort."""
    names = [key.name for key in plan.keys]
    latest = select(
        *[column(name, _NARROW) for name in names], named(exp.Max(this=column(EVENT, _NARROW)), EVENT)
    ).from_(table(_NARROW), copy=False)
    wanted = select(
        *[column(name, _NARROW) for name in names],
        column(EVENT, _NARROW),
        named(exp.Max(this=column(CREATED, _NARROW)), CREATED),
    ).from_(table(_NARROW), copy=False)
    same = [exp.EQ(this=column(name, _NARROW), expression=column(name, _LATEST)) for name in (*names, EVENT)]
    wanted = wanted.join(exp.Join(this=table(_LATEST), kind="INNER", on=all_of(*same)), copy=False)
    if names:
        latest = latest.group_by(*[column(name, _NARROW) for name in names], copy=False)
    wanted = wanted.group_by(*[column(name, _NARROW) for name in (*names, EVENT)], copy=False)
    return [(_NARROW, _narrow(plan, relation)), (_LATEST, latest), (_WANTED, wanted)]


def _newest_n(plan: ReadRows, relation: Relation, n: int) -> list[tuple[str, exp.Select]]:
    """The times of the n greatest rows per key; RANK gives those that tie with the n-th too."""
    names = [key.name for key in plan.keys]
    order = exp.Order(expressions=[exp.Ordered(this=column(name, _NARROW), desc=True) for name in (EVENT, CREATED)])
    keys = [column(name, _NARROW) for name in names]
    rank = exp.Window(this=exp.Anonymous(this="RANK"), partition_by=keys, order=order)
    columns = [column(name, _NARROW) for name in (*names, EVENT, CREATED)]
    ranked = select(*columns, named(rank, _RANK)).from_(table(_NARROW), copy=False)
    wanted = (
        select(*[column(name, _RANKED) for name in (*names, EVENT, CREATED)])
        .distinct(copy=False)
        .from_(table(_RANKED), copy=False)
        .where(exp.LTE(this=column(_RANK, _RANKED), expression=integer(n)), copy=False)
    )
    return [(_NARROW, _narrow(plan, relation)), (_RANKED, ranked), (_WANTED, wanted)]
