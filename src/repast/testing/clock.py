"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from repast.core.clock import to_utc


class ManualClock:
    """A :data:`repast.core.clock.Clock` for tests.

    Example:
        >>> clock = ManualClock(datetime(2024, 1, 1, tzinfo=UTC))
        >>> clock.advance(timedelta(hours=1))
        >>> clock().isoformat()
        '2024-01-01T01:00:00+00:00'

    """

    def __init__(self, now: datetime = datetime(2024, 1, 1, tzinfo=UTC)) -> None:
        self._now = to_utc(now)

    def __call__(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move forward, or back with a negative duration."""
        self._now += by

    def set(self, now: datetime) -> None:
        """Move to an instant; a naive one means UTC."""
        self._now = to_utc(now)
