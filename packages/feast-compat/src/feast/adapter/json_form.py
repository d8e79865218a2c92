"""Definitions as Feast prints them: the JSON of its protobuf messages, without what Repast does not keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from feast.data_source import KafkaSource, KinesisSource, PushSource, RequestSource

_SOURCES: Mapping[str, tuple[str, str]] = {
    "FileSource": ("BATCH_FILE", "fileOptions"),
    "BigQuerySource": ("BATCH_BIGQUERY", "bigqueryOptions"),
    "RedshiftSource": ("BATCH_REDSHIFT", "redshiftOptions"),
    "SnowflakeSource": ("BATCH_SNOWFLAKE", "snowflakeOptions"),
    "TrinoSource": ("BATCH_TRINO", "trinoOptions"),
    "SparkSource": ("BATCH_SPARK", "sparkOptions"),
    "AthenaSource": ("BATCH_ATHENA", "athenaOptions"),
}
"""A class of sources -> its type in Feast's messages, and the field of its options. Others are custom."""


def json_form(definition: Any) -> dict[str, Any]:
    """Return a definition as Feast's JSON: sources flat, everything else below ``spec``."""
    if hasattr(definition, "timestamp_field") and not hasattr(definition, "ttl"):
        return source_form(definition)
    return {"spec": _kept(_FORMS[_kind(definition)](definition))}


def _kind(definition: Any) -> str:
    return next(cls.__name__ for cls in type(definition).__mro__ if cls.__name__ in _FORMS)


def _kept(members: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is said: JSON of protobuf messages leaves out empty texts, lists, mappings and False."""
    return {name: value for name, value in members.items() if value not in (None, "", [], {}, False)}


def _common(definition: Any) -> dict[str, Any]:
    return {"description": definition.description, "tags": definition.tags, "owner": definition.owner}


def _field(field: Any) -> dict[str, Any]:
    named = {"name": field.name, "valueType": _value_type(field.dtype)}
    return _kept(named | {"tags": dict(field.tags), "description": field.description})


def _value_type(dtype: Any) -> str:
    told = getattr(dtype, "to_value_type", None)
    return str(told().name) if told else str(dtype)


def _fields(fields: Any) -> list[dict[str, Any]]:
    return [_field(field) for field in fields]


def source_form(source: Any) -> dict[str, Any]:
    """Return a source as Feast's JSON."""
    kind, options = _source_options(source)
    members: dict[str, Any] = {"type": kind, "timestampField": source.timestamp_field}
    members["createdTimestampColumn"] = source.created_timestamp_column
    members |= options | {"fieldMapping": source.field_mapping, "name": source.name} | _common(source)
    if isinstance(source, PushSource) and source.batch_source is not None:
        members["batchSource"] = source_form(source.batch_source)
    return _kept(members)


def _source_options(source: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(source, RequestSource):
        return "REQUEST_SOURCE", {"requestDataOptions": {"schema": _fields(source.schema)}}
    if isinstance(source, KafkaSource):
        kafka = source.kafka_options
        servers = {"kafkaBootstrapServers": kafka.kafka_bootstrap_servers, "topic": kafka.topic}
        return "STREAM_KAFKA", {"kafkaOptions": servers}
    if isinstance(source, KinesisSource):
        kinesis = source.kinesis_options
        return "STREAM_KINESIS", {"kinesisOptions": {"region": kinesis.region, "streamName": kinesis.stream_name}}
    if isinstance(source, PushSource):
        return "PUSH_SOURCE", {}
    kind, place = _SOURCES.get(type(source).__name__, ("CUSTOM_SOURCE", "customOptions"))
    if kind == "BATCH_FILE":
        return kind, {place: {"uri": source.path}}
    return kind, {place: dict(source._options())}


def _entity(entity: Any) -> dict[str, Any]:
    kind = {} if entity.value_type.name == "UNKNOWN" else {"valueType": entity.value_type.name}
    return {"name": entity.name, **kind, "joinKey": entity.join_key, **_common(entity)}


def _ttl(ttl: timedelta | None) -> str:
    return f"{(ttl or timedelta(0)).total_seconds():g}s"


def _view(view: Any) -> dict[str, Any]:
    stream = getattr(view, "stream_source", None)
    return {
        "name": view.name,
        "entities": view.entities,
        "features": _fields(view.features),
        "tags": view.tags,
        "ttl": _ttl(view.ttl),
        "batchSource": source_form(view.batch_source) if view.batch_source is not None else None,
        "streamSource": source_form(stream) if stream is not None else None,
        "online": view.online,
        "offline": view.offline,
        "description": view.description,
        "owner": view.owner,
        "entityColumns": _fields(view.entity_columns),
        "version": "latest",
    }


def _label_view(view: Any) -> dict[str, Any]:
    labels = {
        "labelerField": view.labeler_field,
        "conflictPolicy": view.conflict_policy.name,
        "referenceFeatureView": view.reference_feature_view,
    }
    return _view(view) | labels


def _projection(projection: Any) -> dict[str, Any]:
    return _kept(
        {
            "featureViewName": projection.name,
            "featureViewNameAlias": projection.name_alias,
            "featureColumns": _fields(projection.features),
            "joinKeyMap": dict(projection.join_key_map or {}),
        }
    )


def _on_demand(view: Any) -> dict[str, Any]:
    sources: dict[str, Any] = {
        name: {"requestDataSource": source_form(source)} for name, source in view.source_request_sources.items()
    }
    views = view.source_feature_view_projections.items()
    sources |= {name: {"featureViewProjection": _projection(projection)} for name, projection in views}
    function = {"name": view.name, "bodyText": view.udf_string, "mode": view.mode}
    return {
        "name": view.name,
        "features": _fields(view.features),
        "sources": sources,
        "featureTransformation": {"userDefinedFunction": function},
        **_common(view),
        "mode": view.mode,
        "singleton": view.singleton,
        "version": "latest",
    }


def _service(service: Any) -> dict[str, Any]:
    projections = [_projection(projection) for projection in service.feature_view_projections]
    logging = service.logging_config
    return {
        "name": service.name,
        "features": projections,
        **_common(service),
        "loggingConfig": {"sampleRate": logging.sample_rate} if logging is not None else None,
    }


def _project(project: Any) -> dict[str, Any]:
    return {"name": project.name, **_common(project)}


def _dataset(dataset: Any) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "features": dataset.features,
        "joinKeys": dataset.join_keys,
        "fullFeatureNames": dataset.full_feature_names,
        "storage": {"fileStorage": {"uri": getattr(dataset.storage, "path", "")}},
        "featureServiceName": dataset.feature_service_name,
        "tags": dataset.tags,
    }


_FORMS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "Entity": _entity,
    "LabelView": _label_view,
    "FeatureView": _view,
    "OnDemandFeatureView": _on_demand,
    "FeatureService": _service,
    "Project": _project,
    "SavedDataset": _dataset,
}
"""A class of definitions -> what makes its JSON; subclasses as their nearest base."""
