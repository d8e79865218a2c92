"""Hypothesis strategies for what breaks feature stores.

Values are small on purpose: few keys and few moments, so that ties, duplicates, late rows and rows at
the very edge of a ttl turn up in almost every example.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Context
from decimal import Decimal as PyDecimal
from typing import Any
from uuid import UUID

import pyarrow as pa
from hypothesis import strategies as st

from repast.core.oracle import Row
from repast.core.plan.offline import CREATED, EVENT, TIME
from repast.types import (
    Array,
    Bool,
    Bytes,
    DataType,
    Date,
    Decimal,
    Float32,
    Float64,
    Int32,
    Int64,
    Json,
    Map,
    Set,
    String,
    Struct,
    UnixTimestamp,
    Uuid,
)

HOUR = 3_600_000_000
"""One hour in microseconds: the distance between moments, and a usual ttl."""
BASE = 1_711_843_200_000_000
"""2024-03-31 00:00 UTC; Europe sets its clocks forward an hour later."""

PRIMITIVES: tuple[DataType, ...] = (
    Bool,
    Int32,
    Int64,
    Float32,
    Float64,
    String,
    Bytes,
    UnixTimestamp,
    Date,
    Uuid,
    Json,
    Decimal(20, 3),
    Decimal(38, 0),
)
NESTED: tuple[DataType, ...] = (
    Array(Int64),
    Array(String),
    Array(Array(Float32)),
    Set(Int32),
    Set(String),
    Map(String, String),
    Map(String, Int64),
    Struct({"a": Int64, "b": String}),
    Array(Struct({"x": Float64, "y": Array(Int32)})),
    Struct({"inner": Struct({"t": UnixTimestamp}), "tags": Map()}),
)
ALL_TYPES: tuple[DataType, ...] = PRIMITIVES + NESTED
"""Every kind of type at least once."""
KEY_TYPES: tuple[DataType, ...] = (Bool, Int32, Int64, String, Bytes, UnixTimestamp, Date, Uuid)
"""Types that a join key may have."""

_TEXTS = (
    "",
    " ",
    "1",
    "11",
    "a",
    "A",
    "é",
    "e\u0301",
    "None",
    "null",
    "NaN",
    "\x00",
    "a\x00b",
    "'; --",
    '"',
    "\U0001f600",
)
_FLOATS = (0.0, -0.0, 1.0, 1.5, float("nan"), float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308)
_INTEGERS = (0, 1, -1, 7, 2**31 - 1, -(2**31))
_LONGS = (*_INTEGERS, 2**53, 2**53 + 1, 2**63 - 1, -(2**63))


def data_types(*, nested: bool = True) -> st.SearchStrategy[DataType]:
    """Return a strategy for feature types."""
    return st.sampled_from(ALL_TYPES if nested else PRIMITIVES)


def key_types() -> st.SearchStrategy[DataType]:
    """Return a strategy for types of join keys."""
    return st.sampled_from(KEY_TYPES)


def values(dtype: DataType, *, nullable: bool = True) -> st.SearchStrategy[Any]:
    """Return a strategy for Python values of a type, as ``pyarrow.array(..., dtype.arrow)`` takes them."""
    nested = _nested(dtype)
    present = _primitive(dtype) if nested is None else nested
    return st.one_of(st.none(), present) if nullable else present


def _nested(dtype: DataType) -> st.SearchStrategy[Any] | None:
    if isinstance(dtype, Array):
        return st.lists(values(dtype.item), max_size=3)
    if isinstance(dtype, Set):
        return st.lists(values(dtype.item), max_size=3, unique_by=repr)
    if isinstance(dtype, Map):
        entry = st.tuples(values(dtype.key, nullable=False), values(dtype.value))
        return st.lists(entry, max_size=3, unique_by=lambda pair: repr(pair[0]))
    if isinstance(dtype, Struct):
        return st.fixed_dictionaries({name: values(item) for name, item in dtype.fields})
    return None


def _primitive(dtype: DataType) -> st.SearchStrategy[Any]:
    if isinstance(dtype, Decimal):
        top = 10**dtype.precision - 1
        digits = st.one_of(st.sampled_from((0, 1, -1, top, -top)), st.integers(-top, top))
        return digits.map(lambda n: PyDecimal(n).scaleb(-dtype.scale, _EXACT))
    strategies: dict[DataType, st.SearchStrategy[Any]] = {
        Bool: st.booleans(),
        Int32: st.one_of(st.sampled_from(_INTEGERS), st.integers(-(2**31), 2**31 - 1)),
        Int64: st.one_of(st.sampled_from(_LONGS), st.integers(-(2**63), 2**63 - 1)),
        Float32: st.one_of(st.sampled_from((0.0, -0.0, 1.5, float("nan"), float("inf"))), st.floats(width=32)),
        Float64: st.one_of(st.sampled_from(_FLOATS), st.floats()),
        String: st.one_of(st.sampled_from(_TEXTS), st.text(_CHARACTERS, max_size=5)),
        Bytes: st.one_of(st.sampled_from((b"", b"\x00", b"\xff\xfe", b"1")), st.binary(max_size=5)),
        UnixTimestamp: st.datetimes(_FIRST, _LAST, timezones=st.just(UTC)),
        Date: st.dates(date(1900, 1, 1), date(2200, 1, 1)),
        Uuid: st.uuids().map(str),
        Json: st.sampled_from(("null", "{}", "[]", '{"a": [1, 2.5, null]}', '"text"', "1")),
    }
    return strategies[dtype]


_FIRST, _LAST = datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("2200-01-01")
_CHARACTERS = st.characters(codec="utf-8")
_EXACT = Context(prec=40)


_KEY_POOLS: dict[DataType, tuple[Any, ...]] = {
    Bool: (True, False),
    Int32: (0, 1, 11, -1),
    Int64: (0, 1, 2**53, 2**53 + 1),
    String: ("1", "11", "", "a\x00b"),
    Bytes: (b"", b"\x00", b"1", b"11"),
    UnixTimestamp: (datetime(1970, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    Date: (date(1970, 1, 1), date(2024, 2, 29)),
    Uuid: (str(UUID(int=0)), str(UUID(int=2**128 - 1))),
}


def key_values(dtype: DataType) -> st.SearchStrategy[Any]:
    """Return a strategy for a few keys of a type; text keys collide when several are concatenated."""
    return st.sampled_from(_KEY_POOLS[dtype])


def moments() -> st.SearchStrategy[int]:
    """Return a strategy for instants in microseconds: whole hours from BASE on, and one off each side."""
    return st.builds(lambda hour, off: BASE + hour * HOUR + off, st.integers(0, 4), st.sampled_from((0, 0, 0, -1, 1)))


def ttls() -> st.SearchStrategy[int | None]:
    """Return a strategy for ttls in microseconds, such that edges are hit; None and 0: no limit."""
    return st.sampled_from((None, 0, 1, HOUR - 1, HOUR, HOUR + 1, 3 * HOUR))


ZONES: Mapping[str, tuple[datetime, ...]] = {
    zone: tuple(datetime.fromisoformat(text) for text in texts)
    for zone, texts in {
        "UTC": ("2024-01-01",),
        "Europe/Paris": ("2024-03-31T02:30", "2024-10-27T02:30"),
        "America/New_York": ("2024-03-10T02:00", "2024-11-03T01:59:59.999999"),
        "Australia/Lord_Howe": ("2024-10-06T02:15", "2024-04-07T01:45"),
        "Asia/Kathmandu": ("2024-06-01",),
        "Africa/Casablanca": ("2024-03-10T02:30", "2024-04-14T02:30"),
    }.items()
}
"""Zones, each with wall times that are skipped or occur twice there, if it has any."""


def wall_times(zone: str) -> st.SearchStrategy[datetime]:
    """Return a strategy for naive times, many of them where the zone's clocks are changed."""
    minutes = st.integers(-300, 300).map(lambda n: timedelta(minutes=n))
    return st.builds(lambda start, by: start + by, st.sampled_from(ZONES[zone]), minutes)


