"""A view as one retrieval or service sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from feast.field import Field


@dataclass
class FeatureViewProjection:
    """Some features of a view, maybe under another name, maybe joined through other columns."""

    name: str
    name_alias: str | None
    desired_features: list[str]
    features: list[Field]
    join_key_map: dict[str, str] = field(default_factory=dict)
    timestamp_field: str | None = None
    date_partition_column: str | None = None
    created_timestamp_column: str | None = None
    batch_source: Any = None
    version_tag: int | None = None
    view_type: str = "featureView"
    _view: Any = field(default=None, repr=False, compare=False)

    def name_to_use(self) -> str:
        """Return the alias if there is one, else the view's name."""
        return self.name_alias or self.name

    def get_feature(self, feature_name: str) -> Field:
        """Return one of its features."""
        for one in self.features:
            if one.name == feature_name:
                return one
        raise KeyError(f"{feature_name} is no feature of the projection {self.name_to_use()}")

    @staticmethod
    def from_feature_view_definition(feature_view: Any) -> FeatureViewProjection:
        """Return the projection of a whole view."""
        return feature_view._whole()  # type: ignore[no-any-return]

    @staticmethod
    def from_definition(base_feature_view: Any) -> FeatureViewProjection:
        """Return the projection of a whole view of any kind."""
        return base_feature_view._whole()  # type: ignore[no-any-return]
