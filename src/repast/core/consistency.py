"""What must hold inside one manifest, whoever changed it: names are unique and references lead somewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from repast.core.definitions.base import NAME
from repast.core.manifest import (
    KINDS,
    FeatureViewSpec,
    FieldSpec,
    Manifest,
    OnDemandFeatureViewSpec,
    ProjectionSpec,
    SourceSpec,
)
from repast.errors import did_you_mean
from repast.types import from_json

VIEW_KINDS = ("feature_views", "on_demand_feature_views")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold. ``objects`` are (kind, name); the first is the one to blame."""

    objects: tuple[tuple[str, str], ...]
    message: str
    hint: str = ""


def check_manifest(manifest: Manifest, *, unresolved: Collection[str] = ()) -> list[Finding]:
    """Return everything that does not hold.

    Args:
        unresolved: Views whose features are not known because of problems reported elsewhere.

    """
    findings = [*_check_names(manifest)]
    for view in manifest.feature_views.values():
        findings += _check_view(manifest, view)
    for source in manifest.data_sources.values():
        findings += _check_source(manifest, source)
    for on_demand in manifest.on_demand_feature_views.values():
        findings += _check_on_demand(manifest, on_demand, unresolved)
    for service in manifest.feature_services.values():
        at = ("feature_services", service.name)
        for projection in service.features:
            findings += _check_projection(manifest, at, projection, VIEW_KINDS, unresolved)
    return findings


def _check_names(manifest: Manifest) -> Iterator[Finding]:
    for kinds in (("entities",), ("data_sources",), VIEW_KINDS, ("feature_services",), ("saved_datasets",)):
        seen: dict[str, tuple[str, str]] = {}
        for kind in kinds:
            for name in manifest.collection(kind):
                other_kind, other = seen.setdefault(name.lower(), (kind, name))
                if other == name and other_kind == kind:
                    continue
                what = "has that name too" if other == name else f"is called {other!r}: they differ only in case"
                yield Finding(
                    ((kind, name), (other_kind, other)), f"a {KINDS[other_kind]} {what}.", "rename one of them"
                )


def _check_view(manifest: Manifest, view: FeatureViewSpec) -> Iterator[Finding]:
    at = ("feature_views", view.name)
    keys: dict[str, FieldSpec] = {}
    for name in view.entities:
        if name not in manifest.entities:
            yield _missing(at, manifest, "entities", name)
            return
        keys |= {key.name: key for key in manifest.entities[name].join_keys}
    seen: dict[str, str] = {}
    for field in (*view.join_keys, *view.features):
        if (other := seen.setdefault(field.name.lower(), field.name)) != field.name:
            yield Finding((at,), f"columns {other!r} and {field.name!r} differ only in case.", "rename one of them")
    if {k.name: k.dtype for k in view.join_keys} != {k.name: k.dtype for k in keys.values()}:
        yield Finding((at,), "its join keys are not those of its entities.", "apply it together with its entities")
    for source in (view.source, view.push_source):
        if source is not None and source not in manifest.data_sources:
            yield _missing(at, manifest, "data_sources", source)
    push = manifest.data_sources.get(view.push_source or "")
    if push is not None and push.batch_source != view.source:
        message = f"it reads source {view.source!r}, but its push source {push.name!r} has {push.batch_source!r}."
        yield Finding((at,), message, "apply it together with its push source")


def _check_source(manifest: Manifest, source: SourceSpec) -> Iterator[Finding]:
    if source.batch_source is not None and source.batch_source not in manifest.data_sources:
        yield _missing(("data_sources", source.name), manifest, "data_sources", source.batch_source)


