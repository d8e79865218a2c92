"""The project that a repo's definitions belong to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import repast
from feast.adapter.base import FeastObject, split_tags


class Project(FeastObject):
    """A project; its name must be that of feature_store.yaml."""

    _kind = "project"

    def __init__(
        self,
        *,
        name: str,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
        created_timestamp: datetime | None = None,
        last_updated_timestamp: datetime | None = None,
    ) -> None:
        self._start(name=name, description=description, tags=tags, owner=owner)
        self.created_timestamp, self.last_updated_timestamp = created_timestamp, last_updated_timestamp
        self.__repast_definition__()

    def is_valid(self) -> None:
        """Check the definition."""
        self.__repast_definition__()

    def _build(self) -> repast.Project:
        return repast.Project(**self._named())

    @classmethod
    def _restore(cls, project: repast.Project) -> Project:
        tags, _ = split_tags(project.tags)
        return cls(name=project.name, description=project.description, tags=tags, owner=project.owner)
