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
from repast.core.plan.timeline import ORDER, SECOND_BITS, SIDE, Timeline
from repast.core.tie import Rows, numbers_of, resolve_ties, whole


@dataclass(frozen=True, eq=False)
class Settler:
    """Goes through a partition of a time line that is sorted by ``__order``.

    All rows of a key are in one partition. It yields ``__row`` and per view a struct of ``__event``, ``__created`` and
    the features, null for nothing: one row for each of the spine.
    """

    plan: HistoricalPlan
    timeline: Timeline
    piece: int = 1 << 16
    """Rows that are looked at at a time, about."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for piece in self.pieces(batches):
            columns = [whole(piece.own[ROW]), *(_struct(found, piece.own.num_rows) for found in piece.found)]
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
            end = _last_second(line)
            kept = line.slice(end).to_batches()
            if end:
                part = self._sorted(line.slice(0, end))
                yield from self._answer(part)
                kept = [*part.take(self._open(part), line.column_names).to_batches(), *kept]
            held = sum(batch.num_rows for batch in kept)
            # However many rows of a moment wait for rows of the spine, each is looked at a few times at most.
            limit = self.piece + 2 * held
        if held:
            yield from self._answer(self._sorted(pa.Table.from_batches(kept)))

    def _sorted(self, line: pa.Table) -> _Part:
        """Return whole seconds of a line in the order of keys, time and side."""
        side = numbers_of(line[SIDE])
        places = np.arange(len(side))
        if (side == len(self.timeline.views)).all():
            # Nothing is found for them, in any order.
            return _Part(line, places, side, np.zeros(len(side), np.int64), places)
        time, run, order = numbers_of(line[TIME]), self._runs(line), numbers_of(line[ORDER])
        if run[-1] > np.count_nonzero(np.diff(order >> SECOND_BITS)):
            # Keys that have one hash, row by row: rare.
            line = line.sort_by([(name, "ascending") for name in (*self._keys(line), TIME, SIDE)])
            return _Part(line, places, numbers_of(line[SIDE]), numbers_of(line[TIME]), self._runs(line))
        again = np.append(False, np.diff(order) == 0)
        open_places = np.flatnonzero(again | np.append(again[1:], False))
        if len(open_places):
            # Rows of one key and second, which stay together: all others are in their places.
            within = np.lexsort((side[open_places], time[open_places], run[open_places]))
            places[open_places] = open_places[within]
        return _Part(line, places, side[places], time[places], run)

    def _answer(self, part: _Part) -> Iterator[Piece]:
        asked = np.flatnonzero(part.side == len(self.timeline.views))
        if not len(asked):
            return
        places = [self._places(i, part, asked) for i in range(len(self.timeline.views))]
        own = {**self.timeline.own, **(self.timeline.shared or {})}
        rows = part.take(asked, list(dict.fromkeys(own.values())))
        yield Piece(
            pa.table([rows[column] for column in own.values()], names=[*own]),
            [self._found(i, part, place) for i, place in enumerate(places)],
        )

    def _places(self, i: int, part: _Part, asked: Rows) -> Rows:
        """Return where the answer of each of the spine's rows is in a piece of a line; -1: nowhere."""
        run, time, rows = part.run, part.time, np.flatnonzero(part.side == i)
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
        tied = self.typed(i, self._features(i, part, rows[rivals])).append_column(ROW, pa.array(groups))
        _, winners = resolve_ties(replace(view, join=view.complete_join), tied, no_refetch)
        best = np.empty(len(needed), np.int64)
        best[groups[winners]] = rows[rivals[winners]]
        places[ties] = best[of]
        return places

    def _found(self, i: int, part: _Part, places: Rows) -> pa.Table:
        answered = np.flatnonzero(places >= 0)
        return self._features(i, part, places[answered]).append_column(ROW, pa.array(answered))

    def _features(self, i: int, part: _Part, places: Rows) -> pa.Table:
        slots = self.timeline.slots[i]
        rows = part.take(places, [TIME, *slots.values()]).rename_columns([EVENT, *slots])
        if CREATED not in slots:
            rows = rows.append_column(CREATED, pa.nulls(len(places), pa.int64()))
        return rows.select([EVENT, CREATED, *(name for name in slots if name != CREATED)])

    def typed(self, i: int, found: pa.Table) -> pa.Table:
        """Return what was found for the i-th view with the types that its source has."""
        for name, dtype in self.timeline.types.get(self.timeline.views[i], {}).items():
            place = found.schema.get_field_index(name)
            found = found.set_column(place, name, found[name].cast(dtype))
        return found

    def _open(self, part: _Part) -> Rows:
        """Return the rows that rows of the spine may yet see: each view's last moment of the keys that go on."""
        known = numbers_of(part.line[ORDER])[part.places] >> SECOND_BITS
        kept = [np.zeros(0, np.int64)]
        for i in range(len(self.timeline.views)):
            rows = np.flatnonzero((part.side == i) & (known == known.max()))
            # Of each row's key the last one.
            last = rows[np.searchsorted(part.run[rows], part.run[rows], side="right") - 1]
            kept.append(rows[part.time[rows] == part.time[last]])
        return np.concatenate(kept)

    def _runs(self, line: pa.Table) -> Rows:
        """Return a number per row that grows where the key changes."""
        changes = np.zeros(line.num_rows, np.bool_)
        for name in self._keys(line):
            key = whole(line[name])
            changes[1:] |= np.asarray(pc.not_equal(key.slice(1), key.slice(0, len(key) - 1)).fill_null(True))
        return np.cumsum(changes)

    def _keys(self, line: pa.Table) -> list[str]:
        others = {ORDER, SIDE, TIME, *self.timeline.columns}
        return [name for name in line.column_names if name not in others]


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of a line, and what they are in the order of keys, time and side."""

    line: pa.Table
    places: Rows
    """Where the rows are in the line."""
    side: Rows
    time: Rows
    run: Rows
    """A number per row that grows where the key changes."""

    def take(self, rows: Rows, columns: list[str]) -> pa.Table:
        """Return some columns of rows of the order."""
        return self.line.select(columns).take(pa.array(self.places[rows]))


@dataclass(frozen=True, eq=False)
class Piece:
    """Answers of some rows of a spine."""

    own: pa.Table
    """``__row``, and the spine's own columns if they travelled along."""
    found: list[pa.Table]
    """Per view ``__event``, ``__created``, features as they travel, and in ``__row`` the place of the answered row."""


