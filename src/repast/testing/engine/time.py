"""Rules of time columns: units, zones, clock changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repast.core.oracle import to_us
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME, FeatureColumn, KeyColumn, PointInTimeJoin, ReadRows
from repast.testing.engine.base import Bench, fewer_examples
from repast.testing.strategy import BASE, ZONES, wall_times
from repast.types import Int64

_KEY = (KeyColumn("id", "id", Int64),)
_ODD_NANOS = (0, 1, -1, 999, -999, 1000, -1000, 1001, -1001, 1_700_000_000_123_456_789, -1_700_000_000_123_456_789)


class TimeRules:
    """All instants are microseconds UTC; finer units are floored; naive times are in the source's zone."""

    def _instants(self, bench: Bench, times: pa.Array, zone: str = "UTC") -> list[tuple[int, int]]:
        """Return (event, created) per row, the same column read as either."""
        rows = pa.table({"id": pa.array(range(len(times)), pa.int64()), "t": times, "c": times})
        source = bench.store(rows, event="t", created="c", timezone=zone, name="instants")
        plan = ReadRows(view="view", source=source, keys=_KEY, features=())
        found = sorted(bench.read(plan), key=lambda row: row["id"])
        return [(row[EVENT], row[CREATED]) for row in found]

    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    @pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
    def test_units(self, bench: Bench, unit: str, zone: str | None) -> None:
        """Seconds to nanoseconds, naive or aware, are the same instants; the zone of an aware column is a display."""
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
        seconds = [0, 1, -1, 1_700_000_000, -1_700_000_000]
        times = pa.array([second * per_second for second in seconds], pa.timestamp(unit, zone))
        assert self._instants(bench, times) == [(second * 10**6, second * 10**6) for second in seconds]

    @pytest.mark.parametrize("zone", [None, "UTC"])
    def test_nanoseconds_are_floored(self, bench: Bench, zone: str | None) -> None:
        """Nanoseconds go down to the microsecond, before 1970 too."""
        expected = [(to_us(nanos), to_us(nanos)) for nanos in _ODD_NANOS]
        assert self._instants(bench, pa.array(_ODD_NANOS, pa.timestamp("ns", zone))) == expected

    def test_dates_are_midnight(self, bench: Bench) -> None:
        """A date is its midnight in the source's zone."""
        days = [datetime(2024, 1, 1, tzinfo=UTC).date(), datetime(1969, 12, 31, tzinfo=UTC).date()]
        for zone in ("UTC", "Europe/Paris", "America/New_York"):
            expected = [(to_us(day, timezone=zone), to_us(day, timezone=zone)) for day in days]
            assert self._instants(bench, pa.array(days, pa.date32()), zone) == expected

    def test_aware_times_ignore_the_zone_of_the_source(self, bench: Bench) -> None:
        """``timezone`` is about naive times only."""
        times = pa.array([BASE], pa.timestamp("us", "UTC"))
        assert self._instants(bench, times, "America/New_York") == [(BASE, BASE)]

    def test_text_is_read_as_time(self, bench: Bench) -> None:
        """ISO 8601 text with an offset is that instant; without one it is in the source's zone."""
        texts = ["2024-07-01T12:00:00+02:00", "2024-07-01 12:00:00", "2024-07-01", "2024-07-01T10:00:00Z"]
        for zone in ("UTC", "America/New_York"):
            expected = [(to_us(text, timezone=zone), to_us(text, timezone=zone)) for text in texts]
            assert self._instants(bench, pa.array(texts), zone) == expected

    @pytest.mark.parametrize("zone", sorted(ZONES))
    def test_wall_times_where_clocks_change(self, bench: Bench, zone: str) -> None:
        """Of a time that occurs twice the first is meant; a skipped one moves forward by the change."""

        @fewer_examples()
        @given(st.lists(wall_times(zone), min_size=1, max_size=40), st.sampled_from(("us", "ns")))
        def check(times: Sequence[datetime], unit: str) -> None:
            expected = [(to_us(time, timezone=zone), to_us(time, timezone=zone)) for time in times]
            assert self._instants(bench, pa.array(times, pa.timestamp(unit)), zone) == expected

        check()

    @pytest.mark.parametrize("zone", sorted(ZONES))
    def test_joins_compare_instants(self, bench: Bench, zone: str) -> None:
        """A join finds a row from its instant on, however the source writes it, and as long as ttl says."""

        @fewer_examples(8)  # each is four joins, and there are more zones
        @given(wall_times(zone), st.sampled_from((pa.timestamp("us"), pa.timestamp("ns"), pa.date32())))
        def check(wall: datetime, dtype: pa.DataType) -> None:
            value = wall.date() if pa.types.is_date(dtype) else wall
            instant = to_us(value, timezone=zone)
            assert instant is not None
            rows = pa.table(
                {"id": pa.array([1], pa.int64()), "t": pa.array([value], dtype), "c": pa.array([value], dtype)}
            )
            source = bench.store(rows, event="t", created="c", timezone=zone, name="wall_join")
            plan = PointInTimeJoin(
                view="view",
                source=source,
                keys=_KEY,
                features=(FeatureColumn("f", "id", Int64),),
                ttl_us=10,
                as_of="available",
            )
            times = [instant - 1, instant, instant + 10, instant + 11]
            for position, time in enumerate(times):  # alone, each has its own bounds to prune by
                spine = pa.table({ROW: pa.array([position], pa.int64()), TIME: pa.array([time], pa.int64()), "id": [1]})
                assert [row[EVENT] for row in bench.read(plan, spine)] == ([instant] if position in (1, 2) else [])

        check()

    def test_windows_compare_instants(self, bench: Bench) -> None:
        """The bounds of a window are instants, whatever the source's zone and unit."""
        wall = datetime(2024, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))  # noon in Paris
        instant = to_us(wall)
        assert instant is not None
        for dtype in (pa.timestamp("us"), pa.timestamp("ns")):
            rows = pa.table({"id": pa.array([1], pa.int64()), "t": pa.array([wall.replace(tzinfo=None)], dtype)})
            source = bench.store(rows, event="t", created=None, timezone="Europe/Paris")
            for start, end, count in ((instant, instant, 1), (instant + 1, None, 0), (None, instant - 1, 0)):
                plan = ReadRows(view="view", source=source, keys=_KEY, features=(), start_us=start, end_us=end)
                assert len(bench.read(plan)) == count

    def test_nanoseconds_within_the_last_microsecond(self, bench: Bench) -> None:
        """A row in the microsecond of T counts at T: both are floored."""
        times = pa.array([BASE * 1000 + 999], pa.timestamp("ns", "UTC"))
        rows = pa.table({"id": pa.array([1], pa.int64()), "t": times})
        source = bench.store(rows, event="t", created=None)
        plan = PointInTimeJoin(view="view", source=source, keys=_KEY, features=())
        for time, count in ((BASE, 1), (BASE - 1, 0)):
            spine = pa.table({ROW: pa.array([0], pa.int64()), TIME: pa.array([time], pa.int64()), "id": [1]})
            assert len(bench.read(plan, spine)) == count
        window = ReadRows(view="view", source=source, keys=_KEY, features=(), start_us=BASE, end_us=BASE)
        assert len(bench.read(window)) == 1
