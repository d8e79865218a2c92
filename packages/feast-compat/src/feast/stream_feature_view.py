"""Views whose rows arrive in a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from feast.adapter.notice import legacy, without_effect
from feast.aggregation import Aggregation
from feast.data_source import DataSource
from feast.entity import Entity
from feast.feature_view import FeatureView
from feast.field import Field
from feast.transformation.base import Transformation, mode_name, source_text
from feast.transformation.mode import TransformationMode


class StreamFeatureView(FeatureView):
    """A view over the batch source of a stream; what reads the stream pushes its results.

    Repast neither reads streams nor runs the function or the aggregations of such a view. As in Feast's
    training, its features are columns of the batch source; as with Feast's stream processor, rows that
    were transformed elsewhere come in by ``push`` and ``write_to_online_store``.
    """

    _view_class = "StreamFeatureView"

    def __init__(
        self,
        *args: Any,
        name: str | None = None,
        source: DataSource | None = None,
        sink_source: DataSource | None = None,
        entities: Sequence[Entity | str] | None = None,
        ttl: timedelta | None = timedelta(0),
        tags: Mapping[str, str] | None = None,
        online: bool = True,
        offline: bool = False,
        description: str = "",
        owner: str = "",
        org: str = "",
        schema: list[Field] | None = None,
        aggregations: list[Aggregation] | None = None,
        mode: str | TransformationMode = TransformationMode.PYTHON,
        timestamp_field: str | None = "",
        udf: Callable[..., Any] | None = None,
        udf_string: str | None = "",
        feature_transformation: Transformation | None = None,
        stream_engine: Mapping[str, Any] | None = None,
        enable_tiling: bool = False,
        tiling_hop_size: timedelta | None = None,
        enable_validation: bool = False,
        version: str = "latest",
        enabled: bool = True,
        **legacy_spellings: Any,
    ) -> None:
        self.aggregations = list(aggregations or [])
        self.timestamp_field = timestamp_field or ""
        self.feature_transformation = feature_transformation
        self.udf = udf or (feature_transformation.udf if feature_transformation else None)
        self.udf_string = udf_string or (source_text(self.udf) if self.udf else "")
        self.stream_engine, self.enable_tiling, self.tiling_hop_size = stream_engine, enable_tiling, tiling_hop_size
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
            **legacy_spellings,
        )
        self._say_what_is_not_run()

    def _say_what_is_not_run(self) -> None:
        parts = ("the function", self.udf), ("the aggregations", self.aggregations)
        named = [part for part, given in parts if given]
        not_run = " and ".join(named) + (" is" if named == ["the function"] else " are")
        if named:
            without_effect(
                f"Stream view {self.name!r}: its transformation",
                f"{not_run} not run by Repast: the features are read from columns of the batch source, and rows "
                "that a stream processor has transformed are taken by push and write_to_online_store",
            )
        if self.stream_engine or self.enable_tiling or self.tiling_hop_size:
            without_effect("stream_engine, enable_tiling, tiling_hop_size", "Repast runs no stream engine")

    def get_feature_transformation(self) -> Transformation | None:
        """Return the function and its mode."""
        if self.feature_transformation is None and self.udf is not None:
            return Transformation(self.mode, self.udf, self.udf_string, self.name)
        return self.feature_transformation

    def _extra(self) -> dict[str, Any]:
        extra = super()._extra()
        if self.aggregations:
            extra["aggregations"] = [one._plain() for one in self.aggregations]
        if self.udf_string:
            extra["udf"] = self.udf_string
            extra["mode"] = mode_name(self.mode)
        return extra


def stream_feature_view(
    *,
    name: str | None = None,
    entities: Sequence[Entity | str] | None = None,
    ttl: timedelta | None = None,
    tags: Mapping[str, str] | None = None,
    online: bool | None = True,
    offline: bool = False,
    description: str | None = "",
    owner: str | None = "",
    org: str | None = "",
    schema: list[Field] | None = None,
    source: DataSource | None = None,
    sink_source: DataSource | None = None,
    aggregations: list[Aggregation] | None = None,
    mode: str | None = "spark",
    timestamp_field: str | None = "",
    stream_engine: Mapping[str, Any] | None = None,
    enable_tiling: bool = False,
    tiling_hop_size: timedelta | None = None,
    enable_validation: bool = False,
    version: str = "latest",
    features: list[Any] | None = None,
) -> Callable[[Callable[..., Any]], StreamFeatureView]:
    """Turn a function into a stream view named like the function."""
    if features is not None:
        legacy("stream_feature_view(features=...)", "schema=[Field(...)]")

    def decorate(udf: Callable[..., Any]) -> StreamFeatureView:
        return StreamFeatureView(
            name=name or udf.__name__,
            source=source,
            sink_source=sink_source,
            entities=entities,
            ttl=ttl,
            tags=tags,
            online=bool(online),
            offline=offline,
            description=description or "",
            owner=owner or "",
            org=org or "",
            schema=schema if schema is not None else features,
            aggregations=aggregations,
            mode=mode or "spark",
            timestamp_field=timestamp_field,
            udf=udf,
            stream_engine=stream_engine,
            enable_tiling=enable_tiling,
            tiling_hop_size=tiling_hop_size,
            enable_validation=enable_validation,
            version=version,
        )

    return decorate
