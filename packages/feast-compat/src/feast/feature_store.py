"""FeatureStore as Feast's users call it. Each method translates its arguments; Repast's store does the work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import repast
from feast import errors
from feast.adapter.base import FeastObject
from feast.adapter.notice import legacy, refuse, without_effect
from feast.adapter.restore import restore
from feast.data_source import PushMode
from feast.infra.offline_stores.offline_store import RetrievalJob
from feast.online_response import OnlineResponse
from feast.repo_config import RepoConfig, as_repast, say_ignored
from feast.saved_dataset import SavedDataset, SavedDatasetStorage
from repast.core.clock import from_us
from repast.core.definitions import PushMode as RepastPushMode
from repast.errors import InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    import pandas as pd

    from feast.data_source import DataSource
    from feast.entity import Entity
    from feast.feature_service import FeatureService
    from feast.feature_view import FeatureView
    from feast.labeling import LabelView
    from feast.on_demand_feature_view import OnDemandFeatureView
    from feast.project import Project
    from feast.stream_feature_view import StreamFeatureView

_VECTORS = "there is no vector search yet; features of arrays are served as they are"
_VERSIONS = "every generation of the registry is kept: repast log, repast rollback"

_COLLECTIONS = (
    "list_entities",
    "list_data_sources",
    "list_feature_views",
    "list_on_demand_feature_views",
    "list_feature_services",
)


@contextmanager
def _named(error: type[errors.FeastObjectNotFoundException]) -> Iterator[None]:
    """Raise Feast's error of an object that is not found."""
    try:
        yield
    except errors.FeastObjectNotFoundException:
        raise
    except NotFoundError as found:
        raise error("", message=found.message, hint=found.hint) from found


@contextmanager
def _collisions() -> Iterator[None]:
    """Raise Feast's error of two features that would fill one column."""
    try:
        yield
    except InvalidRequestError as error:
        if "references" not in error.context:
            raise
        raise errors.FeatureNameCollisionError(str(error)) from error


