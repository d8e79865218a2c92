"""Time as a parameter: instants are int microseconds inside and aware UTC datetimes at every boundary."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Returns the present as an aware datetime. Tests pass their own."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def system_clock() -> datetime:
    """Return the present in UTC."""
    return datetime.now(UTC)


def to_utc(instant: datetime) -> datetime:
    """Return an aware datetime in UTC; a naive one means UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def to_us(instant: datetime) -> int:
    """Return microseconds since 1970-01-01 UTC; a naive datetime means UTC."""
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def from_us(microseconds: int) -> datetime:
    """Return the aware UTC datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def duration_us(duration: timedelta) -> int:
    """Return a duration in microseconds."""
    return duration // _MICROSECOND
