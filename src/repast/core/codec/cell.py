"""Byte strings by the column: joined into rows when encoding, cut out of rows when decoding, without a loop in Python.

Cells are Arrow large_binary columns, whose 64-bit offsets have room for any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.codec.fixed import Slots

Offsets: TypeAlias = npt.NDArray[np.int64]

# pa.scalar() would import pandas, if it is installed, into every process that only serves.
_EMPTY = pa.Array.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(bytes(16)), pa.py_buffer(b"")])[0]


def cells_of(data: pa.Buffer, offsets: Offsets) -> pa.Array:
    """Return the cells that lie one after another in ``data`` between the offsets."""
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), data])


def cells_of_slots(slots: Slots) -> pa.Array:
    """Return one cell per slot, without copying."""
    width = slots.dtype.itemsize
    return cells_of(pa.py_buffer(slots), np.arange(0, width * len(slots) + 1, width, dtype=np.int64))


def cell_offsets(cells: pa.Array) -> Offsets:
    """Return where the cells begin and end in their data buffer."""
    offsets: Offsets = np.frombuffer(cells.buffers()[1], np.int64, len(cells) + 1, cells.offset * 8)
    return offsets


def cell_data(cells: pa.Array) -> pa.Buffer:
    """Return the buffer that the offsets point into."""
    return cells.buffers()[2] or pa.py_buffer(b"")


def join_cells(columns: Sequence[pa.Array]) -> pa.Array:
    """Return one cell per row: the row's cells of all columns, one after another."""
    return columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, _EMPTY)


def cut_cells(data: bytes | pa.Buffer, starts: Offsets, ends: Offsets) -> pa.Array:
    """Return the pieces of ``data`` between each start and end as contiguous cells.

    The pieces must not overlap and come in the order of ``data``.
    """
    offsets = np.empty(2 * len(starts), np.int64)
    offsets[0::2], offsets[1::2] = starts, ends
    if not len(starts):
        return pa.array([], pa.large_binary())
    # Every other cell is a piece; those between are the gaps.
    return cells_of(pa.py_buffer(data), offsets).take(pa.array(np.arange(0, len(offsets) - 1, 2)))


def split_cells(cells: pa.Array) -> list[bytes]:
    """Return the cells as Python bytes."""
    offsets = cell_offsets(cells)
    first, last = int(offsets[0]), int(offsets[-1])
    data = cell_data(cells)[first:last].to_pybytes() if len(cells) else b""
    return [data[start:end] for start, end in pairwise((offsets - first).tolist())]


def split_slots(slots: Slots) -> list[bytes]:
    """Return the bytes of each slot."""
    records: list[bytes] = slots.view(f"V{slots.dtype.itemsize}").tolist()
    return records
