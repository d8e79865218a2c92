"""Online reads: a cached plan, one call of the store, an answer that decodes itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from repast.app.feature_read import plan_feature_reads, to_values
from repast.core.clock import to_us
from repast.core.definitions import FeatureService
from repast.core.json_value import read_json
from repast.core.manifest import FeatureServiceSpec, Manifest, ProjectionSpec
from repast.core.plan.online import OnlinePlan, plan_online
from repast.core.refs import Selection, resolve_selection
from repast.core.request import Request, bind_columns, bind_rows
from repast.core.response import OnlineResponse
from repast.core.spec import projection_spec
from repast.errors import InvalidRequestError
from repast.ports.online import OnlineTable, SupportsFeatureRead

if TYPE_CHECKING:
    from repast.app.workspace import Workspace
    from repast.ports.online import Reads, Values

Features: TypeAlias = "Sequence[str] | FeatureService | str"
EntityRows: TypeAlias = "Sequence[Mapping[str, Any]] | Mapping[str, Any]"

MAX_PLANS = 256
"""Feature sets whose plans are kept."""
LOOK_EVERY = 0.001
"""Seconds after which a read looks again whether another process changed the registry: on a busy
reader, looking each time would take as long as reading. What this process changes is seen at once."""


class OnlineReader:
    """Reads online features of one workspace. Safe to share between threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        # Replaced together, so that a plan is never looked up among those of another manifest.
        self._plans: tuple[Manifest | None, dict[object, _Compiled]] = (None, {})
        self._looked = -LOOK_EVERY

    def read(
        self,
        features: Features,
        entity_rows: EntityRows,
        full_feature_names: bool = False,
        *,
        now: datetime | None = None,
    ) -> OnlineResponse:
        """Return the newest values of some keys, as FeatureStore.get_online_features says.

        Columns of ``entity_rows`` that no view asks for are ignored. A null key finds no row.

        Raises:
            InvalidRequestError: The features or rows do not fit what is registered.
            InvalidValueError: A key is not losslessly of its type.
            NotFoundError: A view, feature or service does not exist.

        """
        compiled, request, reads = self._prepare(features, entity_rows, full_feature_names)
        store = self._workspace.online
        if compiled.by_feature is not None and compiled.by_feature.reads_features():
            asked, at = plan_feature_reads(compiled.plan, request)
            values = to_values(compiled.plan, request, at, compiled.by_feature.read_features(asked))
            return self._respond(compiled, request, values, now)
        values = store.read(reads)
        if not compiled.plan.can_decode(values):
            compiled, request, reads = self._prepare_anew(features, entity_rows, full_feature_names)
            values = store.read(reads)
        return self._respond(compiled, request, values, now)

    async def aread(
        self,
        features: Features,
        entity_rows: EntityRows,
        full_feature_names: bool = False,
        *,
        now: datetime | None = None,
    ) -> OnlineResponse:
        """Like :meth:`read` without blocking the event loop."""
        compiled, request, reads = self._prepare(features, entity_rows, full_feature_names)
        store = self._workspace.online
        if compiled.by_feature is not None and await compiled.by_feature.areads_features():
            asked, at = plan_feature_reads(compiled.plan, request)
            values = to_values(compiled.plan, request, at, await compiled.by_feature.aread_features(asked))
            return self._respond(compiled, request, values, now)
        values = await store.aread(reads)
        if not compiled.plan.can_decode(values):
            compiled, request, reads = self._prepare_anew(features, entity_rows, full_feature_names)
            values = await store.aread(reads)
        return self._respond(compiled, request, values, now)

    async def aread_json(
        self, features: Features, columns: dict[str, list[Any]], full_feature_names: bool = False
    ) -> OnlineResponse:
        """Like :meth:`aread` for columns as JSON has them (bytes as base64, say)."""
        for name, dtype in self._compiled(features, full_feature_names).plan.json_inputs:
            if name in columns:
                columns[name] = read_json(columns[name], dtype, subject=f"entities column {name!r}")
        rows = list(columns.values())
        if rows and set(map(len, rows)) == {1}:  # a row is read faster as a row
            return await self.aread(
                features, [{name: column[0] for name, column in columns.items()}], full_feature_names
            )
        return await self.aread(features, columns, full_feature_names)

    def _prepare(
        self, features: Features, entity_rows: EntityRows, full_feature_names: bool
    ) -> tuple[_Compiled, Request, Reads]:
        """Everything before the store's read."""
        compiled = self._compiled(features, full_feature_names)
        plan = compiled.plan
        request = bind_rows(plan, entity_rows) if type(entity_rows) is list else _bind(plan, entity_rows)
        distinct = request.distinct
        return compiled, request, [(table, distinct[group]) for table, group in compiled.targets]

    def _prepare_anew(
        self, features: Features, entity_rows: EntityRows, full_feature_names: bool
    ) -> tuple[_Compiled, Request, Reads]:
        """Prepare with what is registered now: rows of an unknown layout tell of a change since it was read."""
        self._workspace.registry.refresh()
        return self._prepare(features, entity_rows, full_feature_names)

    def _respond(self, compiled: _Compiled, request: Request, found: Values, now: datetime | None) -> OnlineResponse:
        """Everything after the store's read."""
        plan = compiled.plan
        values = [request.spread(view.group, found[at]) for at, view in enumerate(plan.views)]
        return OnlineResponse(plan, request, values, plan.cutoffs(self._moment(plan, now)), compiled.functions)

    def _moment(self, plan: OnlinePlan, now: datetime | None) -> int:
        if now is None:
            return to_us(self._workspace.clock()) if plan.has_ttl else 0
        if not isinstance(now, datetime):
            raise InvalidRequestError(f"now must be a datetime, not {now!r}.", hint="datetime.now(timezone.utc)")
        return to_us(now)

    def _compiled(self, features: Features, full_feature_names: bool) -> _Compiled:
        registry = self._workspace.registry
        manifest, plans = self._plans
        now = monotonic()
        if manifest is None or now - self._looked >= LOOK_EVERY or registry.peek() is not manifest:
            self._looked = now
            manifest = registry.manifest()
            plans = self._renew(manifest)
        key = (tuple(features) if isinstance(features, list) else features, full_feature_names)
        try:
            found = plans.get(key)
        except TypeError:  # unhashable: resolving it says what is wrong
            found = None
        if found is None:
            selection = resolve_features(manifest, features, full_feature_names)
            found = _Compiled(manifest, selection, self._workspace)
            if len(plans) >= MAX_PLANS:
                plans.clear()
            plans[key] = found
        return found

    def _renew(self, manifest: Manifest) -> dict[object, _Compiled]:
        """Return the plans made for this manifest."""
        known, plans = self._plans
        if manifest is not known:
            plans = plans if manifest == known else {}
            self._plans = (manifest, plans)
        return plans


