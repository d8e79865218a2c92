"""The first step of a point-in-time join through an index: each spine row is looked up, the source is not scanned."""

from __future__ import annotations

from sqlglot import exp

from repast.core.plan.offline import EVENT, ROW, TIME, PointInTimeJoin
from repast.core.sql.instant import get_time_kind, instant_us, is_utc
from repast.core.sql.key import key_fit
from repast.core.sql.node import column, integer, named, select
from repast.core.sql.relation import SOURCE, Relation
from repast.core.sql.spine import SPINE, SpineFacts

_HIT = "hit"


def can_look_up(plan: PointInTimeJoin, relation: Relation, spine: SpineFacts) -> bool:
    """Whether an index fits the question, and the spine is small enough for it to pay.

    What is compared has to be the columns themselves: keys in the entity's type, times exact to the microsecond.
    """
    if not relation.indexed or plan.as_of != "event" or not plan.keys:
        return False
    if not spine.is_small(relation, relation.dialect.lookup_share):
        return False
    name = relation.spec.timestamp_field
    kind = get_time_kind(relation, name)
    exact = kind == "instant" or (kind == "wall" and is_utc(relation.spec.timezone))
    same = all(key_fit(relation.columns[key.column], key.dtype) == "same" for key in plan.keys)
    return same and exact and relation.columns[name].unit == "us"


def look_up(plan: PointInTimeJoin, relation: Relation, spine: SpineFacts) -> exp.Select:
    """Return the statement for the matches: per spine row the last event time, by LATERAL."""
    name, dialect = relation.spec.timestamp_field, relation.dialect
    template = dialect.us_instant if get_time_kind(relation, name) == "instant" else dialect.us_wall
    time = column(TIME, SPINE)
    conditions: list[exp.Expr] = [
        exp.EQ(this=column(key.column), expression=column(key.name, SPINE)) for key in plan.keys
    ]
    conditions.append(exp.LTE(this=column(name), expression=dialect.fill(template, us=time)))
    if plan.ttl_us:
        oldest = exp.Sub(this=time.copy(), expression=integer(plan.ttl_us))
        # The bound is on microseconds: a ttl longer than time itself must not overflow a timestamp.
        conditions.append(exp.GTE(this=instant_us(relation, name), expression=oldest))
    last = (
        select(named(instant_us(relation, name), EVENT))
        .from_(relation.aliased(), copy=False)
        .where(*conditions, copy=False)
        .order_by(exp.Ordered(this=column(name, SOURCE), desc=True), copy=False)
        .limit(1, copy=False)
    )
    hit = exp.TableAlias(this=exp.to_identifier(_HIT, quoted=True))
    lateral = exp.Join(this=exp.Lateral(this=last.subquery(copy=False), alias=hit), kind="CROSS")
    columns = [column(given, SPINE) for given in (ROW, TIME, *(key.name for key in plan.keys))]
    return select(*columns, column(EVENT, _HIT)).from_(spine.aliased(), copy=False).join(lateral, copy=False)
