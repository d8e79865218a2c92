"""Both ends of a retrieval in pieces: a spine's rows bound, and the rows found for them finished, anywhere.

The functions are those that finish a retrieval in one process, so that a value is made by the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.assemble import BoundSpine, assemble, bind_spine
from repast.core.conversion import is_already
from repast.core.plan.historical import HistoricalPlan, ViewJoin
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME
from repast.core.tie import Column, Rows, numbers_of, resolve_ties, whole
from repast.core.transform import name_inputs, run_on_demand

SPINE = "__spine"
_PIECE = 1 << 16
"""Rows that are finished at a time, about."""


def found_column(view: int) -> str:
    """Return the column that holds the features found for a view."""
    return f"__found_{view}"


def key_columns(plan: HistoricalPlan, view: ViewJoin) -> tuple[str, ...]:
    """Return the columns of a bound spine that hold the keys of a view, aligned with its join's."""
    places = {(key.column, key.dtype): i for i, key in enumerate(plan.keys)}
    pairs = zip(view.columns, view.join.keys, strict=True)
    return tuple(key_of(places[column, key.dtype]) for column, key in pairs)


def bound_schema(plan: HistoricalPlan, spine: pa.Schema) -> pa.Schema:
    """Return the columns of a bound spine."""
    keys = [(key_of(i), key.dtype.arrow) for i, key in enumerate(plan.keys)]
    return pa.schema([(ROW, pa.int64()), (TIME, pa.int64()), *keys, (SPINE, pa.struct(list(spine)))])


def shared_columns(plan: HistoricalPlan, spine: pa.Schema) -> dict[str, str]:
    """Return the spine's columns that are a key or ``__time`` of a bound spine as they are, with those."""
    keys = enumerate(plan.keys)
    shared = {key.column: key_of(i) for i, key in keys if is_already(spine.field(key.column).type, key.dtype)}
    time = spine.field(plan.time_column).type
    if pa.types.is_timestamp(time) and time.unit == "us":
        shared[plan.time_column] = TIME
    return shared


def answer_schema(plan: HistoricalPlan, spine: pa.Schema) -> pa.Schema:
    """Return the columns of the answer."""
    return pa.schema([*spine, *(pa.field(name, plan.types[name].arrow) for name in plan.outputs)])


def key_of(place: int) -> str:
    """Return the column of a bound spine that holds a key of the plan."""
    return f"__key_{place}"


@dataclass(frozen=True, eq=False)
class SpineBinder:
    """Casts keys and times of numbered spine rows, in batches."""

    plan: HistoricalPlan
    spine: pa.Schema

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        schema = bound_schema(self.plan, self.spine)
        for batch in batches:
            table = pa.Table.from_batches([batch])
            bound = bind_spine(self.plan, table)
            keys = [bound.keys[key.column, key.dtype] for key in self.plan.keys]
            own = [batch.column(name) for name in self.spine.names]
            packed = pa.StructArray.from_arrays(own, fields=list(batch.select(self.spine.names).schema))
            columns = [batch.column(ROW), bound.times, *keys, packed.cast(schema.field(SPINE).type)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)