def _check_on_demand(
    manifest: Manifest, view: OnDemandFeatureViewSpec, unresolved: Collection[str]
) -> Iterator[Finding]:
    at = ("on_demand_feature_views", view.name)
    for projection in view.sources:
        yield from _check_projection(manifest, at, projection, ("feature_views",), unresolved)
    inputs = {name: projection.name for projection in view.sources for name in _selected(manifest, projection)}
    fields: dict[str, tuple[str, FieldSpec]] = {}
    for name in view.request_sources:
        request = manifest.data_sources.get(name)
        if request is None or request.source_type != "request":
            yield _missing(at, manifest, "data_sources", name)
            continue
        for field in request.schema:
            other_name, other = fields.setdefault(field.name, (name, field))
            if field.name in inputs:
                where = f"a feature of {inputs[field.name]!r}"
            elif other.dtype != field.dtype:
                where = f"a field of request source {other_name!r}, of another type"
            else:
                continue
            message = f"field {field.name!r} of request source {name!r} is also {where}."
            yield Finding((at, ("data_sources", name)), message, "rename the field of the request source")
    yield from _check_request_keys(manifest, view)


def _selected(manifest: Manifest, projection: ProjectionSpec) -> Iterator[str]:
    view = manifest.feature_views.get(projection.view)
    for feature in view.features if view else ():
        if projection.features is None or feature.name in projection.features:
            yield feature.name


def _check_request_keys(manifest: Manifest, view: OnDemandFeatureViewSpec) -> Iterator[Finding]:
    """A request field may be a join key of an input view too, since both come with the request; not of two types."""
    views = [manifest.feature_views[p.view] for p in view.sources if p.view in manifest.feature_views]
    keys = {key.name: key.dtype for source in views for key in source.join_keys}
    requests = [manifest.data_sources[name] for name in view.request_sources if name in manifest.data_sources]
    for request in requests:
        for field in request.schema:
            if field.name in keys and keys[field.name] not in ("", field.dtype):
                yield Finding(
                    (("on_demand_feature_views", view.name), ("data_sources", request.name)),
                    f"field {field.name!r} of request source {request.name!r} is {from_json(field.dtype)}, "
                    f"and the join key of that name is {from_json(keys[field.name])}.",
                    "give both one type, or rename the field",
                )


def _check_projection(
    manifest: Manifest,
    at: tuple[str, str],
    projection: ProjectionSpec,
    kinds: Iterable[str],
    unresolved: Collection[str],
) -> Iterator[Finding]:
    view = next(
        (manifest.collection(k)[projection.view] for k in kinds if projection.view in manifest.collection(k)), None
    )
    if view is None:
        if projection.view not in unresolved:
            yield _missing(at, manifest, "feature_views", projection.view)
        return
    if projection.name_alias is not None and not NAME.fullmatch(projection.name_alias):
        yield Finding(
            (at,), f"{projection.name_alias!r} is not a valid name for view {projection.view!r}.", "see with_name"
        )
    assert isinstance(view, FeatureViewSpec | OnDemandFeatureViewSpec)
    known = [f.name for f in view.features]
    for name in projection.features or ():
        if name not in known and projection.view not in unresolved:
            hint = did_you_mean(name, known) or "it has " + ", ".join(known)
            yield Finding((at,), f"feature view {view.name!r} has no feature {name!r}.", hint)
    if projection.join_key_map and isinstance(view, FeatureViewSpec):
        keys = [k.name for k in view.join_keys]
        for name in projection.join_key_map:
            if name not in keys:
                hint = did_you_mean(name, keys) or "its join keys are " + (", ".join(keys) or "none")
                yield Finding((at,), f"feature view {view.name!r} has no join key {name!r}.", hint)


def _missing(at: tuple[str, str], manifest: Manifest, kind: str, name: str) -> Finding:
    hint = did_you_mean(name, manifest.collection(kind)) or f"apply the {KINDS[kind]} too"
    return Finding((at, (kind, name)), f"there is no {KINDS[kind]} {name!r}.", hint)


def reads_differently(one: SourceSpec, other: SourceSpec | None) -> bool:
    """Return whether two specs of a source differ in more than what people read about it."""
    if other is None:
        return True
    bare = [msgspec.structs.replace(spec, description="", tags={}, owner="") for spec in (one, other)]
    return bare[0] != bare[1]
