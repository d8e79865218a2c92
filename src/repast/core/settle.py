"""Answers from a sorted time line: each row of the spine gets the last row of each view before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.finish import Finisher, found_column, no_refetch
from repast.core.plan.historical import HistoricalPlan
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME
from repast.core.plan.timeline import SIDE, Timeline
from repast.core.tie import Rows, numbers_of, resolve_ties, whole


@dataclass(frozen=True, eq=False)
class Settler:
    """Goes through a partition of a time line that is sorted by the keys, ``__time`` and ``__side``.

    All rows of a key are in one partition. It yields ``__row`` and per view a struct of ``__event``, ``__created`` and
    the features, null for nothing: one row for each of the spine.
    """

    plan: HistoricalPlan
    timeline: Timeline
    piece: int = 1 << 16
    """Rows that are looked at at a time, about."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for piece in self.pieces(batches):
            columns = [piece.numbers, *(_struct(found, len(piece.numbers)) for found in piece.found)]
            names = [ROW, *map(found_column, self.timeline.views)]
            yield pa.RecordBatch.from_arrays(columns, names=names)

    def pieces(self, batches: Iterator[pa.RecordBatch]) -> Iterator[Piece]:
        """Yield the answers of some rows of the spine at a time."""
        kept: list[pa.RecordBatch] = []
        held, limit = 0, self.piece
        for batch in batches:
            kept.append(batch)
            held += batch.num_rows
            if held < limit:
                continue
            line = pa.Table.from_batches(kept)
            yield from self._answer(line)
            kept = line.take(pa.array(self._open(line))).to_batches()
            held = sum(batch.num_rows for batch in kept)
            # However many rows of a moment wait for rows of the spine, each is looked at a few times at most.
            limit = self.piece + 2 * held
        if held:
            yield from self._answer(pa.Table.from_batches(kept))

    def _answer(self, line: pa.Table) -> Iterator[Piece]:
        side = numbers_of(line[SIDE])
        asked = np.flatnonzero(side == len(self.timeline.views))
        if not len(asked):
            return
        places = [np.full(len(asked), -1)] * len(self.timeline.views)
        if len(asked) < line.num_rows:
            run, time = self._runs(line), numbers_of(line[TIME].fill_null(0))
            places = [
                self._places(i, line, np.flatnonzero(side == i), asked, run, time)
                for i in range(len(self.timeline.views))
            ]
        yield Piece(
            whole(line[ROW].take(pa.array(asked))),
            line.select([*self.timeline.own.values()]).take(pa.array(asked)),
            [self._found(i, line, place) for i, place in enumerate(places)],
        )

    def _places(self, i: int, line: pa.Table, rows: Rows, asked: Rows, run: Rows, time: Rows) -> Rows:
        """Return where the answer of each of the spine's rows is in a piece of a line; -1: nowhere."""
        if not len(rows):
            return np.full(len(asked), -1)
        view = self.plan.views[self.timeline.views[i]]
        before = np.searchsorted(rows, asked) - 1
        last = rows[np.maximum(before, 0)]
        hit = (before >= 0) & (run[last] == run[asked])
        if view.join.ttl_us:
            hit &= time[last] >= time[asked] - view.join.ttl_us
        places = np.where(hit, last, -1)
        fresh = np.append(True, (np.diff(run[rows]) != 0) | (np.diff(time[rows]) != 0))
        if fresh.all():
            return places
        moment = np.cumsum(fresh) - 1
        ties = hit & (np.bincount(moment)[moment[before]] > 1)
        if not ties.any():
            return places
        needed, of = np.unique(moment[before[ties]], return_inverse=True)
        rivals = np.flatnonzero(np.isin(moment, needed))
        groups = np.searchsorted(needed, moment[rivals])
        tied = self.typed(i, self._features(i, line.take(pa.array(rows[rivals])))).append_column(ROW, pa.array(groups))
        _, winners = resolve_ties(replace(view, join=view.complete_join), tied, no_refetch)
        best = np.empty(len(needed), np.int64)
        best[groups[winners]] = rows[rivals[winners]]
        places[ties] = best[of]
        return places

    def _found(self, i: int, line: pa.Table, places: Rows) -> pa.Table:
        answered = np.flatnonzero(places >= 0)
        rows = line.take(pa.array(places[answered]))
        return self._features(i, rows).append_column(ROW, pa.array(answered))

    def _features(self, i: int, rows: pa.Table) -> pa.Table:
        slots = self.timeline.slots[i]
        return pa.table([rows[c] for c in (TIME, CREATED, *slots.values())], names=[EVENT, CREATED, *slots])

    def typed(self, i: int, found: pa.Table) -> pa.Table:
        """Return what was found for the i-th view with the types that its source has."""
        for name, dtype in self.timeline.types.get(self.timeline.views[i], {}).items():
            place = found.schema.get_field_index(name)
            found = found.set_column(place, name, found[name].cast(dtype))
        return found

    def _open(self, line: pa.Table) -> Rows:
        """Return the rows that rows of the spine may yet see: each view's last moment of the last key."""
        side, run, time = numbers_of(line[SIDE]), self._runs(line), numbers_of(line[TIME].fill_null(0))
        kept = []
        for i in range(len(self.timeline.views)):
            rows = np.flatnonzero((side == i) & (run == run[-1]))
            if len(rows):
                kept.append(rows[time[rows] == time[rows[-1]]])
        return np.sort(np.concatenate(kept)) if kept else np.zeros(0, np.int64)

    def _runs(self, line: pa.Table) -> Rows:
        """Return a number per row that grows where the key changes."""
        others = {SIDE, TIME, ROW, CREATED, *self.timeline.columns}
        changes = np.zeros(line.num_rows, np.bool_)
        for name in line.column_names:
            if name not in others:
                key = whole(line[name])
                changes[1:] |= np.asarray(pc.not_equal(key.slice(1), key.slice(0, len(key) - 1)).fill_null(True))
        return np.cumsum(changes)


@dataclass(frozen=True, eq=False)
class Piece:
    """Answers of some rows of a spine."""

    numbers: pa.Array
    """Of the rows."""
    own: pa.Table
    """The spine's columns that travelled along, by their slots."""
    found: list[pa.Table]
    """Per view ``__event``, ``__created``, features as they travel, and in ``__row`` the place of the answered row."""


@dataclass(frozen=True, eq=False)
class LineFinisher:
    """Makes finished rows, with their numbers first, of a time line of all views with which the spine travels."""

    settler: Settler
    finisher: Finisher

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        own = self.settler.timeline.own
        for piece in self.settler.pieces(batches):
            spine = pa.table([piece.own[own[name]] for name in self.finisher.spine.names], self.finisher.spine.names)
            found = {
                number: self.settler.typed(i, piece.found[i]) for i, number in enumerate(self.settler.timeline.views)
            }
            answer = self.finisher.answer(spine, found)
            yield from answer.add_column(0, ROW, piece.numbers).to_batches()


def _struct(found: pa.Table, rows: int) -> pa.Array:
    """Return the rows of a table as structs in their places, null elsewhere."""
    places = np.full(rows, -1)
    places[numbers_of(found[ROW])] = np.arange(found.num_rows)
    columns = [whole(found[name]) for name in found.column_names if name != ROW]
    packed = pa.StructArray.from_arrays(columns, names=[name for name in found.column_names if name != ROW])
    return packed.take(pa.array(places, mask=places < 0))
