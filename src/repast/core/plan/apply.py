"""What an apply does, as a value: ``plan`` prints it, ``apply`` executes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from repast.core.consistency import check_manifest, reads_differently
from repast.core.diff import Change, diff_manifests, kind_label
from repast.core.layout import breaking_changes, evolve_view
from repast.core.manifest import KINDS, FeatureViewSpec, Manifest, ObjectSpec
from repast.errors import ConflictError

Table: TypeAlias = tuple[str, int]
"""An online table: (view, incarnation)."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A change of a served view after which its stored values cannot be read: they are dropped."""

    view: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"Migrates feature view {self.view}: drops its served values, because {'; '.join(self.reasons)}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ApplyPlan:
    """All that one apply changes, against the manifest that it was planned on. Frozen; printing it explains it."""

    base: Manifest
    target: Manifest
    changes: tuple[Change, ...]
    migrations: tuple[Migration, ...]
    create_tables: tuple[Table, ...]
    drop_tables: tuple[Table, ...]
    online: bool = True
    """Whether the project has an online store; without one there are no tables and nothing to migrate."""
    notes: tuple[str, ...] = ()
    """What is no change, but worth knowing: features that are rounded on their way in."""

    @property
    def project(self) -> str:
        """Name of the project."""
        return self.target.project.name

    @property
    def base_generation(self) -> int:
        """The generation of the registry that the plan was made on; 0: never applied."""
        return self.base.generation

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes

    def __str__(self) -> str:
        if self.is_empty:
            return "No changes"
        return "\n".join(_lines(self))

    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON-able values."""
        return {
            "project": self.project,
            "base_generation": self.base_generation,
            "changes": [
                {
                    "kind": kind_label(c.kind),
                    "name": c.name,
                    "action": c.action,
                    "properties": [msgspec.to_builtins(p) for p in c.properties],
                }
                for c in self.changes
            ],
            "migrations": [{"view": m.view, "reasons": list(m.reasons)} for m in self.migrations],
            "create_tables": [{"view": view, "incarnation": n} for view, n in self.create_tables],
            "drop_tables": [{"view": view, "incarnation": n} for view, n in self.drop_tables],
            "notes": list(self.notes),
        }


def _lines(plan: ApplyPlan) -> Iterator[str]:
    yield from map(str, plan.changes)
    yield from map(str, plan.migrations)
    created, dropped = ({view for view, _ in tables} for tables in (plan.create_tables, plan.drop_tables))
    yield from (f"Created online table {view}" for view in sorted(created - dropped))
    yield from (f"Emptied online table {view}" for view in sorted(created & dropped))
    yield from (f"Deleted online table {view}" for view in sorted(dropped - created))
    yield from (f"Note: {note}" for note in plan.notes)


def plan_changes(base: Manifest, target: Manifest, *, online: bool = True, notes: Sequence[str] = ()) -> ApplyPlan:
    """Return the plan that turns ``base`` into ``target``, in a project with or without an online store."""
    changes = diff_manifests(base, target)
    generation = base.generation + 1 if changes else base.generation
    target = msgspec.structs.replace(target, generation=generation)
    before, after = online_tables(base), online_tables(target)
    return ApplyPlan(
        base=base,
        target=target,
        changes=changes,
        migrations=tuple(_migrations(base, target)) if online else (),
        create_tables=tuple(sorted(after - before)) if online else (),
        drop_tables=tuple(sorted(before - after)) if online else (),
        online=online,
        notes=tuple(notes) if changes else (),
    )


def online_tables(manifest: Manifest) -> set[Table]:
    """Return the online tables that a manifest needs."""
    return {(view.name, view.incarnation) for view in manifest.feature_views.values() if view.online}


def _migrations(base: Manifest, target: Manifest) -> Iterator[Migration]:
    for name in sorted(base.feature_views.keys() & target.feature_views.keys()):
        old, new = base.feature_views[name], target.feature_views[name]
        if old.online and new.online and old.incarnation != new.incarnation:
            yield Migration(name, breaking_changes(old, new))


def rebase_plan(plan: ApplyPlan, current: Manifest) -> ApplyPlan:
    """Return the plan that makes the same changes to what is registered now.

    Objects that others changed meanwhile and this plan does not touch stay as they made them. Changes
    that are there already are left out.

    Raises:
        ConflictError: An object of this plan, or one that it relies on, was changed differently.

    """
    if current == plan.base:
        return plan
    changes = [c for c in plan.changes if not _is_done(plan, c, current)]
    for change in changes:
        _check_unchanged(plan, change, current)
    target = _overlay(plan, changes, current)
    if findings := check_manifest(target):
        kind, name = findings[0].objects[0]
        reason = findings[0].message.rstrip(".")
        raise _conflict(f"somebody else's changes do not go with this plan ({kind_label(kind)} {name!r}: {reason})")
    _check_sources(plan, changes, current, target)
    return plan_changes(current, target, online=plan.online, notes=plan.notes)


def _find(manifest: Manifest, kind: str, name: str) -> ObjectSpec | None:
    return manifest.collection(kind).get(name)


def _is_done(plan: ApplyPlan, change: Change, current: Manifest) -> bool:
    if change.kind == "project":
        return current.generation > 0 and current.project == plan.target.project
    now, wanted = _find(current, change.kind, change.name), _find(plan.target, change.kind, change.name)
    return now is wanted or (now is not None and wanted is not None and _content(now) == _content(wanted))


def _content(spec: ObjectSpec) -> ObjectSpec:
    """A spec without what follows from its history: two processes that create one view agree on the rest."""
    if isinstance(spec, FeatureViewSpec):
        return msgspec.structs.replace(spec, layouts=(), incarnation=0)
    return spec


def _check_unchanged(plan: ApplyPlan, change: Change, current: Manifest) -> None:
    if change.kind == "project":
        unchanged = current.project == plan.base.project
    else:
        unchanged = _find(current, change.kind, change.name) == _find(plan.base, change.kind, change.name)
    if not unchanged:
        raise _conflict(f"{change.label} was changed by somebody else", kind=change.kind, name=change.name)


def _overlay(plan: ApplyPlan, changes: list[Change], current: Manifest) -> Manifest:
    collections = {kind: dict(current.collection(kind)) for kind in KINDS}
    project = current.project
    generation = current.generation + 1
    for change in changes:
        if change.kind == "project":
            project = plan.target.project
            continue
        wanted = _find(plan.target, change.kind, change.name)
        if wanted is None:
            del collections[change.kind][change.name]
        elif isinstance(wanted, FeatureViewSpec):
            registered = current.feature_views.get(change.name)
            collections[change.kind][change.name] = evolve_view(wanted, registered, generation=generation)
        else:
            collections[change.kind][change.name] = wanted
    return msgspec.structs.replace(current, project=project, generation=generation, **collections)


def _check_sources(plan: ApplyPlan, changes: list[Change], current: Manifest, target: Manifest) -> None:
    """Refuse to pair a view with a source other than the one that its columns were checked against."""
    our_views = {change.name for change in changes if change.kind == "feature_views"}
    our_sources = {change.name for change in changes if change.kind == "data_sources"}
    for name, view in target.feature_views.items():
        if name in our_views:
            checked = plan.target
        elif view.source in our_sources and view != plan.base.feature_views.get(name):
            checked = current
        else:
            continue
        if reads_differently(target.data_sources[view.source], checked.data_sources.get(view.source)):
            message = f"data source {view.source!r}, which feature view {name!r} reads, was changed"
            raise _conflict(message, kind="data_sources", name=view.source)


def _conflict(message: str, **context: object) -> ConflictError:
    return ConflictError(
        f"{message[0].upper()}{message[1:]} since this plan was made; nothing was applied.",
        hint="look at it with repast plan, then apply again",
        context=context,
    )