class FeatureStore:
    """A project's features, with Feast's methods.

    Args:
        repo_path: Folder with feature_store.yaml; by default the current one.
        config: A configuration instead of a file.
        fs_yaml_file: The configuration file, if it is named or placed otherwise.
        embedding_provider: Not supported: there is no vector search yet.

    """

    def __init__(
        self,
        repo_path: str | None = None,
        config: RepoConfig | None = None,
        fs_yaml_file: Path | None = None,
        embedding_provider: Any = None,
    ) -> None:
        if embedding_provider is not None:
            refuse("FeatureStore(embedding_provider=...)", hint=_VECTORS)
        if config is not None and fs_yaml_file is not None:
            raise ValueError("give config or fs_yaml_file, not both")
        if config is not None:
            self._repast = repast.FeatureStore(config=as_repast(config))
        else:
            self._repast = repast.FeatureStore(repo_path, fs_yaml_file=fs_yaml_file)
        say_ignored(self._repast.config)

    def __repr__(self) -> str:
        return f"FeatureStore(repo_path={str(self._repast.config.repo_path)!r}, project={self.project!r})"

    # -- what it is ---------------------------------------------------------------------------------

    @property
    def config(self) -> RepoConfig:
        """The configuration."""
        return RepoConfig._of(self._repast.config)

    @property
    def repo_path(self) -> Path:
        """The repo's folder."""
        return self._repast.config.repo_path

    @property
    def project(self) -> str:
        """Name of the project."""
        return self._repast.project

    @property
    def registry(self) -> Any:
        """Reads of the registry, as Feast's registry has them."""
        from feast.infra.registry.base_registry import BaseRegistry

        return BaseRegistry._of(self)

    @property
    def provider(self) -> Any:
        """Refuse: a provider of Repast is a set of defaults."""
        refuse("FeatureStore.provider", hint="the methods of FeatureStore do what providers do in Feast")

    @property
    def embedding_provider(self) -> Any:
        """Refuse: there is no vector search yet."""
        refuse("FeatureStore.embedding_provider", hint=_VECTORS)

    @property
    def mlflow(self) -> Any:
        """Refuse: runs are not exported yet."""
        refuse("FeatureStore.mlflow", hint="log what get_historical_features returns with mlflow itself")

    @property
    def openlineage_emitter(self) -> None:
        """Nothing: lineage is not exported yet."""
        return

    def set_current_project(self, project: str | None) -> Any:
        """Refuse: one store is one project."""
        refuse("FeatureStore.set_current_project", hint="open another store: FeatureStore(other_repo)")

    def reset_current_project(self, token: Any) -> None:
        """Refuse: one store is one project."""
        refuse("FeatureStore.reset_current_project", hint="open another store: FeatureStore(other_repo)")

    def refresh_registry(self) -> None:
        """Read the registry now."""
        self._repast.refresh_registry()

    async def initialize(self) -> None:
        """Open the connections that the first read would open."""
        await asyncio.to_thread(self._repast.list_entities)

    async def close(self) -> None:
        """Release connections."""
        await asyncio.to_thread(self._repast.close)

    # -- definitions --------------------------------------------------------------------------------

    def apply(
        self,
        objects: Any,
        objects_to_delete: list[Any] | None = None,
        partial: bool = True,
        skip_feature_view_validation: bool = False,
        no_promote: bool = False,
    ) -> None:
        """Register definitions in one transaction; with ``partial=False`` also delete ``objects_to_delete``."""
        self._say_apply_options(skip_feature_view_validation, no_promote)
        given = objects if isinstance(objects, list | tuple) else [objects]
        self._refuse_strangers(given)
        self._repast.apply(given, partial=True)
        if objects_to_delete and not partial:
            self._delete([(type(one).__name__, one.name) for one in objects_to_delete])
        elif objects_to_delete:
            without_effect("apply(objects_to_delete=..., partial=True)", "a partial apply deletes nothing")

    @staticmethod
    def _say_apply_options(skip_validation: bool, no_promote: bool) -> None:
        if skip_validation:
            without_effect("skip_feature_view_validation=True", "definitions are always checked")
        if no_promote:
            refuse("apply(no_promote=True)", hint=_VERSIONS)

    @staticmethod
    def _refuse_strangers(objects: Sequence[Any]) -> None:
        for one in objects:
            if isinstance(one, SavedDataset):
                refuse("apply(SavedDataset)", hint="store.create_saved_dataset(job, name, storage)")

    def plan(
        self, desired_repo_contents: Any, skip_feature_view_validation: bool = False, progress_ctx: Any = None
    ) -> tuple[Any, Any, None]:
        """Return what apply would do as (changes, changes of the online store, None); both can be printed."""
        from feast.repo_contents import RepoContents

        self._say_apply_options(skip_feature_view_validation, no_promote=False)
        objects = desired_repo_contents
        if isinstance(desired_repo_contents, RepoContents):
            objects = desired_repo_contents._all()
        plan = self._repast.plan(objects, partial=False)
        return plan, (plan.create_tables, plan.drop_tables), None

    def teardown(self) -> None:
        """Remove this project: its online tables and its registry entry. No other project's."""
        self._repast.teardown()

    def _definitions(self) -> list[Any]:
        return [one for collection in _COLLECTIONS for one in getattr(self._repast, collection)()]

    def _delete(self, names: Sequence[tuple[str, str]]) -> None:
        """Apply what is registered without some objects."""
        gone = {name for _, name in names}
        kinds = {kind for kind, _ in names}
        known = [one for one in self._definitions() if not (one.name in gone and _is_kind(one, kinds))]
        self._repast.apply(known, partial=False)

    def _delete_one(self, name: str, found: bool, kinds: set[str], error: Any) -> None:
        if not found:
            raise error(name, self.project)
        self._delete([(kind, name) for kind in kinds])

    def delete_feature_view(self, name: str) -> None:
        """Delete a view of any kind, and its online rows."""
        found = any(view.name == name for view in self.list_all_feature_views())
        self._delete_one(name, found, {"FeatureView", "OnDemandFeatureView"}, errors.FeatureViewNotFoundException)

    def delete_feature_service(self, name: str) -> None:
        """Delete a feature service."""
        found = any(service.name == name for service in self.list_feature_services())
        self._delete_one(name, found, {"FeatureService"}, errors.FeatureServiceNotFoundException)

    def delete_project(self, name: str, commit: bool = True) -> None:
        """Delete this project; another one only through a store of its own."""
        if name != self.project:
            refuse(f"Deleting project {name!r} from a store of {self.project!r}", hint="open a store of that project")
        if not commit:
            refuse("delete_project(commit=False)", hint="every change of the registry is one transaction")
        self.teardown()

    def enable_feature_view(self, name: str) -> None:
        """Do nothing where the view exists: views are always enabled."""
        self.get_any_feature_view(name)

    def disable_feature_view(self, name: str) -> None:
        """Refuse: views are always enabled."""
        refuse("FeatureStore.disable_feature_view", hint="apply the view with online=False, or delete it")

    def set_feature_view_state(self, name: str, state: Any) -> None:
        """Refuse: views have no states."""
        refuse("FeatureStore.set_feature_view_state", hint="loads keep their own watermarks")

    # -- reading definitions ------------------------------------------------------------------------

    def _restore(self, definition: Any) -> Any:
        """Return Feast's object for a definition of Repast; a view can tell what its loads have read."""
        made = restore(definition)
        if isinstance(definition, repast.FeatureView):
            made._find_loaded = partial(self._loaded, definition.name)
        return made

    def _loaded(self, view: str) -> tuple[datetime, datetime] | None:
        registry = self._repast._workspace.registry
        known, state = registry.manifest().feature_views.get(view), registry.state().views.get(view)
        if known is None or state is None or state.loaded_to_us is None or state.incarnation != known.incarnation:
            return None
        return from_us(state.loaded_from_us or 0), from_us(state.loaded_to_us)

    def _list(self, method: str, tags: Mapping[str, str] | None, cls: str = "") -> list[Any]:
        found = [self._restore(one) for one in getattr(self._repast, method)(tags=tags)]
        return [one for one in found if not cls or type(one).__name__ == cls]

    def list_entities(self, allow_cache: bool = False, tags: dict[str, str] | None = None) -> list[Entity]:
        """Return the entities."""
        return self._list("list_entities", tags)

    def list_data_sources(self, allow_cache: bool = False, tags: dict[str, str] | None = None) -> list[DataSource]:
        """Return the data sources."""
        return self._list("list_data_sources", tags)

    def list_feature_views(self, allow_cache: bool = False, tags: dict[str, str] | None = None) -> list[FeatureView]:
        """Return the feature views that are neither stream nor label views."""
        found = self._list("list_feature_views", tags)
        return [view for view in found if view._view_class in ("FeatureView", "BatchFeatureView")]

    def list_batch_feature_views(
        self, allow_cache: bool = False, tags: dict[str, str] | None = None
    ) -> list[FeatureView]:
        """Return the same as :meth:`list_feature_views`."""
        return self.list_feature_views(allow_cache, tags)

    def list_stream_feature_views(
        self, allow_cache: bool = False, tags: dict[str, str] | None = None
    ) -> list[StreamFeatureView]:
        """Return the stream views."""
        return self._list("list_feature_views", tags, "StreamFeatureView")

    def list_label_views(self, allow_cache: bool = False, tags: dict[str, str] | None = None) -> list[LabelView]:
        """Return the label views."""
        return self._list("list_feature_views", tags, "LabelView")

    def list_on_demand_feature_views(
        self, allow_cache: bool = False, tags: dict[str, str] | None = None
    ) -> list[OnDemandFeatureView]:
        """Return the on-demand views."""
        return self._list("list_on_demand_feature_views", tags)

    def list_all_feature_views(self, allow_cache: bool = False, tags: dict[str, str] | None = None) -> list[Any]:
        """Return the views of all kinds."""
        return self._list("list_feature_views", tags) + self._list("list_on_demand_feature_views", tags)

    def list_feature_services(self, tags: dict[str, str] | None = None) -> list[FeatureService]:
        """Return the feature services."""
        return self._list("list_feature_services", tags)

    def list_projects(self, allow_cache: bool = False, tags: dict[str, str] | None = None) -> list[Project]:
        """Return all projects of the registry."""
        wanted = (tags or {}).items()
        return [restore(one) for one in self._repast.list_projects() if wanted <= dict(one.tags).items()]

    def list_saved_datasets(
        self,
        allow_cache: bool = False,
        tags: dict[str, str] | None = None,
        namespace: str | None = None,
        collection: str | None = None,
    ) -> list[SavedDataset]:
        """Return the saved datasets."""
        if namespace or collection:
            without_effect("list_saved_datasets(namespace=..., collection=...)", "data sets have tags only")
        return [SavedDataset._restore(one) for one in self._repast.list_saved_datasets(tags=tags)]

    def list_permissions(self, allow_cache: bool = False, tags: dict[str, str] | None = None) -> list[Any]:
        """Return nothing: permissions are not kept, since there is no server yet that could enforce them."""
        return []

    def list_validation_references(self, allow_cache: bool = False, tags: dict[str, str] | None = None) -> list[Any]:
        """Return nothing: there is no data validation yet."""
        return []

    def list_feature_view_versions(self, name: str) -> list[dict[str, Any]]:
        """Return the generations of the registry, the versions that everything has."""
        self.get_any_feature_view(name)
        return [
            {
                "version": f"v{entry.generation}",
                "version_number": entry.generation,
                "feature_view_type": "feature_view",
                "created_timestamp": entry.time,
                "version_id": f"{self.project}@{entry.generation}",
            }
            for entry in reversed(self._repast.log(1000))
        ]

    def get_any_feature_view(self, name: str) -> Any:
        """Return a view of any kind."""
        for view in self.list_all_feature_views():
            if view.name == name:
                return view
        with _named(errors.FeatureViewNotFoundException):
            return self._restore(self._repast.get_feature_view(name))

    def get_entity(self, name: str, allow_registry_cache: bool = False) -> Entity:
        """Return one entity."""
        with _named(errors.EntityNotFoundException):
            return restore(self._repast.get_entity(name))  # type: ignore[no-any-return]

    def get_data_source(self, name: str) -> DataSource:
        """Return one data source."""
        with _named(errors.DataSourceObjectNotFoundException):
            return restore(self._repast.get_data_source(name))  # type: ignore[no-any-return]

    def get_feature_view(self, name: str, allow_registry_cache: bool = False) -> FeatureView:
        """Return one feature view."""
        with _named(errors.FeatureViewNotFoundException):
            return self._restore(self._repast.get_feature_view(name))  # type: ignore[no-any-return]

    def _get_class(self, name: str, cls: str) -> Any:
        view = self.get_feature_view(name)
        if type(view).__name__ != cls:
            raise errors.FeatureViewNotFoundException(name, self.project)
        return view

    def get_stream_feature_view(self, name: str, allow_registry_cache: bool = False) -> StreamFeatureView:
        """Return one stream view."""
        return self._get_class(name, "StreamFeatureView")  # type: ignore[no-any-return]

    def get_label_view(self, name: str, allow_registry_cache: bool = False) -> LabelView:
        """Return one label view."""
        return self._get_class(name, "LabelView")  # type: ignore[no-any-return]

    def get_on_demand_feature_view(self, name: str, allow_registry_cache: bool = False) -> OnDemandFeatureView:
        """Return one on-demand view."""
        with _named(errors.OnDemandFeatureViewNotFoundException):
            return restore(self._repast.get_on_demand_feature_view(name))  # type: ignore[no-any-return]

    def get_feature_service(self, name: str, allow_cache: bool = False) -> FeatureService:
        """Return one feature service."""
        with _named(errors.FeatureServiceNotFoundException):
            return restore(self._repast.get_feature_service(name))  # type: ignore[no-any-return]

    def get_project(self, name: str | None) -> Project:
        """Return one project."""
        for project in self.list_projects():
            if project.name == (name or self.project):
                return project
        raise errors.ProjectNotFoundException(name or self.project)

    def get_saved_dataset(self, name: str) -> SavedDataset:
        """Return a saved dataset, ready to be read."""
        with _named(errors.SavedDatasetNotFound):
            return SavedDataset._restore(self._repast.get_saved_dataset(name))

    def get_permission(self, name: str) -> Any:
        """Raise PermissionNotFoundException: permissions are not kept."""
        raise errors.PermissionNotFoundException(name, self.project)

    def get_validation_reference(self, name: str, allow_cache: bool = False) -> Any:
        """Raise ValidationReferenceNotFound: there is no data validation yet."""
        raise errors.ValidationReferenceNotFound(name, self.project)

    def get_feature_server_endpoint(self) -> None:
        """Return None: Repast deploys no servers."""
        return

    # -- training data ------------------------------------------------------------------------------

    def _features(self, features: Any, feature_refs: Any = None) -> Any:
        """Return references, or a service as Repast knows it."""
        if feature_refs is not None:
            legacy("feature_refs=[...]", "features=[...]")
            features = features or feature_refs
        if isinstance(features, str):
            raise errors.InvalidFeaturesParameterType(
                f"features must be a list of references or a FeatureService, not {features!r}"
            )
        if isinstance(features, FeastObject):
            return features.__repast_definition__()
        references = list(features)
        for reference in references:
            if "@" in str(reference).partition(":")[0]:
                refuse(f"The version in {reference!r}", hint=_VERSIONS)
        return references

    def get_historical_features(
        self,
        entity_df: pd.DataFrame | str | None = None,
        features: list[str] | FeatureService | None = None,
        full_feature_names: bool = False,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        filter_by_created_timestamp: bool = False,
        feature_refs: list[str] | None = None,
    ) -> RetrievalJob:
        """Return feature values as they were at each row's time, read when a result is asked for."""
        wanted = self._features(features or [], feature_refs)
        with _collisions():
            job = self._repast.get_historical_features(
                entity_df,
                wanted,
                full_feature_names,
                start_date=start_date,
                end_date=end_date,
                as_of="available" if filter_by_created_timestamp else "event",
            )
        return RetrievalJob._of(self, job, features if isinstance(features, list) else wanted, full_feature_names)

    def create_saved_dataset(
        self,
        from_: RetrievalJob,
        name: str,
        storage: SavedDatasetStorage,
        tags: dict[str, str] | None = None,
        feature_service: FeatureService | None = None,
        allow_overwrite: bool = False,
    ) -> SavedDataset:
        """Write a retrieval to the storage's Parquet file, or its table, and register it."""
        from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
        from feast.infra.offline_stores.offline_store import raising_taken
        from feast.saved_dataset import table_of

        service = feature_service.__repast_definition__() if feature_service is not None else None
        options: dict[str, Any] = {"tags": tags, "feature_service": service, "allow_overwrite": allow_overwrite}
        table = table_of(storage)
        if table is not None:
            with raising_taken(table):
                return SavedDataset._restore(
                    self._repast.create_saved_dataset(from_._job, name, table=table, **options)
                )
        if not isinstance(storage, SavedDatasetFileStorage):
            refuse(f"A saved dataset in {type(storage).__name__}", hint="use SavedDatasetFileStorage(path=...)")
        dataset = self._repast.create_saved_dataset(from_._job, name, storage.path, **options)
        return SavedDataset._restore(dataset)

    def create_dataset_from_retrieval(
        self,
        name: str,
        entity_df: pd.DataFrame,
        features: list[str] | FeatureService,
        storage: SavedDatasetStorage,
        tags: dict[str, str] | None = None,
        allow_overwrite: bool = False,
        namespace: str = "",
        collection: str = "",
    ) -> SavedDataset:
        """Retrieve features and save them in one call."""
        if namespace or collection:
            without_effect("create_dataset_from_retrieval(namespace=..., collection=...)", "data sets have tags only")
        job = self.get_historical_features(entity_df, features)
        return self.create_saved_dataset(job, name, storage, tags, allow_overwrite=allow_overwrite)

    def retrieve_dataset_data(self, name: str, limit: int = 10) -> pd.DataFrame:
        """Return the first rows of a saved dataset."""
        return self.get_saved_dataset(name).to_df().head(limit)

    # -- loading ------------------------------------------------------------------------------------

    @staticmethod
    def _say_load_options(version: str | None, force: bool, run_async: bool, full_feature_names: bool) -> None:
        if version is not None:
            refuse("materialize(version=...)", hint=_VERSIONS)
        if force:
            without_effect("materialize(force=True)", "loads lock nothing, so there is nothing to force")
        if run_async:
            without_effect("materialize(run_async=True)", "the load is done when the call returns")
        if full_feature_names:
            without_effect("materialize(full_feature_names=True)", "stored values have no names")

    def materialize(
        self,
        start_date: datetime,
        end_date: datetime,
        feature_views: list[str] | None = None,
        disable_event_timestamp: bool = False,
        full_feature_names: bool = False,
        version: str | None = None,
        force: bool = False,
        run_async: bool = False,
    ) -> None:
        """Load the newest row per key between two times, both included."""
        if disable_event_timestamp:
            without_effect("materialize(disable_event_timestamp=True)", "rows keep their event times, as Feast's do")
        self._say_load_options(version, force, run_async, full_feature_names)
        self._repast.materialize(start_date, end_date, feature_views)

    def materialize_incremental(
        self,
        end_date: datetime,
        feature_views: list[str] | None = None,
        full_feature_names: bool = False,
        version: str | None = None,
        force: bool = False,
        run_async: bool = False,
    ) -> None:
        """Load what earlier loads have not read, late rows included."""
        self._say_load_options(version, force, run_async, full_feature_names)
        self._repast.materialize_incremental(end_date, feature_views)

    def push(
        self,
        push_source_name: str,
        df: pd.DataFrame,
        allow_registry_cache: bool = True,
        to: PushMode = PushMode.ONLINE,
        transform_on_write: bool = True,
    ) -> None:
        """Write rows to every view of a push source."""
        mode = RepastPushMode[to.name] if isinstance(to, PushMode) else to
        with _named(errors.PushSourceNotFoundException):
            self._repast.push(push_source_name, df, mode)

    async def push_async(
        self,
        push_source_name: str,
        df: pd.DataFrame,
        allow_registry_cache: bool = True,
        to: PushMode = PushMode.ONLINE,
        **kwargs: Any,
    ) -> None:
        """Like :meth:`push`, without blocking the event loop."""
        await asyncio.to_thread(self.push, push_source_name, df, allow_registry_cache, to, **kwargs)

    def write_to_online_store(
        self,
        feature_view_name: str,
        df: pd.DataFrame | None = None,
        inputs: Any = None,
        allow_registry_cache: bool = True,
        transform_on_write: bool = True,
    ) -> None:
        """Write rows of one view to the online store; a newer row already there stays."""
        if df is not None and inputs is not None:
            raise ValueError("give df or inputs, not both")
        with _named(errors.FeatureViewNotFoundException):
            self._repast.write_to_online_store(feature_view_name, df if df is not None else inputs)

    async def write_to_online_store_async(
        self,
        feature_view_name: str,
        df: pd.DataFrame | None = None,
        inputs: Any = None,
        allow_registry_cache: bool = True,
    ) -> None:
        """Like :meth:`write_to_online_store`, without blocking the event loop."""
        await asyncio.to_thread(self.write_to_online_store, feature_view_name, df, inputs, allow_registry_cache)

    def write_to_offline_store(
        self,
        feature_view_name: str,
        df: pd.DataFrame,
        allow_registry_cache: bool = True,
        reorder_columns: bool = True,
    ) -> None:
        """Append rows of one view to its batch source; columns are found by name."""
        with _named(errors.FeatureViewNotFoundException):
            self._repast.write_to_offline_store(feature_view_name, df)

    async def update_online_store(
        self,
        feature_view_name: str,
        df: pd.DataFrame,
        update_expressions: dict[str, str],
        allow_registry_cache: bool = True,
    ) -> None:
        """Refuse: rows are written whole."""
        refuse("FeatureStore.update_online_store", hint="write whole rows: store.write_to_online_store")

    def precompute_feature_service(self, feature_service_name: str | None = None, batch_size: int = 1000) -> int:
        """Compute nothing and return 0: a read is one call of the store as it is."""
        without_effect("precompute_feature_service()", "a read is one call of the store as it is")
        return 0

    # -- serving ------------------------------------------------------------------------------------

    def _online_request(self, features: Any, entity_rows: Any, feature_refs: Any) -> tuple[Any, Any]:
        wanted = self._features(features or [], feature_refs)
        return wanted, self._by_join_key(wanted, _unwrap_rows(entity_rows))

    def _by_join_key(self, features: Any, rows: Any) -> Any:
        """Return rows whose keys go by their columns' names: Feast's first users wrote the entity's name."""
        first = rows if isinstance(rows, Mapping) else rows[0] if rows else {}
        renamed: dict[str, str] = {}
        columns = self._repast.input_columns(features)
        for name in set(first) - set(columns):
            keys = next((e.join_keys for e in self._repast.list_entities() if e.name == name), ())
            if len(keys) == 1 and keys[0].name in columns and keys[0].name not in first:
                renamed[name] = keys[0].name
        if not renamed:
            return rows
        for name, key in sorted(renamed.items()):
            legacy(f"entity_rows=[{{{name!r}: ...}}], the entity's name", f"its join key: {{{key!r}: ...}}")
        if isinstance(rows, Mapping):
            return {renamed.get(name, name): values for name, values in rows.items()}
        return [{renamed.get(name, name): value for name, value in row.items()} for row in rows]

    def get_online_features(
        self,
        features: list[str] | FeatureService | None = None,
        entity_rows: Any = None,
        full_feature_names: bool = False,
        include_feature_view_version_metadata: bool = False,
        feature_refs: list[str] | None = None,
    ) -> OnlineResponse:
        """Return the newest values of some keys."""
        if include_feature_view_version_metadata:
            without_effect("include_feature_view_version_metadata=True", "every generation is kept: repast log")
        wanted, rows = self._online_request(features, entity_rows, feature_refs)
        with _collisions():
            return OnlineResponse(self._repast.get_online_features(wanted, rows, full_feature_names))

    async def get_online_features_async(
        self,
        features: list[str] | FeatureService | None = None,
        entity_rows: Any = None,
        full_feature_names: bool = False,
        include_feature_view_version_metadata: bool = False,
    ) -> OnlineResponse:
        """Like :meth:`get_online_features`, without blocking the event loop."""
        wanted, rows = self._online_request(features, entity_rows, None)
        with _collisions():
            return OnlineResponse(await self._repast.get_online_features_async(wanted, rows, full_feature_names))

    def retrieve_online_documents(
        self, query: Any, top_k: int, features: list[str], distance_metric: str | None = "L2"
    ) -> OnlineResponse:
        """Refuse: there is no vector search yet."""
        refuse("FeatureStore.retrieve_online_documents", hint=_VECTORS)

    def retrieve_online_documents_v2(
        self,
        features: list[str],
        top_k: int,
        query: list[float] | None = None,
        query_string: str | None = None,
        distance_metric: str | None = "L2",
        query_image_bytes: bytes | None = None,
        query_image_model: str | None = "resnet34",
        combine_with_text: bool = False,
        text_weight: float = 0.5,
        image_weight: float = 0.5,
        combine_strategy: str = "weighted_sum",
        include_feature_view_version_metadata: bool = False,
        filters: Any = None,
    ) -> OnlineResponse:
        """Refuse: there is no vector search yet."""
        refuse("FeatureStore.retrieve_online_documents_v2", hint=_VECTORS)

    async def openai_search(self, vector_store_id: str, query: Any, **options: Any) -> dict[str, Any]:
        """Refuse: there is no vector search yet."""
        refuse("FeatureStore.openai_search", hint=_VECTORS)

    # -- servers ------------------------------------------------------------------------------------

    def serve(
        self,
        host: str,
        port: int,
        type_: str = "http",
        no_access_log: bool = False,
        workers: int = 1,
        worker_connections: int = 1000,
        max_requests: int | None = None,
        max_requests_jitter: int | None = None,
        metrics: bool = False,
        keep_alive_timeout: int = 30,
        tls_key_path: str = "",
        tls_cert_path: str = "",
        registry_ttl_sec: int | None = None,
    ) -> None:
        """Answer Feast's HTTP API until told to stop (SIGTERM, Ctrl-C)."""
        from feast.adapter.server import serve

        serve(
            self._repast.config,
            type_=type_,
            max_requests=max_requests,
            max_requests_jitter=max_requests_jitter,
            host=host,
            port=port,
            access_log=not no_access_log,
            workers=workers,
            worker_connections=worker_connections,
            metrics=metrics or None,
            keep_alive=keep_alive_timeout,
            key=tls_key_path or None,
            cert=tls_cert_path or None,
            registry_ttl=registry_ttl_sec,
        )

    def serve_ui(self, host: str, port: int, **options: Any) -> None:
        """Refuse: a server is a process of its own."""
        refuse("FeatureStore.serve_ui", hint="there is no web page yet: feast feature-views list")

    def serve_registry(self, port: int, **options: Any) -> None:
        """Refuse: registries are files, objects or a database."""
        refuse("FeatureStore.serve_registry", hint="share the registry itself: a bucket or a database")

    def serve_offline(self, host: str, port: int, **options: Any) -> None:
        """Refuse: engines run where they are asked."""
        refuse("FeatureStore.serve_offline", hint="use the engine where the training runs")

    def serve_transformations(self, port: int) -> None:
        """Refuse: functions run where features are read."""
        refuse("FeatureStore.serve_transformations", hint="functions run where features are read")

    # -- logs ---------------------------------------------------------------------------------------

    def write_logged_features(self, logs: Any, source: FeatureService) -> None:
        """Refuse: served features are not logged yet."""
        refuse("FeatureStore.write_logged_features", hint="write the rows where they belong with pyarrow")

    def validate_logged_features(
        self,
        source: FeatureService,
        start: datetime,
        end: datetime,
        reference: Any,
        throw_exception: bool = True,
        cache_profile: bool = True,
    ) -> Any:
        """Refuse: there is no data validation yet."""
        refuse("FeatureStore.validate_logged_features", hint="there is no data validation yet")


def _is_kind(definition: Any, kinds: set[str]) -> bool:
    """Whether a definition of Repast is of one of Feast's classes."""
    names = {type(definition).__name__}
    if isinstance(definition, repast.FeatureView):
        names |= {"FeatureView", "BatchFeatureView", "StreamFeatureView", "LabelView"}
    if isinstance(definition, repast.DataSource):
        names |= {kind for kind in kinds if kind.endswith("Source")}
    return bool(names & kinds)


def _unwrap_rows(entity_rows: Any) -> Any:
    """Return rows with plain values: clients of Feast's servers send protobuf ones."""
    if entity_rows is None:
        raise errors.InvalidFeaturesParameterType('entity_rows is missing: entity_rows=[{"driver_id": 1001}]')
    if isinstance(entity_rows, Mapping):
        return {name: [_plain(v) for v in getattr(values, "val", values)] for name, values in entity_rows.items()}
    return [{name: _plain(value) for name, value in row.items()} for row in entity_rows]


def _plain(value: Any) -> Any:
    kind = getattr(value, "WhichOneof", None)
    return getattr(value, kind("val")) if kind is not None else value
