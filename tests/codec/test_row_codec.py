"""Rows as bytes: nothing is lost, equal rows are equal bytes, and bytes sort as rows do."""

from __future__ import annotations

import struct
from contextlib import suppress
from decimal import Decimal as PyDecimal

import numpy as np
import pyarrow as pa
import pytest
from codec_strategy import INT64, columns, layout, same, types
from hypothesis import given
from hypothesis import strategies as st

from repast.core.codec.row import RowCodec, RowReader, created_us, event_us, layout_version, order_prefix
from repast.core.codec.shape import event_times
from repast.core.manifest import LayoutSpec
from repast.errors import (
    ConflictError,
    CorruptDataError,
    InvalidDefinitionError,
    InvalidRequestError,
    InvalidValueError,
    NotFoundError,
)
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


def times(values: list[int | None]) -> pa.Array:
    return pa.array(values, pa.int64())


def encode(features: list[DataType], data: list[pa.Array], version: int = 1) -> list[bytes]:
    zeros = times([0] * len(data[0]))
    return RowCodec(layout(features, version)).encode(data, zeros, times([None] * len(data[0])))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[DataType], list[pa.Array]]:
    features = draw(st.lists(types(), min_size=1, max_size=10))
    rows = draw(st.integers(0, 5))
    return features, [draw(columns(t, rows)) for t in features]


# -- the laws -------------------------------------------------------------------------------------


@given(tables(), st.data())
def test_every_type_comes_back_as_it_went_in(table: tuple[list[DataType], list[pa.Array]], data: st.DataObject) -> None:
    features, cols = table
    rows = len(cols[0])
    codec = RowCodec(layout(features))
    event = times(data.draw(st.lists(INT64, min_size=rows, max_size=rows)))
    created = times(data.draw(st.lists(st.none() | st.integers(1 - 2**63, 2**63 - 1), min_size=rows, max_size=rows)))
    values: list[bytes | None] = list(codec.encode(cols, event, created))
    expected = [column.to_pylist() for column in cols]

    decoded = codec.decode_columns(values)
    assert [c.type for c in decoded] == [t.arrow for t in features]
    for column in decoded:
        column.validate(full=True)
    assert same([c.to_pylist() for c in decoded], expected)
    assert same(codec.decode_rows(values), [tuple(row) for row in zip(*expected, strict=True)])
    assert [event_us(v) for v in values if v] == event.to_pylist() == event_times(values).tolist()
    assert [created_us(v) for v in values if v] == created.to_pylist()
    assert [layout_version(v) for v in values if v] == [1] * rows


@given(tables(), st.data())
def test_all_three_decoders_agree_whatever_is_absent_or_selected(
    table: tuple[list[DataType], list[pa.Array]], data: st.DataObject
) -> None:
    features, cols = table
    values = [v if data.draw(st.booleans()) else None for v in encode(features, cols)]
    names = data.draw(st.permutations([f"f{i:03d}" for i in range(len(features))]))
    names = names[: data.draw(st.integers(0, len(names)))]
    reader = RowReader([layout(features)], features=names)

    by_column = reader.decode_columns(values)
    by_row = reader.decode_rows(values)
    assert [row is None for row in by_row] == [v is None for v in values]
    assert same(
        [c.to_pylist() for c in by_column], [[row[i] if row else None for row in by_row] for i in range(len(names))]
    )
    for column, numpy in zip(by_column, reader.decode_numpy(values), strict=True):
        assert numpy.valid.tolist() == column.is_valid().to_pylist()
        if numpy.values.dtype != object:
            again = pa.array(numpy.values, mask=~numpy.valid)
            again = (
                again.cast(column.type)
                if not pa.types.is_timestamp(column.type)
                else again.cast(pa.int64()).cast(column.type)
            )
            assert same(again.to_pylist(), column.to_pylist())
        else:
            assert same(list(numpy.values), column.to_pylist())


@given(tables())
def test_equal_rows_are_equal_bytes_whatever_surrounds_them(table: tuple[list[DataType], list[pa.Array]]) -> None:
    features, cols = table
    whole = encode(features, cols)
    alone = [encode(features, [pa.array(c[i : i + 1].to_pylist(), c.type) for c in cols])[0] for i in range(len(whole))]
    assert whole == alone
    assert encode(features, RowCodec(layout(features)).decode_columns(whole)) == whole


