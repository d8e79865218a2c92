"""Views over a batch source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from feast.adapter.notice import refuse, without_effect
from feast.aggregation import Aggregation
from feast.data_source import DataSource
from feast.entity import Entity
from feast.feature_view import FeatureView
from feast.field import Field
from feast.transformation.base import Transformation
from feast.transformation.mode import TransformationMode


class BatchFeatureView(FeatureView):
    """A view over a batch source. One with a function or aggregations is refused: Repast would serve other values."""

    _view_class = "BatchFeatureView"

    def __init__(
        self,
        *args: Any,
        name: str | None = None,
        mode: TransformationMode | str = TransformationMode.PYTHON,
        source: DataSource | None = None,
        sink_source: DataSource | None = None,
        entities: Sequence[Entity | str] | None = None,
        ttl: timedelta | None = None,
        tags: Mapping[str, str] | None = None,
        online: bool = False,
        offline: bool = False,
        description: str = "",
        owner: str = "",
        org: str = "",
        schema: list[Field] | None = None,
        udf: Callable[..., Any] | None = None,
        udf_string: str | None = "",
        feature_transformation: Transformation | None = None,
        batch_engine: Mapping[str, Any] | None = None,
        aggregations: list[Aggregation] | None = None,
        enable_validation: bool = False,
        version: str = "latest",
        enabled: bool = True,
    ) -> None:
        if udf is not None or feature_transformation is not None or aggregations:
            refuse(
                f"A transformation of batch view {name!r}",
                hint="write its result to a table and make a FeatureView of that, or compute it on demand",
            )
        if batch_engine:
            without_effect("BatchFeatureView(batch_engine=...)", "loads run in the project's engine")
        self.udf, self.udf_string, self.feature_transformation = udf, udf_string or "", feature_transformation
        self.batch_engine, self.aggregations = batch_engine, list(aggregations or [])
        super().__init__(
            *args,
            name=name,
            source=source,
            sink_source=sink_source,
            schema=schema,
            entities=entities,
            ttl=ttl,
            online=online,
            offline=offline,
            description=description,
            tags=tags,
            owner=owner,
            org=org,
            mode=mode,
            enable_validation=enable_validation,
            version=version,
            enabled=enabled,
        )

    def get_feature_transformation(self) -> Transformation | None:
        """Return nothing: views with a function are refused."""
        return self.feature_transformation


def batch_feature_view(
    *,
    name: str | None = None,
    mode: TransformationMode | str = TransformationMode.PYTHON,
    entities: list[str] | None = None,
    ttl: timedelta | None = None,
    source: DataSource | None = None,
    sink_source: DataSource | None = None,
    tags: Mapping[str, str] | None = None,
    online: bool = True,
    offline: bool = True,
    description: str = "",
    owner: str = "",
    org: str = "",
    schema: list[Field] | None = None,
    aggregations: list[Aggregation] | None = None,
    batch_engine: Mapping[str, Any] | None = None,
    enable_validation: bool = False,
    version: str = "latest",
) -> Callable[[Callable[..., Any]], BatchFeatureView]:
    """Refuse, naming the view: its function would be the transformation of a batch source."""

    def decorate(udf: Callable[..., Any]) -> BatchFeatureView:
        return BatchFeatureView(name=name or udf.__name__, udf=udf)

    return decorate
