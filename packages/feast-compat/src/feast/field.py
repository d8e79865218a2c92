"""A named, typed column of a view."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import repast
from feast.adapter.base import EXTRA_TAG, split_tags
from feast.adapter.notice import legacy, without_effect
from feast.feature import Feature
from feast.types import FeastType, PrimitiveFeastType, feast_type, from_value_type, repast_type
from feast.value_type import ValueType
from repast import types as repast_types
from repast.core.definitions.problem import caller_location, located_at, report
from repast.errors import InvalidDefinitionError


class Field:
    """A feature of a view, or a key column whose type it gives."""

    def __init__(
        self,
        *,
        name: str,
        dtype: FeastType,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        vector_index: bool = False,
        vector_length: int = 0,
        vector_search_metric: str | None = None,
    ) -> None:
        self._location = caller_location()
        if isinstance(dtype, ValueType):
            legacy("Field(dtype=ValueType.X)", "a type of feast.types, such as Int64")
            dtype = from_value_type(dtype)
        if vector_index or vector_search_metric:
            without_effect("Field(vector_index=..., vector_search_metric=...)", "there is no vector search yet")
        self.name, self.dtype, self.description, self.tags = name, dtype, description, dict(tags or {})
        self.vector_index, self.vector_length = vector_index, vector_length
        self.vector_search_metric = vector_search_metric
        self._repast()

    @classmethod
    def from_feature(cls, feature: Feature) -> Field:
        """Return the field that a feature of the first years is."""
        dtype = from_value_type(feature.dtype)
        return cls(name=feature.name, dtype=dtype, description=feature.description, tags=feature.labels)

    def _extra(self) -> dict[str, Any]:
        extra: dict[str, Any] = {}
        if isinstance(self.dtype, PrimitiveFeastType) and feast_type(repast_type(self.dtype)) is not self.dtype:
            extra["dtype"] = self.dtype.name
        if self.vector_index:
            extra |= {"vector_index": True, "vector_search_metric": self.vector_search_metric}
        return extra | ({"vector_length": self.vector_length} if self.vector_length else {})

    def _repast(self) -> repast.Field:
        with located_at(self._location):
            try:
                dtype: Any = repast_type(self.dtype)
            except InvalidDefinitionError as error:
                report(error.message, subject=f"field {self.name!r}", location=self._location, hint=error.hint)
                return repast.Field(name=self.name, dtype=repast_types.String)
            extra = self._extra()
            tags = self.tags | ({EXTRA_TAG: json.dumps(extra, sort_keys=True)} if extra else {})
            return repast.Field(name=self.name, dtype=dtype, description=self.description, tags=tags)

    @classmethod
    def _restore(cls, field: repast.Field) -> Field:
        restored = cls.__new__(cls)
        tags, extra = split_tags(field.tags)
        restored._location = None
        restored.name, restored.description, restored.tags = field.name, field.description, tags
        restored.dtype = feast_type(field.dtype, extra.get("dtype", ""))
        restored.vector_index = extra.get("vector_index", False)
        restored.vector_length = extra.get("vector_length", 0)
        restored.vector_search_metric = extra.get("vector_search_metric")
        return restored

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and self._repast() == other._repast()

    def __hash__(self) -> int:
        return hash((self.name, str(self.dtype)))

    def __lt__(self, other: Field) -> bool:
        return self.name < other.name

    def __repr__(self) -> str:
        return f"Field(name={self.name!r}, dtype={self.dtype})"

    __str__ = __repr__


def as_fields(owner: Any, given: Any, label: str) -> list[Field]:
    """Return fields of a list of Field, Repast's Field or Feature; report what is none."""
    if given is None:
        return []
    if isinstance(given, str | bytes) or not isinstance(given, list | tuple):
        owner._problem(f"{label} must be a list of Field, not {given!r}.")
        return []
    fields = []
    for one in given:
        if isinstance(one, Field):
            fields.append(one)
        elif isinstance(one, repast.Field):
            fields.append(Field._restore(one))
        elif isinstance(one, Feature):
            fields.append(Field.from_feature(one))
        else:
            owner._problem(f"{label} must be a list of Field, not {one!r}.")
    return fields