@dataclass(frozen=True, eq=False)
class Finisher:
    """Makes answers of what was found for the rows of a spine, which come sorted by their numbers."""

    plan: HistoricalPlan
    spine: pa.Schema
    functions: Mapping[str, Callable[..., Any]]
    """Functions of the on-demand views, by reference."""
    types: Mapping[int, Mapping[str, pa.DataType]]
    """Per view the columns of its source that travel as another type, with their own."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for piece in _whole_rows(batches):
            yield from self.finish(piece).to_batches()

    def finish(self, piece: pa.Table) -> pa.Table:
        """Return the answer of a piece that no row of the spine is cut by."""
        asked = piece.filter(piece[SPINE].is_valid())
        numbers = numbers_of(asked[ROW])
        return self.answer(
            fields_of(asked[SPINE]), {i: self._found(i, piece, numbers) for i in range(len(self.plan.views))}
        )

    def answer(self, spine: pa.Table, found: Mapping[int, pa.Table]) -> pa.Table:
        """Return the answer of some rows of the spine.

        Args:
            spine: Their own columns, of whatever types they travelled with.
            found: Per view the candidates; ``__row`` is a place in ``spine``.

        """
        own = spine.cast(self.spine)
        columns = [self._assemble(view, found[i], own.num_rows) for i, view in enumerate(self.plan.views)]
        features = answer_features(self.plan, columns, bind_spine(self.plan, own), self.functions)
        arrays = [*own.columns, *(features[name] for name in self.plan.outputs)]
        return pa.Table.from_arrays(arrays, schema=answer_schema(self.plan, self.spine))

    def _found(self, number: int, piece: pa.Table, numbers: Rows) -> pa.Table:
        name = found_column(number)
        rows = piece.select([ROW, name]).filter(piece[name].is_valid())
        place = pa.array(np.searchsorted(numbers, numbers_of(rows[ROW])))
        return fields_of(rows[name], self.types.get(number, {})).append_column(ROW, place)

    def _assemble(self, view: ViewJoin, found: pa.Table, rows: int) -> list[Column]:
        if not found.num_rows:
            return [pa.nulls(rows, feature.dtype.arrow) for feature in view.join.features]
        grown, winners = resolve_ties(replace(view, join=view.complete_join), found, no_refetch)
        names = [ROW, EVENT, CREATED, *(feature.name for feature in view.join.features)]
        return assemble(view, grown.take(pa.array(winners)).select(names), rows, no_refetch)


def answer_features(
    plan: HistoricalPlan,
    columns: Sequence[Sequence[Column]],
    spine: BoundSpine,
    functions: Mapping[str, Callable[..., Any]],
) -> Mapping[str, Column]:
    """Return the feature columns of an answer: those of views, and what on-demand functions make of them.

    Args:
        columns: Per view its selected features beside the spine.
        functions: Functions of the on-demand views, by reference.

    """
    computed: dict[str, Column] = {}
    for view, found in zip(plan.views, columns, strict=True):
        selected = zip(view.selection.features, found, strict=True)
        computed |= {feature.output: column for feature, column in selected if feature.output is not None}
    for selection in plan.on_demand:
        inputs = name_inputs(
            selection,
            lambda view, feature: columns[view][feature],
            keys={column: array for (column, _), array in spine.keys.items()},
            request=spine.request,
        )
        function = functions[selection.view.function.reference]
        computed |= run_on_demand(selection, function, inputs, spine.rows)
    return {name: computed[name] for name in plan.outputs}


def _whole_rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield rows in pieces that no number is cut by."""
    kept: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        kept.append(batch)
        held += batch.num_rows
        if held < _PIECE:
            continue
        table = pa.Table.from_batches(kept)
        numbers = numbers_of(table[ROW])
        end = int(np.searchsorted(numbers, numbers[-1]))
        if end:
            yield table.slice(0, end)
        kept, held = table.slice(end).to_batches(), table.num_rows - end
    if held:
        yield pa.Table.from_batches(kept)


def fields_of(column: Column, types: Mapping[str, pa.DataType] | None = None) -> pa.Table:
    """Return the fields of a struct column as a table.

    Args:
        column: The structs; none is null.
        types: What some of the fields really are: the same numbers by another name.

    """
    array = whole(column)
    names = [array.type.field(i).name for i in range(array.type.num_fields)]
    fields = [pc.struct_field(array, [i]) for i in range(len(names))]
    typed = [field.cast((types or {}).get(name, field.type)) for name, field in zip(names, fields, strict=True)]
    return pa.Table.from_arrays(typed, names=names)


def no_refetch(rows: Rows) -> pa.Table:
    """Stand in for fetching features where all were fetched already."""
    raise AssertionError(f"all features of {len(rows)} rows were fetched already")
