"""Event times as RFC 3339 text, fast: an answer has one per row, and rows share them."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

_SIGN = 1 << 63
_DAY = 86_400 * 1_000_000
_EPOCH = date(1970, 1, 1)
_FIRST, _LAST = (date.min - _EPOCH).days, (date.max - _EPOCH).days

EPOCH_TEXT = "1970-01-01T00:00:00Z"
"""What stands for no time."""


@lru_cache(maxsize=1 << 16)
def event_text(prefix: bytes) -> str:
    """Return the event time of a stored value, given its first eight bytes, as in ``2026-11-24T09:30:00Z``.

    There are 0, 3 or 6 digits behind the seconds, as many as it takes. Times that the calendar of
    years 1 to 9999 has no date for are named by the nearest end of it.
    """
    day, rest = divmod(int.from_bytes(prefix) - _SIGN, _DAY)
    if not _FIRST <= day <= _LAST:
        return "0001-01-01T00:00:00Z" if day < 0 else "9999-12-31T23:59:59.999999Z"
    seconds, us = divmod(rest, 1_000_000)
    minutes, second = divmod(seconds, 60)
    fraction = f".{us:06}".removesuffix("000") if us else ""
    return f"{_date(day)}T{minutes // 60:02}:{minutes % 60:02}:{second:02}{fraction}Z"


@lru_cache(maxsize=1024)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()
