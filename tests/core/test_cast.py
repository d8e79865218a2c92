"""Casts are lossless or refused: examples for every rule, and the laws that hold for all values."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal as D
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repast.core.cast import cast_array, castable, to_instants
from repast.errors import InvalidValueError
from repast.testing.strategy import ALL_TYPES, values
from repast.types import (
    Array,
    Bool,
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
    from_arrow,
)

NAN, INF = float("nan"), float("inf")
F32_MAX = float(np.finfo(np.float32).max)
DEEP = "[" * 100_000 + "]" * 100_000
UID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
PAIRS = pa.map_(pa.string(), pa.int64())


def cast(array, dtype, **options):
    result = cast_array(array, dtype, subject="feature v:f", **options)
    result.validate(full=True)
    assert result.type == dtype.arrow
    return result


def same(left, right):
    """Equal as Python values; NaN is NaN, and 0.0 is not -0.0."""
    return repr(left.to_pylist() if hasattr(left, "to_pylist") else left) == repr(right.to_pylist())


ALLOWED = [
    (pa.array([1.0, -2.0, None]), Int64, [1, -2, None]),
    (pa.array([2.0**53, -(2.0**53)]), Int64, [2**53, -(2**53)]),
    (pa.array([2.0**24], pa.float32()), Int32, [2**24]),
    (pa.array([3], pa.float16()), Int64, [3]),
    (pa.array([2**63 - 1], pa.uint64()), Int64, [2**63 - 1]),
    (pa.array([-128], pa.int8()), Int32, [-128]),
    (pa.array([2**31 - 1, -(2**31)]), Int32, [2**31 - 1, -(2**31)]),
    (pa.array([D("2.00"), None]), Int32, [2, None]),
    (pa.array([D(2**63 - 1)]), Int64, [2**63 - 1]),
    (pa.array([0.5, NAN, INF, None]), Float32, [0.5, NAN, INF, None]),
    (pa.array([0.1, 1e-300, -1e-300, 3.4028235e38]), Float32, [float(np.float32(0.1)), 0.0, -0.0, F32_MAX]),
    (pa.array([1.5], pa.float16()), Float64, [1.5]),
    (pa.array([2**53, -(2**53)]), Float64, [2.0**53, -(2.0**53)]),
    (pa.array([2**24]), Float32, [2.0**24]),
    (pa.array([D("0.1"), D("12345678.9")]), Float64, [0.1, 12345678.9]),
    (pa.array([0.1, None, 2]), Decimal(5, 2), [D("0.10"), None, D("2.00")]),
    (pa.array([-7]), Decimal(5, 2), [D("-7.00")]),
    (pa.array([2**64 - 1], pa.uint64()), Decimal(38, 0), [D(2**64 - 1)]),
    (pa.array([D("1.230")]), Decimal(4, 2), [D("1.23")]),
    (pa.array([D("1.5")], pa.decimal256(50, 3)), Decimal(4, 1), [D("1.5")]),
    (pa.array(["é", None], pa.large_string()), String, ["é", None]),
    (pa.array(["a"], pa.string_view()), String, ["a"]),
    (pa.array(["a", None, "a"]).dictionary_encode(), String, ["a", None, "a"]),
    (pa.array([b"\x00"], pa.large_binary()), Bytes, [b"\x00"]),
    (pa.array([b"ab"], pa.binary(2)), Bytes, [b"ab"]),
    (pa.array([UID.upper(), None, UID.replace("-", "")]), Uuid, [UID, None, UID]),
    (pa.array([UUID(UID).bytes], pa.uuid()), Uuid, [UID]),
    (pa.array([UUID(UID).bytes, None], pa.binary(16)), Uuid, [UID, None]),
    (pa.array(['{"a": [1]} ', "null", None]), Json, ['{"a": [1]} ', "null", None]),
    (pa.array([0, 86_400], pa.timestamp("s")), Date, [date(1970, 1, 1), date(1970, 1, 2)]),
    (pa.array([date(2024, 2, 29), None]).cast(pa.date64()), Date, [date(2024, 2, 29), None]),
    (pa.array(["2024-02-29"]), Date, [date(2024, 2, 29)]),
    (pa.array([[1, 2], None, []], pa.large_list(pa.int8())), Array(Float64), [[1.0, 2.0], None, []]),
    (pa.array([[1, 2], None], pa.list_(pa.int64(), 2)), Array(Int32), [[1, 2], None]),
    (pa.array([[1], None, [2, None]], pa.list_view(pa.int64())), Array(Int64), [[1], None, [2, None]]),
    (pa.array([[["a"], None], None]), Array(Array(String)), [[["a"], None], None]),
    (pa.array([[2, 1, 2, None, None], None, []]), Set(Int64), [[2, 1, None], None, []]),
    (pa.array([[NAN, NAN, 0.0, -0.0, 1.0]]), Set(Float64), [[NAN, 0.0, 1.0]]),
    (pa.array([[-0.0, 0.0]]), Set(Float64), [[-0.0]]),
    (pa.array([[[1], None, [1], None, [2, NAN], [2, NAN]]]), Set(Array(Float64)), [[[1.0], None, [2.0, NAN]]]),
    (pa.array([[("a", 1)], None, [("b", None)]], PAIRS), Map(String, Float64), [[("a", 1.0)], None, [("b", None)]]),
    (pa.array([{"x": 1, "y": 2}, None]), Map(String, Int32), [[("x", 1), ("y", 2)], None]),
    (pa.array([{}, None], pa.struct([])), Map(String, Int32), [[], None]),
    (pa.array([{"b": 1.0, "a": "x"}, None]), Struct({"a": String, "b": Int64}), [{"a": "x", "b": 1}, None]),
    (pa.array([None, [("a", 1), ("b", None)]], PAIRS), Struct({"a": Int64, "b": Float64}), [None, {"a": 1, "b": None}]),
    (pa.nulls(2), Struct({"a": String}), [None, None]),
    (pa.nulls(2, pa.float64()), Map(String, String), [None, None]),
    (pa.array([], pa.string()), Int64, []),
]


@pytest.mark.parametrize(("array", "dtype", "expected"), ALLOWED, ids=[f"{a.type} to {d}" for a, d, _ in ALLOWED])
def test_what_is_lossless_is_cast(array, dtype, expected):
    assert same(expected, cast(array, dtype))
    assert castable(array.type, dtype) is not False or array.null_count == len(array)


@pytest.mark.parametrize(("array", "dtype", "expected"), ALLOWED, ids=[f"{a.type} to {d}" for a, d, _ in ALLOWED])
def test_slices_and_chunks_are_cast_like_the_whole(array, dtype, expected):
    if not len(array):
        return
    assert same(expected[1:], cast(array.slice(1), dtype))
    assert same(expected, cast(pa.chunked_array([array.slice(0, 1), array.slice(1)]), dtype))


REFUSED = [
    (pa.array([1.0, 1.75]), Int64, 1.75, 1),
    (pa.array([None, NAN]), Int64, NAN, 1),
    (pa.array([INF]), Int64, INF, 0),
    (pa.array([2.0**54]), Int64, 2.0**54, 0),
    (pa.array([2.0**25], pa.float32()), Int64, 2.0**25, 0),
    (pa.array([True]), Int64, True, 0),
    (pa.array(["1"]), Int64, "1", 0),
    (pa.array([2**31]), Int32, 2**31, 0),
    (pa.array([2**63], pa.uint64()), Int64, 2**63, 0),
    (pa.array([D("2.50")]), Int32, D("2.50"), 0),
    (pa.array([D(2**63)]), Int64, D(2**63), 0),
    (pa.array([0.1, 1e300]), Float32, 1e300, 1),
    (pa.array([3.4028235677973366e38]), Float32, 3.4028235677973366e38, 0),  # half way to the next: infinity
    (pa.array([2**24 + 1]), Float32, 2**24 + 1, 0),
    (pa.array([[("a", 1)], [("b", 1)]], PAIRS), Struct({"a": Int64}), [("b", 1)], 1),
    (pa.array([[("b", 1), ("a", 1)]], PAIRS), Struct({"a": Int64, "b": Int64}), [("b", 1), ("a", 1)], 0),
    (pa.array([2**53 + 1]), Float64, 2**53 + 1, 0),
    (pa.array([D("0.12345678901234567890")]), Float64, D("0.12345678901234567890"), 0),
    (pa.array([False]), Float64, False, 0),
    (pa.array([1]), Bool, 1, 0),
    (pa.array([1]), String, 1, 0),
    (pa.array([b"a"]), String, b"a", 0),
    (pa.array(["a"]), Bytes, "a", 0),
    (pa.array([0.125]), Decimal(5, 2), 0.125, 0),
    (pa.array([NAN]), Decimal(5, 2), NAN, 0),
    (pa.array([1000]), Decimal(5, 2), 1000, 0),
    (pa.array([D("1.005")]), Decimal(5, 2), D("1.005"), 0),
    (pa.array(["1.5"]), Decimal(5, 2), "1.5", 0),
    (pa.array([UID, "nope"]), Uuid, "nope", 1),
    (pa.array([b"short"], pa.binary(5)), Uuid, b"short", 0),
    (pa.array(["{}", "{"]), Json, "{", 1),
    (pa.array(["NaN"]), Json, "NaN", 0),
    (pa.array(["{}", DEEP]), Json, DEEP, 1),
    (pa.array([{"a": 1}]), Json, {"a": 1}, 0),
    (pa.array([1]), UnixTimestamp, 1, 0),
    (pa.array(["soon"]), UnixTimestamp, "soon", 0),
    (pa.array([86_401], pa.timestamp("s")), Date, datetime.fromisoformat("1970-01-02T00:00:01"), 0),
    (pa.array(["2024-02-30"]), Date, "2024-02-30", 0),
    (pa.array([[1.0], [2.0, 2.5]]), Array(Int32), [2.0, 2.5], 1),
    (pa.array([1]), Array(Int64), 1, 0),
    (pa.array([{"x": 1}, {"y": 2}]), Map(String, Int64), {"x": 1, "y": None}, 0),
    (pa.array([{"x": 1}]), Map(Int64, Int64), {"x": 1}, 0),
    (pa.array([{"a": 1}]), Struct({"a": Int64, "b": Int64}), {"a": 1}, 0),
    (pa.array([{"a": 1, "b": 2}]), Struct({"a": Int64}), {"a": 1, "b": 2}, 0),
    (pa.array([{"a": 1.5}]), Struct({"a": Int64}), {"a": 1.5}, 0),
]


@pytest.mark.parametrize(("array", "dtype", "value", "row"), REFUSED, ids=[f"{a.type} to {d}" for a, d, *_ in REFUSED])
def test_what_would_change_is_refused_with_the_first_such_value(array, dtype, value, row):
    padded = pa.concat_arrays([pa.nulls(3, array.type), array, array])
    with pytest.raises(InvalidValueError) as caught:
        cast(padded, dtype)
    error = caught.value
    assert repr(error.context["value"]) == repr(value)
    assert error.context["row"] == row + 3
    assert error.message.startswith("feature v:f: ")
    assert str(dtype) in error.message
    assert error.hint
    assert castable(array.type, dtype) is not True


def test_the_row_of_a_refused_value_counts_through_chunks():
    with pytest.raises(InvalidValueError) as caught:
        cast(pa.chunked_array([[1.0, 2.0], [3.0], [4.5]]), Int64)
    assert caught.value.context["row"] == 3


def test_long_values_are_shortened_in_messages():
    with pytest.raises(InvalidValueError) as caught:
        cast(pa.array(["x" * 10_000]), Uuid)
    assert len(caught.value.message) < 200


def test_a_time_outside_of_datetime_is_refused_all_the_same():
    with pytest.raises(InvalidValueError, match="out of range"):
        cast(pa.array([2**62], pa.timestamp("s")), UnixTimestamp)


@pytest.mark.parametrize("dtype", [Int64, Array(Float32), Struct({"a": String})], ids=str)
def test_values_of_the_right_type_cost_nothing(dtype):
    array = pa.nulls(5, dtype.arrow)
    chunked = pa.chunked_array([array, array])
    assert cast_array(array, dtype, subject="x") is array
    assert cast_array(chunked, dtype, subject="x") is chunked


@pytest.mark.parametrize("dtype", [Array(Uuid), Map(String, Json), Struct({"a": Set(Int64)})], ids=str)
def test_text_and_sets_are_looked_at_wherever_they_are(dtype):
    bad = {
        "Array(Uuid)": [["nope"]],
        "Map(String, Json)": [[("a", "{")]],
        "Struct({'a': Set(Int64)})": [{"a": [1, 1]}],
    }[str(dtype)]
    array = pa.array(bad, dtype.arrow)
    if str(dtype).startswith("Struct"):
        assert cast(array, dtype).to_pylist() == [{"a": [1]}]
        return
    with pytest.raises(InvalidValueError):
        cast(array, dtype)


# -- instants -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([-1, 0, 999, 1000, None], pa.timestamp("ns")), [-1, 0, 0, 1, None]),
        (pa.array([-1], pa.timestamp("s")), [-1_000_000]),
        (pa.array([5], pa.timestamp("us", "Asia/Tokyo")), [5]),
        (pa.array([date(1970, 1, 2)]), [86_400_000_000]),
        (pa.array(["1970-01-01T00:00:01Z", "1970-01-01 01:00:01+01:00", None]), [10**6, 10**6, None]),
        (pa.array(["1970-01-01 00:00:00.123456789", "1970-01-02"]), [123_456, 86_400_000_000]),
        (pa.nulls(2), [None, None]),
    ],
)
def test_times_become_microseconds(array, expected):
    assert to_instants(array, subject="t").to_pylist() == expected
    assert to_instants(pa.chunked_array([array, array]), subject="t").to_pylist() == expected * 2


@pytest.mark.parametrize("array", [pa.array([1]), pa.array([1.5]), pa.array(["x"]), pa.array([True])])
def test_what_is_no_time_is_refused(array):
    with pytest.raises(InvalidValueError, match=r"spine column 't'.*UnixTimestamp") as caught:
        to_instants(array, subject="spine column 't'")
    assert "ISO 8601" in caught.value.hint


@pytest.mark.parametrize(
    ("zone", "wall", "utc"),
    [
        ("Europe/Paris", "2024-01-01T12:00", "2024-01-01T11:00"),
        ("Europe/Paris", "2024-03-31T02:30", "2024-03-31T01:30"),  # skipped: moves forward
        ("Europe/Paris", "2024-10-27T02:30", "2024-10-27T00:30"),  # twice: the first
        ("Australia/Lord_Howe", "2024-10-06T02:15", "2024-10-05T15:45"),
        ("Europe/Paris", "2050-07-01T12:00", "2050-07-01T10:00"),  # beyond the tables of zone files
    ],
)
def test_naive_times_are_of_the_zone_that_is_named(zone, wall, utc):
    naive, expected = datetime.fromisoformat(wall), datetime.fromisoformat(utc + "+00:00")
    for array in (pa.array([naive, None]), pa.array([naive, None]).cast(pa.timestamp("ns")), pa.array([wall, None])):
        found = cast(array, UnixTimestamp, timezone=zone)
        assert found.to_pylist() == [expected, None]


def test_times_with_a_zone_keep_it_whatever_is_named():
    array = pa.array(["2024-01-01T00:00:00+05:00"])
    assert to_instants(array, timezone="Europe/Paris", subject="t") == to_instants(array, subject="t")


def test_a_naive_midnight_is_a_date_in_any_zone():
    array = pa.array([datetime.fromisoformat("2024-06-01")])
    assert cast(array, Date, timezone="Europe/Paris").to_pylist() == [date(2024, 6, 1)]


# -- laws -----------------------------------------------------------------------------------------

SOURCES = [
    *(t.arrow for t in ALL_TYPES),
    pa.int8(),
    pa.uint16(),
    pa.uint64(),
    pa.float16(),
    pa.timestamp("ns"),
    pa.timestamp("s", "Europe/Paris"),
    pa.date64(),
    pa.decimal128(5, 4),
    pa.large_string(),
    pa.binary(16),
    pa.list_(pa.int16(), 2),
    pa.struct([("a", pa.int32()), ("b", pa.string())]),
]


@st.composite
def arrays(draw):
    arrow = draw(st.sampled_from(SOURCES))
    feature = from_arrow(arrow)
    pool = values(feature) if feature in ALL_TYPES and feature.arrow == arrow else None
    if pool is None:
        numbers = st.lists(st.sampled_from([0, 1, -1, 5, 100]), max_size=4)
        array = pa.array([abs(n) for n in draw(numbers)], pa.int64())
        try:
            return array.cast(arrow)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return pa.nulls(2, arrow)
    return pa.array(draw(st.lists(pool, max_size=4)), arrow)


@given(arrays(), st.sampled_from(ALL_TYPES))
def test_types_alone_never_contradict_values(array, dtype):
    verdict = castable(array.type, dtype)
    try:
        result = cast_array(array, dtype, subject="x")
    except InvalidValueError:
        assert verdict is not True
        return
    result.validate(full=True)
    assert result.type == dtype.arrow
    assert result.null_count == array.null_count
    if not pa.types.is_nested(array.type):
        assert verdict is not False or array.null_count == len(array)


@given(arrays(), st.sampled_from(ALL_TYPES))
def test_casting_twice_changes_nothing(array, dtype):
    try:
        once = cast_array(array, dtype, subject="x")
    except InvalidValueError:
        return
    assert same(once, cast_array(once, dtype, subject="x"))


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(-(2**53), 2**53).map(float)), max_size=6))
def test_a_float_is_a_whole_number_exactly_if_it_comes_back(floats):
    fits = [f is None or (math.isfinite(f) and f == int(f) and abs(f) <= 2**53) for f in floats]
    array = pa.array(floats, pa.float64())
    if all(fits):
        assert cast(array, Int64).cast(pa.float64()).to_pylist() == floats
    else:
        with pytest.raises(InvalidValueError) as caught:
            cast(array, Int64)
        assert caught.value.context["row"] == fits.index(False)


@given(st.lists(st.floats(), max_size=6))
def test_a_double_becomes_the_nearest_float_unless_that_is_infinite(doubles):
    with np.errstate(over="ignore"):
        nearest = [float(np.float32(d)) for d in doubles]
    fits = [math.isfinite(n) or not math.isfinite(d) for n, d in zip(nearest, doubles, strict=True)]
    if all(fits):
        assert same(nearest, cast(pa.array(doubles, pa.float64()), Float32).cast(pa.float64()))
    else:
        with pytest.raises(InvalidValueError) as caught:
            cast(pa.array(doubles, pa.float64()), Float32)
        assert caught.value.context["row"] == fits.index(False)
