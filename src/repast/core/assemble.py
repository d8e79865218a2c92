"""From what engines return to columns beside the spine: ties resolved, rows aligned, types as declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.cast import cast_array, to_instants
from repast.core.plan.historical import HistoricalPlan, ViewJoin
from repast.core.plan.offline import ROW, TIME
from repast.core.tie import Column, Refetch, Rows, numbers_of, resolve_ties, subject_of, whole, without_losers
from repast.types import DataType


@dataclass(frozen=True, eq=False)
class BoundSpine:
    """The columns of a spine that joins need, of the types they need."""

    times: pa.Array
    """int64 microseconds UTC."""
    keys: Mapping[tuple[str, DataType], pa.Array]
    request: Mapping[str, pa.Array]

    @property
    def rows(self) -> int:
        return len(self.times)

    def slice(self, start: int, length: int) -> BoundSpine:
        """Return some rows; they are numbered from 0 again."""
        return BoundSpine(
            self.times.slice(start, length),
            {name: array.slice(start, length) for name, array in self.keys.items()},
            {name: array.slice(start, length) for name, array in self.request.items()},
        )

    def take(self, rows: pa.Array) -> BoundSpine:
        """Return the rows at these positions; they are numbered from 0."""
        return BoundSpine(
            self.times.take(rows),
            {name: array.take(rows) for name, array in self.keys.items()},
            {name: array.take(rows) for name, array in self.request.items()},
        )


def bind_spine(plan: HistoricalPlan, table: pa.Table) -> BoundSpine:
    """Cast a spine's columns to what the plan needs.

    Raises:
        InvalidValueError: A key, time or request field is not losslessly of its type.

    """
    time = to_instants(whole(table[plan.time_column]), subject=f"spine column {plan.time_column!r}")
    keys = {
        (key.column, key.dtype): whole(
            cast_array(
                table[key.column],
                key.dtype,
                subject=f"spine column {key.column!r} (join key of feature view {key.needed_by!r})",
            )
        )
        for key in plan.keys
    }
    request = {
        field.name: whole(cast_array(table[field.name], field.type, subject=f"request field {field.name!r}"))
        for field in plan.request_fields
    }
    return BoundSpine(time, keys, request)


def spine_of(view: ViewJoin, spine: BoundSpine) -> pa.Table:
    """Return the spine as an engine gets it. Rows with a null key or time find nothing and are left out."""
    keys = [spine.keys[column, key.dtype] for column, key in zip(view.columns, view.join.keys, strict=True)]
    names = [ROW, TIME, *(key.name for key in view.join.keys)]
    table = pa.Table.from_arrays([pa.array(np.arange(spine.rows)), spine.times, *keys], names=names)
    nullable = [column for column in table.columns[1:] if column.null_count]
    if not nullable:
        return table
    valid = nullable[0].is_valid()
    for column in nullable[1:]:
        valid = pc.and_(valid, column.is_valid())
    return table.filter(valid)


def collect(view: ViewJoin, batches: pa.RecordBatchReader, rows: int) -> pa.Table:
    """Return the candidates for a spine of ``rows`` rows, without those that can no longer win.

    However many rows of a source tie, not many more are held at a time than the spine has.
    """
    kept: list[pa.RecordBatch] = []
    held, limit = 0, 2 * rows + _SLACK
    with batches:
        for batch in batches:
            kept.append(batch)
            held += batch.num_rows
            if held > limit:
                table = without_losers(view, pa.Table.from_batches(kept))
                kept, held = table.to_batches(), table.num_rows
                limit = 2 * held + _SLACK
    return pa.Table.from_batches(kept, batches.schema)


_SLACK = 1 << 20


def assemble(view: ViewJoin, found: pa.Table, rows: int, refetch: Refetch) -> list[Column]:
    """Return the view's selected features beside a spine of ``rows`` rows, null where nothing was found.

    Args:
        found: All candidates from the engine; several for one spine row if they tie.
        refetch: Asked for rows whose candidates differ in features that were not selected.

    Raises:
        InvalidValueError: A value is not losslessly of its feature's declared type.

    """
    answered = numbers_of(found[ROW])
    positions = np.full(rows, -1, np.int64)
    positions[answered] = np.arange(len(answered))
    if np.count_nonzero(positions >= 0) < len(answered):
        found, winners = resolve_ties(view, found, refetch)
        positions[numbers_of(found[ROW])[winners]] = winners
    places = _Places(positions)
    return [
        cast_array(
            _take(found[feature.name], places),
            feature.dtype,
            subject=subject_of(view, feature.name),
            timezone=view.join.source.timezone,
        )
        for feature in view.join.features
    ]


_PIECE = 1 << 16
_ROOM = 1 << 30
"""Bytes that surely fit an array with 32-bit offsets, whatever is taken twice."""


class _Places:
    """Where the value of each row of an answer is, -1 for nowhere; what all columns need of that is worked out once."""

    def __init__(self, positions: Rows) -> None:
        self.positions = positions
        misses = positions < 0
        self._hits = pa.array(~misses) if misses.any() else None
        self._near = pa.array(positions if self._hits is None else np.maximum(positions, 0))

    def gather(self, column: Column) -> Column:
        """Return the values at these positions."""
        if self._hits is None:
            return column.take(self._near)
        if not (pa.types.is_primitive(column.type) or pa.types.is_string(column.type)):
            return column.take(pc.if_else(self._hits, self._near, None))
        # Several times faster than taking with null positions.
        return pc.if_else(self._hits, column.take(self._near), pa.scalar(None, column.type))


def _take(column: pa.ChunkedArray, places: _Places) -> Column:
    """Return the values at these places, null where there is none."""
    positions = places.positions
    if not len(column):
        return pa.nulls(len(positions), column.type)
    if column.nbytes * (1 + len(positions) // len(column)) < _ROOM:
        return places.gather(whole(column))
    starts = range(0, len(positions), _PIECE)
    pieces = [_Places(positions[start : start + _PIECE]).gather(column) for start in starts]
    return pa.chunked_array([chunk for piece in pieces for chunk in piece.chunks], column.type)
