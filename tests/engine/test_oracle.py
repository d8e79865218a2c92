"""The specification itself, on examples that a person can check."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repast.core import oracle
from repast.core.cast import to_instants
from repast.core.oracle import Row, candidates, greatest, last, latest, point_in_time, serve, to_us, window
from repast.testing.clock import ManualClock
from repast.testing.strategy import ALL_TYPES, KEY_TYPES, ZONES, frames, key_values, spines, values, wall_times
from repast.types import DataType


def row(key: object, event: int | None, created: int | None = None, value: str = "") -> Row:
    return {"k": key, "__event": event, "__created": created, "v": value}


ROWS = [
    row(1, 10, 10, "first"),
    row(1, 20, 35, "recorded late"),
    row(1, 30, None, "unknown when"),
    row(1, 30, 30, "corrected"),
    row(2, 10, 10, "other"),
    row(None, 10, 10, "nobody's"),
    row(1, None, 10, "never"),
]


def value(row: Row) -> str:
    return str(row["v"])


@pytest.mark.parametrize(
    ("time", "ttl_us", "as_of", "answer"),
    [
        (9, None, "event", None),
        (10, None, "event", "first"),
        (20, None, "event", "recorded late"),
        (20, None, "available", "first"),
        (29, None, "available", "first"),
        (30, None, "available", "corrected"),
        (29, 9, "event", "recorded late"),
        (29, 8, "event", None),
        (29, 8, "available", None),
        (99, 0, "event", "corrected"),
    ],
)
def test_point_in_time(time: int, ttl_us: int | None, as_of: str, answer: str | None) -> None:
    (found,) = point_in_time(ROWS, [{"k": 1, "__time": time}], keys=["k"], content=value, ttl_us=ttl_us, as_of=as_of)
    assert (found and found["v"]) == answer


def test_a_null_key_asks_for_nothing() -> None:
    assert candidates(ROWS, {"k": None, "__time": 99}, keys=["k"]) == []


def test_content_breaks_the_last_tie() -> None:
    ties = [row(1, 5, 5, "a"), row(1, 5, 5, "c"), row(1, 5, 5, "b"), row(1, 5, None, "z")]
    assert greatest(ties, value)["v"] == greatest(ties[::-1], value)["v"] == "c"
    assert greatest([], value) is None


def test_last_and_latest() -> None:
    assert [value(r) for r in last(ROWS, 1, keys=["k"])] == ["corrected", "other"]
    assert [value(r) for r in last(ROWS, 2, keys=["k"])] == ["unknown when", "corrected", "other"]
    ties = [row(1, 5), row(1, 5), row(1, 4)]
    assert len(last(ties, 1, keys=["k"])) == 2
    assert {key: value(r) for key, r in latest(ROWS, keys=["k"], content=value).items()} == {
        (1,): "corrected",
        (2,): "other",
    }
    assert value(latest(ROWS, keys=[], content=value)[()]) == "corrected"


def test_window_includes_both_ends() -> None:
    assert [value(r) for r in window(ROWS, keys=["k"], start_us=20, end_us=30)] == [
        "recorded late",
        "unknown when",
        "corrected",
    ]


@pytest.mark.parametrize(
    ("now", "ttl_us", "status"), [(30, 10, "PRESENT"), (31, 10, "OUTSIDE_MAX_AGE"), (10**9, None, "PRESENT")]
)
def test_serve(now: int, ttl_us: int | None, status: str) -> None:
    assert serve(row(1, 20), now_us=now, ttl_us=ttl_us)[0] == status
    assert serve(None, now_us=now) == ("NOT_FOUND", None)


WALL = datetime.fromisoformat


@pytest.mark.parametrize(
    ("written", "zone", "utc"),
    [
        (WALL("2024-07-01T12:00"), "Europe/Paris", "2024-07-01T10:00Z"),
        (WALL("2024-10-27T02:30"), "Europe/Paris", "2024-10-27T00:30Z"),  # twice: the first
        (WALL("2024-03-31T02:30"), "Europe/Paris", "2024-03-31T01:30Z"),  # skipped: 03:30
        (date(2024, 7, 1), "America/New_York", "2024-07-01T04:00Z"),
        (WALL("2024-07-01T12:00+05:00"), "Europe/Paris", "2024-07-01T07:00Z"),
        ("2024-07-01T12:00:00", "Europe/Paris", "2024-07-01T10:00Z"),
        ("2024-07-01T12:00:00Z", "Europe/Paris", "2024-07-01T12:00Z"),
    ],
)
def test_instants(written: object, zone: str, utc: str) -> None:
    assert to_us(written, timezone=zone) == to_us(utc)


def test_nanoseconds_are_floored() -> None:
    assert [to_us(nanos) for nanos in (1999, 1000, 0, -1, -1000, -1001)] == [1, 1, 0, -1, -1, -2]
    assert to_us(None) is None
    with pytest.raises(TypeError):
        to_us(1.5)


@pytest.mark.parametrize("zone", sorted(ZONES))
def test_the_core_agrees_on_wall_times(zone: str) -> None:
    @given(st.lists(wall_times(zone), max_size=20), st.sampled_from(["us", "ns"]))
    def check(times: list[datetime], unit: str) -> None:
        found = to_instants(pa.array(times, pa.timestamp(unit)), timezone=zone, subject="t")
        assert found.to_pylist() == [to_us(time, timezone=zone) for time in times]

    check()


def test_anybody_can_read_it() -> None:
    assert len(Path(oracle.__file__).read_text().splitlines()) < 150


# -- what examples are drawn from ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ALL_TYPES, ids=str)
def test_values_fit_their_types(dtype: DataType) -> None:
    @given(st.lists(values(dtype), max_size=5))
    def check(column: list[object]) -> None:
        assert len(pa.array(column, dtype.arrow)) == len(column)

    check()


@pytest.mark.parametrize("dtype", KEY_TYPES, ids=str)
def test_keys_fit_their_types(dtype: DataType) -> None:
    @given(key_values(dtype))
    def check(key: object) -> None:
        assert pa.array([key], dtype.arrow).null_count == 0

    check()


def test_frames_hold_what_breaks_things() -> None:
    """Ties, duplicates, nulls, late rows and repeated questions turn up within a few hundred examples."""
    seen: set[str] = set()

    @given(st.data())
    def check(data: st.DataObject) -> None:
        frame = data.draw(frames())
        spine = data.draw(spines(frame))
        rows = [tuple(map(repr, r.values())) for r in frame.rows]
        groups = oracle.by_key((r for r in frame.rows if oracle.is_candidate(r, frame.key_names)), frame.key_names)
        moments = [[oracle.moment(r) for r in group] for group in groups.values()]
        found = {
            "duplicate": len(set(rows)) < len(rows),
            "null key": any(r[k] is None for r in frame.rows for k in frame.key_names),
            "null event": any(r["__event"] is None for r in frame.rows),
            "tie": any(len(set(group)) < len(group) for group in moments),
            "event tie": any(len({event for event, _ in group}) < len(set(group)) for group in moments),
            "late": any(r["__event"] is not None and (r["__created"] or 0) > r["__event"] for r in frame.rows),
            "entityless": not frame.keys and bool(frame.rows),
            "composite": len(frame.keys) > 1,
            "same question": len({repr(r) for r in spine}) < len(spine),
            "hit": any(candidates(frame.rows, r, keys=frame.key_names) for r in spine),
            "miss": any(not candidates(frame.rows, r, keys=frame.key_names) for r in spine),
        }
        seen.update(name for name, true in found.items() if true)

    for _ in range(3):
        check()
    assert len(seen) == 11, seen


def test_manual_clock() -> None:
    clock = ManualClock(datetime(2024, 1, 1, tzinfo=UTC))
    assert clock() == clock() == datetime(2024, 1, 1, tzinfo=UTC)
    clock.advance(timedelta(seconds=1))
    assert clock() == datetime(2024, 1, 1, 0, 0, 1, tzinfo=UTC)
    clock.set(WALL("2023-06-01T12:00"))
    assert clock() == datetime(2023, 6, 1, 12, tzinfo=UTC)
