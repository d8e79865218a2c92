"""Stored rows of any layout a view has had, read as the features it has now."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from repast.core.codec.cell import Offsets
from repast.core.codec.decoder import NumpyColumn, Row, RowDecoder
from repast.core.codec.shape import NULLS, PREFIX, RowShape, layout_version
from repast.core.manifest import LayoutSpec
from repast.errors import ConflictError, CorruptDataError, NotFoundError, RepastError, did_you_mean
from repast.types import DataType

_DAMAGED = "the store is damaged, or something else wrote to this table; load the view again into a new one"


class RowReader:
    """Decodes rows of every layout of one view into the features of the newest one.

    A feature that a row's layout does not have, or has with another type, reads as null.

    Args:
        layouts: The view's layouts, oldest first.
        features: Which features to decode, in which order; None: all, in the order of the newest layout.
        view: Name of the view, for messages.

    Raises:
        NotFoundError: The newest layout has no such feature.

    """

    def __init__(self, layouts: Sequence[LayoutSpec], *, features: Sequence[str] | None = None, view: str = "") -> None:
        self._where = f" of view {view!r}" if view else ""
        shapes = [RowShape(layout) for layout in layouts]
        known = {slot.name: slot.dtype for slot in shapes[-1].slots}
        self.names: tuple[str, ...] = tuple(known) if features is None else tuple(features)
        for name in self.names:
            if name not in known:
                raise NotFoundError(
                    f"The stored rows{self._where} have no feature {name!r}.", hint=did_you_mean(name, known)
                )
        self.types: tuple[DataType, ...] = tuple(known[name] for name in self.names)
        wanted = list(zip(self.names, self.types, strict=True))
        self._decoders = {shape.header: RowDecoder(shape, wanted) for shape in shapes}
        self._newest = self._decoders[shapes[-1].header]
        self._absent = _row_of_nulls(shapes[-1])

    def decode_rows(self, values: Sequence[bytes | None]) -> list[Row | None]:
        """Return each row's features as Python values, None where there is no row.

        Values are what ``to_pylist`` of :meth:`decode_columns` gives: timestamps as aware UTC datetimes,
        Uuid and Json as str, a Map as a list of (key, value) tuples, a Struct as a dict.

        Raises:
            CorruptDataError: Bytes that are no row of this view.
            ConflictError: A row of a newer layout than this reader knows; read the registry again.
            InvalidValueError: A timestamp or date that Python's datetime has no room for.

        """
        try:
            return self._newest.rows(values, self._older)
        except CorruptDataError as error:
            raise self._named(error) from error

    def decode_row(self, value: bytes) -> Row:
        """Return one row's features as :meth:`decode_rows` does, without a list around them."""
        row = self._newest.plain_row(value)
        return self.decode_rows((value,))[0] if row is None else row  # type: ignore[return-value]  # value is no None

    def decode_columns(self, values: Sequence[bytes | None]) -> list[pa.Array]:
        """Return the features as Arrow columns of their declared types, null where there is no row.

        Raises:
            CorruptDataError: Bytes that are no row of this view.
            ConflictError: A row of a newer layout than this reader knows; read the registry again.

        """
        groups = self._group(values)
        try:
            parts = [decoder.columns(rows) for decoder, rows, _ in groups]
        except CorruptDataError as error:
            raise self._named(error) from error
        if len(parts) == 1:
            return parts[0]
        order = pa.array(_order(groups))
        return [pa.concat_arrays(list(column)).take(order) for column in zip(*parts, strict=True)]

    def decode_numpy(self, values: Sequence[bytes | None]) -> list[NumpyColumn]:
        """Return the features as NumPy columns; where there is no row, ``valid`` is False.

        Bool, integers, floats, timestamps (datetime64[us], UTC) and dates (datetime64[D]) come as arrays
        of their type, everything else as arrays of the objects of :meth:`decode_rows`.

        Raises:
            CorruptDataError, ConflictError: As for :meth:`decode_columns`.

        """
        groups = self._group(values)
        try:
            parts = [decoder.numpy(rows) for decoder, rows, _ in groups]
        except CorruptDataError as error:
            raise self._named(error) from error
        if len(parts) == 1:
            return parts[0]
        order = _order(groups)
        return [
            NumpyColumn(
                np.concatenate([c.values for c in column])[order], np.concatenate([c.valid for c in column])[order]
            )
            for column in zip(*parts, strict=True)
        ]

    def _older(self, value: bytes) -> Row:
        decoder = self._decoders.get(value[PREFIX:NULLS])
        if decoder is None or decoder is self._newest:
            raise self._unknown(value)
        (row,) = decoder.rows([value], self._older)
        assert row is not None
        return row

    def _group(self, values: Sequence[bytes | None]) -> list[tuple[RowDecoder, list[bytes], Offsets]]:
        """Return the rows by layout, each with their positions. Absent rows become rows of nulls."""
        rows = [self._absent if value is None else value for value in values]
        headers = {row[PREFIX:NULLS] for row in rows}
        if headers <= {self._newest.shape.header}:
            return [(self._newest, rows, np.arange(len(rows)))]
        by_header: dict[bytes, list[int]] = {header: [] for header in sorted(headers)}
        for position, row in enumerate(rows):
            by_header[row[PREFIX:NULLS]].append(position)
        for header, at in by_header.items():
            if header not in self._decoders:
                raise self._unknown(rows[at[0]])
        return [(self._decoders[header], [rows[i] for i in at], np.array(at)) for header, at in by_header.items()]

    def _named(self, error: CorruptDataError) -> CorruptDataError:
        """Return the error of a decoder, which does not know whose rows it decodes, with the view's name."""
        if self._where in error.message:
            return error
        message = error.message.replace("A stored row", f"A stored row{self._where}", 1)
        return CorruptDataError(message, hint=error.hint or _DAMAGED, context=error.context)

    def _unknown(self, value: bytes) -> RepastError:
        """Return the error for a row of no layout that this reader knows."""
        if len(value) < NULLS:
            return CorruptDataError(
                f"A stored row{self._where} has {len(value)} bytes; every row has at least {NULLS}.",
                hint=_DAMAGED,
            )
        found, newest = layout_version(value), self._newest.shape.version
        if found > newest:
            return ConflictError(
                f"A stored row{self._where} has layout {found}, which is newer than the {newest} known here.",
                hint="the view was changed meanwhile: refresh the registry and read again",
                context={"layout": found},
            )
        return CorruptDataError(
            f"A stored row{self._where} has layout {found}, which the view never had or no longer reads.",
            hint=_DAMAGED,
        )


def _order(groups: Sequence[tuple[RowDecoder, list[bytes], Offsets]]) -> Offsets:
    """Return where each row of the answer is among the rows of all groups."""
    order: Offsets = np.argsort(np.concatenate([at for _, _, at in groups]))
    return order


def _row_of_nulls(shape: RowShape) -> bytes:
    bits = (1 << len(shape.slots)) - 1
    nulls = bits.to_bytes(shape.slots_at - NULLS, "little")
    return bytes(PREFIX) + shape.header + nulls + bytes(shape.width - shape.slots_at)
