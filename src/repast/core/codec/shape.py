"""What a stored row looks like, byte by byte.

::

    8  event time     microseconds UTC, sign bit flipped, big-endian
    8  created time   the same; eight zero bytes where there is none, so that it sorts first
    2  layout         version of the view's layout, big-endian
    n  nulls          one bit per feature, lowest first; 1 is null
       slots          one per feature in the order of the layout, little-endian, without gaps:
                      the value of a fixed-width type, else (4 bytes) where its cell ends in the heap
       heap           the cells, one after another

Rows compare as unsigned bytes: by event time, created time, layout and content, which is the total
order of rows. See docs/decisions/0001-online-value-order.md.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from repast.core.codec.fixed import Fixed, find_fixed
from repast.core.manifest import LayoutSpec
from repast.errors import InvalidDefinitionError
from repast.types import DataType, from_json

PREFIX = 16
"""Bytes of the order prefix: event time and created time."""
NULLS = 18
"""Where the null bits begin."""

_BIAS = 1 << 63
_EPOCH = _BIAS.to_bytes(8)
_pack_prefix = struct.Struct(">QQ").pack
_unpack_u64 = struct.Struct(">Q").unpack_from
_unpack_u16 = struct.Struct(">H").unpack_from


def order_prefix(event_us: int, created_us: int | None) -> bytes:
    """Return the sixteen bytes that a row of these times begins with; they sort as the times do."""
    return _pack_prefix(event_us + _BIAS, 0 if created_us is None else created_us + _BIAS)


def event_us(value: bytes) -> int:
    """Return the event time of a stored row, microseconds since 1970 UTC."""
    biased: int = _unpack_u64(value)[0]
    return biased - _BIAS


def created_us(value: bytes) -> int | None:
    """Return the created time of a stored row, microseconds since 1970 UTC, or None."""
    biased: int = _unpack_u64(value, 8)[0]
    return biased - _BIAS if biased else None


def layout_version(value: bytes) -> int:
    """Return the version of the layout that a stored row was written in."""
    version: int = _unpack_u16(value, PREFIX)[0]
    return version


@dataclass(frozen=True, slots=True)
class Slot:
    """One feature's place in a row."""

    name: str
    dtype: DataType
    offset: int
    """From the beginning of the row."""
    fixed: Fixed | None
    """None: the slot says where the cell ends."""

    @property
    def width(self) -> int:
        return self.fixed.width if self.fixed else 4

    @property
    def code(self) -> str:
        """The slot for the struct module."""
        return self.fixed.struct if self.fixed else "I"


class RowShape:
    """The places of a layout's features.

    Raises:
        InvalidDefinitionError: The layout's version is not between 0 and 65535.

    """

    def __init__(self, layout: LayoutSpec) -> None:
        if not 0 <= layout.version <= 0xFFFF:
            raise InvalidDefinitionError(
                f"Layout version {layout.version} is not between 0 and 65535.",
                hint="recreate the feature view: that starts a new online table at version 1",
            )
        self.version = layout.version
        self.slots_at = NULLS + (len(layout.features) + 7) // 8
        slots, at = [], self.slots_at
        for name, written in layout.features:
            dtype = from_json(written)
            slot = Slot(name, dtype, at, find_fixed(dtype))
            slots.append(slot)
            at += slot.width
        self.slots = tuple(slots)
        self.width = at
        """Bytes before the heap."""
        self.header = struct.pack(">H", layout.version)
        """What follows the prefix of every row of this layout."""
        self.plain_header = self.header + bytes(self.slots_at - NULLS)
        """The same with the null bits of a row without nulls."""

    @cached_property
    def variable(self) -> tuple[Slot, ...]:
        """The slots that point into the heap, in order."""
        return tuple(slot for slot in self.slots if slot.fixed is None)

    @cached_property
    def record(self) -> np.dtype[Any]:
        """The row up to the heap as a NumPy record. Fields are named by their offset."""
        fixed = [(str(s.offset), s.fixed.numpy if s.fixed else "<u4", s.offset) for s in self.slots]
        nulls = [("nulls", f"({self.slots_at - NULLS},)u1", NULLS)] if self.slots else []
        fields = [("event", ">u8", 0), ("created", ">u8", 8), ("layout", ">u2", 16), *nulls, *fixed]
        names, formats, offsets = zip(*fields, strict=True)
        return np.dtype(
            {"names": list(names), "formats": list(formats), "offsets": list(offsets), "itemsize": self.width}
        )


def event_times(values: Sequence[bytes | None]) -> npt.NDArray[np.int64]:
    """Return the event time of each stored row, microseconds since 1970 UTC; 0 where there is no row."""
    prefixes = b"".join([_EPOCH if value is None else value[:8] for value in values])
    return (np.frombuffer(prefixes, ">u8").astype(np.uint64) ^ np.uint64(_BIAS)).view(np.int64)
