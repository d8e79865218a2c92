"""What sources tell about definitions: event times, key types, features; and whether columns fit their types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repast.core.definitions import BatchSource, Definition, Entity, FeatureView, Field
from repast.core.definitions.entity import KEY_TYPES
from repast.core.definitions.problem import report
from repast.errors import Location, did_you_mean
from repast.types import DataType, UnixTimestamp, from_arrow

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class SourceColumns:
    """The columns of one inspected source, under the names that views use."""

    source: BatchSource
    types: Mapping[str, pa.DataType]
    timestamp_field: str
    """The source's own column; empty if it could not be told (reported then)."""

    @property
    def times(self) -> set[str]:
        """Names (as views use them) of the event time and the created time."""
        columns = (self.timestamp_field, self.source.created_timestamp_column)
        return {self.source.field_mapping.get(column, column) for column in columns if column}

    def missing(self, name: str) -> str:
        """Return the hint for a column that is not there."""
        if name in self.source.field_mapping:
            return f"views call that column {self.source.field_mapping[name]!r} (field_mapping of the source)"
        return did_you_mean(name, self.types) or "its columns are " + _listed(self.types)


def inspect_columns(source: BatchSource, schema: pa.Schema) -> SourceColumns:
    """Name a source's columns as views do and find its event time; report what does not fit."""
    names = set(schema.names)
    for column, name in source.field_mapping.items():
        if column not in names:
            source.problem(
                f"field_mapping names column {column!r}, which the source does not have.",
                hint=did_you_mean(column, names) or "its columns are " + _listed(schema.names),
            )
        elif name in names and name not in source.field_mapping:
            source.problem(
                f"field_mapping calls column {column!r} {name!r}, and there is another column of that name.",
                hint=f"map that one to another name too: {{{name!r}: 'other_{name}'}}",
            )
    types = {source.field_mapping.get(f.name, f.name): f.type for f in schema}
    event = _event_column(source, schema)
    _check_time(source, "created_timestamp_column", source.created_timestamp_column, schema)
    return SourceColumns(source, types, event)


def _event_column(source: BatchSource, schema: pa.Schema) -> str:
    if source.timestamp_field is not None:
        return source.timestamp_field if _check_time(source, "timestamp_field", source.timestamp_field, schema) else ""
    import pyarrow as pa

    times = [f.name for f in schema if pa.types.is_timestamp(f.type) and f.name != source.created_timestamp_column]
    if len(times) == 1:
        return str(times[0])
    if times:
        source.problem(
            f"timestamp_field is not given, and there are several timestamp columns: {_listed(times)}.",
            hint=f"for example timestamp_field={times[0]!r}",
        )
    else:
        source.problem(
            f"timestamp_field is not given, and no column is a timestamp; the columns are {_listed(schema.names)}.",
            hint="store the event time as a timestamp, or name a date column: timestamp_field=...",
        )
    return ""


def _check_time(source: BatchSource, option: str, column: str | None, schema: pa.Schema) -> bool:
    import pyarrow as pa

    from repast.core.castable import castable

    if column is None:
        return True
    if column not in schema.names:
        mapped = [c for c, name in source.field_mapping.items() if name == column]
        hint = f"give the source's own column: {option}={mapped[0]!r}" if mapped else did_you_mean(column, schema.names)
        source.problem(
            f"{option} {column!r} is not a column of the source.",
            hint=hint or "its columns are " + _listed(schema.names),
        )
        return False
    found = schema.field(column).type
    if castable(found, UnixTimestamp) is not False:
        return True
    times = [f.name for f in schema if pa.types.is_timestamp(f.type) or pa.types.is_date(f.type)]
    source.problem(
        f"{option} {column!r} is {found}, not a time.",
        hint="its time columns are " + _listed(times) if times else "store the column as a timestamp",
    )
    return False


@dataclass(frozen=True)
class Vote:
    """Somebody who says what type a join key has."""

    dtype: DataType
    where: str
    location: Location | None = None

    def __str__(self) -> str:
        return f"{self.dtype} {self.where}" + (f" ({self.location})" if self.location else "")


