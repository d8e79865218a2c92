"""Load views from their sources into the online store.

What a load reads and remembers is decided in core.plan.materialize; this module runs the plans.
Bookkeeping is written once per view, after all its rows: a load that dies is completed by running it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from repast.app.load import LoadTally, execute_load, online_table
from repast.app.load_report import LoadReport, ViewLoad
from repast.core.clock import from_us, to_us
from repast.core.manifest import FeatureViewSpec, Manifest, ProjectState, SourceSpec
from repast.core.plan.materialize import LoadPlan, plan_incremental, plan_window
from repast.errors import InvalidRequestError, NotFoundError, RepastError

if TYPE_CHECKING:
    from repast.app.workspace import Workspace

__all__ = ["LoadReport", "ViewLoad", "materialize", "materialize_incremental", "plan_load"]

ViewProgress = Callable[[str, int, "int | None"], None]
"""Called with (view, rows done, rows in total if known)."""


@dataclass(frozen=True)
class _Window:
    start_us: int | None
    """None: what earlier loads have not read."""
    end_us: int
    now_us: int


def materialize(
    workspace: Workspace,
    start_date: datetime,
    end_date: datetime,
    feature_views: Sequence[str] | None = None,
    *,
    progress: ViewProgress | None = None,
) -> LoadReport:
    """Load the newest row per key with ``start_date <= event time <= end_date``; naive times are UTC.

    A view that fails does not keep the others from being loaded; then one error tells of all failures.

    Args:
        workspace: The project.
        start_date: Included.
        end_date: Included; a time in the future takes what is there now.
        feature_views: Names; None: all online views.
        progress: Called after each batch.

    Raises:
        InvalidRequestError: The window ends before it starts, or a named view is not online.
        NotFoundError: A named view does not exist; nothing was loaded.
        RepastError: Some views failed; ``context["report"]`` says what became of each.

    """
    window = _window(workspace, start_date, end_date)
    return _load(workspace, window, feature_views, progress)


def materialize_incremental(
    workspace: Workspace,
    end_date: datetime | None = None,
    feature_views: Sequence[str] | None = None,
    *,
    progress: ViewProgress | None = None,
) -> LoadReport:
    """Load what earlier loads have not read, late rows included, up to ``end_date`` (default: now).

    A view's first load starts at its ttl before now, or at the beginning. Arguments and errors as for
    :func:`materialize`.
    """
    return _load(workspace, _window(workspace, None, end_date), feature_views, progress)


def plan_load(
    workspace: Workspace,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    feature_views: Sequence[str] | None = None,
) -> list[LoadPlan]:
    """Return what a load would read and write, without doing it; ``str()`` of a plan explains it.

    Args:
        workspace: The project.
        start_date: None plans incremental loads.
        end_date: None: now.
        feature_views: Names; None: all online views.

    """
    window = _window(workspace, start_date, end_date)
    manifest = _manifest(workspace)
    return [_plan(workspace, manifest, view, window) for view in _views(manifest, feature_views)]


def _load(
    workspace: Workspace, window: _Window, names: Sequence[str] | None, progress: ViewProgress | None
) -> LoadReport:
    manifest = _manifest(workspace)
    views = _views(manifest, names)
    if views:  # what is misconfigured fails the call, not view after view
        _ = workspace.loader, workspace.online
    with workspace.provider.loading([view.name for view in views]):
        report = LoadReport(views=tuple(_load_view(workspace, manifest, view, window, progress) for view in views))
    if report.failed:
        raise _failure(report)
    return report


def _load_view(
    workspace: Workspace,
    manifest: Manifest,
    view: FeatureViewSpec,
    window: _Window,
    progress: ViewProgress | None,
) -> ViewLoad:
    began = perf_counter()
    tally = LoadTally()
    start_us, end_us = window.start_us, window.end_us
    error: RepastError | None = None
    try:
        if _is_lost(workspace, view):
            _forget(workspace, view)
        workspace.online.create([online_table(workspace.project, view)])
        plan = _plan(workspace, manifest, view, window)
        start_us = plan.rows.start_us
        execute_load(workspace, plan, view, tally, partial(progress, view.name) if progress else None)
    except RepastError as failure:
        error = failure
    return ViewLoad(
        view=view.name,
        start=None if start_us is None else from_us(start_us),
        end=from_us(end_us),
        read=tally.read,
        written=tally.result.written,
        unchanged=tally.result.unchanged,
        late=tally.result.late,
        rejected=tally.rejected,
        seconds=perf_counter() - began,
        error=error,
    )


def _plan(workspace: Workspace, manifest: Manifest, view: FeatureViewSpec, window: _Window) -> LoadPlan:
    source = manifest.get("data_sources", view.source)
    assert isinstance(source, SourceSpec)
    # Listed before reading: what changes in between is read now and once more by the next load.
    files = workspace.loader.files(source)
    end_us, now_us, project = window.end_us, window.now_us, manifest.project.name
    if window.start_us is not None:
        return plan_window(project, view, source, start_us=window.start_us, end_us=end_us, now_us=now_us, files=files)
    state = None if _is_lost(workspace, view) else workspace.registry.state().views.get(view.name)
    return plan_incremental(project, view, source, state=state, end_us=end_us, now_us=now_us, files=files)


def _is_lost(workspace: Workspace, view: FeatureViewSpec) -> bool:
    """Tell whether loads are remembered whose rows are online no more.

    A deleted file, or a store in the memory of a process that ended, takes what was loaded with it.
    """
    state = workspace.registry.state().views.get(view.name)
    if state is None or state.incarnation != view.incarnation or state.loaded_to_us is None:
        return False
    try:
        return workspace.online.count(online_table(workspace.project, view)) == 0
    except NotFoundError:
        return True


def _forget(workspace: Workspace, view: FeatureViewSpec) -> None:
    def change(state: ProjectState) -> ProjectState:
        return msgspec.structs.replace(state, views={n: s for n, s in state.views.items() if n != view.name})

    workspace.registry.update_state(change)


def _manifest(workspace: Workspace) -> Manifest:
    """Return what is registered now; a load writes for long, so it does not start from an old cache."""
    workspace.registry.refresh()
    return workspace.registry.manifest()


def _views(manifest: Manifest, names: Sequence[str] | None) -> list[FeatureViewSpec]:
    if names is None:
        return [view for _, view in sorted(manifest.feature_views.items()) if view.online]
    if isinstance(names, str):
        raise InvalidRequestError(
            f"feature_views must be a list of names, not the text {names!r}.", hint=f"feature_views=[{names!r}]"
        )
    for name in names:
        if not isinstance(name, str):
            raise InvalidRequestError(
                f"feature_views must be a list of names, not of a {type(name).__name__}.",
                hint=f"feature_views=[{getattr(name, 'name', 'view')!r}]",
            )
    return [_view(manifest, name) for name in dict.fromkeys(names)]


def _view(manifest: Manifest, name: str) -> FeatureViewSpec:
    if name in manifest.on_demand_feature_views:
        raise InvalidRequestError(
            f"{name!r} is an on-demand feature view: it is computed when it is read, there is nothing to load.",
            hint="load the feature views it takes its inputs from",
        )
    view = manifest.get("feature_views", name)
    assert isinstance(view, FeatureViewSpec)
    if not view.online:
        raise InvalidRequestError(
            f"Feature view {name!r} is not online, so it cannot be loaded.",
            hint="define it with online=True and run: repast apply",
        )
    return view


def _window(workspace: Workspace, start: datetime | None, end: datetime | None) -> _Window:
    now_us = to_us(workspace.clock())
    start_us = None if start is None else _instant(start, "start_date")
    end_us = now_us if end is None else _instant(end, "end_date")
    if start_us is not None and start_us > end_us:
        raise InvalidRequestError(
            f"start_date {from_us(start_us).isoformat()} is after end_date {from_us(end_us).isoformat()}.",
            hint="give the earlier time first; both are included",
        )
    return _Window(start_us, end_us, now_us)


def _instant(value: object, name: str) -> int:
    if not isinstance(value, datetime) or value != value:  # NaT is a datetime that differs from itself
        raise InvalidRequestError(
            f"{name} must be a datetime, not {value!r}.", hint=f"{name}=datetime(2024, 1, 31, tzinfo=timezone.utc)"
        )
    return to_us(value)


def _failure(report: LoadReport) -> RepastError:
    """Return one error for all views that failed, of the first one's category."""
    errors = [(load.view, load.error) for load in report.failed if load.error is not None]
    first = errors[0][1]
    loaded = len(report.views) - len(errors)
    others = f" The other {loaded} of {len(report.views)} views were loaded." if loaded else ""
    if len(errors) == 1:
        message = f"Feature view {errors[0][0]!r} was not loaded: {first.message}{others}"
    else:
        listing = "".join(f"\n  {view}: {error.message}" for view, error in errors)
        message = f"{len(errors)} feature views were not loaded:{listing}\n{others.strip()}".rstrip()
    failure = type(first)(
        message,
        hint=first.hint or "run the same load again: rows that were written stay, the rest follows",
        context={**first.context, "views": [view for view, _ in errors], "report": report},
    )
    failure.__cause__ = first
    return failure