@dataclass(frozen=True)
class Frame:
    """Source rows as the oracle takes them, and their columns' types."""

    keys: tuple[tuple[str, DataType], ...]
    features: tuple[tuple[str, DataType], ...]
    rows: Sequence[Row] = field(default_factory=list)

    @property
    def key_names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.keys)

    def table(self, rows: Sequence[Row] | None = None) -> pa.Table:
        """Return rows as a source has them: keys, ``event_timestamp``, ``created``, features."""
        rows = self.rows if rows is None else rows
        instant = UnixTimestamp.arrow
        columns = {name: pa.array([row[name] for row in rows], dtype.arrow) for name, dtype in self.keys}
        columns["event_timestamp"] = pa.array([row[EVENT] for row in rows], instant)
        columns["created"] = pa.array([row[CREATED] for row in rows], instant)
        columns |= {name: pa.array([row[name] for row in rows], dtype.arrow) for name, dtype in self.features}
        return pa.table(columns)


FEATURES: tuple[tuple[str, DataType], ...] = (("n", Int64), ("s", String), ("x", Float64))


@st.composite
def frames(
    draw: st.DrawFn,
    *,
    keys: Sequence[DataType] | None = None,
    features: Sequence[tuple[str, DataType]] = FEATURES,
    max_rows: int = 12,
) -> Frame:
    """Draw source rows: ties in one or both times, exact duplicates, null keys, times and features, late rows.

    ``keys`` are the types of the join keys ``k0``, ``k1``, ...; by default none, one or two of them.
    """
    key_dtypes = keys if keys is not None else draw(st.sampled_from(((), (Int64,), (String,), (String, String))))
    names = [(f"k{i}", dtype) for i, dtype in enumerate(key_dtypes)]
    event = st.one_of(moments(), moments(), moments(), st.none())
    delay = st.sampled_from((None, 0, 0, -1, 1, HOUR, 2 * HOUR + 1))
    columns: dict[str, st.SearchStrategy[Any]] = {
        name: st.one_of(key_values(dtype), key_values(dtype), key_values(dtype), st.none()) for name, dtype in names
    }
    columns |= {EVENT: event, "delay": delay}
    columns |= {name: values(dtype) for name, dtype in features}
    rows = draw(st.lists(st.fixed_dictionaries(columns), max_size=max_rows))
    repeated = draw(st.lists(st.sampled_from(rows), max_size=2)) if rows else []
    return Frame(tuple(names), tuple(features), [_recorded(row) for row in rows + repeated])


def _recorded(row: Mapping[str, Any]) -> Row:
    delay, event = row["delay"], row[EVENT]
    created = None if delay is None else (BASE if event is None else event) + delay
    return {**{name: value for name, value in row.items() if name != "delay"}, CREATED: created}


@st.composite
def spines(draw: st.DrawFn, frame: Frame, *, max_rows: int = 8) -> list[Row]:
    """Draw spine rows for a frame: its keys and others, its moments, past and future; pairs repeat."""
    columns: dict[str, st.SearchStrategy[Any]] = {name: key_values(dtype) for name, dtype in frame.keys}
    late = st.sampled_from((BASE - 5 * HOUR, BASE + 9 * HOUR))
    columns[TIME] = st.one_of(moments(), moments(), late)
    rows: list[Row] = draw(st.lists(st.fixed_dictionaries(columns), max_size=max_rows))
    repeated: list[Row] = draw(st.lists(st.sampled_from(rows), max_size=2)) if rows else []
    return rows + repeated
