"""Time columns of any kind as int64 microseconds UTC, and bounds on them that a scan can use."""

from __future__ import annotations

from typing import Literal, TypeAlias

import pyarrow as pa
from sqlglot import exp

from repast.core.sql.node import all_of, case, cast, column, integer, is_null, not_null
from repast.core.sql.relation import Relation
from repast.errors import InvalidRequestError

TimeKind: TypeAlias = Literal["instant", "instant_ns", "wall", "wall_ns", "date", "text"]

_HOUR = 3_600_000_000
_BEFORE = 25 * _HOUR
"""Longer than any change of a zone's offset, and shorter than the time between two changes."""
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
"""Years 1 to 9999. Beyond, a bound is left out rather than trusted to overflow nowhere."""
_FIRST_NANO_US, _LAST_NANO_US = -9_223_372_036_854_775, 9_223_372_036_854_775


def time_kind(dtype: pa.DataType) -> TimeKind | None:
    """Return what kind of time a column of this type can be read as; None: not a time."""
    types = pa.types
    if types.is_timestamp(dtype):
        kind: TimeKind = "wall" if dtype.tz is None else "instant"
        return kind if dtype.unit != "ns" else "wall_ns" if dtype.tz is None else "instant_ns"
    if types.is_date(dtype):
        return "date"
    return "text" if types.is_string(dtype) or types.is_large_string(dtype) else None


def instant_us(relation: Relation, name: str) -> exp.Expr:
    """Return a time column as microseconds UTC: finer units floored, wall times in the source's zone.

    A wall time that occurs twice (clocks set back) is the first of the two; one that is skipped (clocks
    set forward) moves forward by the change, as Python's ``fold=0`` has it.

    Raises:
        InvalidRequestError: The column is not a timestamp, date or text.

    """
    dialect, zone = relation.dialect, relation.spec.timezone
    kind = get_time_kind(relation, name)
    node = column(name)
    if kind == "text":
        return _text_us(relation, name)
    template = dialect.nano_us if kind.endswith("_ns") else dialect.instant_us
    us = dialect.fill(template, x=node)
    return us if kind.startswith("instant") else _zoned(relation, us, zone)


def get_time_kind(relation: Relation, name: str) -> TimeKind:
    """Return how a column tells time.

    Raises:
        InvalidRequestError: It does not.

    """
    kind = time_kind(relation.columns[name])
    if kind is None:
        raise InvalidRequestError(
            f"{relation.subject(name)} is {relation.columns[name]}; expected a timestamp, a date, or text of one.",
            hint="name a time column as timestamp_field (or created_timestamp_column) of the source",
            context={"view": relation.view, "column": name, "source": relation.spec.name},
        )
    return kind


def is_utc(zone: str) -> bool:
    """Whether wall times of a zone are UTC."""
    return zone.upper() in ("UTC", "ETC/UTC", "ZULU", "UNIVERSAL")


def _zoned(relation: Relation, wall_us: exp.Expr, zone: str) -> exp.Expr:
    if is_utc(zone):
        return wall_us
    dialect, zone_node = relation.dialect, exp.Literal.string(zone)

    def to_instant(us: exp.Expr) -> exp.Expr:
        wall = dialect.fill(dialect.us_wall, us=us)
        return dialect.fill(dialect.instant_us, x=dialect.fill(dialect.wall_instant, x=wall, zone=zone_node))

    def to_wall(us: exp.Expr) -> exp.Expr:
        instant = dialect.fill(dialect.us_instant, us=us)
        return dialect.fill(dialect.instant_us, x=dialect.fill(dialect.instant_wall, x=instant, zone=zone_node))

    # With the offset of the day before: right before a change and in the first pass of a repeated hour.
    day_before = exp.Sub(this=wall_us, expression=integer(_BEFORE))
    earlier = exp.Add(this=to_instant(day_before), expression=integer(_BEFORE))
    valid = exp.EQ(this=to_wall(earlier), expression=wall_us.copy())
    return case((valid, earlier), default=to_instant(wall_us))


def _text_us(relation: Relation, name: str) -> exp.Expr:
    dialect, node, zone = relation.dialect, column(name), relation.spec.timezone
    us = dialect.fill(dialect.instant_us, x=dialect.fill(dialect.text_instant, x=node))
    message = exp.Literal.string(f"{REFUSAL}{relation.subject(name)} has a value that is not a time: ")
    unreadable = all_of(not_null(node.copy()), is_null(us.copy()))
    refused = (unreadable, cast(dialect.fill(dialect.refuse, x=node, message=message), "BIGINT"))
    if is_utc(zone):
        return case(refused, default=us)
    offset = dialect.fill(dialect.text_has_offset, x=node)
    return case(refused, (offset, us), default=_zoned(relation, us.copy(), zone))


REFUSAL = "[repast] "
"""Starts the messages of errors that a statement raises on purpose."""


def equals_us(relation: Relation, name: str, us: exp.Expr) -> exp.Expr:
    """Return the condition that a time column is an instant; on the raw column if it is as exact, so that an
    engine can skip what cannot match.
    """
    kind, dialect = get_time_kind(relation, name), relation.dialect
    exact = kind == "instant" or (kind == "wall" and is_utc(relation.spec.timezone))
    if not exact or relation.columns[name].unit != "us":
        return exp.EQ(this=instant_us(relation, name), expression=us)
    template = dialect.us_instant if kind == "instant" else dialect.us_wall
    return exp.EQ(this=column(name), expression=dialect.fill(template, us=us))


def within(relation: Relation, name: str, *, start_us: int | None, end_us: int | None) -> list[exp.Expr]:
    """Return conditions on the raw column that every row of the range meets, both ends included.

    They may let a few rows more pass (wall times, dates), but statistics of files can be held against them.
    """
    kind = get_time_kind(relation, name)
    if kind == "text":
        return []
    exact = kind.startswith("instant") or (kind != "date" and is_utc(relation.spec.timezone))
    slack = 0 if exact else 2 * _BEFORE
    conditions: list[exp.Expr] = []
    if start_us is not None and (start := _bound(relation, kind, start_us - slack)) is not None:
        conditions.append(exp.GTE(this=column(name), expression=start))
    # A nanosecond column may hold finer times within the last microsecond.
    after = slack + (1 if kind.endswith("_ns") else 0)
    if end_us is not None and (end := _bound(relation, kind, end_us + after)) is not None:
        conditions.append(exp.LTE(this=column(name), expression=end))
    return conditions


def _bound(relation: Relation, kind: TimeKind, us: int) -> exp.Expr | None:
    nano = kind.endswith("_ns")
    first, last = (_FIRST_NANO_US, _LAST_NANO_US) if nano else (_FIRST_US, _LAST_US)
    if not first <= us <= last:
        return None
    dialect = relation.dialect
    templates: dict[TimeKind, str] = {
        "instant": dialect.us_instant,
        "instant_ns": dialect.us_nano_instant,
        "wall": dialect.us_wall,
        "wall_ns": dialect.us_nano,
        "date": dialect.us_wall,
    }
    bound = dialect.fill(templates[kind], us=integer(us))
    return cast(bound, "DATE") if kind == "date" else bound
