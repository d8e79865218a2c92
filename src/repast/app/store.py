"""FeatureStore: the facade. Each method is one use case; the work is in the module it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from repast.app.workspace import Workspace
from repast.core.clock import Clock

if TYPE_CHECKING:
    from repast.app.config import RepoConfig
    from repast.app.dataset import Dataset
    from repast.app.materialize import LoadReport
    from repast.app.registry import LogEntry
    from repast.app.retrieval import RetrievalJob
    from repast.app.write import WriteReport
    from repast.core.definitions import (
        DataSource,
        Definition,
        Entity,
        FeatureService,
        FeatureView,
        OnDemandFeatureView,
        Project,
        PushMode,
        SavedDataset,
    )
    from repast.core.plan.apply import ApplyPlan
    from repast.core.plan.offline import AsOf
    from repast.core.response import OnlineResponse
    from repast.types import DataType


class FeatureStore:
    """A project's features: its registry, training data and online values.

    Args:
        repo_path: Folder with feature_store.yaml; by default the current one.
        config: A configuration instead of a file.
        fs_yaml_file: The configuration file, if it is named or placed otherwise.
        clock: Returns the present; tests pass their own.

    Raises:
        InvalidConfigError: The configuration is missing or wrong.

    """

    def __init__(
        self,
        repo_path: str | Path | None = None,
        *,
        config: RepoConfig | None = None,
        fs_yaml_file: str | Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        from repast.app.config import RepoConfig, load_config
        from repast.errors import InvalidConfigError

        if config is not None and not isinstance(config, RepoConfig):
            raise InvalidConfigError(
                f"config must be a RepoConfig, not a {type(config).__name__}.",
                hint="config=repast.app.config.RepoConfig(project=...); for a file: fs_yaml_file=...",
            )
        self._workspace = Workspace(config or load_config(repo_path, file=fs_yaml_file), clock=clock)
        self._serving: Any = None

    # -- definitions ------------------------------------------------------------------------------

    @property
    def config(self) -> RepoConfig:
        """The configuration, secrets masked when printed."""
        return self._workspace.config

    @property
    def project(self) -> str:
        """Name of the project."""
        return self._workspace.project

    def plan(
        self,
        objects: Definition | Iterable[Definition] | None = None,
        *,
        partial: bool = True,
        inspect_all: bool = False,
    ) -> ApplyPlan:
        """Return what :meth:`apply` would do, and change nothing.

        Args:
            objects: Definitions; None loads those of the repo's files and, unlike a list, also plans to
                delete what the files no longer define.
            partial: False plans to delete every registered object that is not in ``objects``.
            inspect_all: Look at all sources. By default those of unchanged definitions, which were
                checked when they were applied, are not read again.

        Raises:
            InvalidDefinitionError: All problems of all definitions.

        """
        from repast.app.apply import plan_apply

        return plan_apply(self._workspace, objects, partial=partial, inspect_all=inspect_all)

    def apply(
        self,
        objects: Definition | Iterable[Definition] | ApplyPlan | None = None,
        *,
        partial: bool = True,
        allow_migration: bool = False,
    ) -> ApplyPlan:
        """Register definitions in one transaction and make their online tables; return what was done.

        Args:
            objects: As for :meth:`plan`, or a plan that was made by it.
            partial: As for :meth:`plan`.
            allow_migration: Agree to changes that drop served values (a type or key change).

        Raises:
            ConflictError: An object of the plan was changed by somebody else meanwhile.
            InvalidDefinitionError: Definitions are wrong, or a migration was not agreed to.

        """
        from repast.app.apply import execute_apply

        return execute_apply(self._workspace, objects, partial=partial, allow_migration=allow_migration)

    def teardown(self) -> None:
        """Remove this project: its online tables, its registry entry and its history. No other project's."""
        from repast.app.teardown import teardown

        teardown(self._workspace)

    def log(self, limit: int = 20) -> list[LogEntry]:
        """Return the latest generations of the registry, newest first."""
        return self._workspace.registry.log(limit)

    def rollback(self, generation: int, *, allow_migration: bool = False) -> ApplyPlan:
        """Apply the definitions of an earlier generation again, as a new generation.

        Args:
            generation: As :meth:`log` numbers them.
            allow_migration: As for :meth:`apply`.

        Raises:
            NotFoundError: That generation is not in the (bounded) history.
            InvalidDefinitionError: A migration was not agreed to.

        """
        from repast.app.apply import rollback

        return rollback(self._workspace, generation, allow_migration=allow_migration)

    def refresh_registry(self) -> None:
        """Read the registry now, instead of when its cache is due."""
        self._workspace.registry.refresh()

    # -- reading definitions ----------------------------------------------------------------------

    def _list(self, kind: str, tags: Mapping[str, str] | None) -> list[Any]:
        from repast.core.describe import list_definitions

        return list_definitions(self._workspace.registry.manifest(), kind, tags)

    def _get(self, kind: str, name: str) -> Any:
        from repast.core.describe import get_definition

        return get_definition(self._workspace.registry.manifest(), kind, name)

    def list_entities(self, *, tags: Mapping[str, str] | None = None) -> list[Entity]:
        """Return the entities that have all these tags, by name."""
        return self._list("entities", tags)

    def list_data_sources(self, *, tags: Mapping[str, str] | None = None) -> list[DataSource]:
        """Return the data sources that have all these tags, by name."""
        return self._list("data_sources", tags)

    def list_feature_views(self, *, tags: Mapping[str, str] | None = None) -> list[FeatureView]:
        """Return the feature views that have all these tags, by name."""
        return self._list("feature_views", tags)

    def list_on_demand_feature_views(self, *, tags: Mapping[str, str] | None = None) -> list[OnDemandFeatureView]:
        """Return the on-demand feature views that have all these tags, by name."""
        return self._list("on_demand_feature_views", tags)

    def list_feature_services(self, *, tags: Mapping[str, str] | None = None) -> list[FeatureService]:
        """Return the feature services that have all these tags, by name."""
        return self._list("feature_services", tags)

    def list_saved_datasets(self, *, tags: Mapping[str, str] | None = None) -> list[SavedDataset]:
        """Return the saved datasets that have all these tags, by name."""
        return self._list("saved_datasets", tags)

    def list_projects(self) -> list[Project]:
        """Return all projects in the registry, by name."""
        return self._workspace.registry.projects()

    def get_entity(self, name: str) -> Entity:
        """Return one entity. Raises NotFoundError."""
        entity: Entity = self._get("entities", name)
        return entity

    def get_data_source(self, name: str) -> DataSource:
        """Return one data source. Raises NotFoundError."""
        source: DataSource = self._get("data_sources", name)
        return source

    def get_feature_view(self, name: str) -> FeatureView:
        """Return one feature view. Raises NotFoundError."""
        view: FeatureView = self._get("feature_views", name)
        return view

    def get_on_demand_feature_view(self, name: str) -> OnDemandFeatureView:
        """Return one on-demand feature view. Raises NotFoundError."""
        view: OnDemandFeatureView = self._get("on_demand_feature_views", name)
        return view

    def get_feature_service(self, name: str) -> FeatureService:
        """Return one feature service. Raises NotFoundError."""
        service: FeatureService = self._get("feature_services", name)
        return service

    def get_saved_dataset(self, name: str) -> Dataset:
        """Return a saved dataset, ready to be read. Raises NotFoundError."""
        from repast.app.dataset import get_saved_dataset

        return get_saved_dataset(self._workspace, name)

    # -- training data ----------------------------------------------------------------------------

    def get_historical_features(
        self,
        entity_df: Any = None,
        features: Sequence[str] | FeatureService | str = (),
        full_feature_names: bool = False,
        *,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        last_n: int | None = None,
        as_of: AsOf = "event",
        timestamp_column: str | None = None,
    ) -> RetrievalJob:
        """Return feature values as they were at each row's time (lazily: reading the result runs it).

        Args:
            entity_df: The spine: pandas, polars, Arrow, SQL text or a file's path. It keeps its rows,
                order, columns and index. None: every row of the views between ``start_date`` and
                ``end_date`` (both included), or the ``last_n`` of each key.
            features: References ``"view:feature"``, a FeatureService or a service's name.
            full_feature_names: Name columns ``view__feature``.
            as_of: "event" looks at event time only; "available" also asks that a row was recorded by then.
            timestamp_column: The spine's time; by default ``event_timestamp``, else its only time column.

        Raises:
            InvalidRequestError, InvalidValueError, NotFoundError: The request does not fit what is registered.

        """
        from repast.app.historical import retrieve

        return retrieve(
            self._workspace,
            entity_df,
            features,
            full_feature_names=full_feature_names,
            start_date=start_date,
            end_date=end_date,
            last_n=last_n,
            as_of=as_of,
            timestamp_column=timestamp_column,
        )

    def create_saved_dataset(
        self,
        from_: RetrievalJob,
        name: str,
        path: str | Path | None = None,
        *,
        table: str | None = None,
        tags: Mapping[str, str] | None = None,
        feature_service: FeatureService | None = None,
        allow_overwrite: bool = False,
    ) -> Dataset:
        """Write a retrieval to Parquet at ``path``, or to the offline store's ``table``, and register it.

        Raises:
            ConflictError: The path, table or name is taken and ``allow_overwrite`` is False.
            InvalidRequestError: There is neither a path nor a table, or both.
            UnsupportedError: The offline store writes no tables.

        """
        from repast.app.dataset import create_saved_dataset

        return create_saved_dataset(
            self._workspace,
            from_,
            name,
            path,
            table=table,
            tags=tags,
            feature_service=feature_service,
            allow_overwrite=allow_overwrite,
        )

    # -- loading ----------------------------------------------------------------------------------

    def materialize(
        self,
        start_date: datetime,
        end_date: datetime,
        feature_views: Sequence[str] | None = None,
        *,
        progress: Callable[[str, int, int | None], None] | None = None,
    ) -> LoadReport:
        """Load the newest row per key with ``start_date <= event time <= end_date`` into the online store.

        Args:
            progress: Called with (view, rows done, rows in total if known).

        """
        from repast.app.materialize import materialize

        return materialize(self._workspace, start_date, end_date, feature_views, progress=progress)

    def materialize_incremental(
        self,
        end_date: datetime | None = None,
        feature_views: Sequence[str] | None = None,
        *,
        progress: Callable[[str, int, int | None], None] | None = None,
    ) -> LoadReport:
        """Load what earlier loads have not read, late rows included, up to ``end_date`` (default: now)."""
        from repast.app.materialize import materialize_incremental

        return materialize_incremental(self._workspace, end_date, feature_views, progress=progress)

    def push(self, push_source_name: str, df: Any, to: PushMode | str = "online") -> WriteReport:
        """Write rows to every view of a push source, online, offline or both."""
        from repast.app.write import push

        return push(self._workspace, push_source_name, df, to)

    async def push_async(self, push_source_name: str, df: Any, to: PushMode | str = "online") -> WriteReport:
        """Like :meth:`push` without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.push, push_source_name, df, to)

    def write_to_online_store(self, feature_view_name: str, df: Any) -> WriteReport:
        """Write rows of one view to the online store; a newer row already there stays."""
        from repast.app.write import write_to_online_store

        return write_to_online_store(self._workspace, feature_view_name, df)

    def write_to_offline_store(self, feature_view_name: str, df: Any) -> WriteReport:
        """Append rows of one view to its batch source."""
        from repast.app.write import write_to_offline_store

        return write_to_offline_store(self._workspace, feature_view_name, df)

    def erase(self, entity_rows: Sequence[Mapping[str, Any]], feature_views: Sequence[str] | None = None) -> int:
        """Remove all online rows of these keys, in every view they are a key of; return how many there were."""
        from repast.app.write import erase

        return erase(self._workspace, entity_rows, feature_views)

    # -- serving ----------------------------------------------------------------------------------

    def _reader(self) -> Any:
        if self._serving is None:
            from repast.app.online import OnlineReader

            self._serving = OnlineReader(self._workspace)
        return self._serving

    def get_online_features(
        self,
        features: Sequence[str] | FeatureService | str,
        entity_rows: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]],
        full_feature_names: bool = False,
        *,
        now: datetime | None = None,
    ) -> OnlineResponse:
        """Return the newest values of some keys.

        Args:
            features: References ``"view:feature"``, a FeatureService or a service's name.
            entity_rows: One mapping per key, or one mapping of columns.
            full_feature_names: Name columns ``view__feature``.
            now: The moment that ttl is measured at; default: the store's clock.

        """
        response: OnlineResponse = self._reader().read(features, entity_rows, full_feature_names, now=now)
        return response

    def input_columns(self, features: Sequence[str] | FeatureService | str) -> dict[str, DataType]:
        """Return the columns that a spine or an online request must bring for these features, with their types.

        Join keys come first, by name, then request fields; a spine's time is not among them.

        Raises:
            InvalidRequestError, NotFoundError: The features are not what is registered.

        """
        from repast.app.online import resolve_features

        selection = resolve_features(self._workspace.registry.manifest(), features, full_feature_names=True)
        keys = {column: key.type for view in selection.views for key, column in view.keys}
        return dict(sorted(keys.items())) | {field.name: field.type for field in selection.request_fields}

    async def get_online_features_async(
        self,
        features: Sequence[str] | FeatureService | str,
        entity_rows: Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]],
        full_feature_names: bool = False,
        *,
        now: datetime | None = None,
    ) -> OnlineResponse:
        """Like :meth:`get_online_features` without blocking the event loop."""
        response: OnlineResponse = await self._reader().aread(features, entity_rows, full_feature_names, now=now)
        return response

    # -- life -------------------------------------------------------------------------------------

    def close(self) -> None:
        """Release connections. Idempotent."""
        self._serving = None
        self._workspace.close()

    def __reduce__(self) -> NoReturn:
        from repast.errors import UnsupportedError

        raise UnsupportedError(
            "A FeatureStore is neither copied nor sent to another process.",
            hint="open it where it is used: FeatureStore(repo_path)",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"FeatureStore(project={self.project!r}, repo_path={str(self.config.repo_path)!r})"