class _Compiled:
    """A plan, the tables it reads and the functions it calls."""

    __slots__ = ("by_feature", "functions", "plan", "targets")

    def __init__(self, manifest: Manifest, selection: Selection, workspace: Workspace) -> None:
        self.plan = plan_online(selection)
        self.targets = tuple(
            (OnlineTable(manifest.project.name, read.view.name, read.view.incarnation), read.group)
            for read in self.plan.views
        )
        store = workspace.online
        self.by_feature = store if isinstance(store, SupportsFeatureRead) else None
        self.functions = tuple(workspace.functions.load(step.view.function) for step in self.plan.on_demand)


def _bind(plan: OnlinePlan, entity_rows: EntityRows) -> Request:
    if isinstance(entity_rows, Mapping):
        return bind_columns(plan, entity_rows)
    if hasattr(entity_rows, "__arrow_c_stream__"):
        from repast.app.spine import to_arrow

        table = to_arrow(entity_rows)
        return bind_columns(plan, dict(zip(table.column_names, table.columns, strict=True)))
    if isinstance(entity_rows, list | tuple):
        return bind_rows(plan, entity_rows)
    raise InvalidRequestError(
        f"entity_rows must be a list of mappings or a mapping of columns, not {type(entity_rows).__name__}.",
        hint='for example [{"driver_id": 1001}] or {"driver_id": [1001, 1002]}',
    )


def resolve_features(manifest: Manifest, features: Features, full_feature_names: bool) -> Selection:
    """Resolve what a caller asks for: references, a service or a service's name.

    Raises:
        InvalidRequestError: It is none of these.
        NotFoundError: A service, view or feature does not exist.

    """
    asked: Sequence[str] | Sequence[ProjectionSpec]
    if isinstance(features, FeatureService):
        asked = [projection_spec(p) for p in features.features]
    elif isinstance(features, str):
        if ":" in features:
            raise InvalidRequestError(
                f"features must be a list of references or a feature service's name, not the reference {features!r}.",
                hint=f"features=[{features!r}]",
            )
        service = manifest.get("feature_services", features)
        assert isinstance(service, FeatureServiceSpec)
        asked = service.features
    else:
        asked = features
    return resolve_selection(manifest, asked, full_feature_names=full_feature_names)
