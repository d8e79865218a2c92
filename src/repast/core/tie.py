"""Ties: of several candidates for one spine row the greatest by event time, created time, content.

Content is the encoded row of *all* features of the view, as online stores compare it, so the winner does
not depend on which features are asked for, nor on the order in which an engine returns the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.cast import cast_array
from repast.core.plan.historical import ViewJoin
from repast.core.plan.offline import CREATED, EVENT, ROW

Column: TypeAlias = "pa.Array | pa.ChunkedArray"
Rows: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Refetch: TypeAlias = Callable[[Rows], pa.Table]
"""Fetches all features of a view for the spine rows with these numbers."""

_NEVER = np.iinfo(np.int64).min
"""Where a null created time sorts."""


def resolve_ties(view: ViewJoin, found: pa.Table, refetch: Refetch) -> tuple[pa.Table, Rows]:
    """Return the rows with their winners' positions; the table may have grown by rows fetched again.

    Raises:
        InvalidValueError: Rows tie, and a value of one is not losslessly of its feature's declared type.

    """
    decided, undecided = _split(view, found)
    if not len(undecided):
        return found, decided
    if view.is_complete:
        return found, np.concatenate([decided, _greatest_content(view, found, undecided)])
    full = refetch(np.unique(numbers_of(found[ROW])[undecided]))
    contenders = _greatest_in_time(full, np.arange(full.num_rows))
    best = full.take(pa.array(_greatest_content(view, full, contenders)))
    grown = pa.concat_tables([found, best.select(found.column_names).cast(found.schema)])
    return grown, np.concatenate([decided, np.arange(found.num_rows, grown.num_rows)])


def without_losers(view: ViewJoin, found: pa.Table) -> pa.Table:
    """Leave out rows that cannot win, as far as the features at hand can tell."""
    decided, undecided = _split(view, found)
    if view.is_complete:
        undecided = _greatest_content(view, found, undecided)
    return found.take(pa.array(np.concatenate([decided, undecided])))


def subject_of(view: ViewJoin, feature: str) -> str:
    """Return what a feature's values are called in messages."""
    return f"feature {view.selection.view.name}:{feature}"


def numbers_of(column: pa.ChunkedArray) -> Rows:
    """Return an int64 column without nulls as NumPy has it."""
    numbers: Rows = np.asarray(column)
    return numbers


def whole(column: Column) -> pa.Array:
    """Return one array instead of chunks."""
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column


def _split(view: ViewJoin, found: pa.Table) -> tuple[Rows, Rows]:
    """Return positions of winners, and of rows that tie with others in time but differ from them, by spine row."""
    row = numbers_of(found[ROW])
    alone = np.bincount(row)[row] == 1  # nearly all are, and need no sorting
    contenders = _greatest_in_time(found, np.flatnonzero(~alone))
    distinct = contenders[~_repeats(view, found, contenders)]
    ends = _ends(row[distinct])
    sizes = np.diff(ends, prepend=-1)
    decided = np.concatenate([np.flatnonzero(alone), distinct[ends[sizes == 1]]])
    return decided, distinct[np.repeat(sizes > 1, sizes)]


def _greatest_in_time(found: pa.Table, among: Rows) -> Rows:
    """Return the positions, of those given, that none of the same spine row beats by time, ordered by spine row."""
    times = found.select([ROW, EVENT, CREATED]).take(pa.array(among))
    row = numbers_of(times[ROW])
    kept = np.arange(len(row))
    for column in (times[EVENT], times[CREATED].fill_null(_NEVER)):
        moment = numbers_of(column)
        greatest = np.full(int(row.max(initial=-1)) + 1, _NEVER)
        np.maximum.at(greatest, row[kept], moment[kept])
        kept = kept[moment[kept] == greatest[row[kept]]]
    ordered: Rows = among[kept[np.argsort(row[kept], kind="stable")]]
    return ordered


def _repeats(view: ViewJoin, found: pa.Table, contenders: Rows) -> Flags:
    """Return for each contender whether it says what the one before it says, for the same spine row."""
    row = numbers_of(found[ROW])[contenders]
    places = np.flatnonzero(row[1:] == row[:-1]) + 1
    for feature in view.join.features:
        places = places[_same(found[feature.name], contenders[places - 1], contenders[places])]
    repeats = np.zeros(len(contenders), np.bool_)
    repeats[places] = True
    return repeats


def _same(column: pa.ChunkedArray, left: Rows, right: Rows) -> Flags:
    """Return whether values are the same bit by bit; where that is hard to tell, False."""
    if not len(left) or pa.types.is_nested(column.type) or pa.types.is_float16(column.type):
        return np.zeros(len(left), np.bool_)
    one, other = (whole(column.take(pa.array(side))) for side in (left, right))
    if pa.types.is_floating(one.type):
        bits = pa.int64() if one.type.bit_width == 64 else pa.int32()
        one, other = one.view(bits), other.view(bits)
    equal = pc.fill_null(pc.equal(one, other), False)
    return np.asarray(pc.or_(equal, pc.and_(one.is_null(), other.is_null())))


def _ends(numbers: Rows) -> Rows:
    """Return the position of the last of each run of equal numbers."""
    if not len(numbers):
        return np.zeros(0, np.int64)
    return np.flatnonzero(np.append(numbers[1:] != numbers[:-1], True))


def _greatest_content(view: ViewJoin, found: pa.Table, contenders: Rows) -> Rows:
    """Return per spine row the contender whose encoded row is greatest; contenders come by spine row."""
    from repast.core.codec.row import RowCodec

    rows = found.take(pa.array(contenders))
    types = {feature.name: feature.dtype for feature in view.complete_join.features}
    columns = [
        whole(cast_array(rows[name], types[name], subject=subject_of(view, name), timezone=view.join.source.timezone))
        for name, _ in view.layout.features
    ]
    encoded = RowCodec(view.layout).encode(columns, whole(rows[EVENT]), whole(rows[CREATED]))
    starts = [0, *(_ends(numbers_of(rows[ROW])) + 1).tolist()]
    best = [max(range(start, end), key=encoded.__getitem__) for start, end in pairwise(starts)]
    return contenders[np.array(best, np.int64)]
