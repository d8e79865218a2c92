"""What a historical retrieval does, decided from definitions and the spine's columns alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, get_args

from repast.core.manifest import FeatureViewSpec, FieldSpec, LayoutSpec, Manifest, SourceSpec
from repast.core.plan.offline import AsOf, FeatureColumn, KeyColumn, PointInTimeJoin, ReadRows
from repast.core.refs import OnDemandSelection, Selection, ViewSelection
from repast.errors import InvalidRequestError, did_you_mean
from repast.types import DataType, UnixTimestamp

if TYPE_CHECKING:
    import pyarrow as pa

    Columns: TypeAlias = Mapping[str, pa.DataType | None]
    """Columns of a spine with their Arrow types, None where only the values tell."""

TIME_COLUMN = "event_timestamp"
"""The spine's time unless the caller names another; also what retrievals without a spine call it."""


@dataclass(frozen=True, slots=True)
class SpineKey:
    """A key column of the spine and the type its values are cast to."""

    column: str
    dtype: DataType
    needed_by: str
    """The view that asks for it, for messages."""


@dataclass(frozen=True, kw_only=True)
class ViewJoin:
    """One view of a retrieval: its join, and where its keys and features are."""

    selection: ViewSelection
    join: PointInTimeJoin
    columns: tuple[str, ...]
    """Columns of the spine, aligned with the join's keys."""

    @property
    def layout(self) -> LayoutSpec:
        """All features of the view in the codec's order: the content that decides between tied rows."""
        return layout_of(self.selection.view)

    @property
    def is_complete(self) -> bool:
        """Whether the join fetches all that decides between tied rows."""
        return len(self.join.features) == len(self.layout.features)

    @property
    def complete_join(self) -> PointInTimeJoin:
        """The same join, fetching all features of the view."""
        view = self.selection.view
        return replace(self.join, features=_feature_columns(view.features, self.join.source))


@dataclass(frozen=True, kw_only=True)
class HistoricalPlan:
    """A point-in-time join per view, and what becomes of the results."""

    time_column: str
    keys: tuple[SpineKey, ...]
    """Each (column, type) once: two entities may give one column different types, and both are checked."""
    views: tuple[ViewJoin, ...]
    on_demand: tuple[OnDemandSelection, ...]
    request_fields: tuple[FieldSpec, ...]
    outputs: tuple[str, ...]
    """Feature columns of the answer, in the order they were asked for."""
    types: Mapping[str, DataType]
    """Types of the feature columns."""

    @property
    def spine_columns(self) -> tuple[str, ...]:
        """The columns of the spine that are looked at, each once."""
        names = [self.time_column, *(key.column for key in self.keys), *(f.name for f in self.request_fields)]
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, kw_only=True)
class MomentPlan:
    """How a spine is made of the views' own rows: their distinct keys and event times in a range."""

    reads: tuple[ReadRows, ...]
    """Rows of the views that have all key columns; keys and times only."""
    columns: tuple[tuple[str, ...], ...]
    """Per read the spine's columns, aligned with its keys."""
    keys: Mapping[str, DataType]
    """The spine's key columns, sorted by name."""
    last_n: int | None

    @property
    def spine(self) -> Columns:
        """The columns of that spine."""
        types = {name: dtype.arrow for name, dtype in self.keys.items()}
        return {**types, TIME_COLUMN: UnixTimestamp.arrow}


def layout_of(view: FeatureViewSpec) -> LayoutSpec:
    """Return the layout of all features a view has now."""
    return LayoutSpec(version=1, features=tuple(sorted((f.name, f.dtype) for f in view.features)))


def plan_historical(
    manifest: Manifest,
    selection: Selection,
    columns: Columns,
    *,
    as_of: AsOf = "event",
    timestamp_column: str | None = None,
) -> HistoricalPlan:
    """Plan point-in-time joins for a spine with these columns.

    Raises:
        InvalidRequestError: The spine lacks a column, its time is not clear, or a feature would be named
            like one of its columns.

    """
    if as_of not in get_args(AsOf):
        raise InvalidRequestError(
            f"as_of must be 'event' or 'available', not {as_of!r}.",
            hint="'event' looks at event times only; 'available' also asks that a row was recorded by then",
        )
    time_column = _find_time(columns, timestamp_column)
    views = tuple(_join(manifest, selected, as_of) for selected in selection.views)
    keys: dict[tuple[str, DataType], SpineKey] = {}
    for view in views:
        for key, column in zip(view.join.keys, view.columns, strict=True):
            keys.setdefault((column, key.dtype), SpineKey(column, key.dtype, view.selection.name))
    plan = HistoricalPlan(
        time_column=time_column,
        keys=tuple(keys.values()),
        views=views,
        on_demand=selection.on_demand,
        request_fields=selection.request_fields,
        outputs=selection.outputs,
        types=_output_types(selection),
    )
    _check_columns(plan, columns)
    return plan