ROWS = st.tuples(INT64, st.none() | st.integers(1 - 2**63, 2**63 - 1), st.integers(0, 65535), INT64)


@given(st.lists(ROWS, min_size=2, max_size=8))
def test_bytes_sort_by_event_created_layout_and_content(rows: list[tuple[int, int | None, int, int]]) -> None:
    def value(row: tuple[int, int | None, int, int]) -> bytes:
        codec = RowCodec(layout([Int64], row[2]))
        return codec.encode([pa.array([row[3]])], times([row[0]]), times([row[1]]))[0]

    def order(row: tuple[int, int | None, int, int]) -> tuple[object, ...]:
        event, created, version, content = row
        return event, created is not None, created or 0, version, content.to_bytes(8, "little", signed=True)

    assert sorted(rows, key=value) == sorted(rows, key=order)
    assert all(value(row)[:16] == order_prefix(row[0], row[1]) for row in rows)


# -- one case each --------------------------------------------------------------------------------

LISTS = Array(Int32)


def test_null_empty_and_lists_of_nulls_are_distinct() -> None:
    data = pa.array([None, [], [None], [None, None], [0], [0, None]], LISTS.arrow)
    values = encode([LISTS], [data])
    assert len(set(values)) == 6
    assert [row[0] for row in RowCodec(layout([LISTS])).decode_rows(values) if row] == data.to_pylist()


def test_what_lies_under_a_null_does_not_show() -> None:
    hidden = pa.array([7, 8], mask=np.array([True, False]))
    assert encode([Int64], [hidden]) == encode([Int64], [pa.array([None, 8])])
    offsets = pa.py_buffer(np.array([0, 2, 3], np.int32))
    lists = pa.ListArray.from_buffers(
        LISTS.arrow, 2, [pa.py_buffer(b"\x02"), offsets], children=[pa.array([1, 2, 3], pa.int32())]
    )
    assert lists.to_pylist() == [None, [3]]
    assert encode([LISTS], [lists]) == encode([LISTS], [pa.array([None, [3]], LISTS.arrow)])


def test_every_nan_is_one_nan_and_the_zeros_stay_two() -> None:
    nans = np.array([0x7FF8000000000000, 0xFFF8000000000001, 0x7FF0000000000001], np.uint64).view(np.float64)
    assert len(set(encode([Float64], [pa.array(nans)]))) == 1
    small = np.array([0x7FC00000, 0xFFC00001], np.uint32).view(np.float32)
    assert len(set(encode([Float32], [pa.array(small)]))) == 1
    in_lists = pa.array([[v] for v in nans], pa.list_(pa.float64()))
    assert len(set(encode([Array(Float64)], [in_lists]))) == 1
    nested = Map(String, Float64)
    assert len(set(encode([nested], [pa.array([[("a", v)] for v in nans], nested.arrow)]))) == 1
    assert len(set(encode([Float64], [pa.array([0.0, -0.0])]))) == 2


def test_the_order_of_map_entries_is_kept() -> None:
    dtype = Map(String, Int64)
    data = pa.array([[("b", 1), ("a", None)], [("a", None), ("b", 1)]], dtype.arrow)
    values = encode([dtype], [data])
    assert values[0] != values[1]
    assert RowCodec(layout([dtype])).decode_rows(values) == [([("b", 1), ("a", None)],), ([("a", None), ("b", 1)],)]


def test_many_rows_and_long_values_cross_chunks() -> None:
    rows = 40_000
    texts = pa.array([None if i % 7 == 0 else "x" * (i % 50) for i in range(rows)], pa.string())
    lists = pa.array([None if i % 5 == 0 else [float(i)] * (i % 3) for i in range(rows)], pa.list_(pa.float32()))
    numbers = pa.array(range(rows), pa.int64())
    features = [String, Array(Float32), Int64]
    values = encode(features, [texts, lists, numbers])
    assert RowCodec(layout(features)).decode_columns(values) == [texts, lists, numbers]
    long = pa.array(["y" * 1_000_000, "", None])
    assert RowCodec(layout([String])).decode_columns(encode([String], [long])) == [long]


