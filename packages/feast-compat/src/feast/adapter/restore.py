"""From what Repast's registry returns to Feast's objects."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import repast
from feast import data_source as sources
from feast.adapter.base import split_tags
from feast.entity import Entity
from feast.feature_service import FeatureService
from feast.feature_view import FeatureView
from feast.field import Field
from feast.on_demand_feature_view import OnDemandFeatureView
from repast.core.definitions import BatchSource, DataSource, PushSource, RequestSource
from repast.core.definitions.problem import without_location


def restore(definition: Any) -> Any:
    """Return Feast's object for a definition of Repast."""
    with without_location():
        if isinstance(definition, repast.Entity):
            return Entity._restore(definition)
        if isinstance(definition, DataSource):
            return restore_source(definition)
        if isinstance(definition, repast.FeatureView):
            return restore_view(definition)
        if isinstance(definition, repast.OnDemandFeatureView):
            return _on_demand(definition)
        if isinstance(definition, repast.FeatureService):
            return _service(definition)
        from feast.project import Project

        return Project._restore(definition)


def _fill(made: Any, definition: Any, **values: Any) -> Any:
    """Set what all objects have, without the checks and warnings of what users write."""
    made._location = None
    made.name, made.description, made.owner = definition.name, definition.description, definition.owner
    made.tags, _ = split_tags(definition.tags)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def restore_source(source: DataSource) -> Any:
    """Return Feast's source for one of Repast."""
    _, extra = split_tags(source.tags)
    if isinstance(source, RequestSource):
        made = sources.RequestSource.__new__(sources.RequestSource)
        return _fill(made, source, schema=[Field._restore(f) for f in source.schema], field_mapping={})
    if isinstance(source, PushSource):
        return _push(source, extra)
    assert isinstance(source, BatchSource)
    common = {
        "timestamp_field": source.timestamp_field or "",
        "created_timestamp_column": source.created_timestamp_column or "",
        "field_mapping": dict(source.field_mapping),
        "_timezone": source.timezone,
        "_lateness": source.lateness,
    }
    from feast.adapter.source_class import source_class

    cls = source_class(source.source_type)
    if cls is None:
        return sources.UnknownSource(source)
    made = _fill(cls.__new__(cls), source, **common)
    made._restore_from(dict(source.options()))
    return made


def _push(source: PushSource, extra: dict[str, Any]) -> Any:
    batch = restore_source(source.batch_source) if source.batch_source else None
    kind = extra.get("stream")
    cls = {"kafka": sources.KafkaSource, "kinesis": sources.KinesisSource}.get(kind or "", sources.PushSource)
    made = _fill(cls.__new__(cls), source, batch_source=batch, field_mapping={})
    if kind == "kafka":
        made.kafka_options = sources.KafkaOptions(extra["servers"], None, extra["topic"])  # type: ignore[arg-type]
    elif kind == "kinesis":
        made.kinesis_options = sources.KinesisOptions(None, extra["region"], extra["topic"])  # type: ignore[arg-type]
    return made


def _view_class(name: str) -> type[FeatureView]:
    from feast.batch_feature_view import BatchFeatureView
    from feast.labeling.label_view import LabelView
    from feast.stream_feature_view import StreamFeatureView

    known = {cls._view_class: cls for cls in (BatchFeatureView, StreamFeatureView, LabelView)}
    return known.get(name, FeatureView)


def restore_view(view: repast.FeatureView) -> FeatureView:
    """Return Feast's view for one of Repast."""
    from feast.aggregation import Aggregation

    _, extra = split_tags(view.tags)
    cls = _view_class(extra.get("class", ""))
    made = _fill(
        cls.__new__(cls),
        view,
        source=restore_source(view.source) if view.source else None,
        _entities=[Entity._restore(entity) for entity in view.entities],
        _schema=[Field._restore(field) for field in view.schema],
        ttl=view.ttl or timedelta(0),
        online=view.online,
        offline=view.offline,
        org="",
        mode=extra.get("mode"),
        version="latest",
        enabled=True,
        enable_validation=False,
    )
    if extra.get("class") == "StreamFeatureView":
        made.aggregations = [Aggregation._restore(one) for one in extra.get("aggregations", [])]
        made.udf, made.udf_string = None, extra.get("udf", "")
        made.timestamp_field, made.feature_transformation = "", None
        made.stream_engine, made.enable_tiling, made.tiling_hop_size = None, False, None
    elif extra.get("class") == "BatchFeatureView":
        made.udf, made.udf_string, made.feature_transformation = None, "", None
        made.batch_engine, made.aggregations = None, []
    elif extra.get("class") == "LabelView":
        from feast.labeling.conflict_policy import ConflictPolicy

        made.labeler_field, made.reference_feature_view = extra["labeler"], extra["reference"]
        made.conflict_policy = ConflictPolicy.LAST_WRITE_WINS
    made._project()
    return made  # type: ignore[no-any-return]


def _selected(projection: repast.FeatureViewProjection) -> Any:
    view = restore(projection.view)
    if projection.features is not None:
        view = view[list(projection.features)]
    if projection.name_alias:
        view = view.with_name(projection.name_alias)
    return view.with_join_key_map(projection.join_key_map) if projection.join_key_map else view


def _on_demand(view: repast.OnDemandFeatureView) -> OnDemandFeatureView:
    _, extra = split_tags(view.tags)
    sources_ = [
        _selected(s) if isinstance(s, repast.FeatureViewProjection) else restore_source(s) for s in view.sources
    ]
    made = _fill(
        OnDemandFeatureView.__new__(OnDemandFeatureView),
        view,
        sources=sources_,
        features=[Field._restore(field) for field in view.schema],
        feature_transformation=None,
        udf=view.function.call,
        udf_string=view.function.source,
        _function=view.function,
        mode=view.mode,
        singleton=view.singleton,
        write_to_online_store=extra.get("write_to_online_store", False),
        _entities=[],
        track_metrics=False,
        aggregations=[],
        input_schema=None,
        version="latest",
        enabled=True,
        org="",
    )
    made._project()
    return made  # type: ignore[no-any-return]


def _service(service: repast.FeatureService) -> FeatureService:
    made = FeatureService.__new__(FeatureService)
    features = [_selected(projection) for projection in service.features]
    _fill(made, service, features=features, precompute_online=False, org="", logging_config=None)
    _, extra = split_tags(service.tags)
    if "logging" in extra:
        from feast.adapter.source_class import restore_logging

        made.logging_config = restore_logging(extra["logging"])
    return made
