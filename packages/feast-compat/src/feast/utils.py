"""Times, as users of Feast's helpers make them."""

from __future__ import annotations

from datetime import UTC, datetime


def make_tzaware(t: datetime) -> datetime:
    """Return a time with its zone; one without is in UTC."""
    return t if t.utcoffset() is not None else t.replace(tzinfo=UTC)


def to_naive_utc(ts: datetime) -> datetime:
    """Return a time in UTC without saying so."""
    return ts if ts.tzinfo is None else ts.astimezone(UTC).replace(tzinfo=None)


def _utc_now() -> datetime:
    return datetime.now(UTC)
