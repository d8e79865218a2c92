"""From definitions to the manifest they mean: everything inferred, everything checked, all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from repast.core.catalog import Catalog, gather
from repast.core.consistency import Finding, check_manifest, reads_differently
from repast.core.definitions import BatchSource, DataSource, Entity, FeatureView, Field, JoinKey, PushSource
from repast.core.definitions.problem import collecting_problems, report
from repast.core.describe import describe_view
from repast.core.inference import (
    SourceColumns,
    Vote,
    check_features,
    check_key,
    infer_features,
    inspect_columns,
    key_type,
    rounding_notes,
    source_type,
)
from repast.core.layout import evolve_view
from repast.core.manifest import (
    KINDS,
    EntitySpec,
    FeatureViewSpec,
    FieldSpec,
    Manifest,
    ProjectSpec,
    SourceSpec,
)
from repast.core.settled import changes_key, unsettled_sources
from repast.core.spec import (
    dataset_spec,
    entity_spec,
    field_spec,
    on_demand_spec,
    project_spec,
    service_spec,
    source_spec,
    view_spec,
)
from repast.errors import InvalidDefinitionError, Problem, RepastError
from repast.types import DataType

if TYPE_CHECKING:
    import pyarrow as pa

_S = TypeVar("_S")

Inspect: TypeAlias = "Callable[[Sequence[SourceSpec]], Mapping[str, pa.Schema | RepastError]]"
"""Looks at sources, each once, and returns by name their columns or why they cannot be read."""


def resolve_definitions(
    definitions: Iterable[object],
    *,
    base: Manifest,
    inspect: Inspect,
    partial: bool = True,
    inspect_all: bool = False,
    problems: Sequence[Problem] = (),
    project_description: str = "",
    notes: list[str] | None = None,
) -> Manifest:
    """Return what the project is once these definitions are applied to ``base``.

    What definitions refer to is included. Registered views that are not among them, but use an entity
    or a source that changes, are resolved anew with it.

    Args:
        definitions: Any of them, in any order.
        base: What is registered.
        inspect: Looks at sources; called only for those that :func:`unsettled_sources` names.
        inspect_all: Look at all sources of the definitions, also where nothing has changed.
        partial: Keep what is registered and not among the definitions. Saved datasets are always kept:
            no file defines them.
        problems: Found while the definitions were loaded; reported with the others.
        project_description: Of the configuration; what a Project among the definitions says goes first.
        notes: Filled with what is no problem, but worth knowing: features that are rounded.

    Raises:
        InvalidDefinitionError: All problems of all definitions.

    """
    with collecting_problems() as found:
        if project_description and not (partial and base.project.description):
            described = msgspec.structs.replace(base.project, description=project_description)
            base = msgspec.structs.replace(base, project=described)
        resolver = _Resolver(gather(definitions), base, inspect, partial=partial, inspect_all=inspect_all)
        manifest = resolver.resolve()
        if notes is not None:
            notes += resolver.notes
    everything = list(dict.fromkeys([*problems, *found]))
    if everything:
        raise InvalidDefinitionError.of(everything)
    return manifest


class _Resolver:
    """One resolution. Problems are reported, never raised, so that all of them are found."""

    def __init__(self, catalog: Catalog, base: Manifest, inspect: Inspect, *, partial: bool, inspect_all: bool) -> None:
        self.catalog = catalog
        self.base = base
        self.inspect = inspect
        self.partial = partial
        self.inspect_all = inspect_all
        self.sources: dict[str, SourceSpec] = {}
        self.columns: dict[str, SourceColumns] = {}
        self.inspected: set[str] = set()
        self.notes: list[str] = []
        self.unresolved: set[str] = set()
        self.users: dict[str, list[FeatureView]] = {}
        """Views by entity."""
        self.registered_user: dict[str, FeatureViewSpec] = {}
        """One registered view by entity that stays as it is; one is enough, since they agree on key types."""

    def resolve(self) -> Manifest:
        self._resolve_sources()
        if self.partial:
            self._add_dependents()
        self._index_users()
        entities = {name: self._entity(entity) for name, entity in self.catalog.entities.items()}
        views = {name: self._view(view, entities) for name, view in self.catalog.feature_views.items()}
        manifest = Manifest(
            project=self._project(),
            generation=self.base.generation + 1,
            entities=self._merge(self.base.entities, entities),
            data_sources=self._merge(self.base.data_sources, self.sources),
            feature_views=self._merge(self.base.feature_views, views),
            on_demand_feature_views=self._merge(
                self.base.on_demand_feature_views,
                {name: on_demand_spec(view) for name, view in self.catalog.on_demand_feature_views.items()},
            ),
            feature_services=self._merge(
                self.base.feature_services,
                {name: service_spec(service) for name, service in self.catalog.feature_services.items()},
            ),
            saved_datasets={
                **self.base.saved_datasets,
                **{name: dataset_spec(dataset) for name, dataset in self.catalog.saved_datasets.items()},
            },
        )
        for finding in check_manifest(manifest, unresolved=self.unresolved):
            self._report(finding)
        return manifest

    def _merge(self, registered: Mapping[str, _S], resolved: Mapping[str, _S]) -> dict[str, _S]:
        return {**registered, **resolved} if self.partial else dict(resolved)

    def _report(self, finding: Finding) -> None:
        """Report a finding at the definition to blame, or at another one that is part of it."""
        kind, name = finding.objects[0]
        definitions = (self.catalog.find(*it) for it in finding.objects)
        location = next((d.location for d in definitions if d is not None), None)
        report(finding.message, subject=f"{KINDS[kind]} {name!r}", location=location, hint=finding.hint)

    def _project(self) -> ProjectSpec:
        project, registered = self.catalog.project, self.base.project
        if project is None:
            return registered
        if project.name != registered.name:
            project.problem(
                f"feature_store.yaml says project {registered.name!r}.",
                hint=f"Project(name={registered.name!r}), or project: {project.name} in feature_store.yaml",
            )
        return project_spec(project)

    # -- sources ----------------------------------------------------------------------------------

    def _resolve_sources(self) -> None:
        """Inspect the batch sources that matter and were not looked at yet, and make the specs of all sources."""
        known = Manifest(project=self.base.project) if self.inspect_all else self.base
        wanted = unsettled_sources(self.catalog, known) - self.inspected
        self.inspected |= wanted
        specs = [source_spec(s) for s in self.catalog.batch_sources() if s.name in wanted]
        schemas = self.inspect(specs) if specs else {}
        for name, source in self.catalog.data_sources.items():
            event = source.timestamp_field if isinstance(source, BatchSource) else None
            if isinstance(source, BatchSource) and name in wanted:
                event = self._inspect_source(source, schemas[name]) or event
            if name in wanted or name not in self.sources:
                self.sources[name] = source_spec(source, timestamp_field=event or "")

    def _inspect_source(self, source: BatchSource, schema: pa.Schema | RepastError) -> str:
        if isinstance(schema, RepastError):
            source.problem(schema.message, hint=schema.hint)
            return ""
        self.columns[source.name] = inspect_columns(source, schema)
        return self.columns[source.name].timestamp_field

    def _columns_of(self, view: FeatureView) -> SourceColumns | None:
        """What is known of a view's source; None if it was not looked at or cannot be read."""
        source = self.catalog.batch_source_of(view)
        return self.columns.get(source.name) if source else None

    # -- registered views that use what changes ---------------------------------------------------

    def _add_dependents(self) -> None:
        for name, spec in self.base.feature_views.items():
            if name in self.catalog.feature_views or not self._is_touched(spec):
                continue
            # Without its key fields: key types follow the entity as it is now defined.
            view = describe_view(self.base, msgspec.structs.replace(spec, join_keys=()))
            self.catalog.feature_views[name] = view
            for entity in view.entities:
                self.catalog.entities.setdefault(entity.name, entity)
            source = view.source
            while isinstance(source, DataSource):
                self.catalog.data_sources.setdefault(source.name, source)
                source = source.batch_source if isinstance(source, PushSource) else None
        self._resolve_sources()

    def _is_touched(self, view: FeatureViewSpec) -> bool:
        entities = (self.catalog.entities[name] for name in view.entities if name in self.catalog.entities)
        if any(changes_key(entity, self.base.entities.get(entity.name)) for entity in entities):
            return True
        push = self.catalog.data_sources.get(view.push_source or "")
        if isinstance(push, PushSource) and push.batch_source is not None and push.batch_source.name != view.source:
            return True
        source = self.sources.get(view.source)
        return source is not None and reads_differently(source, self.base.data_sources.get(view.source))

    # -- entities ---------------------------------------------------------------------------------

    def _index_users(self) -> None:
        for view in self.catalog.feature_views.values():
            for entity in view.entities:
                self.users.setdefault(entity.name, []).append(view)
        for name, spec in self.base.feature_views.items() if self.partial else ():
            if name not in self.catalog.feature_views:
                self.registered_user |= dict.fromkeys(spec.entities, spec)

    def _entity(self, entity: Entity) -> EntitySpec:
        return entity_spec(entity, {key.name: self._key_type(entity, key) for key in entity.join_keys})

    def _key_type(self, entity: Entity, key: JoinKey) -> DataType | None:
        declared = [Vote(key.dtype, "in the entity", entity.location)] if key.dtype else []
        inferred = []
        for view in self.users.get(entity.name, ()):
            where = f"in the schema of feature view {view.name!r}"
            declared += [Vote(f.dtype, where, f.location or view.location) for f in view.schema if f.name == key.name]
            inferred += self._inferred_votes(view, key.name)
        registered = self.registered_user.get(entity.name)
        declared += _registered_votes(registered, key.name) if registered else []
        if not declared and not inferred:
            return self._known_key_type(entity.name, key.name)
        return key_type(entity, key.name, declared, inferred)

    def _inferred_votes(self, view: FeatureView, key: str) -> list[Vote]:
        columns = self._columns_of(view)
        if columns is None:
            registered = self.base.feature_views.get(view.name)
            return _registered_votes(registered, key) if registered else []
        found = source_type(columns, key)
        where = f"in source {columns.source.name!r} of feature view {view.name!r}"
        return [Vote(found, where, view.location)] if found else []

    def _known_key_type(self, entity: str, key: str) -> DataType | None:
        """What the last view of an entity said before it went."""
        registered = self.base.entities.get(entity)
        known = [field for field in registered.join_keys if field.name == key and field.dtype] if registered else []
        return known[0].type if known else None

    # -- views ------------------------------------------------------------------------------------

    def _view(self, view: FeatureView, entities: Mapping[str, EntitySpec]) -> FeatureViewSpec:
        columns = self._columns_of(view)
        schema = {field.name: field for field in view.schema}
        used = [entities[entity.name] for entity in view.entities if entity.name in entities]
        keys = [_documented(key, schema.get(key.name)) for entity in used for key in entity.join_keys]
        features = [field for field in view.schema if field.name not in {key.name for key in keys}]
        if columns is not None:
            for entity in used:
                for key in entity.join_keys:
                    check_key(view, entity.name, key.name, key.type if key.dtype else None, columns)
            check_features(view, features, columns)
            self.notes += rounding_notes(view, features, columns)
            features = features or infer_features(view, {key.name for key in keys}, columns)
        elif not features:
            self.unresolved.add(view.name)
        source = self.catalog.batch_source_of(view)
        spec = view_spec(view, source=source.name if source else "", keys=keys, features=map(field_spec, features))
        return evolve_view(spec, self.base.feature_views.get(view.name), generation=self.base.generation + 1)


def _registered_votes(view: FeatureViewSpec, key: str) -> list[Vote]:
    where = f"in the registered feature view {view.name!r}"
    return [Vote(field.type, where) for field in view.join_keys if field.name == key]


def _documented(key: FieldSpec, field: Field | None) -> FieldSpec:
    """A key column as the view documents it, of the entity's type."""
    if field is None:
        return key
    return FieldSpec(name=key.name, dtype=key.dtype, description=field.description, tags=dict(field.tags))
