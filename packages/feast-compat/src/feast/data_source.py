"""Where rows come from: batch tables, pushes, streams and the request."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

import repast
from feast.adapter.base import FeastObject, split_tags
from feast.adapter.notice import legacy, refuse, without_effect
from feast.data_format import StreamFormat
from feast.field import Field, as_fields
from feast.value_type import ValueType
from repast.core.definitions import BatchSource, RegisteredSource


class PushMode(Enum):
    """Where a push goes."""

    ONLINE = 1
    OFFLINE = 2
    ONLINE_AND_OFFLINE = 3


class DataSource(FeastObject):
    """Base of all sources. Subclasses of other packages are refused: Repast's plugins are of another kind."""

    _kind = "data source"
    _source_type = ""

    timestamp_field: str = ""
    created_timestamp_column: str = ""
    field_mapping: dict[str, str]
    date_partition_column: str = ""

    def __init__(
        self,
        *,
        name: str,
        timestamp_field: str | None = None,
        created_timestamp_column: str | None = None,
        field_mapping: Mapping[str, str] | None = None,
        description: str | None = "",
        tags: Mapping[str, str] | None = None,
        owner: str | None = "",
        date_partition_column: str | None = None,
        timestamp_field_type: str | None = None,
        connection_ref: Any = None,
        event_timestamp_column: str | None = None,
    ) -> None:
        self._start(name=name, description=description, tags=tags, owner=owner)
        if event_timestamp_column:
            legacy(f"{type(self).__name__}(event_timestamp_column='x')", "timestamp_field='x'")
        if date_partition_column:
            without_effect("date_partition_column", "engines prune by the event time, and by partitions they find")
        if timestamp_field_type:
            without_effect("timestamp_field_type", "the type of the column says it")
        if connection_ref is not None:
            without_effect("connection_ref", "the offline_store section of feature_store.yaml has the connection")
        self.timestamp_field = timestamp_field or event_timestamp_column or ""
        self.created_timestamp_column = created_timestamp_column or ""
        self.field_mapping = dict(field_mapping or {})
        self.date_partition_column = date_partition_column or ""
        self.timestamp_field_type = timestamp_field_type
        self.connection_ref = connection_ref

    @property
    def event_timestamp_column(self) -> str:
        """The older name of ``timestamp_field``."""
        return self.timestamp_field

    def _options(self) -> dict[str, Any]:
        """What only this kind of source has, as Repast's engines know it."""
        return {}

    def _common(self) -> dict[str, Any]:
        return self._named() | {
            "timestamp_field": self.timestamp_field or None,
            "created_timestamp_column": self.created_timestamp_column or None,
            "field_mapping": self.field_mapping,
        }

    def _build(self) -> Any:
        if not self._source_type:
            refuse(
                f"The source class {type(self).__name__}", hint="write a Repast engine: docs/how-to/write-an-engine.md"
            )
        return batch_source(self._source_type, self._common(), self._options())

    @classmethod
    def _restore_options(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        return dict(options)

    def validate(self, config: Any) -> None:
        """Check nothing: plan and apply look at the source."""

    def get_table_column_names_and_types(self, config: Any) -> Any:
        """Refuse: apply looks at sources."""
        refuse("DataSource.get_table_column_names_and_types", hint="FeatureStore.plan looks at the columns of sources")

    def get_table_query_string(self, config: Any = None) -> str:
        """Refuse: engines write their own SQL."""
        refuse("DataSource.get_table_query_string", hint="FeatureStore.get_historical_features(...).to_sql()")

    @staticmethod
    def source_datatype_to_feast_value_type() -> Any:
        """Refuse: types are Arrow's."""
        refuse("DataSource.source_datatype_to_feast_value_type", hint="types are Arrow's: repast.types.from_arrow")

    def source_type(self) -> Any:
        """Refuse: sources are no protobuf messages."""
        refuse("DataSource.source_type", hint="isinstance tells sources apart")

    def resolve_credentials(self) -> None:
        """Return None: the configuration has the connections."""
        return


def batch_source(source_type: str, common: Mapping[str, Any], options: Mapping[str, Any]) -> BatchSource:
    """Return a source of a kind: of Repast's own class if it has one, else as it would be registered."""
    classes = [cls for cls in _subclasses(BatchSource) if getattr(cls, "source_type", None) == source_type]
    if classes:
        made: BatchSource = classes[0](**common, **options)
        return made
    return RegisteredSource(**common, source_type=source_type, options={k: v for k, v in options.items() if v})


def _subclasses(cls: type) -> list[type]:
    return [c for sub in cls.__subclasses__() for c in (sub, *_subclasses(sub)) if c is not RegisteredSource]


class RequestSource(DataSource):
    """Values that arrive with the request."""

    def __init__(
        self,
        *,
        name: str,
        schema: list[Field],
        timestamp_field: str | None = None,
        description: str | None = "",
        tags: Mapping[str, str] | None = None,
        owner: str | None = "",
    ) -> None:
        super().__init__(name=name, timestamp_field=timestamp_field, description=description, tags=tags, owner=owner)
        if isinstance(schema, dict):
            legacy("RequestSource(schema={name: ValueType})", "schema=[Field(name=..., dtype=...)]")
            schema = [Field(name=field, dtype=_modern(dtype)) for field, dtype in schema.items()]
        self.schema = as_fields(self, schema, "schema")
        self.__repast_definition__()

    def _build(self) -> repast.RequestSource:
        return repast.RequestSource(**self._named(), schema=[field._repast() for field in self.schema])


def _modern(dtype: Any) -> Any:
    from feast.types import from_value_type

    return from_value_type(dtype) if isinstance(dtype, ValueType) else dtype


class PushSource(DataSource):
    """Rows that programs push, beside the batch source that holds the past."""

    def __init__(
        self,
        *,
        name: str,
        batch_source: DataSource | None = None,
        description: str | None = "",
        tags: Mapping[str, str] | None = None,
        owner: str | None = "",
        schema: Any = None,
        timestamp_field: str | None = None,
    ) -> None:
        super().__init__(name=name, description=description, tags=tags, owner=owner)
        if schema is not None or timestamp_field is not None:
            legacy("PushSource(schema=..., timestamp_field=...)", "batch_source=..., which has them")
        self.batch_source = batch_source
        self.__repast_definition__()

    def _build(self) -> repast.PushSource:
        batch = self.batch_source.__repast_definition__() if isinstance(self.batch_source, FeastObject) else None
        if batch is None and self.batch_source is not None:
            self._problem(f"batch_source must be a batch source such as FileSource, not {self.batch_source!r}.")
        return repast.PushSource(**self._named(), batch_source=batch)


class _StreamSource(PushSource):
    """A stream: Repast does not read it, but takes its rows from whoever does, as pushes under its name."""

    def _init(self, *, name: str, kind: str, batch_source: DataSource | None, common: Mapping[str, Any]) -> None:
        DataSource.__init__(self, name=name, **common)
        self.batch_source = batch_source
        without_effect(
            f"{kind} source {name!r}",
            f"Repast does not read streams itself; what reads them calls store.push({name!r}, rows)",
        )
        self.__repast_definition__()


class KafkaOptions:
    """What is known of a topic."""

    def __init__(
        self,
        kafka_bootstrap_servers: str,
        message_format: StreamFormat,
        topic: str,
        watermark_delay_threshold: timedelta | None = None,
    ) -> None:
        self.kafka_bootstrap_servers = kafka_bootstrap_servers
        self.message_format = message_format
        self.topic = topic
        self.watermark_delay_threshold = watermark_delay_threshold


class KinesisOptions:
    """What is known of a stream."""

    def __init__(self, record_format: StreamFormat, region: str, stream_name: str) -> None:
        self.record_format = record_format
        self.region = region
        self.stream_name = stream_name


class KafkaSource(_StreamSource):
    """A topic of Kafka."""

    def __init__(
        self,
        *,
        name: str,
        timestamp_field: str = "",
        message_format: StreamFormat,
        bootstrap_servers: str | None = None,
        kafka_bootstrap_servers: str | None = None,
        topic: str | None = None,
        created_timestamp_column: str | None = "",
        field_mapping: Mapping[str, str] | None = None,
        description: str | None = "",
        tags: Mapping[str, str] | None = None,
        owner: str | None = "",
        batch_source: DataSource | None = None,
        watermark_delay_threshold: timedelta | None = None,
        event_timestamp_column: str | None = None,
    ) -> None:
        if bootstrap_servers:
            legacy("KafkaSource(bootstrap_servers=...)", "kafka_bootstrap_servers=...")
        servers = kafka_bootstrap_servers or bootstrap_servers or ""
        self.kafka_options = KafkaOptions(servers, message_format, topic or "", watermark_delay_threshold)
        self._init(
            name=name,
            kind="Kafka",
            batch_source=batch_source,
            common={
                "timestamp_field": timestamp_field,
                "created_timestamp_column": created_timestamp_column,
                "field_mapping": field_mapping,
                "description": description,
                "tags": tags,
                "owner": owner,
                "event_timestamp_column": event_timestamp_column,
            },
        )

    def _extra(self) -> dict[str, Any]:
        options = self.kafka_options
        return {"stream": "kafka", "topic": options.topic, "servers": options.kafka_bootstrap_servers}


class KinesisSource(_StreamSource):
    """A stream of Kinesis."""

    def __init__(
        self,
        *,
        name: str,
        record_format: StreamFormat,
        region: str,
        stream_name: str,
        timestamp_field: str | None = "",
        created_timestamp_column: str | None = "",
        field_mapping: Mapping[str, str] | None = None,
        description: str | None = "",
        tags: Mapping[str, str] | None = None,
        owner: str | None = "",
        batch_source: DataSource | None = None,
    ) -> None:
        self.kinesis_options = KinesisOptions(record_format, region, stream_name)
        self._init(
            name=name,
            kind="Kinesis",
            batch_source=batch_source,
            common={
                "timestamp_field": timestamp_field,
                "created_timestamp_column": created_timestamp_column,
                "field_mapping": field_mapping,
                "description": description,
                "tags": tags,
                "owner": owner,
            },
        )

    def _extra(self) -> dict[str, Any]:
        return {"stream": "kinesis", "region": self.kinesis_options.region, "topic": self.kinesis_options.stream_name}


class UnknownSource(DataSource):
    """A source of the registry whose kind Feast has no class for."""

    def __init__(self, source: BatchSource) -> None:
        tags, _ = split_tags(source.tags)
        super().__init__(
            name=source.name,
            timestamp_field=source.timestamp_field,
            created_timestamp_column=source.created_timestamp_column,
            field_mapping=source.field_mapping,
            description=source.description,
            tags=tags,
            owner=source.owner,
        )
        self._source = source

    def _build(self) -> BatchSource:
        return self._source
