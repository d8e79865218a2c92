"""What all kinds of views share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import repast
from feast.adapter.base import FeastObject
from feast.adapter.notice import refuse
from feast.data_source import DataSource
from feast.feature_view_projection import FeatureViewProjection
from feast.field import Field, as_fields


class BaseFeatureView(FeastObject):
    """A named set of features with a projection: what of it is used, and under which name."""

    _kind = "feature view"
    features: list[Field]
    source: Any = None

    def __init__(
        self,
        *,
        name: str,
        features: Sequence[Field] | None = None,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
        source: DataSource | None = None,
    ) -> None:
        self._start(name=name, description=description, tags=tags, owner=owner)
        self.features = as_fields(self, list(features) if features else None, "features")
        self.source = source
        self._project()

    def _project(self) -> None:
        self.projection = self._whole()

    def _whole(self) -> FeatureViewProjection:
        source = getattr(self, "batch_source", None)
        return FeatureViewProjection(
            name=self.name,
            name_alias=None,
            desired_features=[],
            features=list(self.features),
            timestamp_field=getattr(source, "timestamp_field", None),
            created_timestamp_column=getattr(source, "created_timestamp_column", None),
            batch_source=source,
            _view=self,
        )

    @property
    def proto_class(self) -> Any:
        """Refuse: Repast's registry is JSON."""
        refuse(f"{type(self).__name__}.proto_class", hint="the registry is JSON: feast registry-dump")

    def ensure_valid(self) -> None:
        """Check the definition; a view of no kind defines nothing."""
        if type(self) is not BaseFeatureView:
            self.__repast_definition__()

    def with_name(self, name: str) -> Self:
        """Return the view under another name for one retrieval or service."""
        return self._projected(name_alias=name)

    def set_projection(self, feature_view_projection: FeatureViewProjection) -> None:
        """Replace what of the view is used."""
        if feature_view_projection.name != self.name:
            raise ValueError(f"the projection is of {feature_view_projection.name!r}, not of {self.name!r}")
        known = {one.name for one in self.features}
        for one in feature_view_projection.features:
            if one.name not in known:
                raise ValueError(f"view {self.name!r} has no feature {one.name!r}")
        self.projection = feature_view_projection

    def with_projection(self, feature_view_projection: FeatureViewProjection) -> Self:
        """Return a copy of which this is used."""
        other = self._copy()
        other.set_projection(feature_view_projection)
        return other

    def __getitem__(self, item: Sequence[str]) -> Self:
        """Select some features: ``view[["trips", "rating"]]``."""
        if isinstance(item, str):
            raise TypeError(f"select features with a list: view[[{item!r}]]")
        self._repast_projection(names=tuple(item))  # Repast says what is no feature
        by_name = {one.name: one for one in self.features}
        selected = [by_name[name] for name in item if name in by_name]
        return self._projected(features=selected, desired_features=list(item))

    def _projected(self, **changes: Any) -> Self:
        other = self._copy()
        values = {k: v for k, v in vars(self.projection).items() if k != "_view"} | changes
        other.projection = FeatureViewProjection(**values, _view=self.projection._view or self)
        return other

    def _repast_projection(self, names: tuple[str, ...] | None = None) -> repast.FeatureViewProjection:
        return repast_projection(self.projection, self, names=names)


def repast_projection(
    projection: FeatureViewProjection, view: BaseFeatureView | None = None, *, names: tuple[str, ...] | None = None
) -> repast.FeatureViewProjection:
    """Return Repast's projection of a view as one of Feast's says it."""
    whole = projection._view or view
    assert whole is not None
    result = repast.FeatureViewProjection(view=whole.__repast_definition__())
    chosen = names if names is not None else tuple(projection.desired_features) or None
    if chosen is None and 0 < len(projection.features) < len(whole.features):
        chosen = tuple(one.name for one in projection.features)
    if chosen is not None:
        result = result[list(chosen)]
    if projection.name_alias:
        result = result.with_name(projection.name_alias)
    return result.with_join_key_map(projection.join_key_map) if projection.join_key_map else result
