"""Python values become typed arrays by the same rules as columns."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal as D
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repast.core.literal import from_values
from repast.errors import InvalidValueError
from repast.testing.strategy import ALL_TYPES, values
from repast.types import (
    Array,
    Bytes,
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

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
NAN = float("nan")
PAIR = Struct({"a": Int64, "b": Array(String)})


def build(given, dtype, **options):
    result = from_values(given, dtype, subject="feature v:f", **options)
    result.validate(full=True)
    assert result.type == dtype.arrow
    return result.to_pylist()


@pytest.mark.parametrize(
    ("given", "dtype", "expected"),
    [
        ([1, None, 2.0, np.int32(4), D(5)], Int64, [1, None, 2, 4, 5]),
        ([1, 2**53], Float64, [1.0, 2.0**53]),
        ([0.1, NAN, None, np.float64(0.5)], Float64, [0.1, NAN, None, 0.5]),
        ([0.5, np.float32(0.1)], Float32, [0.5, float(np.float32(0.1))]),
        ([0.1, None], Float32, [float(np.float32(0.1)), None]),
        (["a", None, np.str_("b")], String, ["a", None, "b"]),
        ([b"a", bytearray(b"b")], Bytes, [b"a", b"b"]),
        ([NOON, NOON.replace(tzinfo=None), "2024-06-01T13:00:00+01:00", None], UnixTimestamp, [NOON] * 3 + [None]),
        ([NOON.astimezone(timezone(timedelta(hours=5))), np.datetime64("2024-06-01T12:00")], UnixTimestamp, [NOON] * 2),
        ([pd.Timestamp(NOON), pd.NaT, pd.NA], UnixTimestamp, [NOON, None, None]),
        ([date(2024, 6, 1), "2024-06-01", datetime(2024, 6, 1, tzinfo=UTC)], Date, [date(2024, 6, 1)] * 3),
        ([D("1.10"), 1, None, 0.5], Decimal(5, 2), [D("1.10"), D("1.00"), None, D("0.50")]),
        ([UUID(int=5), str(UUID(int=6)).upper(), None], Uuid, [str(UUID(int=5)), str(UUID(int=6)), None]),
        ([{"a": [1, None]}, "[1]", [1, "x"], None], Json, ['{"a":[1,null]}', "[1]", '[1,"x"]', None]),
        ([[1, None], (2.0,), None, []], Array(Int64), [[1, None], [2], None, []]),
        ([{3, 1}, np.array([1, 2])], Array(Int64), [[1, 3], [1, 2]]),
        ([[2, 1, 2, None, None]], Set(Int64), [[2, 1, None]]),
        ([{"a": 1}, {}, None], Map(String, Int64), [[("a", 1)], [], None]),
        ([{"b": None}, [("c", 3)]], Map(String, Int64), [[("b", None)], [("c", 3)]]),
        ([{"a": 1}, None, {}], PAIR, [{"a": 1, "b": None}, None, {"a": None, "b": None}]),
        ([[{"a": [1]}]], Array(Map(String, Array(Int64))), [[[("a", [1])]]]),
        ([], Int64, []),
        ([None, None], Struct({"a": Int64}), [None, None]),
    ],
)
def test_values_are_taken_for_what_they_are(given, dtype, expected):
    assert repr(build(given, dtype)) == repr(expected).replace("datetime.timezone.utc", "zoneinfo.ZoneInfo(key='UTC')")


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, Int64),
        (True, Int64),
        ("1", Int64),
        (NAN, Int64),
        (2**70, Int64),
        (2**40, Int32),
        (1e39, Float32),
        (10**400, Float64),
        (2**53 + 1, Float64),
        (1, String),
        ("\ud800", String),
        ("a", Bytes),
        (datetime.fromisoformat("2024-06-01T01:00"), Date),
        ("soon", UnixTimestamp),
        (5, UnixTimestamp),
        (D("1.105"), Decimal(5, 2)),
        ("nope", Uuid),
        ("{", Json),
        (5, Json),
        (5, Array(Int64)),
        ("ab", Array(String)),
        ([1.5], Array(Int64)),
        ([2**63], Array(Int64)),
        ({"a": 1.5}, Map(String, Int64)),
        ({None: 1}, Map(String, Int64)),
        ([("a",)], Map(String, Int64)),
        ({"c": 1}, Struct({"a": Int64})),
        ([1], Struct({"a": Int64})),
        (object(), Int64),
        (object(), Json),
    ],
)
def test_what_does_not_fit_is_refused_by_value_and_row(value, dtype):
    with pytest.raises(InvalidValueError) as caught:
        build([None, value, value], dtype)
    assert caught.value.context["row"] == 1
    assert caught.value.message.startswith("feature v:f: ")
    assert str(dtype) in caught.value.message
    assert len(caught.value.message) < 250


def test_naive_datetimes_are_of_the_zone_that_is_named():
    naive = datetime.fromisoformat("2024-06-01T14:00")
    found = build([naive, NOON, "2024-06-01 14:00"], UnixTimestamp, timezone="Europe/Paris")
    assert found == [NOON] * 3


def test_python_sets_come_in_one_order():
    names = {"b", "a", "c", "é"}
    assert build([names], Set(String)) == [["a", "b", "c", "é"]]
    assert build([frozenset(names)], Array(String)) == [["a", "b", "c", "é"]]


@given(st.data(), st.sampled_from(ALL_TYPES))
def test_what_an_array_gives_makes_the_same_array(data, dtype):
    drawn = data.draw(st.lists(values(dtype), max_size=4))
    once = from_values(drawn, dtype, subject="x")
    again = from_values(once.to_pylist(), dtype, subject="x")
    assert repr(again.to_pylist()) == repr(once.to_pylist())
    assert len(once) == len(drawn)
    assert [v is None for v in once.to_pylist()] == [v is None for v in drawn]
