"""What a value is, in plain Python: the specification that every engine and store is tested against.

Nothing here is clever or fast. A row is a dict with its join keys, its features, and two instants:
``__event`` (when it became true) and ``__created`` (when it was recorded, or None), both in int
microseconds UTC, or None. See :func:`to_us` for how source values become instants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from repast.core.clock import to_us as aware_to_us
from repast.core.plan.offline import CREATED, EVENT, TIME, AsOf

Row: TypeAlias = Mapping[str, Any]
Content: TypeAlias = Callable[[Row], Any]
"""Returns what breaks a tie of both times: anything comparable that depends on the row's values alone."""

NEVER = -(2**63)
"""Where a null created time sorts: before all others."""


def to_us(value: object, *, timezone: str = "UTC") -> int | None:
    """Return an instant as a source may write it in microseconds UTC.

    A naive time is wall time in ``timezone``: of two equal ones (clocks set back) the first; a skipped
    one (clocks set forward) moves forward. A date is its midnight there. Nanoseconds (int) are floored.
    """
    if value is None or isinstance(value, int):
        return None if value is None else value // 1000
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - given its zone below
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} is not a time.")
    return aware_to_us(value if value.tzinfo else value.replace(tzinfo=ZoneInfo(timezone), fold=0))


def is_candidate(row: Row, keys: Sequence[str]) -> bool:
    """Whether a row can be anybody's value: no null key, and an event time."""
    return row[EVENT] is not None and all(row[key] is not None for key in keys)


def moment(row: Row) -> tuple[int, int]:
    """Return the first two parts of the total order: event time, then created time."""
    return row[EVENT], NEVER if row[CREATED] is None else row[CREATED]


def greatest(rows: Iterable[Row], content: Content) -> Row | None:
    """Return the greatest row by the total order: event time, created time, content."""
    return max(rows, key=lambda row: (*moment(row), content(row)), default=None)


def candidates(
    rows: Iterable[Row], asked: Row, *, keys: Sequence[str], ttl_us: int | None = None, as_of: AsOf = "event"
) -> list[Row]:
    """Return the rows that a spine row may be answered with: ``asked`` has the keys and ``__time``."""
    now = asked[TIME]
    return [
        row
        for row in rows
        if is_candidate(row, keys)
        and all(row[key] == asked[key] for key in keys)
        and row[EVENT] <= now
        and (not ttl_us or row[EVENT] >= now - ttl_us)
        and (as_of == "event" or row[CREATED] is None or row[CREATED] <= now)
    ]


def point_in_time(
    rows: Sequence[Row],
    spine: Iterable[Row],
    *,
    keys: Sequence[str],
    content: Content,
    ttl_us: int | None = None,
    as_of: AsOf = "event",
) -> list[Row | None]:
    """Return the answer to each spine row, in order; None for a miss (a null spine key always misses)."""
    return [greatest(candidates(rows, asked, keys=keys, ttl_us=ttl_us, as_of=as_of), content) for asked in spine]


def window(
    rows: Iterable[Row], *, keys: Sequence[str], start_us: int | None = None, end_us: int | None = None
) -> list[Row]:
    """Return the rows with start <= event time <= end, both included; None leaves that side open."""
    return [
        row
        for row in rows
        if is_candidate(row, keys)
        and (start_us is None or row[EVENT] >= start_us)
        and (end_us is None or row[EVENT] <= end_us)
    ]


def by_key(rows: Iterable[Row], keys: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    """Return rows by the values of their keys; a view without keys has the one key ``()``."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def last(rows: Iterable[Row], n: int, *, keys: Sequence[str]) -> list[Row]:
    """Return, per key, the n greatest rows by (event, created) and every row that ties with the n-th."""
    kept: list[Row] = []
    for group in by_key((row for row in rows if is_candidate(row, keys)), keys).values():
        moments = sorted((moment(row) for row in group), reverse=True)
        kept += [row for row in group if moment(row) >= moments[min(n, len(moments)) - 1]]
    return kept


def latest(rows: Iterable[Row], *, keys: Sequence[str], content: Content) -> dict[tuple[Any, ...], Row]:
    """Return the greatest row of each key: what the online store holds after any loads that read all rows."""
    groups = by_key((row for row in rows if is_candidate(row, keys)), keys)
    return {key: max(group, key=lambda row: (*moment(row), content(row))) for key, group in groups.items()}


def serve(row: Row | None, *, now_us: int, ttl_us: int | None = None) -> tuple[str, Row | None]:
    """Return the status of an online row and the row, if it may be served at ``now``."""
    if row is None:
        return "NOT_FOUND", None
    if ttl_us and row[EVENT] < now_us - ttl_us:
        return "OUTSIDE_MAX_AGE", None
    return "PRESENT", row
