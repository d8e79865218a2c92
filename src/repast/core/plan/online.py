"""What an online read does, decided once per feature set and registry generation.

A plan holds everything that does not depend on the keys of one request: which rows to read, how keys
become bytes, how stored rows become values, where each value goes. A request only follows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from repast.core.codec.key import KeyCodec
from repast.core.codec.row import RowReader, order_prefix
from repast.core.json_value import Convert, json_reader, json_writer
from repast.core.manifest import FeatureViewSpec, FieldSpec
from repast.core.refs import OnDemandSelection, Selection, ViewSelection
from repast.core.transform import name_inputs
from repast.errors import InvalidRequestError
from repast.types import DataType

_EXACT: Mapping[str, type] = {"int64": int, "int32": int, "string": str, "bytes": bytes, "bool": bool}
"""Types whose Python values are canonical as they are, if they have exactly this class."""

_EARLIEST_US = -(1 << 63)

KEYS, REQUEST = -2, -1
Place: TypeAlias = tuple[int, int]
"""Where a column is: position of its view, or KEYS or REQUEST; position among the features that are read of that view,
the plan's columns, or its request fields."""


@dataclass(frozen=True, slots=True)
class RequestColumn:
    """A key column that the request must bring, with the type its values are cast to."""

    name: str
    dtype: DataType
    exact: type | None
    """Values of exactly this class need no cast (integers: if in range)."""
    needed_by: str
    """The view that asks for it, for messages."""


@dataclass(frozen=True, slots=True)
class KeyGroup:
    """Views that find their rows by the same columns: their keys are the same bytes, encoded once."""

    codec: KeyCodec
    columns: tuple[int, ...]
    """Positions in :attr:`OnlinePlan.columns`, in the codec's order."""


@dataclass(frozen=True, slots=True)
class ViewRead:
    """One view of a request."""

    view: FeatureViewSpec
    name: str
    """Its name in the request: the alias if there is one."""
    group: int
    """Position in :attr:`OnlinePlan.groups`."""
    ttl_us: int | None
    features: tuple[FieldSpec, ...]
    """What is read, in the order of the layout, which decodes fastest."""
    places: tuple[int, ...]
    """Position in the selection's features -> position in ``features``."""
    outputs: tuple[tuple[str, int], ...]
    """(column of the answer, position in ``features``)."""
    reader: RowReader
    """Decodes ``features`` from rows of every layout of the view."""
    headers: frozenset[bytes]
    """How stored values say that they have one of these layouts: their bytes 16 and 17."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OnlinePlan:
    """All that an online read needs to know besides its keys and the moment. Each is its own: none equals another."""

    columns: tuple[RequestColumn, ...]
    echoed: tuple[int, ...]
    """Positions in ``columns`` of the key columns of the answer: each name once."""
    request_fields: tuple[FieldSpec, ...]
    groups: tuple[KeyGroup, ...]
    views: tuple[ViewRead, ...]
    on_demand: tuple[OnDemandSelection, ...]
    outputs: tuple[str, ...]
    """Feature columns of the answer, in the order they were asked for."""
    types: Mapping[str, DataType]
    """Type of every column of the answer."""
    answer: Mapping[str, None]
    """All columns of the answer, in order: keys first."""
    has_ttl: bool
    column_names: tuple[str, ...] = field(init=False)
    input_names: tuple[str, ...] = field(init=False)
    on_demand_inputs: tuple[Mapping[str, Place], ...] = field(init=False)
    """Per on-demand view what its function gets, by the names and in the order that it gets it."""
    json_inputs: tuple[tuple[str, DataType], ...] = field(init=False)
    """Columns of the request that JSON has another spelling for."""
    json_writers: Mapping[str, Convert | None] = field(init=False)
    """Per column of the answer what makes its values ready for JSON, if they are not."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "column_names", tuple(column.name for column in self.columns))
        object.__setattr__(self, "input_names", tuple(spec.name for spec in self.request_fields))
        object.__setattr__(self, "on_demand_inputs", tuple(map(self._place_inputs, self.on_demand)))
        inputs = [*((c.name, c.dtype) for c in self.columns), *((f.name, f.type) for f in self.request_fields)]
        object.__setattr__(self, "json_inputs", tuple(pair for pair in inputs if json_reader(pair[1]) is not None))
        object.__setattr__(self, "json_writers", {name: json_writer(dtype) for name, dtype in self.types.items()})

    def _place_inputs(self, step: OnDemandSelection) -> Mapping[str, Place]:
        return name_inputs(
            step,
            lambda view, feature: (view, self.views[view].places[feature]),
            keys={name: (KEYS, position) for position, name in enumerate(self.column_names)},
            request={name: (REQUEST, position) for position, name in enumerate(self.input_names)},
        )

    def cutoffs(self, now_us: int) -> list[bytes | None]:
        """Return per view the least stored value that its ttl lets through; stored values sort by event time."""
        found: list[bytes | None] = []
        for view in self.views:
            ttl_us = view.ttl_us
            found.append(None if ttl_us is None else order_prefix(max(now_us - ttl_us, _EARLIEST_US), None))
        return found

    def can_decode(self, values: Sequence[Sequence[bytes | None]]) -> bool:
        """Tell whether all stored values, given per view, have a layout that this plan knows."""
        for at, view in enumerate(self.views):
            headers = view.headers
            for value in values[at]:
                if value is not None and value[16:18] not in headers:
                    return False
        return True


