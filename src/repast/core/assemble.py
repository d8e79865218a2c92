"""From what engines return to columns beside the spine: ties resolved, rows aligned, types as declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.cast import cast_array, to_instants
from repast.core.plan.historical import HistoricalPlan, ViewJoin
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME
from repast.types import DataType

if TYPE_CHECKING:
    Column: TypeAlias = pa.Array | pa.ChunkedArray

Rows: TypeAlias = npt.NDArray[np.int64]
Refetch: TypeAlias = Callable[[Rows], pa.Table]
"""Fetches all features of a view for the spine rows with these numbers."""

_NEVER = np.iinfo(np.int64).min
"""Where a null created time sorts."""


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


def bind_spine(plan: HistoricalPlan, table: pa.Table) -> BoundSpine:
    """Cast a spine's columns to what the plan needs.

    Raises:
        InvalidValueError: A key, time or request field is not losslessly of its type.

    """
    time = to_instants(_whole(table[plan.time_column]), subject=f"spine column {plan.time_column!r}")
    keys = {
        (key.column, key.dtype): _whole(
            cast_array(
                table[key.column],
                key.dtype,
                subject=f"spine column {key.column!r} (join key of feature view {key.needed_by!r})",
            )
        )
        for key in plan.keys
    }
    request = {
        field.name: _whole(cast_array(table[field.name], field.type, subject=f"request field {field.name!r}"))
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
                table = _without_losers(view, pa.Table.from_batches(kept))
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
    answered = _numbers(found[ROW])
    positions = np.full(rows, -1, np.int64)
    positions[answered] = np.arange(len(answered))
    if np.count_nonzero(positions >= 0) < len(answered):
        found, winners = resolve_ties(view, found, refetch)
        positions[_numbers(found[ROW])[winners]] = winners
    return [
        cast_array(
            _take(found[feature.name], positions),
            feature.dtype,
            subject=_subject(view, feature.name),
            timezone=view.join.source.timezone,
        )
        for feature in view.join.features
    ]


def _subject(view: ViewJoin, feature: str) -> str:
    return f"feature {view.selection.view.name}:{feature}"


def _numbers(column: pa.ChunkedArray) -> Rows:
    numbers: Rows = np.asarray(column)
    return numbers


def _whole(column: Column) -> pa.Array:
    """Return one array; spines are bounded, so their keys fit."""
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column


_PIECE = 1 << 16
_ROOM = 1 << 30
"""Bytes that surely fit an array with 32-bit offsets, whatever is taken twice."""


def _take(column: pa.ChunkedArray, positions: Rows) -> Column:
    """Return the values at these positions, null where a position is -1."""
    if not len(column):
        return pa.nulls(len(positions), column.type)
    if column.nbytes * (1 + len(positions) // len(column)) < _ROOM:
        return _gather(_whole(column), positions)
    pieces = [_gather(column, positions[start : start + _PIECE]) for start in range(0, len(positions), _PIECE)]
    return pa.chunked_array([chunk for piece in pieces for chunk in piece.chunks], column.type)


def _gather(column: Column, positions: Rows) -> Column:
    misses = positions < 0
    if not misses.any():
        return column.take(pa.array(positions))
    if not (pa.types.is_primitive(column.type) or pa.types.is_string(column.type)):
        return column.take(pa.array(positions, mask=misses))
    # Several times faster than taking with null positions.
    taken = column.take(pa.array(np.maximum(positions, 0)))
    return pc.if_else(pa.array(~misses), taken, pa.scalar(None, column.type))


# -- ties -----------------------------------------------------------------------------------------


def resolve_ties(view: ViewJoin, found: pa.Table, refetch: Refetch) -> tuple[pa.Table, Rows]:
    """Return the rows with their winners' positions: per spine row the greatest by event, created, content.

    Content is the encoded row of *all* features, as online stores compare it, so the winner does not
    depend on which features are asked for. The table may have grown by rows that were fetched again.
    """
    row = _numbers(found[ROW])
    tied = np.bincount(row)[row] > 1
    alone = np.flatnonzero(~tied)
    contenders = _greatest_in_time(found, np.flatnonzero(tied))
    undecided = _differing(view, found, contenders, row)
    decided = contenders[~np.isin(row[contenders], row[undecided])]
    winners = np.concatenate([alone, decided[_ends(row[decided])]])
    if not len(undecided):
        return found, winners
    if view.is_complete:
        return found, np.concatenate([winners, _greatest_content(view, found, undecided)])
    full = refetch(np.unique(row[undecided]))
    everything = np.arange(full.num_rows)
    best = full.take(pa.array(_greatest_content(view, full, _greatest_in_time(full, everything))))
    grown = pa.concat_tables([found, best.select(found.column_names).cast(found.schema)])
    return grown, np.concatenate([winners, np.arange(found.num_rows, grown.num_rows)])


def _without_losers(view: ViewJoin, found: pa.Table) -> pa.Table:
    """Leave out rows that are beaten in time, and all but one of those that are the same."""
    row = _numbers(found[ROW])
    tied = np.bincount(row)[row] > 1
    contenders = _greatest_in_time(found, np.flatnonzero(tied))
    repeats = contenders[1:][_same_as_before(view, found, contenders, row)]
    return found.take(pa.array(np.concatenate([np.flatnonzero(~tied), np.setdiff1d(contenders, repeats)])))


def _same_as_before(view: ViewJoin, found: pa.Table, contenders: Rows, row: Rows) -> npt.NDArray[np.bool_]:
    """Return for each contender but the first whether it answers the same spine row with the same features."""
    left, right = contenders[:-1], contenders[1:]
    same: npt.NDArray[np.bool_] = row[left] == row[right]
    places = np.flatnonzero(same)
    for feature in view.join.features:
        places = places[_same(found[feature.name], left[places], right[places])]
    same[:] = False
    same[places] = True
    return same


def _ends(numbers: Rows) -> Rows:
    """Return the position of the last of each run of equal numbers."""
    if not len(numbers):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.append(numbers[1:] != numbers[:-1], True))


def _greatest_in_time(found: pa.Table, among: Rows) -> Rows:
    """Return those rows that none of the same spine row beats by event or created time, sorted by spine row."""
    row, event = _numbers(found[ROW]), _numbers(found[EVENT])
    created = _numbers(found[CREATED].fill_null(_NEVER))
    order = among[np.lexsort((created[among], event[among], row[among]))]
    ends = _ends(row[order])
    best = np.repeat(order[ends], np.diff(ends, prepend=-1))
    greatest: Rows = order[(event[order] == event[best]) & (created[order] == created[best])]
    return greatest


def _differing(view: ViewJoin, found: pa.Table, contenders: Rows, row: Rows) -> Rows:
    """Return those contenders whose spine row has another one with other selected features."""
    same = _same_as_before(view, found, contenders, row)
    differs = contenders[1:][~same & (row[contenders[1:]] == row[contenders[:-1]])]
    return contenders[np.isin(row[contenders], row[differs])]


def _same(column: pa.ChunkedArray, left: Rows, right: Rows) -> npt.NDArray[np.bool_]:
    """Return whether values are the same bit by bit; where that is hard to tell, False."""
    if not len(left):
        return np.zeros(0, np.bool_)
    if pa.types.is_nested(column.type) or pa.types.is_float16(column.type):
        return np.zeros(len(left), np.bool_)
    one, other = (_whole(column.take(pa.array(side))) for side in (left, right))
    if pa.types.is_floating(one.type):
        bits = pa.int64() if one.type.bit_width == 64 else pa.int32()
        one, other = one.view(bits), other.view(bits)
    equal = pc.fill_null(pc.equal(one, other), False)
    return np.asarray(pc.or_(equal, pc.and_(one.is_null(), other.is_null())))


def _greatest_content(view: ViewJoin, found: pa.Table, contenders: Rows) -> Rows:
    """Return per spine row the contender whose encoded row is greatest."""
    from repast.core.codec.row import RowCodec

    rows = found.take(pa.array(contenders))
    types = {feature.name: feature.dtype for feature in view.complete_join.features}
    columns = [
        _whole(cast_array(rows[name], types[name], subject=_subject(view, name), timezone=view.join.source.timezone))
        for name, _ in view.layout.features
    ]
    encoded = RowCodec(view.layout).encode(columns, _whole(rows[EVENT]), _whole(rows[CREATED]))
    best: dict[int, tuple[bytes, int]] = {}
    for number, value, position in zip(rows[ROW].to_pylist(), encoded, contenders.tolist(), strict=True):
        if number not in best or value > best[number][0]:
            best[number] = (value, position)
    return np.array([position for _, position in best.values()], np.int64)
