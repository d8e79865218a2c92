"""What changes between two manifests: created, updated and deleted objects, property by property."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeAlias

import msgspec

from repast.core.manifest import KINDS, FieldSpec, FunctionSpec, Manifest, Named, ProjectionSpec

Action: TypeAlias = Literal["create", "update", "delete"]

_HIDDEN = frozenset({"name", "layouts", "incarnation"})
"""The name is the object's identity; layouts and incarnation follow from the features and keys."""

_ORDER = " (order)"


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One property before and after, as JSON-able values; None: not there."""

    property: str
    old: object = None
    new: object = None

    def __str__(self) -> str:
        return f"{self.property}: {_shown(self.old)} -> {_shown(self.new)}"


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one object. ``kind`` is a collection of the manifest, or "project"."""

    kind: str
    name: str
    action: Action
    properties: tuple[PropertyChange, ...] = ()

    @property
    def label(self) -> str:
        """The object as people call it: ``feature view 'x'``."""
        return f"{kind_label(self.kind)} {self.name!r}"

    def __str__(self) -> str:
        done = {"create": "Created", "update": "Updated", "delete": "Deleted"}[self.action]
        lines = [f"{done} {kind_label(self.kind)} {self.name}"]
        lines += [f"\t{change}" for change in self.properties if self.action == "update"]
        return "\n".join(lines)


def kind_label(kind: str) -> str:
    """Return the word for one member of a collection."""
    return KINDS.get(kind, kind)


def diff_manifests(base: Manifest, target: Manifest) -> tuple[Change, ...]:
    """Return the changes from one manifest to another, in the order of dependency, then by name."""
    changes = []
    if base.generation == 0 and not any(base.collection(kind) for kind in KINDS):
        changes.append(Change("project", target.project.name, "create"))
    elif base.project != target.project:
        changes.append(_update("project", base.project, target.project))
    for kind in KINDS:
        old, new = base.collection(kind), target.collection(kind)
        for name in sorted(old.keys() | new.keys()):
            if name not in old:
                changes.append(Change(kind, name, "create"))
            elif name not in new:
                changes.append(Change(kind, name, "delete"))
            elif old[name] != new[name]:
                changes.append(_update(kind, old[name], new[name]))
    return tuple(changes)


def _update(kind: str, old: Named, new: Named) -> Change:
    before, after = _properties(old), _properties(new)
    names = [*after, *(name for name in before if name not in after)]
    changed = [PropertyChange(n, before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)]
    return Change(kind, new.name, "update", tuple(c for c in changed if not _follows(c)))


def _follows(change: PropertyChange) -> bool:
    """Whether an order differs only because fields came or went, which is told anyway."""
    if not change.property.endswith(_ORDER):
        return False
    old, new = (value if isinstance(value, list) else [] for value in (change.old, change.new))
    return sorted(old) != sorted(new)


def _properties(spec: Named) -> dict[str, object]:
    properties: dict[str, object] = {}
    for name in spec.__struct_fields__:
        if name not in _HIDDEN:
            properties.update(_flatten(name, getattr(spec, name)))
    return properties


def _flatten(name: str, value: Any) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from ((f"{name}.{key}", item) for key, item in value.items())
    elif isinstance(value, FunctionSpec):
        yield name, f"{value.reference} (sha256 {value.sha256[:12]})"
    elif isinstance(value, tuple) and value and isinstance(value[0], FieldSpec):
        yield name + _ORDER, [field.name for field in value]
        for field in value:
            yield from _flatten_field(f"{name}.{field.name}", field)
    elif isinstance(value, tuple) and value and isinstance(value[0], ProjectionSpec):
        yield name, [_projection(item) for item in value]
    elif isinstance(value, tuple):
        yield name, list(value)
    elif name.endswith("_us"):
        yield name.removesuffix("_us"), None if value is None else str(timedelta(microseconds=value))
    else:
        yield name, msgspec.to_builtins(value)


def _flatten_field(path: str, field: FieldSpec) -> Iterator[tuple[str, object]]:
    yield path, str(field.type) if field.dtype else "type not known"
    if field.description:
        yield f"{path}.description", field.description
    for key, value in field.tags.items():
        yield f"{path}.tags.{key}", value


def _projection(spec: ProjectionSpec) -> str:
    features = "" if spec.features is None else f"[{', '.join(spec.features)}]"
    alias = f" as {spec.name_alias}" if spec.name_alias else ""
    keys = "".join(f" on {key}={column}" for key, column in sorted(spec.join_key_map.items()))
    return f"{spec.view}{features}{alias}{keys}"


def _shown(value: object) -> str:
    if value is None or value == "":
        return "(none)"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return str(value)
