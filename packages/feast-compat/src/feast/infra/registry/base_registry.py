"""The registry of a store, with the methods of Feast's registries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from feast.adapter.json_form import json_form
from feast.adapter.notice import refuse, without_effect

_READS = (
    "list_entities",
    "list_data_sources",
    "list_feature_views",
    "list_stream_feature_views",
    "list_label_views",
    "list_on_demand_feature_views",
    "list_all_feature_views",
    "list_feature_services",
    "list_saved_datasets",
    "list_permissions",
    "list_validation_references",
    "get_entity",
    "get_data_source",
    "get_feature_view",
    "get_stream_feature_view",
    "get_label_view",
    "get_on_demand_feature_view",
    "get_any_feature_view",
    "get_feature_service",
    "get_saved_dataset",
    "get_permission",
    "get_validation_reference",
)

_CHANGED: Mapping[str, tuple[str, ...]] = {
    "entity": ("Entity",),
    "data_source": ("DataSource",),
    "feature_view": ("FeatureView", "OnDemandFeatureView"),
    "feature_service": ("FeatureService",),
    "label_view": ("LabelView",),
}
"""What can be applied and deleted one by one -> its classes."""

_HINTS: Mapping[str, str] = {
    "proto": "the registry is JSON: Registry.to_dict(project), or feast registry-dump",
    "apply_materialization": "FeatureStore.materialize: loads keep their own bookkeeping",
    "apply_saved_dataset": "FeatureStore.create_saved_dataset",
    "teardown": "FeatureStore.teardown removes this project",
    "list_feature_view_versions": "every generation is kept: repast log, repast rollback",
    "get_feature_view_by_version": "every generation is kept: repast log, repast rollback",
}
"""What is refused -> what to do instead."""

COLLECTIONS: Mapping[str, str] = {
    "dataSources": "list_data_sources",
    "entities": "list_entities",
    "featureViews": "list_feature_views",
    "streamFeatureViews": "list_stream_feature_views",
    "onDemandFeatureViews": "list_on_demand_feature_views",
    "labelViews": "list_label_views",
    "featureServices": "list_feature_services",
    "savedDatasets": "list_saved_datasets",
}
"""A list of the registry's JSON -> the store's method that returns what is in it."""


class BaseRegistry:
    """The registry of a store. What is read is what the store's own methods return; changes are applied at once."""

    _store: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        refuse(
            "A registry without a store", hint="FeatureStore(repo).registry; plugins: docs/how-to/write-a-registry.md"
        )

    @classmethod
    def _of(cls, store: Any) -> BaseRegistry:
        made = cls.__new__(cls)
        made._store = store
        return made

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        kind, _, what = name.partition("_")
        if kind in ("apply", "delete") and what in _CHANGED and name != "apply_label_view":
            return partial(self._apply if kind == "apply" else self._delete, what)
        if name not in _READS:
            refuse(f"Registry.{name}", hint=_HINTS.get(name, "FeatureStore has methods for what the registry holds"))

        def read(*args: Any, project: str | None = None, allow_cache: bool = False, **kwargs: Any) -> Any:
            # Feast's registries are asked with (name, project) or (project): the store knows its own.
            wanted = args[:1] if name.startswith("get_") else ()
            return getattr(self._store, name)(*wanted, *(kwargs.values() if name.startswith("get_") else ()))

        return read

    def _apply(self, what: str, definition: Any = None, project: str = "", commit: bool = True, **named: Any) -> None:
        self._store.apply([named.get(what, definition)])
        self._say_commit(commit)

    def _delete(self, what: str, name: str, project: str = "", commit: bool = True) -> None:
        get = self._store.get_any_feature_view if what == "feature_view" else getattr(self._store, f"get_{what}")
        get(name)  # raises what Feast raises
        self._store._delete([(cls, name) for cls in _CHANGED[what]])
        self._say_commit(commit)

    @staticmethod
    def _say_commit(commit: bool) -> None:
        if not commit:
            without_effect("commit=False", "every change of the registry is written at once, as a whole")

    def commit(self) -> None:
        """Do nothing: what was changed is written already."""

    def to_dict(self, project: str) -> dict[str, Any]:
        """Return everything that is registered, in the names of Feast's JSON."""
        store = self._store
        document = {name: [json_form(one) for one in getattr(store, method)()] for name, method in COLLECTIONS.items()}
        document["projects"] = [json_form(one) for one in store.list_projects()]
        return {"project": store.project, **{name: found for name, found in document.items() if found}}

    def list_projects(self, allow_cache: bool = False, tags: dict[str, str] | None = None) -> list[Any]:
        """Return all projects."""
        return self._store.list_projects(tags=tags)  # type: ignore[no-any-return]

    def get_project(self, name: str, allow_cache: bool = False) -> Any:
        """Return one project."""
        return self._store.get_project(name)

    def refresh(self, project: str | None = None) -> None:
        """Read the registry now."""
        self._store.refresh_registry()
