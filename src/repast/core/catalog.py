"""Gather definitions by kind and name, with everything they refer to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from repast.core.definitions import (
    BatchSource,
    DataSource,
    Definition,
    Entity,
    FeatureService,
    FeatureView,
    FeatureViewProjection,
    OnDemandFeatureView,
    Project,
    PushSource,
    SavedDataset,
)
from repast.core.definitions.base import as_definition
from repast.core.definitions.problem import report

_D = TypeVar("_D", bound=Definition)


@dataclass
class Catalog:
    """Definitions by kind and name; the attributes are named like the manifest's collections."""

    project: Project | None = None
    entities: dict[str, Entity] = field(default_factory=dict)
    data_sources: dict[str, DataSource] = field(default_factory=dict)
    feature_views: dict[str, FeatureView] = field(default_factory=dict)
    on_demand_feature_views: dict[str, OnDemandFeatureView] = field(default_factory=dict)
    feature_services: dict[str, FeatureService] = field(default_factory=dict)
    saved_datasets: dict[str, SavedDataset] = field(default_factory=dict)

    def find(self, kind: str, name: str) -> Definition | None:
        """Return the definition of one name in one collection, if it was gathered."""
        members: dict[str, Definition] = getattr(self, kind)
        return members.get(name)

    def batch_sources(self) -> Iterator[BatchSource]:
        """The sources that have columns to look at."""
        return (s for s in self.data_sources.values() if isinstance(s, BatchSource))

    def batch_source_of(self, view: FeatureView) -> BatchSource | None:
        """The batch source of a view; by name, since a registered view may hold an older definition of it."""
        source: DataSource | None = view.source
        if isinstance(source, DataSource):
            source = self.data_sources.get(source.name, source)
        if isinstance(source, PushSource) and source.batch_source is not None:
            source = self.data_sources.get(source.batch_source.name, source.batch_source)
        return source if isinstance(source, BatchSource) else None

    def add(self, definition: object) -> None:
        """Add a definition and what it refers to; report two different ones of one name."""
        spelt, definition = definition, as_definition(definition)
        if definition is None and spelt is not None:
            return
        if isinstance(definition, Project):
            self._add_project(definition)
        elif isinstance(definition, Entity):
            _put(self.entities, definition)
        elif isinstance(definition, DataSource):
            self._add_source(definition)
        elif isinstance(definition, FeatureView):
            self._add_view(definition)
        elif isinstance(definition, OnDemandFeatureView):
            self._add_on_demand(definition)
        elif isinstance(definition, FeatureService):
            self._add_service(definition)
        elif isinstance(definition, SavedDataset):
            _put(self.saved_datasets, definition)
        else:
            _report_stranger(definition)

    def _add_project(self, project: Project) -> None:
        if self.project is None:
            self.project = project
        elif self.project != project:
            project.problem(f"there is another project: {_described(self.project)}.", hint="keep one Project(...)")

    def _add_source(self, source: DataSource) -> None:
        if _put(self.data_sources, source) and isinstance(source, PushSource):
            self._add_if_definition(source.batch_source)

    def _add_view(self, view: FeatureView) -> None:
        if _put(self.feature_views, view):
            for entity in view.entities:
                self.add(entity)
            self._add_if_definition(view.source)

    def _add_on_demand(self, view: OnDemandFeatureView) -> None:
        if _put(self.on_demand_feature_views, view):
            for source in view.sources:
                self.add(source.view if isinstance(source, FeatureViewProjection) else source)

    def _add_service(self, service: FeatureService) -> None:
        if _put(self.feature_services, service):
            for projection in service.features:
                self.add(projection.view)

    def _add_if_definition(self, value: object) -> None:
        if isinstance(value, Definition):  # anything else has been reported where it was written
            self.add(value)


def gather(definitions: Iterable[object]) -> Catalog:
    """Gather definitions with everything they refer to: entities, sources, batch sources, views.

    The same definition twice is one. Two different ones of one kind and name are a problem, reported
    with both places; the first stays.
    """
    catalog = Catalog()
    for definition in definitions:
        catalog.add(definition)
    return catalog


def _put(members: dict[str, _D], definition: _D) -> bool:
    """Add one member; return whether it is new here (what it refers to has then to be added too)."""
    if not isinstance(definition.name, str):
        return False  # reported where it was written
    other = members.get(definition.name)
    if other is None:
        members[definition.name] = definition
        return True
    if other is not definition and (type(other) is not type(definition) or other != definition):
        definition.problem(
            f"is defined twice; the other is {_described(other)} and differs in {_difference(definition, other)}.",
            hint="give one of them another name, or define it once and import it",
        )
    return False


def _described(definition: Definition) -> str:
    where = f" at {definition.location}" if definition.location else ""
    return f"{definition.kind} {definition.name!r}{where}"


def _difference(one: Definition, other: Definition) -> str:
    if type(one) is not type(other):
        return "its class"
    names = [f.name for f in dataclasses.fields(one) if f.compare and getattr(one, f.name) != getattr(other, f.name)]
    return ", ".join(names)


def _report_stranger(value: object) -> None:
    if isinstance(value, FeatureViewProjection):
        report(
            f"a selection of {value.view.kind} {value.view.name!r} cannot be applied by itself.",
            hint="apply the view, or a FeatureService that uses the selection",
        )
    elif isinstance(value, type):
        report(f"{value.__name__} is a class, not a definition.", hint=f"make one: {value.__name__}(name=...)")
    else:
        report(f"{value!r} is not a definition.", hint="apply takes Entity, FeatureView, FeatureService, ...")
