"""Plan and apply definitions: one transaction on the registry, and the online tables that follow from it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from repast.core.catalog import gather
from repast.core.definitions import Definition
from repast.core.layout import evolve_view
from repast.core.manifest import KINDS, Manifest, ProjectState, SourceSpec
from repast.core.plan.apply import ApplyPlan, Table, online_tables, plan_changes, rebase_plan
from repast.core.resolve import resolve_definitions
from repast.errors import (
    ConflictError,
    InvalidDefinitionError,
    InvalidRequestError,
    MissingDependencyError,
    Problem,
    RepastError,
)
from repast.ports.online import OnlineTable

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.app.workspace import Workspace
    from repast.ports.offline import OfflineEngine

ATTEMPTS = 200
"""How often an apply tries to swap the manifest while others keep changing it."""
INSPECTING_THREADS = 8


def plan_apply(
    workspace: Workspace,
    objects: Definition | Iterable[Definition] | None = None,
    *,
    partial: bool = True,
    inspect_all: bool = False,
) -> ApplyPlan:
    """Return what :func:`execute_apply` would do with these objects; see ``FeatureStore.plan``."""
    problems: Sequence[Problem] = ()
    definitions: Sequence[object]
    if objects is None:
        from repast.app.loading import load_repo

        loaded = load_repo(workspace.config.repo_path)
        definitions, problems, partial = loaded.definitions, loaded.problems, False
    elif isinstance(objects, Iterable) and not isinstance(objects, str):
        definitions = tuple(objects)
    else:
        definitions = (objects,)
    base, _ = workspace.registry.load_manifest()
    if objects is None and not definitions and not problems:
        _refuse_to_remove_all(base, workspace.config.repo_path)
    notes: list[str] = []
    target = resolve_definitions(
        definitions,
        base=base,
        inspect=lambda sources: _inspect(workspace, sources),
        partial=partial,
        inspect_all=inspect_all,
        problems=problems,
        project_description=workspace.config.project_description,
        notes=notes,
    )
    for view in gather(definitions).on_demand_feature_views.values():
        workspace.functions.remember(view.function)
    return plan_changes(base, target, online=_has_online_store(workspace), notes=notes)


def _refuse_to_remove_all(base: Manifest, repo_path: Path) -> None:
    """Files that define nothing at all are more likely in another folder than meant to end the project."""
    count = sum(len(base.collection(kind)) for kind in KINDS if kind != "saved_datasets")
    if count:
        raise InvalidDefinitionError(
            f"The Python files below {repo_path} define nothing, and project {base.project.name!r} "
            f"has {count} objects: all would be removed.",
            hint="go to the folder with the definitions; to remove the project, run: repast teardown",
        )


def _has_online_store(workspace: Workspace) -> bool:
    return workspace.config.online_store is not None


def _inspect(workspace: Workspace, sources: Sequence[SourceSpec]) -> Mapping[str, pa.Schema | RepastError]:
    """Look at sources side by side, once at those that are one place under several names."""
    from concurrent.futures import ThreadPoolExecutor

    places: dict[bytes, list[SourceSpec]] = {}
    for source in sources:
        place = msgspec.json.encode((source.source_type, source.options), order="sorted")
        places.setdefault(place, []).append(source)
    engine = workspace.engine
    with ThreadPoolExecutor(min(INSPECTING_THREADS, len(places))) as pool:
        inspected = pool.map(lambda group: _inspect_place(engine, group), places.values())
        return {name: found for group in inspected for name, found in group.items()}


def _inspect_place(engine: OfflineEngine, sources: Sequence[SourceSpec]) -> dict[str, pa.Schema | RepastError]:
    found: dict[str, pa.Schema | RepastError] = {}
    for source in sources:
        try:
            schema = engine.inspect(source)
        except MissingDependencyError:
            raise
        except RepastError as error:  # its message may name the source, so the others are asked too
            found[source.name] = error
        else:
            return dict.fromkeys((s.name for s in sources), schema) | found
    return found


def execute_apply(
    workspace: Workspace,
    objects: Definition | Iterable[Definition] | ApplyPlan | None = None,
    *,
    partial: bool = True,
    allow_migration: bool = False,
) -> ApplyPlan:
    """Apply definitions, or a plan, and return what was done; see ``FeatureStore.apply``."""
    plan = objects if isinstance(objects, ApplyPlan) else plan_apply(workspace, objects, partial=partial)
    if plan.project != workspace.project:
        raise InvalidRequestError(
            f"The plan is for project {plan.project!r}, and this store is project {workspace.project!r}.",
            hint="apply it with the store that planned it",
        )
    return _surrounded(workspace, plan, allow_migration=allow_migration)


def rollback(workspace: Workspace, generation: int, *, allow_migration: bool = False) -> ApplyPlan:
    """Apply the definitions of an earlier generation again; see ``FeatureStore.rollback``.

    Saved datasets stay as they are: their files do.
    """
    past = workspace.registry.history(generation)
    base, _ = workspace.registry.load_manifest()
    views = {
        name: evolve_view(view, base.feature_views.get(name), generation=base.generation + 1)
        for name, view in past.feature_views.items()
    }
    target = msgspec.structs.replace(past, feature_views=views, saved_datasets=base.saved_datasets)
    plan = plan_changes(base, target, online=_has_online_store(workspace))
    return _surrounded(workspace, plan, allow_migration=allow_migration)


def _surrounded(workspace: Workspace, plan: ApplyPlan, *, allow_migration: bool) -> ApplyPlan:
    with workspace.provider.applying(plan):
        return _execute(workspace, plan, allow_migration=allow_migration)


def _execute(workspace: Workspace, plan: ApplyPlan, *, allow_migration: bool) -> ApplyPlan:
    """Make tables, swap the manifest, drop tables; on a conflict start again from what is registered now.

    A process killed anywhere leaves the old manifest or the new one. What it had no time to drop is
    noted in the project's state, and the next apply drops it.
    """
    abandoned: set[Table] = set()
    for attempt in range(ATTEMPTS):
        begun = time.monotonic()
        current, version = workspace.registry.load_manifest()
        todo = rebase_plan(plan, current)
        _check_migrations(todo, allow_migration)
        if plan.online:
            # At first all tables, not only new ones: an online store that was deleted comes back.
            tables = todo.create_tables if attempt else online_tables(todo.target)
            workspace.online.create(_tables(workspace, tables))
        if version is None:  # what loads noted of a project of this name that was torn down says nothing of this one
            workspace.registry.update_state(lambda _: ProjectState())
        _retire(workspace, todo.drop_tables)
        if todo.is_empty or _swap(workspace, todo.target, version):
            if plan.online:
                _drop_retired(workspace, todo.target, abandoned)
            return todo
        abandoned |= set(todo.create_tables)
        # As long as several attempts take, however slow the registry is: the others are to come through meanwhile.
        took = max(0.001, time.monotonic() - begun)
        time.sleep(random.uniform(0, min(2.0, took * 2 ** min(attempt + 1, 5))))  # noqa: S311  # jitter, not a secret
    raise ConflictError(
        f"The registry of project {workspace.project!r} was changed {ATTEMPTS} times while this apply tried to.",
        hint="try again when fewer processes apply at once",
    )


def _swap(workspace: Workspace, target: Manifest, version: str | None) -> bool:
    try:
        workspace.registry.swap_manifest(target, version)
    except ConflictError:
        return False
    return True


def _check_migrations(plan: ApplyPlan, allow_migration: bool) -> None:
    if not plan.migrations or allow_migration:
        return
    problems = [
        Problem(f"served values would be dropped: {'; '.join(m.reasons)}.", subject=f"feature view {m.view!r}")
        for m in plan.migrations
    ]
    error = InvalidDefinitionError.of(problems)
    raise InvalidDefinitionError(
        error.message,
        hint="agree with repast apply --allow-migration (allow_migration=True) and load again with repast materialize; "
        "or give the changed feature another name",
        problems=problems,
    )


def _tables(workspace: Workspace, tables: Iterable[Table]) -> list[OnlineTable]:
    return [OnlineTable(workspace.project, view, incarnation) for view, incarnation in sorted(tables)]


def _retire(workspace: Workspace, tables: Sequence[Table]) -> None:
    """Note tables that are about to be dropped, before the manifest forgets them."""
    if tables:
        workspace.registry.update_state(
            lambda state: msgspec.structs.replace(state, retired=tuple(sorted({*state.retired, *tables})))
        )


def _drop_retired(workspace: Workspace, manifest: Manifest, abandoned: set[Table]) -> None:
    """Drop retired tables that the manifest does not use, and what loads knew of deleted views."""
    live = online_tables(manifest)
    retired = {*workspace.registry.state().retired, *abandoned} - live
    if not retired:
        return
    workspace.online.drop(_tables(workspace, retired))
    workspace.registry.update_state(lambda state: _forget(state, retired))


def _forget(state: ProjectState, dropped: set[Table]) -> ProjectState:
    views = {name: known for name, known in state.views.items() if (name, known.incarnation) not in dropped}
    return msgspec.structs.replace(state, views=views, retired=tuple(t for t in state.retired if t not in dropped))
