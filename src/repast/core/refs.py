"""From what a caller asks for (references, services) to the views, features and output columns it means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

from repast.core.manifest import FeatureViewSpec, FieldSpec, Manifest, OnDemandFeatureViewSpec, ProjectionSpec
from repast.errors import InvalidRequestError, NotFoundError, did_you_mean


@dataclass(frozen=True, slots=True)
class SelectedFeature:
    """One feature of a view and the output column it fills (None: only an input of an on-demand view)."""

    field: FieldSpec
    output: str | None


@dataclass(frozen=True, kw_only=True)
class ViewSelection:
    """The features of one view that a request needs, under the name (alias) it was asked by."""

    view: FeatureViewSpec
    name: str
    features: tuple[SelectedFeature, ...]
    join_key_map: Mapping[str, str] = field(default_factory=dict)
    """The view's join key -> the column of the spine or request that holds it."""

    @property
    def keys(self) -> tuple[tuple[FieldSpec, str], ...]:
        """(join key, column of the spine or request), sorted by join key."""
        return tuple((key, self.join_key_map.get(key.name, key.name)) for key in self.view.join_keys)


@dataclass(frozen=True, slots=True)
class InputColumn:
    """One feature that an on-demand view reads: where it is in the selection, and its two names in the function."""

    view: int
    """Position in :attr:`Selection.views`."""
    feature: int
    """Position in that view's ``features``."""
    name: str
    """The feature's own name; two sources with the same feature leave it out, as it would mean either."""
    full_name: str
    """``view__feature``; view is the name that the on-demand view knows it by."""


