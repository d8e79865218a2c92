"""Reads rows of one layout, by the row into Python values or by the column into Arrow and NumPy."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from repast.core.codec.cell import Offsets, cut_cells
from repast.core.codec.fixed import Slots, Valid, decode_slots, find_fixed, valid_mask
from repast.core.codec.shape import NULLS, PREFIX, RowShape, Slot
from repast.core.codec.variable import cell_decoder, decode_cells
from repast.errors import CorruptDataError, InvalidValueError
from repast.types import DataType

Row: TypeAlias = tuple[object, ...]


class NumpyColumn(NamedTuple):
    """A feature as NumPy: ``values`` are zero (None, for objects) where ``valid`` is False."""

    values: Slots
    valid: Valid


class RowDecoder:
    """Decodes the wanted features of rows that have ``shape``; other features of the rows cost nothing.

    Args:
        shape: The layout of all rows given.
        wanted: Names and types. One that the layout has not, or with another type, is null.

    """

    def __init__(self, shape: RowShape, wanted: Sequence[tuple[str, DataType]]) -> None:
        self.shape = shape
        slots = {(slot.name, slot.dtype): slot for slot in shape.slots}
        self._types = tuple(dtype for _, dtype in wanted)
        self._slots: tuple[Slot | None, ...] = tuple(slots.get(feature) for feature in wanted)
        self._compile()

    def _compile(self) -> None:
        """Work out, once, what each row needs: what to unpack, convert, set to null, and in which order."""
        chosen = {slot.offset for slot in self._slots if slot}
        # A cell begins where the one before it ends, so either all ends are read or none.
        heap = any(slot and not slot.fixed for slot in self._slots)
        read = [slot for slot in self.shape.slots if slot.offset in chosen or (heap and not slot.fixed)]
        position = {slot.offset: i for i, slot in enumerate(read)}
        bit = {slot.offset: 1 << i for i, slot in enumerate(self.shape.slots)}
        codes = [s.code if s.offset in position else f"{s.width}x" for s in self.shape.slots]
        self._unpack: Callable[[bytes, int], Row] = struct.Struct("<" + "".join(codes)).unpack_from
        self._fixed = [(position[s.offset], bit[s.offset]) for s in read if s.fixed]
        self._converted = [(position[s.offset], s.fixed.to_python) for s in read if s.fixed and s.fixed.to_python]
        self._cells = [
            (position[s.offset], bit[s.offset], cell_decoder(s.dtype) if s.offset in chosen else None)
            for s in read
            if not s.fixed
        ]
        order = [position[slot.offset] if slot else len(read) for slot in self._slots]
        in_order = order == list(range(len(read)))
        self._pick = tuple if in_order else _picker(order)
        # Whether struct alone decodes a row without nulls.
        self._is_plain = in_order and not self._converted and not self.shape.variable

    def rows(self, values: Sequence[bytes | None], other: Callable[[bytes], Row]) -> list[Row | None]:
        """Return each row's features as Python values; rows of other shapes are left to ``other``.

        Raises:
            CorruptDataError: Bytes that do not fit the layout.
            InvalidValueError: A timestamp or date that Python's datetime has no room for.

        """
        unpack, decode, header, plain = self._unpack, self._row, self.shape.header, self.shape.plain_header
        at, size = self.shape.slots_at, self.shape.width
        try:
            if self._is_plain:
                return [
                    None
                    if value is None
                    else unpack(value, at)
                    if value[PREFIX:at] == plain and len(value) == size
                    else decode(value)
                    if value[PREFIX:NULLS] == header
                    else other(value)
                    for value in values
                ]
            return [
                None if value is None else decode(value) if value[PREFIX:NULLS] == header else other(value)
                for value in values
            ]
        except (struct.error, UnicodeDecodeError) as error:
            raise CorruptDataError(f"A stored row cannot be read: {error}.") from error
        except OverflowError as error:
            raise _beyond_datetime() from error

    def plain_row(self, value: bytes) -> Row | None:
        """Return the features of a row that struct alone decodes; None leaves it to :meth:`rows`."""
        shape = self.shape
        if self._is_plain and value[PREFIX : shape.slots_at] == shape.plain_header and len(value) == shape.width:
            return self._unpack(value, shape.slots_at)
        return None

    def _row(self, value: bytes) -> Row:
        width, at = self.shape.width, self.shape.slots_at
        raw: list[Any] = list(self._unpack(value, at))
        nulls = int.from_bytes(value[NULLS:at], "little")
        start = width
        for position, bit, decode in self._cells:
            end = raw[position] + width
            if end < start:
                raise CorruptDataError("A stored row cannot be read: a value ends before it begins.")
            if decode:
                raw[position] = None if nulls & bit else decode(value[start:end])
            start = end
        if start != len(value) and (self._cells or not self.shape.variable):
            raise CorruptDataError(f"A stored row has {len(value)} bytes where its values need {start}.")
        for position, convert in self._converted:
            raw[position] = convert(raw[position])
        if nulls:
            for position, bit in self._fixed:
                if nulls & bit:
                    raw[position] = None
        return self._pick(raw)

    def columns(self, rows: Sequence[bytes]) -> list[pa.Array]:
        """Return the features as Arrow columns.

        Raises:
            CorruptDataError: Bytes that do not fit the layout.

        """
        block = _Block(self.shape, rows)
        return [
            block.column(slot) if slot else pa.nulls(len(rows), dtype.arrow)
            for slot, dtype in zip(self._slots, self._types, strict=True)
        ]

    def numpy(self, rows: Sequence[bytes]) -> list[NumpyColumn]:
        """Return the features as NumPy columns.

        Raises:
            CorruptDataError: Bytes that do not fit the layout.

        """
        block = _Block(self.shape, rows)
        return [
            block.numpy(slot) if slot else null_column(dtype, len(rows))
            for slot, dtype in zip(self._slots, self._types, strict=True)
        ]


class _Block:
    """Many rows of one shape as NumPy records and one buffer for their heaps."""

    def __init__(self, shape: RowShape, rows: Sequence[bytes]) -> None:
        self._shape = shape
        self._data = b"".join(rows)
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        fits = lengths >= shape.width if shape.variable else lengths == shape.width
        if not fits.all():
            wrong = int(lengths[~fits][0])
            raise CorruptDataError(f"A stored row has {wrong} bytes where its layout needs {shape.width}.")
        starts = np.cumsum(lengths) - lengths
        self._records: Slots = self._at(starts) if shape.variable else np.frombuffer(self._data, shape.record)
        self._ends = self._cell_ends(starts, lengths)
        nulls = self._records["nulls"] if shape.slots else np.zeros((len(rows), 0), np.uint8)
        self._nulls = np.unpackbits(nulls, axis=1, bitorder="little").view(np.bool_) if nulls.any() else None

    def _at(self, starts: Offsets) -> Slots:
        """Copy the records that begin at ``starts``: one memcpy each."""
        count = len(self._data) - self._shape.width + 1
        if not len(starts):
            return np.zeros(0, self._shape.record)
        windows: Slots = np.ndarray((count,), f"V{self._shape.width}", self._data, strides=(1,))
        return windows[starts].view(self._shape.record)

    def _cell_ends(self, starts: Offsets, lengths: Offsets) -> dict[int, tuple[Offsets, Offsets]]:
        """Return offset of a slot -> where its cells begin and end in the data."""
        begin = starts + self._shape.width
        found = {}
        for slot in self._shape.variable:
            end = starts + self._shape.width + self._records[str(slot.offset)]
            if (end < begin).any():
                raise CorruptDataError("A stored row cannot be read: a value ends before it begins.")
            found[slot.offset] = (begin, end)
            begin = end
        if found and (begin != starts + lengths).any():
            raise CorruptDataError("A stored row is longer or shorter than its values.")
        return found

    def _valid(self, slot: Slot) -> Valid | None:
        if self._nulls is None:
            return None
        valid: Valid = ~self._nulls[:, self._shape.slots.index(slot)]
        return None if valid.all() else valid

    def column(self, slot: Slot) -> pa.Array:
        valid = self._valid(slot)
        if slot.fixed:
            return decode_slots(np.ascontiguousarray(self._records[str(slot.offset)]), valid, slot.dtype)
        return decode_cells(cut_cells(self._data, *self._ends[slot.offset]), valid, slot.dtype)

    def numpy(self, slot: Slot) -> NumpyColumn:
        if dtype := numpy_type(slot.dtype):
            valid = self._valid(slot)
            slots = np.ascontiguousarray(self._records[str(slot.offset)])
            # A date takes four bytes in a row and eight in NumPy.
            values = slots.view(dtype) if slots.itemsize == dtype.itemsize else slots.astype(dtype)
            return NumpyColumn(values, np.ones(len(values), np.bool_) if valid is None else valid)
        return _objects(self.column(slot))


def numpy_type(dtype: DataType) -> np.dtype[Any] | None:
    """Return the NumPy dtype that a feature is decoded to, or None for objects."""
    fixed = find_fixed(dtype)
    return np.dtype(fixed.to_numpy or fixed.numpy) if fixed and fixed.numpy != "V16" else None


def null_column(dtype: DataType, rows: int) -> NumpyColumn:
    """Return a column without values."""
    kind = numpy_type(dtype)
    values = np.full(rows, None, object) if kind is None else np.zeros(rows, kind)
    return NumpyColumn(values, np.zeros(rows, np.bool_))


def _objects(column: pa.Array) -> NumpyColumn:
    values = np.empty(len(column), object)
    try:
        for i, value in enumerate(column.to_pylist()):  # assigned one by one: NumPy would unfold lists
            values[i] = value
    except (OverflowError, ValueError) as error:
        raise _beyond_datetime() from error
    return NumpyColumn(values, valid_mask(column))


def _picker(order: Sequence[int]) -> Callable[[list[Any]], Row]:
    """Return the function that puts a row's values in order; one past the end stands for null."""
    if len(order) < 2:
        return lambda raw: tuple([*raw, None][position] for position in order)
    pick = itemgetter(*order)
    return lambda raw: pick([*raw, None])


def _beyond_datetime() -> InvalidValueError:
    return InvalidValueError(
        "A stored timestamp or date lies outside the years 1 to 9999, for which Python has no datetime.",
        hint="read it as Arrow",
    )