def test_a_view_without_features_still_has_rows() -> None:
    codec = RowCodec(LayoutSpec(version=1, features=()))
    values = codec.encode([], times([5]), times([None]))
    assert values == [order_prefix(5, None) + b"\x00\x01"]
    assert codec.decode_rows([*values, None]) == [(), None]
    assert codec.decode_columns(values) == []


def test_a_timestamp_beyond_python_is_readable_as_arrow_only() -> None:
    data = pa.array([2**62], pa.int64()).cast(UnixTimestamp.arrow)
    codec = RowCodec(layout([UnixTimestamp]))
    values = encode([UnixTimestamp], [data])
    assert codec.decode_columns(values) == [data]
    with pytest.raises(InvalidValueError, match="years 1 to 9999"):
        codec.decode_rows(values)


# -- golden vectors -------------------------------------------------------------------------------

FEATURES: list[tuple[DataType, object, str, str]] = [
    # type, value, slot, heap
    (Bool, True, "01", ""),
    (Int32, -2, "feffffff", ""),
    (Int64, 2**53 + 1, "0100000000002000", ""),
    (Float32, 1.5, "0000c03f", ""),
    (Float64, -0.0, "0000000000000080", ""),
    (Float64, float("nan"), "000000000000f87f", ""),
    (UnixTimestamp, 1_700_000_000_000_001, "01401e18240a0600", ""),
    (Date, 19_000, "384a0000", ""),
    (Decimal(10, 2), PyDecimal("-1.25"), "83" + "ff" * 15, ""),
    (Uuid, "00112233-4455-6677-8899-aabbccddeeff", "00112233445566778899aabbccddeeff", ""),
    (String, "h\u00e9", "03000000", "68c3a9"),
    (Bytes, b"\x00\xff", "02000000", "00ff"),
    (Json, "{}", "02000000", "7b7d"),
    (Array(Int32), [1, -1], "09000000", "0001000000ffffffff"),
    (Array(Int32), [1, None], "0b000000", "01" + "0100" + "0100000000000000"),
    (Set(Bool), [True], "02000000", "0001"),
    (Array(String), ["a", None], "04000000", "92a161c0"),
    (Map(String, Int64), [("k", 5)], "05000000", "9192a16b05"),
    (Struct({"b": Int32, "a": Array(Float64)}), {"b": 1, "a": []}, "03000000", "920190"),
]