@dataclass(frozen=True, kw_only=True)
class OnDemandSelection:
    """An on-demand view to compute. Its inputs are among the request's views and request fields."""

    view: OnDemandFeatureViewSpec
    name: str
    features: tuple[SelectedFeature, ...]
    """The selected ones, in the order they were asked for; the function returns all of ``view.features``."""
    inputs: tuple[InputColumn, ...] = ()
    keys: tuple[str, ...] = ()
    """Key columns of the spine or request that its source views are found by; the function gets them too."""
    request_fields: tuple[FieldSpec, ...] = ()

    @cached_property
    def named_inputs(self) -> tuple[tuple[str, InputColumn], ...]:
        """The names that the function knows its inputs by: each its full one, and its own unless two share it."""
        own = Counter(column.name for column in self.inputs)
        named: list[tuple[str, InputColumn]] = []
        for column in self.inputs:
            if own[column.name] == 1:
                named.append((column.name, column))
            named.append((column.full_name, column))
        return tuple(named)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Everything one request reads and returns."""

    views: tuple[ViewSelection, ...]
    """No two have the same view, name and join_key_map; names alone may repeat for hidden inputs."""
    on_demand: tuple[OnDemandSelection, ...] = ()
    request_fields: tuple[FieldSpec, ...] = ()
    """Columns that must come with the spine or request."""
    outputs: tuple[str, ...] = ()
    """Feature columns of the answer, in the order they were asked for."""
    references: tuple[str, ...] = ()
    """``view:feature`` of each output, where view is the alias if there is one."""


def parse_ref(ref: str) -> tuple[str, str]:
    """Split ``"view:feature"``.

    Raises:
        InvalidRequestError: It has not that form.

    """
    view, separator, feature = ref.partition(":") if isinstance(ref, str) else ("", "", "")
    if not (view and separator and feature):
        shown = repr(ref) if isinstance(ref, str | bytes | int | float | list | tuple) else f"a {type(ref).__name__}"
        raise InvalidRequestError(
            f"{shown} is not a feature reference.",
            hint=_reference_hint(ref),
            context={"reference": ref},
        )
    return view, feature


def _reference_hint(ref: object) -> str:
    """Say how somebody may have to write what they asked for."""
    if isinstance(ref, str):
        for separator in ("__", "."):
            view, found, feature = ref.partition(separator)
            if view and found and feature:
                return f'write it with a colon: "{view}:{feature}"'
        if ref.isidentifier():
            return f'write "view:feature"; if it is a feature service: features={ref!r}, or -s {ref}'
    elif hasattr(ref, "features") and isinstance(name := getattr(ref, "name", None), str):
        return f'write "{name}:feature", or make a FeatureService of it and ask for that'
    return 'write "view:feature", for example "driver_stats:trips_today"'


def resolve_selection(
    manifest: Manifest,
    features: Sequence[str] | Sequence[ProjectionSpec],
    *,
    full_feature_names: bool = False,
) -> Selection:
    """Resolve references or a service's projections against what is registered.

    Output columns are ``feature``, or ``view__feature`` with full names, where view is the alias if
    there is one. On-demand views bring in the views they need (their features then have output None).

    Raises:
        InvalidRequestError: Nothing is asked for, or two outputs have one name.
        NotFoundError: A view or feature does not exist; the hint names the closest.

    """
    if isinstance(features, str):
        raise InvalidRequestError(f"features must be a list, not {features!r}.", hint=f"features=[{features!r}]")
    if features is not None and not isinstance(features, Sequence | Set):
        raise InvalidRequestError(
            f"features must be a list of references or a feature service, not a {type(features).__name__}.",
            hint='features=["view:feature", ...]',
        )
    if not features:
        raise InvalidRequestError("No features are asked for.", hint='features=["view:feature", ...]')
    resolver = _Resolver(manifest, full_feature_names)
    for item in features:
        resolver.add(item if isinstance(item, ProjectionSpec) else _project(item))
    return resolver.selection()


def _project(ref: str) -> ProjectionSpec:
    view, feature = parse_ref(ref)
    return ProjectionSpec(view=view, features=(feature,))


class _Draft:
    """The features of one view or on-demand view that have been asked for so far, by name."""

    def __init__(self, view: FeatureViewSpec | OnDemandFeatureViewSpec, projection: ProjectionSpec) -> None:
        self.view = view
        self.projection = projection
        self.fields = {f.name: f for f in view.features}
        self.outputs: dict[str, str | None] = {}

    def names(self, projection: ProjectionSpec) -> Iterator[str]:
        """The features that a projection of this view selects.

        Raises:
            NotFoundError: The view does not have one of them.

        """
        for name in self.fields if projection.features is None else projection.features:
            if name not in self.fields:
                raise NotFoundError(
                    f"{_kind(self.view)} {self.view.name!r} has no feature {name!r}.",
                    hint=did_you_mean(name, self.fields) or "it has " + ", ".join(self.fields),
                    context={"view": self.view.name, "feature": name},
                )
            yield name

    def selected(self) -> tuple[SelectedFeature, ...]:
        return tuple(SelectedFeature(self.fields[name], output) for name, output in self.outputs.items())


_Identity = tuple[str, str, tuple[tuple[str, str], ...]]


def _identity(projection: ProjectionSpec) -> _Identity:
    return projection.view, projection.name, tuple(sorted(projection.join_key_map.items()))


class _Resolver:
    """Collects projections, in the order they are asked for, and freezes them into a Selection."""

    def __init__(self, manifest: Manifest, full_feature_names: bool) -> None:
        self._manifest = manifest
        self._full = full_feature_names
        self._drafts: dict[_Identity, _Draft] = {}
        self._outputs: dict[str, str] = {}
        """Output column -> the reference that fills it."""

    def add(self, projection: ProjectionSpec) -> None:
        draft = self._draft(projection)
        for name in draft.names(projection):
            output = f"{projection.name}__{name}" if self._full else name
            self._claim(output, f"{projection.name}:{name}")
            draft.outputs[name] = output

    def _draft(self, projection: ProjectionSpec) -> _Draft:
        identity = _identity(projection)
        if identity not in self._drafts:
            self._drafts[identity] = _Draft(self._view(projection.view), projection)
        return self._drafts[identity]

    def _view(self, name: str) -> FeatureViewSpec | OnDemandFeatureViewSpec:
        views = self._manifest.feature_views
        on_demand = self._manifest.on_demand_feature_views
        found = views.get(name) or on_demand.get(name)
        if found is None and on_demand:
            near = did_you_mean(name, [*views, *on_demand])
            listing = ", ".join(sorted([*views, *on_demand])[:10])
            raise NotFoundError(
                f"There is no feature view {name!r} in project {self._manifest.project.name!r}.",
                hint=near or f"there are: {listing}",
                context={"kind": "feature view", "name": name, "project": self._manifest.project.name},
            )
        if found is None:
            self._manifest.get("feature_views", name)  # raises, with the hint that fits
        assert found is not None
        return found

    def _claim(self, output: str, reference: str) -> None:
        other = self._outputs.get(output)
        if other is None:
            self._outputs[output] = reference
            return
        if other == reference:
            message = f"{reference!r} is asked for twice."
            hint = "leave one out; to join a view twice, give one of them another name: .with_name(...)"
        else:
            message = f"{other!r} and {reference!r} would both fill the column {output!r}."
            hint = (
                "give one of the views another name: .with_name(...)"
                if self._full
                else "ask with full_feature_names=True: columns are then named view__feature"
            )
        raise InvalidRequestError(message, hint=hint, context={"column": output, "references": (other, reference)})

    def selection(self) -> Selection:
        asked = [d for d in self._drafts.values() if isinstance(d.view, OnDemandFeatureViewSpec)]
        for draft in asked:
            self._bring_in_inputs(draft)
        views = {i: d for i, d in self._drafts.items() if isinstance(d.view, FeatureViewSpec)}
        places = {identity: place for place, identity in enumerate(views)}
        on_demand = tuple(self._on_demand(draft, places) for draft in asked)
        selection = Selection(
            views=tuple(_freeze(draft) for draft in views.values()),
            on_demand=on_demand,
            request_fields=_merge_request_fields(on_demand),
            outputs=tuple(self._outputs),
            references=tuple(self._outputs.values()),
        )
        self._refuse_clashes(selection)
        return selection

    def _bring_in_inputs(self, draft: _Draft) -> None:
        assert isinstance(draft.view, OnDemandFeatureViewSpec)
        for source in draft.view.sources:
            inputs = self._draft(source)
            for name in inputs.names(source):
                inputs.outputs.setdefault(name, None)

    def _on_demand(self, draft: _Draft, places: Mapping[_Identity, int]) -> OnDemandSelection:
        view = draft.view
        assert isinstance(view, OnDemandFeatureViewSpec)
        inputs: list[InputColumn] = []
        keys: dict[str, None] = {}
        for source in view.sources:
            inner = self._draft(source)
            place, order = places[_identity(source)], list(inner.outputs)
            inputs += [
                InputColumn(place, order.index(name), name, f"{source.name}__{name}") for name in inner.names(source)
            ]
            keys |= dict.fromkeys(column for _, column in _freeze(inner).keys)
        return OnDemandSelection(
            view=view,
            name=draft.projection.name,
            features=draft.selected(),
            inputs=tuple(inputs),
            keys=tuple(keys),
            request_fields=tuple(self._request_fields(view)),
        )

    def _request_fields(self, view: OnDemandFeatureViewSpec) -> Iterator[FieldSpec]:
        for name in view.request_sources:
            self._manifest.get("data_sources", name)
            yield from self._manifest.data_sources[name].schema

    def _refuse_clashes(self, selection: Selection) -> None:
        keys = {column: selected.name for selected in selection.views for _, column in selected.keys}
        fields = {f.name for f in selection.request_fields}
        for output, reference in self._outputs.items():
            if output in keys or output in fields:
                what = f"a key column of {keys[output]!r}" if output in keys else "a request field"
                raise InvalidRequestError(
                    f"{reference!r} would fill the column {output!r}, which is also {what}.",
                    hint="ask with full_feature_names=True: columns are then named view__feature",
                    context={"column": output},
                )


def _freeze(draft: _Draft) -> ViewSelection:
    assert isinstance(draft.view, FeatureViewSpec)
    projection = draft.projection
    return ViewSelection(
        view=draft.view, name=projection.name, features=draft.selected(), join_key_map=projection.join_key_map
    )


def _merge_request_fields(on_demand: Sequence[OnDemandSelection]) -> tuple[FieldSpec, ...]:
    merged: dict[str, tuple[FieldSpec, str]] = {}
    for selected in on_demand:
        for spec in selected.request_fields:
            known, by = merged.setdefault(spec.name, (spec, selected.name))
            if known.dtype != spec.dtype:
                raise InvalidRequestError(
                    f"The request field {spec.name!r} is {known.type} for on demand feature view {by!r} "
                    f"and {spec.type} for {selected.name!r}.",
                    hint="ask for them in two requests, or give the field one type",
                    context={"column": spec.name},
                )
    return tuple(spec for spec, _ in merged.values())


def _kind(view: FeatureViewSpec | OnDemandFeatureViewSpec) -> str:
    return "Feature view" if isinstance(view, FeatureViewSpec) else "On demand feature view"
