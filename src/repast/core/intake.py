"""Rows that programs hand in, checked and typed: for a view's online table, or for its source.

Columns may have the source's names or, where the source has a ``field_mapping``, the names that views
use. A row with a null key or event time can be nobody's value: it is rejected, counted and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from repast.core.cast import cast_array, to_instants
from repast.core.codec.key import KeyCodec
from repast.core.codec.row import RowCodec
from repast.core.manifest import FeatureViewSpec, FieldSpec, LayoutSpec, SourceSpec
from repast.errors import InvalidRequestError, InvalidValueError, did_you_mean
from repast.types import DataType, UnixTimestamp, from_arrow

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 10_000
"""Rows encoded and written at a time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ViewRows:
    """Rows of one view, ready to be encoded."""

    view: FeatureViewSpec
    read: int
    whole: pa.BooleanArray
    """Per row that was read whether it has a key and an event time; the others are rejected."""
    keys: tuple[pa.Array, ...]
    features: tuple[pa.Array, ...]
    """In the order of the view's newest layout."""
    event: pa.Array
    created: pa.Array

    @property
    def rejected(self) -> int:
        return self.read - len(self.event)

    def batches(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Yield keys and values as the online store takes them, BATCH rows at a time."""
        key_codec, row_codec = _codecs(msgspec.json.encode((self.view.join_keys, self.view.layouts[-1])))
        for start in range(0, len(self.event), BATCH):
            event = self.event.slice(start, BATCH)
            keys = key_codec.encode_columns([key.slice(start, BATCH) for key in self.keys], rows=len(event))
            features = [feature.slice(start, BATCH) for feature in self.features]
            yield keys, row_codec.encode(features, event, self.created.slice(start, BATCH))


@lru_cache(maxsize=256)
def _codecs(shape: bytes) -> tuple[KeyCodec, RowCodec]:
    """Return the codecs of join keys and a layout; making them takes longer than encoding a row."""
    join_keys, layout = msgspec.json.decode(shape, type=tuple[tuple[FieldSpec, ...], LayoutSpec])
    return KeyCodec(join_keys), RowCodec(layout)


def input_types(view: FeatureViewSpec, source: SourceSpec) -> dict[str, DataType | None]:
    """Return every name that a column which the view reads may have, and its declared type (None: a time)."""
    times = (source.timestamp_field, source.created_timestamp_column)
    declared: dict[str, DataType | None] = dict.fromkeys(filter(None, times))
    declared |= {spec.name: spec.type for spec in (*view.join_keys, *view.features)}
    return {alias: dtype for name, dtype in declared.items() for alias in _names(source, name)}


def check_view_rows(
    view: FeatureViewSpec, source: SourceSpec, rows: pa.Table, *, given: Sequence[str] | None = None
) -> ViewRows:
    """Check rows against a view and cast them to its types. Columns that the view does not have are ignored.

    The created time may be absent: then it is null, and such a row loses against one of the same event
    time that has one.

    Args:
        view: The view that the rows are for.
        source: Its batch source.
        rows: At least the columns of :func:`input_types` that there are.
        given: All columns that the caller has, for hints; by default those of ``rows``.

    Raises:
        InvalidRequestError: Columns are missing, or one is there under both of its names.
        InvalidValueError: A value is not losslessly of its declared type; names view, column and value.

    """
    layout = view.layouts[-1]
    keys = {key.name: key.type for key in view.join_keys}
    needed = dict.fromkeys(keys, f"join key of feature view {view.name!r}")
    needed |= {name: f"feature of feature view {view.name!r}" for name, _ in layout.features}
    needed[source.timestamp_field] = "event time"
    columns = _find_columns(source, rows.column_names, needed, given)
    of_view = f"of feature view {view.name!r}"
    event = _instants(rows, columns[source.timestamp_field], source, of_view)
    typed_keys = [
        cast_array(_column(rows, columns[n]), t, subject=f"join key {n!r} {of_view}") for n, t in keys.items()
    ]
    whole = _all_valid([event, *typed_keys])
    types = {feature.name: feature.type for feature in view.features}
    return ViewRows(
        view=view,
        read=rows.num_rows,
        whole=whole,
        keys=tuple(_keep(key, whole) for key in typed_keys),
        features=tuple(
            cast_array(_keep(_column(rows, columns[name]), whole), types[name], subject=f"feature {name!r} {of_view}")
            for name, _ in layout.features
        ),
        event=_keep(event, whole),
        created=_keep(_created(rows, source, of_view), whole),
    )


def check_source_rows(source: SourceSpec, schema: pa.Schema, rows: pa.Table, *, keep: pa.BooleanArray) -> pa.Table:
    """Check rows against the columns of a source and return those to keep as the source has them.

    The created time may be absent: then it is null.

    Raises:
        InvalidRequestError: Columns are missing or not the source's.
        InvalidValueError: A value is not losslessly of its column's type; names source, column and value.

    """
    import pyarrow as pa

    optional = source.created_timestamp_column
    needed = {name: f"column of source {source.name!r}" for name in schema.names if name != optional}
    columns = _find_columns(source, rows.column_names, needed)
    if optional is not None and (found := _find_column(source, rows.column_names, optional)):
        columns[optional] = found
    _refuse_extra(source, rows, set(columns.values()), schema)
    arrays = [
        _source_column(source, field, _keep(_column(rows, columns[field.name]), keep))
        if field.name in columns
        else pa.nulls(keep.true_count, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _names(source: SourceSpec, name: str) -> tuple[str, ...]:
    """Return the names that a column may have: the source's and the one that views use."""
    if not source.field_mapping:
        return (name,)
    return tuple(dict.fromkeys((source.column(name), name, source.field_mapping.get(name, name))))


def _find_columns(
    source: SourceSpec, present: Sequence[str], needed: dict[str, str], given: Sequence[str] | None = None
) -> dict[str, str]:
    """Return needed name -> column of the rows."""
    found: dict[str, str] = {}
    missing: list[str] = []
    for name in needed:
        column = _find_column(source, present, name)
        if column is None:
            missing.append(name)
        else:
            found[name] = column
    if missing:
        listing = ", ".join(f"{name!r} ({needed[name]})" for name in missing)
        known = present if given is None else given
        times = (source.timestamp_field, source.created_timestamp_column)  # what fills them is no misspelt feature
        unused = [name for name in known if name not in found.values() and name not in times]
        near = [f"for {name!r} {suggestion}" for name in missing if (suggestion := did_you_mean(name, unused))]
        raise InvalidRequestError(
            f"The rows lack {listing}.",
            hint="; ".join(near) or f"they have {', '.join(known) or 'no columns'}",
            context={"missing": missing},
        )
    return found


def _find_column(source: SourceSpec, present: Sequence[str], name: str) -> str | None:
    """Return the column that goes by one of the names of what a view or source calls ``name``."""
    names = _names(source, name)
    found = [column for column in present if column in names]
    if len(found) > 1:
        raise InvalidRequestError(
            f"The rows have {found[0]!r} and {found[1]!r}, which are two names of one column "
            f"(field_mapping of source {source.name!r}).",
            hint="leave one of them out",
        )
    return found[0] if found else None


def _refuse_extra(source: SourceSpec, rows: pa.Table, used: set[str], schema: pa.Schema) -> None:
    extra = [name for name in rows.column_names if name not in used]
    if extra:
        raise InvalidRequestError(
            f"Source {source.name!r} has no column {', '.join(map(repr, extra))}.",
            hint=did_you_mean(extra[0], schema.names) or f"its columns are {', '.join(schema.names)}",
            context={"extra": extra},
        )


def _column(rows: pa.Table, name: str) -> pa.Array:
    column = rows.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _instants(rows: pa.Table, column: str, source: SourceSpec, of_view: str) -> pa.Array:
    return to_instants(_column(rows, column), timezone=source.timezone, subject=f"time column {column!r} {of_view}")


def _created(rows: pa.Table, source: SourceSpec, of_view: str) -> pa.Array:
    import pyarrow as pa

    name = source.created_timestamp_column
    column = _find_column(source, rows.column_names, name) if name else None
    if column is None:
        return pa.nulls(rows.num_rows, pa.int64())
    return _instants(rows, column, source, of_view)


def _all_valid(arrays: Sequence[pa.Array]) -> pa.BooleanArray:
    import pyarrow.compute as pc

    whole = arrays[0].is_valid()
    for array in arrays[1:]:
        whole = pc.and_(whole, array.is_valid())
    return whole


def _keep(array: pa.Array, whole: pa.BooleanArray) -> pa.Array:
    return array if whole.true_count == len(whole) else array.filter(whole)


def _source_column(source: SourceSpec, field: pa.Field, array: pa.Array) -> pa.Array:
    """Cast one column to a source's own Arrow type: losslessly, times as the source writes them."""
    import pyarrow as pa

    subject = f"column {field.name!r} of source {source.name!r}"
    declared = from_arrow(field.type)
    try:
        if declared == UnixTimestamp and pa.types.is_timestamp(field.type):
            return _timestamps(to_instants(array, timezone=source.timezone, subject=subject), field.type, source)
        if declared is not None:
            array = cast_array(array, declared, subject=subject)
        return array.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidValueError(f"{subject} is {field.type}: {error}", context={"column": field.name}) from error


def _timestamps(instants: pa.Array, arrow: pa.TimestampType, source: SourceSpec) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if arrow.tz is not None:
        return instants.cast(pa.timestamp("us", "UTC")).cast(arrow)
    local = pc.local_timestamp(instants.cast(pa.timestamp("us", source.timezone)))
    return local.cast(arrow)