def plan_moments(
    manifest: Manifest, selection: Selection, *, start_us: int | None, end_us: int | None, last_n: int | None
) -> MomentPlan:
    """Plan a spine made of the views' own rows: see docs/decisions/0002-retrieval-without-a-spine.md.

    Raises:
        InvalidRequestError: No view has the keys of all, or values must come with the request.

    """
    if selection.request_fields:
        names = ", ".join(repr(f.name) for f in selection.request_fields)
        raise InvalidRequestError(
            f"The request fields {names} come with a spine, and there is none.",
            hint="give entity_df with these columns, or leave the on demand features out",
        )
    every = {column: key.type for selected in selection.views for key, column in selected.keys}
    leading = [selected for selected in selection.views if len(selected.keys) == len(every)]
    if not leading:
        listing = "; ".join(f"{s.name} by {', '.join(c for _, c in s.keys) or 'no key'}" for s in selection.views)
        raise InvalidRequestError(
            f"Without a spine one view must have the keys of all, and none has: {listing}.",
            hint="give entity_df: it says which keys belong together",
        )
    reads = []
    for selected in leading:
        source = manifest.data_sources[selected.view.source]
        keys = _key_columns(selected.view, source)
        reads.append(
            ReadRows(
                view=selected.view.name,
                source=source,
                keys=keys,
                features=(),
                start_us=start_us,
                end_us=end_us,
                last_n=last_n,
            )
        )
    columns = tuple(tuple(column for _, column in selected.keys) for selected in leading)
    return MomentPlan(reads=tuple(reads), columns=columns, keys=dict(sorted(every.items())), last_n=last_n)


# -- parts ----------------------------------------------------------------------------------------


def _join(manifest: Manifest, selected: ViewSelection, as_of: AsOf) -> ViewJoin:
    view = selected.view
    source = manifest.data_sources[view.source]
    join = PointInTimeJoin(
        view=view.name,
        source=source,
        keys=_key_columns(view, source),
        features=_feature_columns((feature.field for feature in selected.features), source),
        ttl_us=view.ttl_us or None,
        as_of=as_of,
    )
    return ViewJoin(selection=selected, join=join, columns=tuple(column for _, column in selected.keys))


def _key_columns(view: FeatureViewSpec, source: SourceSpec) -> tuple[KeyColumn, ...]:
    return tuple(KeyColumn(key.name, source.column(key.name), key.type) for key in view.join_keys)


def _feature_columns(fields: Iterable[FieldSpec], source: SourceSpec) -> tuple[FeatureColumn, ...]:
    return tuple(FeatureColumn(field.name, source.column(field.name), field.type) for field in fields)


def _output_types(selection: Selection) -> dict[str, DataType]:
    selected: list[ViewSelection | OnDemandSelection] = [*selection.views, *selection.on_demand]
    types = {f.output: f.field.type for one in selected for f in one.features if f.output is not None}
    return {name: types[name] for name in selection.outputs}


def _find_time(columns: Columns, asked: str | None) -> str:
    """Return the spine's time column: the one asked for, ``event_timestamp``, or the only one there is."""
    if asked is not None:
        if asked not in columns:
            raise _missing(asked, "timestamp_column", columns)
        return asked
    if TIME_COLUMN in columns:
        return TIME_COLUMN
    import pyarrow as pa

    times = [name for name, dtype in columns.items() if dtype is not None and pa.types.is_timestamp(dtype)]
    if len(times) == 1:
        return times[0]
    found = (
        f"several timestamp columns: {_listed(times)}" if times else f"no timestamp column: it has {_listed(columns)}"
    )
    raise InvalidRequestError(
        f"The spine has no column {TIME_COLUMN!r} and {found}.",
        hint='name the one that is each row\'s time: timestamp_column="..."' if times else "add the time of each row",
        context={"column": TIME_COLUMN},
    )


def _check_columns(plan: HistoricalPlan, columns: Columns) -> None:
    for key in plan.keys:
        if key.column not in columns:
            raise _missing(key.column, f"join key of feature view {key.needed_by!r}", columns)
    for field in plan.request_fields:
        if field.name not in columns:
            raise _missing(field.name, "request field of an on demand feature view", columns)
    for output in plan.outputs:
        if output in columns:
            raise InvalidRequestError(
                f"The spine already has a column {output!r}, which is also the name of a feature asked for.",
                hint="rename the spine's column, or ask with full_feature_names=True",
                context={"column": output},
            )


def _missing(name: str, what: str, columns: Columns) -> InvalidRequestError:
    return InvalidRequestError(
        f"The spine has no column {name!r} ({what}).",
        hint=did_you_mean(name, columns) or f"it has {_listed(columns)}",
        context={"column": name},
    )


def _listed(columns: Iterable[str]) -> str:
    names: Sequence[str] = list(columns)
    return ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "") if names else "no columns"
