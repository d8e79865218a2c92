"""What Feast's definitions have in common here: mutable like Feast's, and a Repast definition at any time."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from feast.adapter.notice import legacy, refuse
from repast.core.definitions.problem import caller_location, located_at, report
from repast.errors import Location

EXTRA_TAG = "feast"
"""Tag of Repast's definitions that keeps what only Feast has a word for, as JSON."""


class FeastObject:
    """Base of the definitions. ``__repast_definition__`` is how Repast takes them: in files, lists and calls."""

    _kind = "definition"
    _location: Location | None = None
    _built: Any = None
    created_timestamp: datetime | None = None
    last_updated_timestamp: datetime | None = None

    name: str
    description: str
    tags: dict[str, str]
    owner: str

    def _start(
        self,
        *,
        name: Any,
        description: str | None = "",
        tags: Mapping[str, str] | None = None,
        owner: str | None = "",
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._location = caller_location()
        if labels is not None:
            legacy(f"{type(self).__name__}(labels=...)", "tags=...")
        self.name = name
        self.description = description or ""
        self.tags = dict(tags or labels or {})
        self.owner = owner or ""

    def _named(self) -> dict[str, Any]:
        """The arguments that all of Repast's definitions take."""
        extra = self._extra()
        tags = dict(self.tags)
        if extra:
            tags[EXTRA_TAG] = json.dumps(extra, sort_keys=True)
        return {"name": self.name, "description": self.description, "tags": tags, "owner": self.owner}

    def _extra(self) -> dict[str, Any]:
        """What only Feast has a word for."""
        return {}

    def _problem(self, message: str, *, hint: str = "") -> None:
        report(message, subject=f"{self._kind} {self.name!r}", location=self._location, hint=hint)

    def _build(self) -> Any:
        raise NotImplementedError

    def __repast_definition__(self) -> Any:
        """Return the Repast definition that this stands for now; the same object while nothing changes."""
        with located_at(self._location):
            built = self._build()
        if type(built) is not type(self._built) or built != self._built:
            self._built = built
        return self._built

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return False
        assert isinstance(other, FeastObject)
        return bool(self.__repast_definition__() == other.__repast_definition__())

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.name))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"

    def __copy__(self) -> Self:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.tags = dict(self.tags)
        other._built = None
        return other

    def _copy(self) -> Self:
        return copy.copy(self)

    def to_proto(self) -> Any:
        """Refuse: Repast's registry is JSON."""
        refuse(
            f"{type(self).__name__}.to_proto", hint="the registry is JSON: feast registry-dump, or FeatureStore.list_*"
        )

    @classmethod
    def from_proto(cls, proto: object) -> Any:
        """Refuse: Repast's registry is JSON."""
        refuse(f"{cls.__name__}.from_proto", hint="the registry is JSON: feast registry-dump, or FeatureStore.get_*")


def split_tags(tags: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the user's tags, and what :data:`EXTRA_TAG` keeps."""
    own = {key: value for key, value in tags.items() if key != EXTRA_TAG}
    return own, json.loads(tags.get(EXTRA_TAG, "{}"))
