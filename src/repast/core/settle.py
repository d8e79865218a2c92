"""The rows of a time line settled: where several rows of a source are of one moment, the greatest is the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.finish import Finisher, fields_of, found_column, no_refetch
from repast.core.plan.historical import HistoricalPlan
from repast.core.plan.offline import EVENT, ROW, SIDE
from repast.core.tie import Rows, numbers_of, resolve_ties, whole


@dataclass(frozen=True, eq=False)
class Settler:
    """Makes of a partition of a time line, sorted by key and moment, the answers of the spine's rows.

    Yields ``__row``, the carried columns and the structs of the line's views, one row for each of the spine.
    """

    plan: HistoricalPlan
    views: tuple[int, ...]
    """Numbers of the line's views, in the order of its sides."""
    types: Mapping[int, Mapping[str, pa.DataType]]
    """Per view the columns of its source that travel as another type, with their own."""
    carried: tuple[str, ...] = ()
    """Columns of the spine."""
    piece: int = 1 << 16
    """Rows that are settled at a time, about."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        kept: list[pa.RecordBatch] = []
        held, limit = 0, self.piece
        for batch in batches:
            kept.append(batch)
            held += batch.num_rows
            if held < limit:
                continue
            line = pa.Table.from_batches(kept)
            yield from self._settle(line).to_batches()
            kept = line.take(pa.array(self._open(line))).to_batches()
            # However many rows of a moment wait for rows of the spine, each is looked at a few times at most.
            held = sum(batch.num_rows for batch in kept)
            limit = self.piece + 2 * held
        if kept:
            yield from self._settle(pa.Table.from_batches(kept)).to_batches()

    def _settle(self, line: pa.Table) -> pa.Table:
        """Return the answers of the spine's rows in a piece of a line."""
        side = numbers_of(line[SIDE])
        asked = np.flatnonzero(side == len(self.views))
        whole_line = line.select([ROW, *self.carried, *map(found_column, self.views)])
        if len(asked) == line.num_rows:  # no rows tie
            return whole_line
        run = self._runs(line)
        answers = whole_line.take(pa.array(asked))
        for i, number in enumerate(self.views):
            places = self._winners(number, line, run, np.flatnonzero(side == i), asked)
            if places is not asked:
                column = line[found_column(number)].take(pa.array(places))
                answers = answers.set_column(1 + len(self.carried) + i, found_column(number), column)
        return answers

    def _winners(self, number: int, line: pa.Table, run: Rows, tied: Rows, asked: Rows) -> Rows:
        """Return where the answer of each of the spine's rows is: with it, or, if it ties, where the winner is."""
        if not len(tied):
            return asked
        found = whole(line[found_column(number)])
        event = numbers_of(pc.fill_null(found.field(EVENT), 0))
        before = np.searchsorted(tied, asked) - 1
        last = tied[np.maximum(before, 0)]
        meets = (before >= 0) & (run[last] == run[asked]) & (event[last] == event[asked])
        meets &= np.asarray(found.is_valid())[asked]
        if not meets.any():
            return asked
        starts = np.append(True, (np.diff(run[tied]) != 0) | (np.diff(event[tied]) != 0))
        moment = np.cumsum(starts) - 1
        needed, first, of = np.unique(moment[before[meets]], return_index=True, return_inverse=True)
        others = np.flatnonzero(np.isin(moment, needed))
        # Of each moment one row is not in the line by itself: it is what rows of the spine found.
        rivals = np.concatenate([asked[meets][first], tied[others]])
        groups = np.concatenate([np.arange(len(needed)), np.searchsorted(needed, moment[others])])
        view = self.plan.views[number]
        rows = fields_of(found.take(pa.array(rivals)), self.types.get(number)).append_column(ROW, pa.array(groups))
        _, winners = resolve_ties(replace(view, join=view.complete_join), rows, no_refetch)
        best = np.empty(len(needed), np.int64)
        best[groups[winners]] = rivals[winners]
        places = asked.copy()
        places[meets] = best[of]
        return places

    def _open(self, line: pa.Table) -> Rows:
        """Return the rows that tie and that rows of the spine may yet see: each view's last of the last key."""
        side, run = numbers_of(line[SIDE]), self._runs(line)
        kept = []
        for i, number in enumerate(self.views):
            tied = np.flatnonzero((side == i) & (run == run[-1]))
            if len(tied):
                event = numbers_of(pc.struct_field(line[found_column(number)], EVENT).take(pa.array(tied)))
                kept.append(tied[event == event[-1]])
        return np.sort(np.concatenate(kept)) if kept else np.zeros(0, np.int64)

    def _runs(self, line: pa.Table) -> Rows:
        """Return a number per row that grows where the key changes."""
        others = {SIDE, ROW, *self.carried, *map(found_column, self.views)}
        changes = np.zeros(line.num_rows, np.bool_)
        for name in line.column_names:
            if name not in others:
                key = whole(line[name])
                changes[1:] |= np.asarray(pc.not_equal(key.slice(1), key.slice(0, len(key) - 1)))
        return np.cumsum(changes)


@dataclass(frozen=True, eq=False)
class LineFinisher:
    """Makes finished rows, with their numbers first, of a time line that has all views and carries the spine."""

    settler: Settler
    finisher: Finisher

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in self.settler(batches):
            rows = pa.Table.from_batches([batch])
            numbers = rows[ROW]
            # Each row is whole: in this piece it has the number of its place.
            placed = rows.set_column(0, ROW, pa.array(np.arange(len(rows))))
            yield from self.finisher.finish(placed).add_column(0, ROW, numbers).to_batches()
