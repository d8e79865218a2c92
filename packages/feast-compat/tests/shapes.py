"""Definitions in all the shapes that Feast's templates and documents have today, written anew."""

DEFINITIONS = """\
from datetime import timedelta

import pandas as pd

from feast import (
    Aggregation, BigQuerySource, ConflictPolicy, Entity, FeatureService, FeatureView, Field, FileSource, KafkaSource,
    LabelView, OnDemandFeatureView, Project, PushSource, RequestSource, StreamFeatureView, ValueType,
)
from feast.data_format import JsonFormat, ParquetFormat
from feast.feature_logging import LoggingConfig
from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource
from feast.infra.offline_stores.file_source import FileLoggingDestination
from feast.on_demand_feature_view import on_demand_feature_view
from feast.permissions.action import READ
from feast.permissions.permission import Permission
from feast.permissions.policy import RoleBasedPolicy
from feast.stream_feature_view import stream_feature_view
from feast.transformation.pandas_transformation import PandasTransformation
from feast.types import Array, Float32, Float64, Int64, Json, Map, String, Struct

project = Project(name="shapes", description="All the shapes", tags={"team": "drivers"}, owner="me@example.com")
driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64, description="A driver")

stats = FileSource(
    name="stats_file",
    path="data/stats.parquet",
    file_format=ParquetFormat(),
    timestamp_field="event_timestamp",
    created_timestamp_column="created",
)
driver_stats = FeatureView(
    name="driver_stats",
    entities=[driver],
    ttl=timedelta(days=1),
    schema=[
        Field(name="conv_rate", dtype=Float32),
        Field(name="trips", dtype=Int64, description="Trips a day", tags={"unit": "1"}),
        Field(name="profile", dtype=Struct({"name": String, "age": String})),
    ],
    online=True,
    source=stats,
    tags={"team": "driver_performance"},
)
pushed = PushSource(name="stats_push", batch_source=stats)
driver_stats_fresh = FeatureView(
    name="driver_stats_fresh",
    entities=[driver],
    ttl=timedelta(days=1),
    schema=[Field(name="conv_rate", dtype=Float32), Field(name="trips", dtype=Int64)],
    online=True,
    source=pushed,
)

asked = RequestSource(name="asked", schema=[Field(name="extra", dtype=Int64)])


@on_demand_feature_view(
    sources=[driver_stats, asked], schema=[Field(name="more", dtype=Float64), Field(name="twice", dtype=Float64)]
)
def in_pandas(inputs: pd.DataFrame) -> pd.DataFrame:
    df = pd.DataFrame()
    df["more"] = inputs["conv_rate"] + inputs["extra"]
    df["twice"] = inputs["conv_rate"] * 2
    return df


@on_demand_feature_view(sources=[driver_stats, asked], schema=[Field(name="sum_list", dtype=Float64)], mode="python")
def in_python(inputs):
    return {"sum_list": [rate + extra for rate, extra in zip(inputs["conv_rate"], inputs["extra"])]}


@on_demand_feature_view(
    sources=[driver_stats, asked], schema=[Field(name="sum_one", dtype=Float64)], mode="python", singleton=True
)
def in_python_by_row(inputs):
    return {"sum_one": inputs["conv_rate"] + inputs["extra"]}


def halves(inputs):
    return pd.DataFrame({"half": inputs["conv_rate"] / 2})


constructed = OnDemandFeatureView(
    name="constructed",
    sources=[driver_stats[["conv_rate"]]],
    schema=[Field(name="half", dtype=Float64)],
    feature_transformation=PandasTransformation(udf=halves, udf_string="halves"),
)

stream = KafkaSource(
    name="stats_stream",
    kafka_bootstrap_servers="localhost:9092",
    topic="drivers",
    timestamp_field="event_timestamp",
    batch_source=stats,
    message_format=JsonFormat(schema_json="driver_id integer, event_timestamp timestamp, conv_rate double"),
    watermark_delay_threshold=timedelta(minutes=5),
)
streamed = StreamFeatureView(
    name="streamed",
    entities=[driver],
    ttl=timedelta(days=30),
    source=stream,
    schema=[Field(name="conv_rate", dtype=Float32)],
    aggregations=[Aggregation(column="conv_rate", function="max", time_window=timedelta(days=1))],
    timestamp_field="event_timestamp",
    mode="spark",
)


@stream_feature_view(
    entities=[driver],
    ttl=timedelta(days=140),
    mode="spark",
    schema=[Field(name="trips", dtype=Int64)],
    timestamp_field="event_timestamp",
    online=True,
    source=stream,
)
def transformed_stream(df):
    return df.withColumn("trips", df.trips * 2)


labels = LabelView(
    name="verdicts",
    entities=[driver],
    source=PushSource(name="verdict_push", batch_source=FileSource(
        name="verdict_file", path="data/verdicts.parquet", timestamp_field="event_timestamp")),
    schema=[Field(name="verdict", dtype=String), Field(name="labeler", dtype=String)],
    labeler_field="labeler",
    conflict_policy=ConflictPolicy.LAST_WRITE_WINS,
    reference_feature_view="driver_stats",
)

model_v1 = FeatureService(
    name="model_v1",
    features=[driver_stats[["conv_rate"]], in_pandas],
    logging_config=LoggingConfig(destination=FileLoggingDestination(path="data"), sample_rate=0.5),
)
model_v2 = FeatureService(name="model_v2", features=[driver_stats, in_python, in_python_by_row, constructed])
model_v3 = FeatureService(name="model_v3", features=[driver_stats_fresh, streamed.with_name("live")])

reader = Permission(name="reader", types=[FeatureView], actions=READ, policy=RoleBasedPolicy(roles=["reader"]))
"""

YAML = """\
project: shapes
registry: data/registry.db
provider: local
online_store:
    type: sqlite
    path: data/online_store.db
entity_key_serialization_version: 3
auth:
    type: no_auth
"""
