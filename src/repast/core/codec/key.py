"""Keys as bytes: what a view's join keys are called in every online store.

A key is one version byte, then the columns in the order of their names. Fixed-width columns are
big-endian, integers with the sign bit flipped, so that keys of one view sort as their values do
(neighbours stay neighbours in a B-tree). A string or bytes column is its length in four bytes and
its content; the last column needs no length. So no two keys share their bytes: ("1", "11") is not
("11", "1").

=============  =====================================
Bool           1 byte
Int32, Date    4 bytes, biased by 2^31
Int64          8 bytes, biased by 2^63
UnixTimestamp  8 bytes, microseconds, biased by 2^63
Uuid           16 bytes
String, Bytes  UTF-8, or as they are
=============  =====================================
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from repast.core.clock import to_us
from repast.core.codec.coerce import coerce_key, refuse_key
from repast.errors import InvalidDefinitionError, InvalidRequestError
from repast.types import Bool, Bytes, DataType, Date, Int32, Int64, String, UnixTimestamp, Uuid

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.core.manifest import FieldSpec

__all__ = ["KEY_FORMAT", "KeyCodec", "coerce_key"]

KEY_FORMAT = 1
"""First byte of every key. Another byte means another format."""

_VERSION = bytes([KEY_FORMAT])
_WIDTHS: dict[DataType, int] = {Bool: 1, Int32: 4, Date: 4, Int64: 8, UnixTimestamp: 8, Uuid: 16}
_BIAS32, _BIAS64 = 1 << 31, 1 << 63
_EPOCH_ORDINAL = 719163  # of 1970-01-01
_pack_u32 = struct.Struct(">I").pack
_pack_u64 = struct.Struct(">Q").pack

_Encode: TypeAlias = Callable[[object], bytes]


class KeyCodec:
    """Encodes the keys of one view; see the module for the format.

    Args:
        keys: The join keys with their types, in any order; none for an entityless view, whose rows all
            have the one key that :meth:`encode_row` returns for no values.

    Raises:
        InvalidDefinitionError: A type that keys cannot have.

    """

    def __init__(self, keys: Sequence[FieldSpec]) -> None:
        ordered = sorted(keys, key=lambda key: key.name)
        self.names: tuple[str, ...] = tuple(key.name for key in ordered)
        self.types: tuple[DataType, ...] = tuple(key.type for key in ordered)
        self._encoders = tuple(
            _encoder(name, dtype, last=position == len(ordered) - 1)
            for position, (name, dtype) in enumerate(zip(self.names, self.types, strict=True))
        )

    def encode_row(self, values: Sequence[object]) -> bytes:
        """Return the key of Python values in the order of ``names``.

        Raises:
            InvalidValueError: A value that is not losslessly of its column's type, or null.

        """
        encoders = self._encoders
        if len(values) != len(encoders):
            raise InvalidRequestError(
                f"A key of {len(encoders)} columns ({', '.join(self.names)}) cannot have {len(values)} values."
            )
        if len(encoders) == 1:
            return _VERSION + encoders[0](values[0])
        return _VERSION + b"".join([encode(value) for encode, value in zip(self._encoders, values, strict=True)])

    def encode_lists(self, columns: Sequence[Sequence[object]]) -> list[bytes]:
        """Return the keys of Python values given by column, in the order of ``names``.

        Raises:
            InvalidValueError: As for :meth:`encode_row`.

        """
        if len(columns) == len(self._encoders) == 1:
            encode = self._encoders[0]
            return [_VERSION + encode(value) for value in columns[0]]
        return [self.encode_row(values) for values in zip(*columns, strict=True)]

    def encode_columns(self, columns: Sequence[pa.Array], *, rows: int = 1) -> list[bytes]:
        """Return the keys of Arrow columns of the declared types, in the order of ``names``.

        Args:
            columns: Columns of equal length without nulls.
            rows: How many keys to return for an entityless view, which has no columns to tell.

        Raises:
            InvalidValueError: A null.

        """
        if not self.names:
            return [_VERSION] * rows
        for name, dtype, column in zip(self.names, self.types, columns, strict=True):
            if column.type != dtype.arrow:
                raise InvalidRequestError(f"Key column {name!r} must be {dtype.arrow}, not {column.type}.")
            if column.null_count:
                raise refuse_key(name, dtype, None)
        return _join(self.types, columns)


def _encoder(name: str, dtype: DataType, *, last: bool) -> _Encode:
    """Return the function from a value of one column to its bytes; it coerces or refuses."""
    if dtype in (Int32, Int64):
        return _integer_encoder(name, dtype)
    pack = _PACK.get(dtype)
    if pack is None:
        raise InvalidDefinitionError(f"Join key {name!r} cannot be {dtype}; keys have one exact byte form.")
    exact = _EXACT.get(dtype)

    def encode(value: object) -> bytes:
        if type(value) is not exact:
            value = coerce_key(value, dtype, column=name)
        try:
            return pack(value)
        except UnicodeEncodeError:  # half of a surrogate pair
            raise refuse_key(name, dtype, value) from None

    def encode_with_length(value: object) -> bytes:
        content = encode(value)
        return _pack_u32(len(content)) + content

    return encode if last or dtype in _WIDTHS else encode_with_length


def _integer_encoder(name: str, dtype: DataType) -> _Encode:
    pack, bias = (_pack_u32, _BIAS32) if dtype == Int32 else (_pack_u64, _BIAS64)

    def encode(value: object) -> bytes:
        if type(value) is not int:
            value = coerce_key(value, dtype, column=name)
            assert isinstance(value, int)
        try:
            return pack(value + bias)
        except struct.error:
            raise refuse_key(name, dtype, value) from None

    return encode


_PACK: dict[DataType, Callable[[Any], bytes]] = {
    Bool: lambda value: b"\x01" if value else b"\x00",
    UnixTimestamp: lambda value: _pack_u64(to_us(value) + _BIAS64),
    Date: lambda value: _pack_u32(value.toordinal() - _EPOCH_ORDINAL + _BIAS32),
    Uuid: lambda value: UUID(value).bytes,
    String: str.encode,
    Bytes: bytes,
}
_EXACT: dict[DataType, type] = {Bool: bool, String: str, Bytes: bytes}
"""Python types that need no coercion."""


def _join(types: Sequence[DataType], columns: Sequence[pa.Array]) -> list[bytes]:
    """Encode whole columns: records for what has a fixed width, joined with cells for the rest."""
    import numpy as np

    from repast.core.codec.cell import cells_of_slots, join_cells, split_cells, split_slots

    parts = [part for i, column in enumerate(columns) for part in _parts(types[i], column, i == len(types) - 1)]
    version = np.full(len(columns[0]), KEY_FORMAT, "u1")
    if all(isinstance(part, np.ndarray) for part in parts):
        record = np.dtype([(str(i), part.dtype) for i, part in enumerate([version, *parts])])
        records = np.empty(len(version), record)
        for i, part in enumerate([version, *parts]):
            records[str(i)] = part
        return split_slots(records)
    cells = [cells_of_slots(part) if isinstance(part, np.ndarray) else part for part in [version, *parts]]
    return split_cells(join_cells(cells))


def _parts(dtype: DataType, column: pa.Array, last: bool) -> list[Any]:
    """Return a column as NumPy arrays of fixed width or Arrow cells; a length is a part of its own."""
    import numpy as np
    import pyarrow as pa

    from repast.core.codec.cell import cell_offsets
    from repast.core.codec.fixed import encode_slots

    if dtype in _WIDTHS:
        slots = encode_slots(column, dtype)
        if dtype in (Bool, Uuid):
            return [np.ascontiguousarray(slots)]
        bias = np.array(1, slots.dtype.str.replace("i", "u")) << (slots.dtype.itemsize * 8 - 1)
        return [(slots.view(bias.dtype) ^ bias).astype(bias.dtype.newbyteorder(">"))]
    cells = column.cast(pa.large_binary())
    return [cells] if last else [np.diff(cell_offsets(cells)).astype(">u4"), cells]