def plan_online(selection: Selection) -> OnlinePlan:
    """Compile a selection.

    Raises:
        InvalidRequestError: A view is not served online.

    """
    _refuse_offline(selection.views)
    columns = _request_columns(selection.views)
    places = {(column.name, column.dtype): i for i, column in enumerate(columns)}
    used = [tuple(places[name, key.type] for key, name in view.keys) for view in selection.views]
    distinct = list(dict.fromkeys(used))
    keys = list(dict.fromkeys(column.name for column in columns))
    return OnlinePlan(
        columns=columns,
        echoed=tuple([column.name for column in columns].index(name) for name in keys),
        request_fields=selection.request_fields,
        groups=tuple(KeyGroup(KeyCodec(selection.views[used.index(c)].view.join_keys), c) for c in distinct),
        views=tuple(_view_read(view, distinct.index(c)) for view, c in zip(selection.views, used, strict=True)),
        on_demand=selection.on_demand,
        outputs=selection.outputs,
        types=_answer_types(columns, selection),
        answer=dict.fromkeys([*keys, *selection.outputs]),
        has_ttl=any(selected.view.ttl_us for selected in selection.views),
    )


def _refuse_offline(views: Iterable[ViewSelection]) -> None:
    for selected in views:
        if not selected.view.online:
            raise InvalidRequestError(
                f"Feature view {selected.view.name!r} is not served online (online=False).",
                hint="set online=True, run repast apply and load it; or ask for historical features",
                context={"view": selected.view.name},
            )


def _request_columns(views: Iterable[ViewSelection]) -> tuple[RequestColumn, ...]:
    """Each (column, type) once: two entities may give one column different types, and both are checked."""
    found: dict[tuple[str, DataType], RequestColumn] = {}
    for selected in views:
        for key, name in selected.keys:
            exact = _EXACT.get(str(key.dtype))
            found.setdefault((name, key.type), RequestColumn(name, key.type, exact, selected.name))
    return tuple(found.values())


def _answer_types(columns: Sequence[RequestColumn], selection: Selection) -> dict[str, DataType]:
    types: dict[str, DataType] = {}
    for column in columns:
        types.setdefault(column.name, column.dtype)
    features = [f for selected in selection.views for f in selected.features]
    features += [f for computed in selection.on_demand for f in computed.features]
    return types | {f.output: f.field.type for f in features if f.output is not None}


def _view_read(selected: ViewSelection, group: int) -> ViewRead:
    by_name = {feature.field.name: feature.field for feature in selected.features}
    names = sorted(by_name)
    return ViewRead(
        view=selected.view,
        name=selected.name,
        group=group,
        ttl_us=selected.view.ttl_us or None,
        features=tuple(by_name[name] for name in names),
        places=tuple(names.index(feature.field.name) for feature in selected.features),
        outputs=tuple((f.output, names.index(f.field.name)) for f in selected.features if f.output is not None),
        reader=RowReader(selected.view.layouts, features=names, view=selected.view.name),
        headers=frozenset(layout.version.to_bytes(2, "big") for layout in selected.view.layouts),
    )
