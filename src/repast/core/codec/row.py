"""Feature rows as bytes: the codec of one layout. See shape for the format and variable for the heap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from repast.core.codec.cell import cell_offsets, cells_of_slots, join_cells, split_cells, split_slots
from repast.core.codec.decoder import NumpyColumn
from repast.core.codec.fixed import Slots, encode_slots, valid_mask
from repast.core.codec.reader import RowReader
from repast.core.codec.shape import (
    RowShape,
    created_us,
    event_us,
    layout_version,
    order_prefix,
)
from repast.core.codec.variable import encode_cells
from repast.core.manifest import LayoutSpec
from repast.errors import InvalidRequestError, InvalidValueError

__all__ = [
    "NumpyColumn",
    "RowCodec",
    "RowReader",
    "created_us",
    "event_us",
    "layout_version",
    "order_prefix",
]

_SIGN = np.uint64(1 << 63)
_CHUNK = 1 << 14  # rows: a chunk of records stays in the processor's cache


class RowCodec:
    """Encodes rows of one layout, and decodes them (rows of several layouts: :class:`RowReader`).

    Equal rows have equal bytes, whichever way they came: what lies under a null is zero, every NaN has
    one bit pattern. NaN and -0.0 come back as they went in; null, empty and all-null stay distinct.
    The order of a map's entries and of a set's items is part of the value.
    """

    def __init__(self, layout: LayoutSpec) -> None:
        self.layout = layout
        self._shape = RowShape(layout)
        self._reader = RowReader([layout])

    def encode(self, columns: Sequence[pa.Array], event: pa.Array, created: pa.Array) -> list[bytes]:
        """Return one stored value per row.

        Args:
            columns: Features in the order of the layout, of their declared Arrow types.
            event: int64 without nulls, microseconds since 1970 UTC.
            created: int64, null where unknown.

        Raises:
            InvalidRequestError: A column is missing, of another type or of another length.
            InvalidValueError: A null event time, or a value that its type does not allow.

        """
        self._check(columns, event, created)
        rows: list[bytes] = []
        for start in range(0, len(event), _CHUNK):
            part = [column.slice(start, _CHUNK) for column in columns]
            rows += self._encode(part, event.slice(start, _CHUNK), created.slice(start, _CHUNK))
        return rows

    def decode_rows(self, values: Sequence[bytes | None]) -> list[tuple[object, ...] | None]:
        """Return the features of each row as Python values; see :meth:`RowReader.decode_rows`."""
        return self._reader.decode_rows(values)

    def decode_columns(self, values: Sequence[bytes | None]) -> list[pa.Array]:
        """Return the features as Arrow columns; see :meth:`RowReader.decode_columns`."""
        return self._reader.decode_columns(values)

    def decode_numpy(self, values: Sequence[bytes | None]) -> list[NumpyColumn]:
        """Return the features as NumPy columns; see :meth:`RowReader.decode_numpy`."""
        return self._reader.decode_numpy(values)

    def _check(self, columns: Sequence[pa.Array], event: pa.Array, created: pa.Array) -> None:
        slots = self._shape.slots
        if len(columns) != len(slots):
            raise InvalidRequestError(
                f"Layout {self.layout.version} has {len(slots)} features, not {len(columns)} columns."
            )
        expected = [("event", pa.int64(), event), ("created", pa.int64(), created)]
        expected += [(slot.name, slot.dtype.arrow, column) for slot, column in zip(slots, columns, strict=True)]
        for name, arrow, column in expected:
            if not isinstance(column, pa.Array) or column.type != arrow:
                found = column.type if isinstance(column, pa.Array | pa.ChunkedArray) else type(column).__name__
                raise InvalidRequestError(f"Column {name!r} must be an Arrow array of {arrow}, not {found}.")
            if len(column) != len(event):
                raise InvalidRequestError(f"Column {name!r} has {len(column)} rows, not {len(event)}.")
        if event.null_count:
            raise InvalidValueError("An event time is null; a row without one cannot be stored.")

    def _encode(self, columns: Sequence[pa.Array], event: pa.Array, created: pa.Array) -> list[bytes]:
        shape = self._shape
        records = np.zeros(len(event), shape.record)
        records["event"] = event.to_numpy().view(np.uint64) ^ _SIGN
        records["created"] = _biased(created)
        records["layout"] = shape.version
        if any(column.null_count for column in columns):
            nulls = np.stack([~valid_mask(column) for column in columns], axis=1)
            records["nulls"] = np.packbits(nulls, axis=1, bitorder="little")
        cells, ends = [], np.zeros(len(event), np.int64)
        for slot, column in zip(shape.slots, columns, strict=True):
            if slot.fixed:
                records[str(slot.offset)] = encode_slots(column, slot.dtype)
                continue
            cells.append(encode_cells(column, slot.dtype))
            ends += np.diff(cell_offsets(cells[-1]))
            _check_size(ends, slot.name)
            records[str(slot.offset)] = ends
        if not cells:
            return split_slots(records)
        return split_cells(join_cells([cells_of_slots(records), *cells]))


def _biased(created: pa.Array) -> Slots:
    if created.null_count == len(created):
        return np.zeros(len(created), np.uint64)
    return np.asarray(np.where(valid_mask(created), created.fill_null(0).to_numpy().view(np.uint64) ^ _SIGN, 0))


def _check_size(ends: Slots, name: str) -> None:
    if len(ends) and ends.max() > 0xFFFFFFFF:
        raise InvalidValueError(f"A row is longer than 4 GiB at feature {name!r}.")