def key_type(entity: Entity, name: str, declared: Sequence[Vote], inferred: Sequence[Vote]) -> DataType | None:
    """Return the type of one join key, or None if nobody says it or, as is reported then, voters disagree.

    ``declared`` are the entity itself and the schemas of its views, ``inferred`` its source columns,
    which are asked only if nobody declares a type.
    """
    votes = declared or inferred
    if not votes:
        return None
    first = votes[0]
    for vote in votes[1:]:
        if vote.dtype != first.dtype:
            entity.problem(
                f"join key {name!r} is {first}, but {vote}.",
                hint=f"declare one type for all views: join_keys={{{name!r}: {_wider(first.dtype, vote.dtype)}}}",
            )
            return None
    if first.dtype not in KEY_TYPES:
        entity.problem(
            f"join key {name!r} cannot be {first}.",
            hint=f"keys are one of {', '.join(map(str, KEY_TYPES))}; declare one: join_keys={{{name!r}: Int64}}",
        )
    return first.dtype


def _wider(one: DataType, other: DataType) -> DataType:
    from repast.core.castable import castable

    return other if castable(one.arrow, other) else one


def source_type(columns: SourceColumns, name: str) -> DataType | None:
    """Return the feature type that a column suggests; None if there is no such column or no such type."""
    return from_arrow(columns.types[name]) if name in columns.types else None


def check_key(view: FeatureView, entity: str, name: str, dtype: DataType | None, columns: SourceColumns) -> None:
    """Report a join key that the source of a view lacks or that does not fit its type."""
    if name not in columns.types:
        view.problem(
            f"join key {name!r} of entity {entity!r} is not a column of source {columns.source.name!r}.",
            hint=columns.missing(name),
        )
    elif dtype is not None:
        _check_fit(view, f"join key {name!r}", dtype, columns, name, view.location)


def rounding_notes(view: FeatureView, features: Iterable[Field], columns: SourceColumns) -> list[str]:
    """Say which features are rounded on their way in: their columns are wider floats than declared."""
    from repast.core.castable import rounds

    return [
        f"{view.kind} {view.name!r}: feature {feature.name!r} is rounded to the nearest {feature.dtype}; "
        f"its column in source {columns.source.name!r} is {columns.types[feature.name]}."
        for feature in features
        if feature.name in columns.types and rounds(columns.types[feature.name], feature.dtype)
    ]


def check_features(view: FeatureView, features: Iterable[Field], columns: SourceColumns) -> None:
    """Report declared features that the source of a view lacks or that do not fit their types."""
    for feature in features:
        location = feature.location or view.location
        if feature.name not in columns.types:
            report(
                f"feature {feature.name!r} is not a column of source {columns.source.name!r}.",
                subject=_subject(view),
                location=location,
                hint=columns.missing(feature.name),
            )
        else:
            _check_fit(view, f"feature {feature.name!r}", feature.dtype, columns, feature.name, location)


def _check_fit(
    view: FeatureView, what: str, dtype: DataType, columns: SourceColumns, name: str, location: Location | None
) -> None:
    from repast.core.castable import castable

    found = columns.types[name]
    if castable(found, dtype) is False:
        suggested = from_arrow(found)
        report(
            f"{what} is declared {dtype}, but its column in source {columns.source.name!r} is {found}.",
            subject=_subject(view),
            location=location,
            hint=f"declare it {suggested}, or change the source" if suggested else "change the column in the source",
        )


def infer_features(view: FeatureView, keys: set[str], columns: SourceColumns) -> list[Field]:
    """Return a field for every column that is neither key nor time; names with ``__`` around are left out."""
    skipped = keys | columns.times
    candidates = {
        name: found
        for name, found in columns.types.items()
        if name not in skipped and not name.startswith("__") and not name.endswith("__")
    }
    fields: list[Field] = []
    for name, found in candidates.items():
        dtype = from_arrow(found)
        if dtype is None:
            view.problem(
                f"column {name!r} of source {columns.source.name!r} is {found}, which no feature type holds.",
                hint="list the features you want in schema, or change the column in the source",
            )
        else:
            fields.append(Field(name=name, dtype=dtype))
    if not candidates:
        view.problem(
            f"source {columns.source.name!r} has no column that could be a feature.",
            hint="every column is a join key or a time; add one to the source, or choose another source",
        )
    return fields


def _subject(definition: Definition) -> str:
    return f"{definition.kind} {definition.name!r}"


def _listed(names: Iterable[str], limit: int = 12) -> str:
    shown = sorted(names)
    return ", ".join(shown[:limit]) + (f", ... ({len(shown)} in all)" if len(shown) > limit else "")
