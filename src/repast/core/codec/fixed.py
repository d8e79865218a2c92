"""Fixed-width types: Arrow columns to and from little-endian NumPy arrays, one slot per value.

A null's slot is zero and every NaN has one bit pattern, so that equal columns are equal bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as PyDecimal
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from repast.errors import InvalidValueError
from repast.types import Bool, DataType, Date, Decimal, Float32, Float64, Int32, Int64, UnixTimestamp, Uuid

Slots: TypeAlias = npt.NDArray[Any]
Valid: TypeAlias = npt.NDArray[np.bool_]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_NO_UUID = "00000000-0000-0000-0000-000000000000"
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HYPHENS = (8, 13, 18, 23)
_DIGITS = np.delete(np.arange(36), _HYPHENS)


@dataclass(frozen=True, slots=True)
class Fixed:
    """How one fixed-width type is kept."""

    numpy: str
    """dtype of the slots."""
    struct: str
    """The same for the struct module."""
    width: int
    to_python: Callable[[Any], object] | None = None
    """What struct unpacks -> the Python value, where they differ. OverflowError: there is none."""
    to_numpy: str | None = None
    """dtype that a caller sees, where it differs from the slots'."""


def _timestamp(microseconds: int) -> datetime:
    return _EPOCH + timedelta(0, 0, microseconds)


def _date(days: int) -> date:
    try:
        return date.fromordinal(days + _EPOCH_ORDINAL)
    except ValueError as error:
        raise OverflowError(str(error)) from error


def _uuid(data: bytes) -> str:
    text = data.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _decimal(scale: int) -> Callable[[bytes], PyDecimal]:
    def convert(data: bytes) -> PyDecimal:
        unscaled = int.from_bytes(data, "little", signed=True)
        return PyDecimal(f"{unscaled}E-{scale}")  # exact, whatever the context's precision

    return convert


_FIXED: dict[DataType, Fixed] = {
    Bool: Fixed("?", "?", 1),
    Int32: Fixed("<i4", "i", 4),
    Int64: Fixed("<i8", "q", 8),
    Float32: Fixed("<f4", "f", 4),
    Float64: Fixed("<f8", "d", 8),
    UnixTimestamp: Fixed("<i8", "q", 8, _timestamp, "<M8[us]"),
    Date: Fixed("<i4", "i", 4, _date, "<M8[D]"),
    Uuid: Fixed("V16", "16s", 16, _uuid),
}


def find_fixed(dtype: DataType) -> Fixed | None:
    """Return how a type is kept in a slot, or None if its values differ in length."""
    if isinstance(dtype, Decimal):
        return Fixed("V16", "16s", 16, _decimal(dtype.scale))
    return _FIXED.get(dtype)


def encode_slots(array: pa.Array, dtype: DataType) -> Slots:
    """Return the slots of a column of the declared Arrow type.

    Raises:
        InvalidValueError: A Uuid that is not canonical text.

    """
    if dtype == Bool:
        return np.asarray((array.fill_null(False) if array.null_count else array).to_numpy(zero_copy_only=False))
    if dtype == Uuid:
        return _encode_uuids(array)
    fixed = find_fixed(dtype)
    assert fixed is not None
    data = array.buffers()[1]
    if data is None or not len(array):
        return np.zeros(len(array), fixed.numpy)
    slots: Slots = np.frombuffer(data, fixed.numpy, len(array), array.offset * fixed.width)
    if array.null_count:
        slots = slots.copy()
        slots[~valid_mask(array)] = np.zeros(1, fixed.numpy)[0]
    if slots.dtype.kind == "f" and (nan := np.isnan(slots)).any():
        slots = np.where(nan, slots.dtype.type(np.nan), slots)
    return slots


def decode_slots(slots: Slots, valid: Valid | None, dtype: DataType) -> pa.Array:
    """Return the column of contiguous slots; ``valid`` None means that there are no nulls."""
    if dtype == Bool:
        return pa.array(slots, mask=None if valid is None else ~valid)
    if dtype == Uuid:
        return _decode_uuids(slots, valid)
    return pa.Array.from_buffers(dtype.arrow, len(slots), [bitmap(valid), pa.py_buffer(slots)])


def valid_mask(array: pa.Array) -> Valid:
    """Return which values are not null."""
    mask: Valid = array.is_valid().to_numpy(zero_copy_only=False)
    return mask


def bitmap(valid: Valid | None) -> pa.Buffer | None:
    """Return an Arrow validity bitmap."""
    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))


def _encode_uuids(array: pa.Array) -> Slots:
    texts = (array.fill_null(_NO_UUID) if array.null_count else array).cast(pa.large_binary())
    offsets = np.frombuffer(texts.buffers()[1], "<i8", len(texts) + 1, texts.offset * 8)
    if len(texts) and (np.diff(offsets) == 36).all():
        chars = np.frombuffer(texts.buffers()[2], np.uint8, 36 * len(texts), int(offsets[0])).reshape(-1, 36)
        try:
            data = bytes.fromhex(chars[:, _DIGITS].tobytes().decode("ascii"))
        except ValueError:
            data = b""
        slots: Slots = np.frombuffer(data, "V16")
        if len(slots) == len(texts) and (_uuid_chars(slots) == chars).all():
            return slots
    elif not len(texts):
        return np.zeros(0, "V16")
    wrong = next(text for text in array.to_pylist() if text is not None and not _UUID.fullmatch(text))
    raise InvalidValueError(
        f"{wrong!r} is not a canonical Uuid. Expected lower case text of the form 8-4-4-4-12.",
        hint="cast the column to Uuid first",
    )


def _uuid_chars(slots: Slots) -> npt.NDArray[np.uint8]:
    chars = np.full((len(slots), 36), ord("-"), np.uint8)
    chars[:, _DIGITS] = np.frombuffer(slots.tobytes().hex().encode(), np.uint8).reshape(-1, 32)
    return chars


def _decode_uuids(slots: Slots, valid: Valid | None) -> pa.Array:
    offsets = np.arange(0, 36 * len(slots) + 1, 36, dtype=np.int32)
    buffers = [bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(_uuid_chars(slots))]
    return pa.Array.from_buffers(pa.string(), len(slots), buffers)