@pytest.mark.parametrize(("dtype", "value", "slot", "heap"), FEATURES)
def test_the_format_is_pinned(dtype: DataType, value: object, slot: str, heap: str) -> None:
    (row,) = RowCodec(layout([dtype], 258)).encode([pa.array([value], dtype.arrow)], times([1]), times([-1]))
    assert row.hex() == "8000000000000001" + "7fffffffffffffff" + "0102" + "00" + slot + heap
    (nulls,) = RowCodec(layout([dtype])).encode([pa.nulls(1, dtype.arrow)], times([-1]), times([None]))
    assert nulls.hex() == "7fffffffffffffff" + "00" * 8 + "0001" + "01" + "00" * (len(slot) // 2)


def test_the_bits_of_nulls_and_the_ends_of_cells_are_pinned() -> None:
    features = [Int32] * 8 + [String, String]
    nulls = {1, 8}
    cols = [pa.array([None if i in nulls else (i if i < 8 else "ab")], t.arrow) for i, t in enumerate(features)]
    (row,) = encode(features, cols)
    ints = b"".join(struct.pack("<i", 0 if i in nulls else i) for i in range(8))
    assert row[16:] == bytes.fromhex("0001" + "0201") + ints + struct.pack("<II", 0, 2) + b"ab"


# -- older layouts --------------------------------------------------------------------------------


def spec(version: int, **features: DataType) -> LayoutSpec:
    return LayoutSpec(version=version, features=tuple((n, t.to_json()) for n, t in sorted(features.items())))


def test_rows_of_older_layouts_read_as_the_newest() -> None:
    old = spec(1, a=Int64, b=String)
    new = spec(2, a=Int64, c=Float32, b=String)
    retyped = spec(3, a=String, c=Float32)
    row1 = RowCodec(old).encode([pa.array([1]), pa.array(["x"])], times([0]), times([None]))
    row2 = RowCodec(new).encode(
        [pa.array([2]), pa.array(["y"]), pa.array([0.5], pa.float32())], times([0]), times([None])
    )
    values = [*row2, *row1, None, *row2]
    reader = RowReader([old, new])
    expected = [(2, "y", 0.5), (1, "x", None), None, (2, "y", 0.5)]
    assert reader.decode_rows(values) == expected
    assert [c.to_pylist() for c in reader.decode_columns(values)] == [
        [2, 1, None, 2], ["y", "x", None, "y"], [0.5, None, None, 0.5],
    ]  # fmt: skip
    numpy = reader.decode_numpy(values)
    assert numpy[0].values.tolist() == [2, 1, 0, 2]
    assert numpy[2].valid.tolist() == [True, False, False, True]
    assert RowReader([old, new, retyped]).decode_rows(row1) == [(None, None)]
    assert [c.to_pylist() for c in RowReader([old, new, retyped]).decode_columns(row2)] == [[None], [0.5]]


def test_a_newer_layout_is_a_conflict_and_an_unknown_older_one_is_corrupt() -> None:
    rows = {v: encode([Int64], [pa.array([1])], version=v)[0] for v in (1, 2, 3)}
    reader = RowReader([layout([Int64], 2)], view="stats")
    for decode in (reader.decode_rows, reader.decode_columns, reader.decode_numpy):
        with pytest.raises(ConflictError, match="view 'stats' has layout 3, which is newer than the 2"):
            decode([rows[2], rows[3]])
        with pytest.raises(CorruptDataError, match="layout 1"):
            decode([rows[1]])


# -- bytes that are not ours, and requests that cannot be -----------------------------------------


@given(tables(), st.data())
def test_damaged_rows_are_refused_or_read_but_never_crash(
    table: tuple[list[DataType], list[pa.Array]], data: st.DataObject
) -> None:
    features, cols = table
    reader = RowReader([layout(features)])
    for value in encode(features, cols)[:2]:
        cut = value[: data.draw(st.integers(0, len(value) - 1))]
        extended = value + data.draw(st.binary(min_size=1, max_size=4))
        for wrong in (cut, extended):
            for decode in (reader.decode_rows, reader.decode_columns, reader.decode_numpy):
                with pytest.raises(CorruptDataError):
                    decode([wrong])
        at = data.draw(st.integers(18, len(value) - 1))
        flipped = value[:at] + bytes([value[at] ^ data.draw(st.integers(1, 255))]) + value[at + 1 :]
        for decode in (reader.decode_rows, reader.decode_columns):
            with suppress(CorruptDataError, InvalidValueError):
                decode([flipped])


@pytest.mark.parametrize(
    ("dtype", "heap"),
    [(String, b"\xff"), (Array(Int32), b"\x00\x01"), (Array(String), b"\xc1"), (Struct({"a": Int32}), b"\x92\x01\x02")],
)
def test_a_heap_that_is_no_value_is_corrupt(dtype: DataType, heap: bytes) -> None:
    value = order_prefix(0, None) + b"\x00\x01\x00" + struct.pack("<I", len(heap)) + heap
    reader = RowReader([layout([dtype])])
    for decode in (reader.decode_rows, reader.decode_columns, reader.decode_numpy):
        with pytest.raises(CorruptDataError):
            decode([value])


def test_wrong_columns_are_refused_by_name() -> None:
    codec = RowCodec(layout([Int64]))
    none, zero = times([None]), times([0])
    with pytest.raises(InvalidRequestError, match="'f000' must be an Arrow array of int64, not int32"):
        codec.encode([pa.array([1], pa.int32())], zero, none)
    with pytest.raises(InvalidRequestError, match="1 features, not 0 columns"):
        codec.encode([], zero, none)
    with pytest.raises(InvalidRequestError, match="'f000' has 2 rows, not 1"):
        codec.encode([pa.array([1, 2])], zero, none)
    with pytest.raises(InvalidValueError, match="event time is null"):
        codec.encode([pa.array([1])], none, none)
    with pytest.raises(InvalidValueError, match="'ABC' is not a canonical Uuid"):
        encode([Uuid], [pa.array(["ABC"])])
    with pytest.raises(InvalidDefinitionError, match="65536"):
        RowCodec(layout([Int64], 65536))
    with pytest.raises(NotFoundError, match="no feature 'f00'"):
        RowReader([layout([Int64])], features=["f00"])
