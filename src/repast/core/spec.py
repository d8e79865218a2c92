"""From definitions to specs once types, event times and features are known; :mod:`repast.core.describe` goes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from repast.core.clock import duration_us
from repast.core.definitions import (
    BatchSource,
    DataSource,
    Definition,
    Entity,
    FeatureService,
    FeatureView,
    FeatureViewProjection,
    Field,
    OnDemandFeatureView,
    Project,
    PushSource,
    RequestSource,
    SavedDataset,
    UserFunction,
)
from repast.core.manifest import (
    EntitySpec,
    FeatureServiceSpec,
    FeatureViewSpec,
    FieldSpec,
    FunctionSpec,
    OnDemandFeatureViewSpec,
    ProjectionSpec,
    ProjectSpec,
    SavedDatasetSpec,
    SourceSpec,
)
from repast.types import DataType


def _named(definition: Definition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "description": definition.description,
        "tags": dict(definition.tags),
        "owner": definition.owner,
    }


def field_spec(field: Field) -> FieldSpec:
    """Return the spec of one feature."""
    return FieldSpec(name=field.name, dtype=field.dtype.to_json(), description=field.description, tags=dict(field.tags))


def project_spec(project: Project) -> ProjectSpec:
    """Return the spec of a project."""
    return ProjectSpec(**_named(project))


def entity_spec(entity: Entity, types: Mapping[str, DataType | None]) -> EntitySpec:
    """Return the spec of an entity; a key whose type nobody says yet has the dtype ``""``."""
    keys = []
    for key in sorted(entity.join_keys, key=lambda k: k.name):
        dtype = types.get(key.name)
        keys.append(FieldSpec(name=key.name, dtype=dtype.to_json() if dtype else ""))
    return EntitySpec(**_named(entity), join_keys=tuple(keys))


def source_spec(source: DataSource, *, timestamp_field: str = "") -> SourceSpec:
    """Return the spec of a source; ``timestamp_field`` is that of a batch source, given or inferred."""
    common = _named(source) | {"source_type": source.source_type}
    if isinstance(source, BatchSource):
        return SourceSpec(
            **common,
            options=source.options(),
            timestamp_field=timestamp_field,
            created_timestamp_column=source.created_timestamp_column,
            field_mapping=dict(source.field_mapping),
            timezone=source.timezone,
            lateness_us=duration_us(source.lateness),
        )
    if isinstance(source, PushSource):
        return SourceSpec(**common, batch_source=source.batch_source.name if source.batch_source else None)
    if isinstance(source, RequestSource):
        return SourceSpec(**common, schema=tuple(map(field_spec, source.schema)))
    return SourceSpec(**common)


def view_spec(
    view: FeatureView, *, source: str, keys: Iterable[FieldSpec], features: Iterable[FieldSpec]
) -> FeatureViewSpec:
    """Return the spec of a view; its layouts and incarnation come from :func:`repast.core.layout.evolve_view`."""
    return FeatureViewSpec(
        **_named(view),
        entities=tuple(e.name for e in view.entities),
        join_keys=tuple(sorted(keys, key=lambda k: k.name)),
        features=tuple(features),
        source=source,
        push_source=view.source.name if isinstance(view.source, PushSource) else None,
        ttl_us=duration_us(view.ttl) if view.ttl else None,
        online=view.online,
        offline=view.offline,
    )


def projection_spec(projection: FeatureViewProjection) -> ProjectionSpec:
    """Return the spec of a view as a service or an on-demand view sees it."""
    return ProjectionSpec(
        view=projection.view.name,
        features=projection.features,
        name_alias=projection.name_alias,
        join_key_map=dict(projection.join_key_map),
    )


def function_spec(function: UserFunction) -> FunctionSpec:
    """Return what is kept of a user's function: where it lives and what it says."""
    return FunctionSpec(reference=function.reference, source=function.source, sha256=function.sha256)


def on_demand_spec(view: OnDemandFeatureView) -> OnDemandFeatureViewSpec:
    """Return the spec of an on-demand view."""
    return OnDemandFeatureViewSpec(
        **_named(view),
        sources=tuple(projection_spec(s) for s in view.sources if isinstance(s, FeatureViewProjection)),
        request_sources=tuple(s.name for s in view.sources if isinstance(s, RequestSource)),
        features=tuple(map(field_spec, view.schema)),
        function=function_spec(view.function),
        mode=view.mode,
        singleton=view.singleton,
    )


def service_spec(service: FeatureService) -> FeatureServiceSpec:
    """Return the spec of a feature service."""
    return FeatureServiceSpec(**_named(service), features=tuple(map(projection_spec, service.features)))


def dataset_spec(dataset: SavedDataset) -> SavedDatasetSpec:
    """Return the spec of a saved dataset."""
    return SavedDatasetSpec(
        **_named(dataset),
        path=dataset.path,
        table=dataset.table,
        features=dataset.features,
        join_keys=dataset.join_keys,
        full_feature_names=dataset.full_feature_names,
        feature_service=dataset.feature_service,
        rows=dataset.rows,
    )
