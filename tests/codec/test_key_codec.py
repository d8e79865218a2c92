"""Keys as bytes: one key, one byte string; values are cast losslessly or refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal as PyDecimal
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from codec_strategy import columns, values
from hypothesis import given
from hypothesis import strategies as st

from repast.core.codec.key import KeyCodec, coerce_key
from repast.core.definitions.entity import KEY_TYPES
from repast.core.manifest import FieldSpec
from repast.errors import InvalidDefinitionError, InvalidRequestError, InvalidValueError
from repast.types import Bool, Bytes, DataType, Date, Float64, Int32, Int64, String, UnixTimestamp, Uuid

UUID_TEXT = "00112233-4455-6677-8899-aabbccddeeff"


def codec(*types: DataType) -> KeyCodec:
    return KeyCodec([FieldSpec(name=f"k{i}", dtype=t.to_json()) for i, t in enumerate(types)])


@st.composite
def key_tables(draw: st.DrawFn) -> tuple[list[DataType], list[pa.Array]]:
    types = draw(st.lists(st.sampled_from(KEY_TYPES), min_size=1, max_size=3))
    rows = draw(st.integers(1, 6))
    return types, [draw(columns(t, rows).filter(lambda c: not c.null_count)) for t in types]


@st.composite
def nearby_keys(draw: st.DrawFn) -> tuple[list[DataType], list[tuple[object, ...]]]:
    """Short texts over two letters collide when they are merely concatenated."""
    types = draw(st.lists(st.sampled_from([String, Bytes, Bool, Int32]), min_size=1, max_size=3))
    near = {
        String: st.text("1\0", max_size=3),
        Bytes: st.binary(max_size=2),
        Bool: st.booleans(),
        Int32: st.integers(0, 2),
    }
    return types, draw(st.lists(st.tuples(*[near[t] for t in types]), min_size=2, max_size=20))


# -- the laws -------------------------------------------------------------------------------------


@given(key_tables())
def test_columns_lists_and_rows_give_the_same_keys(table: tuple[list[DataType], list[pa.Array]]) -> None:
    types, cols = table
    keys = codec(*types)
    lists = [c.to_pylist() for c in cols]
    assert keys.encode_columns(cols) == keys.encode_lists(lists)
    assert keys.encode_lists(lists) == [keys.encode_row(row) for row in zip(*lists, strict=True)]


@given(nearby_keys())
def test_different_keys_have_different_bytes(case: tuple[list[DataType], list[tuple[object, ...]]]) -> None:
    types, rows = case
    keys = codec(*types)
    assert len({keys.encode_row(row) for row in rows}) == len(set(rows))


@given(
    st.sampled_from([t for t in KEY_TYPES if t != Uuid]).flatmap(
        lambda t: st.tuples(st.just(t), st.lists(values(t, nulls=False), min_size=2))
    )
)
def test_keys_of_one_column_sort_as_its_values(case: tuple[DataType, list[object]]) -> None:
    dtype, items = case
    keys = codec(dtype)
    assert sorted(items, key=lambda v: keys.encode_row([v])) == sorted(items)  # type: ignore[type-var]


def test_the_order_of_declaration_does_not_matter() -> None:
    a, b = FieldSpec(name="a", dtype="int64"), FieldSpec(name="b", dtype="string")
    assert KeyCodec([a, b]).names == KeyCodec([b, a]).names == ("a", "b")
    assert KeyCodec([a, b]).encode_row([1, "x"]) == KeyCodec([b, a]).encode_row([1, "x"])


def test_texts_that_collide_when_concatenated() -> None:
    keys = codec(String, String)
    assert keys.encode_row(["1", "11"]) != keys.encode_row(["11", "1"])


def test_an_entityless_view_has_one_key() -> None:
    keys = KeyCodec([])
    assert keys.encode_row([]) == b"\x01"
    assert keys.encode_columns([], rows=3) == [b"\x01"] * 3


# -- golden vectors -------------------------------------------------------------------------------

GOLDEN: list[tuple[list[DataType], list[object], str]] = [
    ([Bool], [True], "0101"),
    ([Int32], [-1], "017fffffff"),
    ([Int64], [1], "018000000000000001"),
    ([UnixTimestamp], [datetime(1970, 1, 1, 0, 0, 0, 5, tzinfo=UTC)], "018000000000000005"),
    ([Date], [date(1969, 12, 31)], "017fffffff"),
    ([Uuid], [UUID_TEXT], "0100112233445566778899aabbccddeeff"),
    ([String], ["h\u00e9"], "0168c3a9"),
    ([Bytes], [b""], "01"),
    ([String, Int32, Bytes], ["a", 0, b"\x00"], "01" + "0000000161" + "80000000" + "00"),
]


@pytest.mark.parametrize(("types", "key", "expected"), GOLDEN)
def test_the_format_is_pinned(types: list[DataType], key: list[object], expected: str) -> None:
    assert codec(*types).encode_row(key).hex() == expected
    cols = [pa.array([v], t.arrow) for t, v in zip(types, key, strict=True)]
    assert [k.hex() for k in codec(*types).encode_columns(cols)] == [expected]


# -- coercion -------------------------------------------------------------------------------------

EAST = timezone(timedelta(hours=2))
NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
BEFORE_1970 = datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
ACCEPTED: list[tuple[DataType, object, object]] = [
    (Int64, 1.0, 1),
    (Int64, -0.0, 0),
    (Int64, 2**63 - 1, 2**63 - 1),
    (Int64, np.int8(3), 3),
    (Int64, np.uint64(3), 3),
    (Int64, np.float32(3), 3),
    (Int64, PyDecimal("3.00"), 3),
    (Int32, -(2**31), -(2**31)),
    (Bool, np.True_, True),
    (String, np.str_("a"), "a"),
    (String, "", ""),
    (Bytes, bytearray(b"a"), b"a"),
    (Bytes, memoryview(b"a"), b"a"),
    (Bytes, np.bytes_(b"a"), b"a"),
    (UnixTimestamp, datetime(2024, 1, 2, 12), NOON),  # noqa: DTZ001
    (UnixTimestamp, datetime(2024, 1, 2, 14, tzinfo=EAST), NOON),
    (UnixTimestamp, "2024-01-02T14:00:00+02:00", NOON),
    (UnixTimestamp, "2024-01-02 12:00", NOON),
    (UnixTimestamp, date(2024, 1, 2), datetime(2024, 1, 2, tzinfo=UTC)),
    (UnixTimestamp, pd.Timestamp("2024-01-02T12:00:00.000000999"), NOON),
    (UnixTimestamp, np.datetime64("2024-01-02T12:00:00.000000999"), NOON),
    (UnixTimestamp, np.datetime64("1969-12-31T23:59:59.999999999"), BEFORE_1970),
    (Date, date(2024, 1, 2), date(2024, 1, 2)),
    (Date, datetime(2024, 1, 2, tzinfo=UTC), date(2024, 1, 2)),
    (Date, np.datetime64("2024-01-02"), date(2024, 1, 2)),
    (Date, "2024-01-02", date(2024, 1, 2)),
    (Uuid, UUID(UUID_TEXT), UUID_TEXT),
    (Uuid, UUID_TEXT.upper(), UUID_TEXT),
    (Uuid, "{" + UUID_TEXT.replace("-", "") + "}", UUID_TEXT),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "given_value", "expected"), ACCEPTED)
def test_lossless_values_are_taken(dtype: DataType, given_value: object, expected: object) -> None:
    found = coerce_key(given_value, dtype, column="k")
    assert (type(found), found) == (type(expected), expected)
    assert codec(dtype).encode_row([given_value]) == codec(dtype).encode_row([expected])


REFUSED: list[tuple[DataType, object]] = [
    *[(Int64, v) for v in (1.9, True, np.True_, "1", float("inf"), 2**63, -(2**63) - 1, 1e300, b"1", [1], 1j)],
    *[(Int64, PyDecimal(v)) for v in ("1.5", "1e99999999", "Infinity")],
    *[(Int32, v) for v in (2**31, -(2**31) - 1, 2.0**31, np.int64(2**40), np.uint64(2**63))],
    *[(Bool, v) for v in (1, 0, "true", 1.0)],
    *[(String, v) for v in (1, b"a", "\ud800", UUID(UUID_TEXT))],
    *[(Bytes, v) for v in ("a", 1, [1])],
    *[(UnixTimestamp, v) for v in (1700000000, 1.5, "yesterday", "", datetime.min.replace(tzinfo=EAST))],
    *[(Date, v) for v in (19000, datetime(2024, 1, 2, 1, tzinfo=UTC), "2024-01-02T01:00", "2024")],
    *[(Uuid, v) for v in ("x", 1, b"\x00" * 16, "")],
    (Float64, 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("dtype", "value"), REFUSED)
def test_lossy_values_are_refused_by_name(dtype: DataType, value: object) -> None:
    with pytest.raises(InvalidValueError) as caught:
        coerce_key(value, dtype, column="driver_id")
    assert "'driver_id'" in str(caught.value)
    assert str(dtype) in str(caught.value)
    assert type(value).__name__ in str(caught.value)
    if dtype in KEY_TYPES:
        with pytest.raises(InvalidValueError, match="'k0'"):
            codec(dtype).encode_row([value])
        with pytest.raises(InvalidValueError, match="'k0'"):
            codec(dtype, String).encode_lists([[value], ["a"]])


@pytest.mark.parametrize("null", [None, float("nan"), np.float32("nan"), pd.NaT, np.datetime64("NaT"), pd.NA])
@pytest.mark.parametrize("dtype", KEY_TYPES)
def test_a_null_is_no_key(dtype: DataType, null: object) -> None:
    with pytest.raises(InvalidValueError, match="'k0'"):
        codec(dtype).encode_row([null])
    if null is not pd.NA:
        with pytest.raises(InvalidValueError, match="is null"):
            coerce_key(null, dtype, column="k0")


def test_wrong_columns_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="'k0' is null"):
        codec(Int64).encode_columns([pa.array([1, None])])
    with pytest.raises(InvalidRequestError, match="'k0' must be int64, not int32"):
        codec(Int64).encode_columns([pa.array([1], pa.int32())])
    with pytest.raises(InvalidRequestError, match=r"2 columns \(k0, k1\) cannot have 1 value"):
        codec(Int64, String).encode_row([1])
    with pytest.raises(InvalidDefinitionError, match="'k0' cannot be Float64"):
        codec(Float64)
