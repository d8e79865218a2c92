"""The feature of Feast's first years."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from feast.adapter.notice import legacy
from feast.value_type import ValueType


class Feature:
    """A name and an older type. Views take it in ``features=`` and ``schema=``; write Field today."""

    def __init__(
        self, name: str, dtype: ValueType, description: str = "", labels: Mapping[str, str] | None = None
    ) -> None:
        legacy("Feature(name=..., dtype=ValueType.X)", "Field(name=..., dtype=...) with a type of feast.types")
        self._name, self._dtype, self._description, self._labels = name, dtype, description, dict(labels or {})

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def dtype(self) -> ValueType:
        """Its type."""
        return self._dtype

    @property
    def description(self) -> str:
        """What it means."""
        return self._description

    @property
    def labels(self) -> dict[str, str]:
        """Free metadata."""
        return self._labels

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Feature) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self._name, self._dtype))

    def __lt__(self, other: Any) -> bool:
        return bool(self.name < other.name)

    def __repr__(self) -> str:
        return f"Feature(name={self.name!r}, dtype={self.dtype})"
