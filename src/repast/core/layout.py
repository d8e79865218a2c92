"""How a view's online table outlives changes of the view: row layouts, and when a new table must start."""

from __future__ import annotations

import msgspec

from repast.core.manifest import FeatureViewSpec, FieldSpec, LayoutSpec
from repast.types import from_json

MAX_LAYOUT = 65_535
"""Layout versions take two bytes of a stored row."""


def evolve_view(view: FeatureViewSpec, registered: FeatureViewSpec | None, *, generation: int) -> FeatureViewSpec:
    """Return the view with the layouts and the incarnation that follow from what is registered.

    Added and removed features append a layout: rows written before stay readable, and a version is
    never used again within one incarnation (a newer layout must win over the same row in an older one).
    A changed type or key starts a new incarnation, as does a view that was not served before. An
    incarnation is numbered by the generation that starts it, so a table's name is never used again,
    not even after the view was deleted.
    """
    features = tuple((f.name, f.dtype) for f in sorted(view.features, key=lambda f: f.name))
    fresh = (LayoutSpec(version=1, features=features),)
    if registered is None or breaking_changes(registered, view) or (view.online and not registered.online):
        return msgspec.structs.replace(view, incarnation=generation, layouts=fresh)
    layouts = registered.layouts
    if layouts[-1].features != features:
        layouts = (*layouts, LayoutSpec(version=layouts[-1].version + 1, features=features))
    return msgspec.structs.replace(view, incarnation=registered.incarnation, layouts=layouts)


def breaking_changes(old: FeatureViewSpec, new: FeatureViewSpec) -> tuple[str, ...]:
    """Return why rows that were written for ``old`` cannot be read as rows of ``new``; empty if they can."""
    reasons = []
    old_keys, new_keys = _typed(old.join_keys), _typed(new.join_keys)
    if old_keys != new_keys:
        reasons.append(f"the key changes from ({_listed(old_keys)}) to ({_listed(new_keys)})")
    wanted = {f.name: f.dtype for f in new.features}
    changed = {
        name: (dtype, wanted[name])
        for layout in old.layouts
        for name, dtype in layout.features
        if name in wanted and wanted[name] != dtype
    }
    reasons += [
        f"feature {name!r} changes from {from_json(before)} to {from_json(after)}"
        for name, (before, after) in sorted(changed.items())
    ]
    if not reasons and old.layouts and old.layouts[-1].version >= MAX_LAYOUT:
        reasons.append(f"the features have changed {MAX_LAYOUT} times")
    return tuple(reasons)


def _typed(keys: tuple[FieldSpec, ...]) -> dict[str, str]:
    return {key.name: str(key.type) if key.dtype else "of unknown type" for key in keys}


def _listed(keys: dict[str, str]) -> str:
    return ", ".join(f"{name} {dtype}" for name, dtype in keys.items())
