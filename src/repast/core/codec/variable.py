"""Types whose values differ in length: Arrow columns to and from cells of bytes.

* String, Json: UTF-8. Bytes: as they are.
* Array and Set of a fixed-width type: one byte, 0, then the items as slots (see fixed). If items are
  null the byte is 1 and the items come after one byte each that says whether the item is there.
* Everything else: msgpack of the value; an Array, Set or Struct is an array, a Map an array of pairs
  in their order, and a fixed-width value what struct unpacks from its slot.

A null's cell is empty; the row's bitmap tells it from an empty value.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.codec.cell import (
    Offsets,
    cell_data,
    cell_offsets,
    cells_of,
    cells_of_slots,
    cut_cells,
    join_cells,
)
from repast.core.codec.fixed import Fixed, Valid, bitmap, decode_slots, encode_slots, find_fixed, valid_mask
from repast.errors import CorruptDataError
from repast.types import Array, Bytes, DataType, Json, Map, Set, String, Struct

Decode: TypeAlias = Callable[[bytes], object]

_TEXT = (String, Json)
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


def encode_cells(array: pa.Array, dtype: DataType) -> pa.Array:
    """Return the cells of a column of the declared Arrow type."""
    if dtype in _TEXT or dtype == Bytes:
        return (array.fill_null("" if dtype in _TEXT else b"") if array.null_count else array).cast(pa.large_binary())
    if isinstance(dtype, Array | Set) and find_fixed(dtype.item):
        return _encode_lists(array, dtype.item)
    valid = valid_mask(array).tolist()
    plain = _plain(array, dtype)
    return pa.array([_pack(v) if there else b"" for v, there in zip(plain, valid, strict=True)], pa.large_binary())


def decode_cells(cells: pa.Array, valid: Valid | None, dtype: DataType) -> pa.Array:
    """Return the column of contiguous cells; ``valid`` None means that there are no nulls.

    Raises:
        CorruptDataError: A cell that is no value of the type.

    """
    try:
        if dtype in _TEXT or dtype == Bytes:
            return _decode_text(cells, valid, dtype)
        if isinstance(dtype, Array | Set) and find_fixed(dtype.item):
            return _decode_lists(cells, valid, dtype)
        decode = _unpacker(dtype, temporal=False)  # Arrow takes times as integers
        there = [True] * len(cells) if valid is None else valid.tolist()
        pairs = zip(cells.to_pylist(), there, strict=True)
        return pa.array([decode(cell) if known else None for cell, known in pairs], dtype.arrow)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise CorruptDataError(f"A stored value is no {dtype}: {error}.") from error


def cell_decoder(dtype: DataType) -> Decode:
    """Return the function from one cell to the Python value that Arrow's ``to_pylist`` gives.

    Raises (when called):
        CorruptDataError: The cell is no value of the type.
        OverflowError: It holds a time that Python's datetime has no room for.

    """
    if dtype in _TEXT:
        return bytes.decode
    if dtype == Bytes:
        return bytes
    if isinstance(dtype, Array | Set) and (item := find_fixed(dtype.item)):
        return _list_decoder(item, dtype)
    return _unpacker(dtype, temporal=True)


def _unpacker(dtype: DataType, *, temporal: bool) -> Decode:
    convert = _converter(dtype, temporal) or _same

    def decode(cell: bytes) -> object:
        try:
            return convert(_unpack(cell))
        except (msgspec.DecodeError, TypeError, ValueError) as error:
            raise CorruptDataError(f"A stored value is no {dtype}: {error}.") from error

    return decode


# -- lists of fixed-width items -------------------------------------------------------------------


def _encode_lists(array: pa.Array, item: DataType) -> pa.Array:
    lengths = pc.list_value_length(array).fill_null(0).to_numpy().astype(np.int64)
    items = array.flatten()  # leaves out what lies under null lists
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    slots = encode_slots(items, item)
    values = cells_of(pa.py_buffer(np.ascontiguousarray(slots)), bounds * slots.dtype.itemsize)
    is_list = valid_mask(array)
    if not items.null_count:
        marks = cells_of_slots(np.zeros(len(array), np.uint8))
        return join_cells([marks, values]) if is_list.all() else _only(is_list, join_cells([marks, values]))
    there = valid_mask(items)
    missing = np.diff(np.concatenate([[0], np.cumsum(~there)])[bounds]) > 0
    marks = cells_of_slots(missing.astype(np.uint8))
    masks = _only(missing, cells_of(pa.py_buffer(there.astype(np.uint8)), bounds))
    return _only(is_list, join_cells([marks, masks, values]))


def _only(keep: Valid, cells: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(keep), cells, pa.scalar(b"", pa.large_binary()))


def _decode_lists(cells: pa.Array, valid: Valid | None, dtype: Array | Set) -> pa.Array:
    item = find_fixed(dtype.item)
    assert item is not None
    data, bounds = cell_data(cells), cell_offsets(cells)
    starts, ends = bounds[:-1], bounds[1:]
    there = ends > starts if valid is None else valid
    counts, masked = _count_items(data, starts, ends, there, item.width)
    _check_lists(starts, ends, counts, masked, there, item.width, dtype)
    after_mark = starts + there
    items_start = after_mark + np.where(masked, counts, 0)
    slots = np.frombuffer(cell_data(cut_cells(data, items_start, ends)), item.numpy, int(counts.sum()))
    items_valid = _items_valid(data, after_mark, counts, masked) if masked.any() else None
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    buffers = [bitmap(valid), pa.py_buffer(offsets)]
    children = [decode_slots(slots, items_valid, dtype.item)]
    return pa.Array.from_buffers(dtype.arrow, len(cells), buffers, children=children)


def _count_items(data: pa.Buffer, starts: Offsets, ends: Offsets, there: Valid, width: int) -> tuple[Offsets, Valid]:
    """Return how many items each list has, and whether some of them are null."""
    marks = np.zeros(len(starts), np.uint8)
    here = there & (ends > starts)
    marks[here] = np.frombuffer(data, np.uint8)[starts[here]]
    masked: Valid = marks == 1
    counts: Offsets = np.where(there, (ends - starts - 1) // np.where(masked, width + 1, width), 0)
    return counts, masked


def _check_lists(
    starts: Offsets, ends: Offsets, counts: Offsets, masked: Valid, there: Valid, width: int, dtype: DataType
) -> None:
    expected = np.where(there, 1 + counts * np.where(masked, width + 1, width), 0)
    if (expected != ends - starts).any():
        raise CorruptDataError(f"A stored value is no {dtype}: it ends within an item.")


def _items_valid(data: pa.Buffer, starts: Offsets, counts: Offsets, masked: Valid) -> Valid:
    valid = np.ones(int(counts.sum()), np.bool_)
    masks = cut_cells(data, starts[masked], (starts + counts)[masked])
    valid[np.repeat(masked, counts)] = np.frombuffer(cell_data(masks), np.bool_, int(counts[masked].sum()))
    return valid


def _list_decoder(item: Fixed, dtype: DataType) -> Decode:
    width, code, convert = item.width, item.struct, item.to_python

    def decode(cell: bytes) -> object:
        masked = cell[:1] == b"\x01"
        count, rest = divmod(len(cell) - 1, width + masked)
        if rest or count < 0:
            raise CorruptDataError(f"A stored value is no {dtype}: it ends within an item.")
        start = 1 + count if masked else 1
        values: list[Any] = list(struct.unpack_from("<" + code * count, cell, start))
        if convert:
            values = [convert(value) for value in values]
        return [v if there else None for v, there in zip(values, cell[1:start], strict=True)] if masked else values

    return decode


# -- text -----------------------------------------------------------------------------------------


def _decode_text(cells: pa.Array, valid: Valid | None, dtype: DataType) -> pa.Array:
    narrow = cells.cast(pa.binary())
    _, offsets, data = narrow.buffers()
    column = pa.Array.from_buffers(dtype.arrow, len(cells), [bitmap(valid), offsets, data], offset=narrow.offset)
    column.validate(full=True)  # UTF-8
    return column


# -- everything else: msgpack ---------------------------------------------------------------------


def _plain(array: pa.Array, dtype: DataType) -> list[Any]:
    """Return values of None, bool, int, float, str, bytes and lists of these, as msgpack keeps them."""
    if find_fixed(dtype):
        values: list[Any] = encode_slots(array, dtype).tolist()
    elif isinstance(dtype, Array | Set):
        values = _slices(_plain(array.flatten(), dtype.item), pc.list_value_length(array))
    elif isinstance(dtype, Map):
        values = _plain_maps(array, dtype)
    elif isinstance(dtype, Struct):
        columns = [_plain(child, t) for child, (_, t) in zip(array.flatten(), dtype.fields, strict=True)]
        values = [list(row) for row in zip(*columns, strict=True)]
    else:
        return list(array.to_pylist())
    if not array.null_count:
        return values
    return [v if there else None for v, there in zip(values, valid_mask(array).tolist(), strict=True)]


def _slices(items: list[Any], lengths: pa.Array) -> list[Any]:
    ends = np.cumsum(lengths.fill_null(0).to_numpy()).tolist()
    return [items[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _plain_maps(array: pa.Array, dtype: Map) -> list[Any]:
    entries = array.cast(pa.list_(pa.struct([pa.field("k", dtype.key.arrow), pa.field("v", dtype.value.arrow)])))
    return _plain(entries, Array(Struct({"k": dtype.key, "v": dtype.value})))


def _converter(dtype: DataType, temporal: bool) -> Callable[[Any], object] | None:
    """Return the function from what msgpack kept to the Python value; None where they are the same.

    Unless ``temporal``, timestamps and dates stay integers.
    """
    if fixed := find_fixed(dtype):
        return fixed.to_python if temporal or not fixed.to_numpy else None
    if isinstance(dtype, Array | Set):
        item = _converter(dtype.item, temporal)
        return (lambda values: [v if v is None else item(v) for v in values]) if item else None
    if isinstance(dtype, Map):
        key, value = _converter(dtype.key, temporal) or _same, _converter(dtype.value, temporal) or _same
        return lambda pairs: [(key(k), v if v is None else value(v)) for k, v in pairs]
    if isinstance(dtype, Struct):
        names = [name for name, _ in dtype.fields]
        parts = [_converter(t, temporal) or _same for _, t in dtype.fields]
        return lambda row: {n: v if v is None else f(v) for n, f, v in zip(names, parts, row, strict=True)}
    return None


def _same(value: object) -> object:
    return value