@dataclass(frozen=True, eq=False)
class LineFinisher:
    """Makes finished rows, with their numbers first, of a time line of all views with which the spine travels."""

    settler: Settler
    finisher: Finisher

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for piece in self.settler.pieces(batches):
            spine = piece.own.select(self.finisher.spine.names)
            found = {
                number: self.settler.typed(i, piece.found[i]) for i, number in enumerate(self.settler.timeline.views)
            }
            answer = self.finisher.answer(spine, found)
            yield from answer.add_column(0, ROW, piece.own[ROW]).to_batches()


def _last_second(line: pa.Table) -> int:
    """Return where the rows begin that have the last ``__order``: more of them may come."""
    order = numbers_of(line[ORDER])
    others = np.flatnonzero(order != order[-1])
    return int(others[-1]) + 1 if len(others) else 0


def _struct(found: pa.Table, rows: int) -> pa.Array:
    """Return the rows of a table as structs in their places, null elsewhere."""
    places = np.full(rows, -1)
    places[numbers_of(found[ROW])] = np.arange(found.num_rows)
    columns = [whole(found[name]) for name in found.column_names if name != ROW]
    packed = pa.StructArray.from_arrays(columns, names=[name for name in found.column_names if name != ROW])
    return packed.take(pa.array(places, mask=places < 0))
