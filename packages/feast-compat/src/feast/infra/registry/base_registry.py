"""Reads of the registry, as Feast's registry has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from feast.adapter.notice import refuse

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


class BaseRegistry:
    """The registry of a store. What is read is what the store's own methods return; changes go through apply."""

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
        if name not in _READS:
            refuse(f"Registry.{name}", hint="FeatureStore.apply and FeatureStore.delete_* change the registry")

        def read(*args: Any, project: str | None = None, allow_cache: bool = False, **kwargs: Any) -> Any:
            # Feast's registries are asked with (name, project) or (project): the store knows its own.
            wanted = args[:1] if name.startswith("get_") else ()
            return getattr(self._store, name)(*wanted, *(kwargs.values() if name.startswith("get_") else ()))

        return read

    def list_projects(self, allow_cache: bool = False, tags: dict[str, str] | None = None) -> list[Any]:
        """Return all projects."""
        return self._store.list_projects(tags=tags)  # type: ignore[no-any-return]

    def get_project(self, name: str, allow_cache: bool = False) -> Any:
        """Return one project."""
        return self._store.get_project(name)

    def refresh(self, project: str | None = None) -> None:
        """Read the registry now."""
        self._store.refresh_registry()
