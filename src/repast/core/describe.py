"""From the registry back to definitions, for people and programs that list them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from repast.core.definitions import (
    BatchSource,
    DataSource,
    Definition,
    Entity,
    FeatureService,
    FeatureView,
    FeatureViewProjection,
    Field,
    JoinKey,
    OnDemandFeatureView,
    Project,
    PushSource,
    RegisteredSource,
    RequestSource,
    SavedDataset,
    UserFunction,
)
from repast.core.definitions.problem import without_location
from repast.core.manifest import (
    EntitySpec,
    FeatureServiceSpec,
    FeatureViewSpec,
    FieldSpec,
    Manifest,
    Named,
    ObjectSpec,
    OnDemandFeatureViewSpec,
    ProjectionSpec,
    ProjectSpec,
    SavedDatasetSpec,
    SourceSpec,
)
from repast.errors import InvalidRequestError


def list_definitions(manifest: Manifest, kind: str, tags: Mapping[str, str] | None = None) -> list[Any]:
    """Return the definitions of one collection that have all these tags, by name.

    Definitions are new objects at every call. User functions come without ``call``: listing imports nothing.
    """
    if tags is not None and not isinstance(tags, Mapping):
        raise InvalidRequestError(f"tags must map names to values, not {tags!r}.", hint='tags={"team": "pricing"}')
    wanted = dict(tags or {}).items()
    members = manifest.collection(kind)
    return [_describe(manifest, members[name]) for name in sorted(members) if wanted <= members[name].tags.items()]


def get_definition(manifest: Manifest, kind: str, name: str) -> Any:
    """Return one definition.

    Raises:
        NotFoundError: There is none of that name; the hint names the closest.

    """
    return _describe(manifest, manifest.get(kind, name))


def describe_project(spec: ProjectSpec) -> Project:
    """Return the project's definition."""
    with without_location():
        return Project(**_named(spec))


def _describe(manifest: Manifest, spec: ObjectSpec) -> Definition:
    with without_location():
        if isinstance(spec, EntitySpec):
            return _entity(spec)
        if isinstance(spec, SourceSpec):
            return _source(manifest, spec)
        if isinstance(spec, FeatureViewSpec):
            return describe_view(manifest, spec)
        if isinstance(spec, OnDemandFeatureViewSpec):
            return _on_demand(manifest, spec)
        if isinstance(spec, FeatureServiceSpec):
            return _service(manifest, spec)
        return _dataset(spec)


def _named(spec: Named) -> dict[str, Any]:
    return {"name": spec.name, "description": spec.description, "tags": spec.tags, "owner": spec.owner}


def _field(spec: FieldSpec) -> Field:
    return Field(name=spec.name, dtype=spec.type, description=spec.description, tags=spec.tags)


def _entity(spec: EntitySpec) -> Entity:
    keys = [JoinKey(key.name, key.type if key.dtype else None) for key in spec.join_keys]
    return Entity(**_named(spec), join_keys=keys)


def _source(manifest: Manifest, spec: SourceSpec) -> DataSource:
    if spec.source_type == PushSource.source_type:
        batch = manifest.data_sources[spec.batch_source] if spec.batch_source else None
        return PushSource(**_named(spec), batch_source=_batch_source(batch) if batch else None)
    if spec.source_type == RequestSource.source_type:
        return RequestSource(**_named(spec), schema=[_field(f) for f in spec.schema])
    return _batch_source(spec)


def _batch_source(spec: SourceSpec) -> BatchSource:
    common = _named(spec) | {
        "timestamp_field": spec.timestamp_field,
        "created_timestamp_column": spec.created_timestamp_column,
        "field_mapping": spec.field_mapping,
        "timezone": spec.timezone,
        "lateness": spec.lateness,
    }
    for cls in _batch_source_classes(BatchSource):
        if getattr(cls, "source_type", None) == spec.source_type:
            return cls(**common, **spec.options)
    return RegisteredSource(**common, source_type=spec.source_type, options=spec.options)


def _batch_source_classes(cls: type[BatchSource]) -> list[type[BatchSource]]:
    return [c for sub in cls.__subclasses__() for c in (sub, *_batch_source_classes(sub))]


def describe_view(manifest: Manifest, spec: FeatureViewSpec) -> FeatureView:
    """Return a view's definition; its schema lists the join keys too, with their types."""
    with without_location():
        return FeatureView(
            **_named(spec),
            entities=[_entity(manifest.entities[name]) for name in spec.entities],
            schema=[_field(field) for field in (*spec.join_keys, *spec.features)],
            source=_source(manifest, manifest.data_sources[spec.push_source or spec.source]),
            ttl=spec.ttl,
            online=spec.online,
            offline=spec.offline,
        )


def _projection(manifest: Manifest, spec: ProjectionSpec) -> FeatureViewProjection:
    view: Definition
    if spec.view in manifest.feature_views:
        view = describe_view(manifest, manifest.feature_views[spec.view])
    else:
        view = _on_demand(manifest, manifest.on_demand_feature_views[spec.view])
    return FeatureViewProjection(
        view=view, features=spec.features, name_alias=spec.name_alias, join_key_map=dict(spec.join_key_map)
    )


def _on_demand(manifest: Manifest, spec: OnDemandFeatureViewSpec) -> OnDemandFeatureView:
    projections = [_projection(manifest, p) for p in spec.sources]
    requests = [_source(manifest, manifest.data_sources[name]) for name in spec.request_sources]
    return OnDemandFeatureView(
        **_named(spec),
        sources=[*projections, *(r for r in requests if isinstance(r, RequestSource))],
        schema=[_field(f) for f in spec.features],
        function=UserFunction(spec.function.reference, spec.function.source, spec.function.sha256),
        mode=spec.mode,
        singleton=spec.singleton,
    )


def _service(manifest: Manifest, spec: FeatureServiceSpec) -> FeatureService:
    return FeatureService(**_named(spec), features=[_projection(manifest, p) for p in spec.features])


def _dataset(spec: SavedDatasetSpec) -> SavedDataset:
    return SavedDataset(
        **_named(spec),
        path=spec.path,
        table=spec.table,
        features=spec.features,
        join_keys=spec.join_keys,
        full_feature_names=spec.full_feature_names,
        feature_service=spec.feature_service,
        rows=spec.rows,
    )
