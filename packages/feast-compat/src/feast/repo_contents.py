"""The definitions of a repo by kind."""

from __future__ import annotations

from typing import Any, NamedTuple


class RepoContents(NamedTuple):
    """The definitions of a repo by kind."""

    projects: list[Any] = []
    data_sources: list[Any] = []
    feature_views: list[Any] = []
    on_demand_feature_views: list[Any] = []
    stream_feature_views: list[Any] = []
    label_views: list[Any] = []
    entities: list[Any] = []
    feature_services: list[Any] = []
    permissions: list[Any] = []

    def _all(self) -> list[Any]:
        return [one for collection in self for one in collection]

    def to_registry_proto(self) -> Any:
        """Refuse: Repast's registry is JSON."""
        from feast.adapter.notice import refuse

        refuse("RepoContents.to_registry_proto", hint="the registry is JSON: feast registry-dump")
