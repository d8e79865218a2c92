"""Definitions as JSON and as rows of tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from repast.cli.value import duration_text

if TYPE_CHECKING:
    from repast.core.definitions import (
        DataSource,
        Definition,
        Entity,
        FeatureService,
        FeatureView,
        OnDemandFeatureView,
        SavedDataset,
    )

_LEFT_OUT = frozenset({"location", "call"})


def definition_json(definition: Definition) -> dict[str, object]:
    """Return everything a definition says; what it refers to as names, durations in seconds, types as text."""
    return {"kind": definition.kind, **_members(definition)}


def _members(value: Any) -> dict[str, object]:
    members: dict[str, object] = {}
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        if isinstance(content, timedelta) or field.type in ("timedelta", "timedelta | None"):
            members[f"{field.name}_seconds"] = None if content is None else content.total_seconds()
        elif field.name not in _LEFT_OUT:
            members[field.name] = _json(content)
    return members


def _json(value: object) -> object:
    from repast.core.definitions import Definition
    from repast.types import DataType

    if isinstance(value, Definition):
        return value.name
    if isinstance(value, DataType):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _members(value)
    if isinstance(value, tuple | list):
        return [_json(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _json(item) for key, item in value.items()}
    return value


Columns = Sequence[str]


def _entity_row(entity: Entity) -> Sequence[object]:
    return entity.name, ", ".join(f"{key.name}: {key.dtype}" for key in entity.join_keys), entity.description


def _source_row(source: DataSource) -> Sequence[object]:
    batch = getattr(getattr(source, "batch_source", None), "name", "")
    where = next((place for way in ("path", "table", "query") if (place := getattr(source, way, ""))), batch)
    time = getattr(source, "timestamp_field", None) or ""
    return source.name, source.source_type, where, time, source.description


def _view_row(view: FeatureView) -> Sequence[object]:
    ttl = duration_text(view.ttl) if view.ttl else "for ever"
    entities = ", ".join(entity.name for entity in view.entities)
    return view.name, entities, len(view.features), ttl, view.source.name if view.source else "", view.description


def _on_demand_row(view: OnDemandFeatureView) -> Sequence[object]:
    sources = ", ".join(source.name for source in view.sources)
    return view.name, sources, ", ".join(f.name for f in view.features), view.mode, view.description


def _service_row(service: FeatureService) -> Sequence[object]:
    return service.name, ", ".join(projection_text(p) for p in service.features), service.description


def _dataset_row(dataset: SavedDataset) -> Sequence[object]:
    return dataset.name, dataset.rows, len(dataset.features), dataset.path or dataset.table


def _plain_row(definition: Definition) -> Sequence[object]:
    return definition.name, definition.description


def projection_text(projection: Any) -> str:
    """Return a view as a service uses it: weather, weather[temp, visib], weather as other."""
    features = f"[{', '.join(projection.features)}]" if projection.features is not None else ""
    alias = f" as {projection.name_alias}" if projection.name_alias else ""
    return f"{projection.view.name}{features}{alias}"


ROWS: Mapping[str, tuple[Columns, Callable[[Any], Sequence[object]]]] = {
    "entities": (("name", "join keys", "description"), _entity_row),
    "data-sources": (("name", "type", "where", "event time", "description"), _source_row),
    "feature-views": (("name", "entities", "features", "ttl", "source", "description"), _view_row),
    "on-demand-feature-views": (("name", "sources", "features", "mode", "description"), _on_demand_row),
    "feature-services": (("name", "features", "description"), _service_row),
    "saved-datasets": (("name", "rows", "features", "path"), _dataset_row),
    "projects": (("name", "description"), _plain_row),
}
"""Kind to the columns of its list and the function that makes a row."""
