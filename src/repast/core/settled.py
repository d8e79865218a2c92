"""Which sources have to be looked at: definitions that are registered as they are have been checked before."""

from __future__ import annotations

from repast.core.catalog import Catalog
from repast.core.consistency import reads_differently
from repast.core.definitions import BatchSource, Entity, FeatureView, PushSource
from repast.core.manifest import EntitySpec, FeatureViewSpec, Manifest
from repast.core.spec import source_spec


def unsettled_sources(catalog: Catalog, base: Manifest) -> set[str]:
    """Return the names of the batch sources whose columns matter to what is new or changed.

    A source is settled if it reads as registered and leaves nothing to be inferred, and so do all views
    of it. Types that were inferred stay as registered until a definition changes; columns that become
    features by themselves are looked for each time.
    """
    unsettled = {source.name for source in catalog.batch_sources() if not _is_settled_source(source, base)}
    for view in catalog.feature_views.values():
        source = catalog.batch_source_of(view)
        if source is not None and source.name not in unsettled and not _is_settled_view(view, source, catalog, base):
            unsettled.add(source.name)
    return unsettled


def _is_settled_source(source: BatchSource, base: Manifest) -> bool:
    if source.timestamp_field is None:
        return False
    spec = source_spec(source, timestamp_field=source.timestamp_field)
    return not reads_differently(spec, base.data_sources.get(source.name))


def _is_settled_view(view: FeatureView, source: BatchSource, catalog: Catalog, base: Manifest) -> bool:
    registered = base.feature_views.get(view.name)
    if registered is None or registered.source != source.name:
        return False
    if registered.push_source != (view.source.name if isinstance(view.source, PushSource) else None):
        return False
    entities = [catalog.entities.get(entity.name, entity) for entity in view.entities]
    if tuple(entity.name for entity in entities) != registered.entities:
        return False
    if any(changes_key(entity, base.entities.get(entity.name)) for entity in entities):
        return False
    return _declares(view, registered)


def _declares(view: FeatureView, registered: FeatureViewSpec) -> bool:
    """Whether a schema lists exactly the registered features; keys it lists must have the registered types."""
    keys = {key.name: key.dtype for key in registered.join_keys}
    declared = {field.name: field.dtype.to_json() for field in view.schema}
    if any(keys[name] != dtype for name, dtype in declared.items() if name in keys):
        return False
    features = {name: dtype for name, dtype in declared.items() if name not in keys}
    return bool(features) and features == {feature.name: feature.dtype for feature in registered.features}


def changes_key(entity: Entity, registered: EntitySpec | None) -> bool:
    """Return whether an entity's key columns, or the types it declares for them, are not those registered."""
    known = {key.name: key for key in registered.join_keys} if registered else {}
    if {key.name for key in entity.join_keys} != set(known):
        return True
    return any(key.dtype is not None and key.dtype.to_json() != known[key.name].dtype for key in entity.join_keys)
