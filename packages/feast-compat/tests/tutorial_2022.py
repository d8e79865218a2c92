"""The definitions of the 2022 tutorial, in its spellings."""

EXAMPLE = """\
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from feast import Entity, Feature, FeatureService, FeatureView, FileSource, ValueType

driver_hourly_stats = FileSource(
    path="data/driver_stats.parquet",
    event_timestamp_column="event_timestamp",
    created_timestamp_column="created",
)

driver = Entity(name="driver", join_key="driver_id", value_type=ValueType.INT64, description="driver id",)

driver_hourly_stats_view = FeatureView(
    name="driver_hourly_stats",
    entities=["driver"],
    ttl=Duration(seconds=86400 * 1),
    features=[
        Feature(name="conv_rate", dtype=ValueType.FLOAT),
        Feature(name="acc_rate", dtype=ValueType.FLOAT),
        Feature(name="avg_daily_trips", dtype=ValueType.INT64, labels={"unit": "trips"}),
    ],
    online=True,
    batch_source=driver_hourly_stats,
    tags={"team": "driver_performance"},
)

driver_fs = FeatureService(
    name="driver_ranking_fv_svc", features=[driver_hourly_stats_view], tags={"description": "Used for training"}
)
"""

LOCATIONS = """\
from datetime import timedelta

from feast import BigQuerySource, Entity, Feature, FeatureService, FeatureView, FileSource, ValueType

location = Entity(name="location", join_key="location_id", value_type=ValueType.INT64)

location_stats_fv = FeatureView(
    name="location_stats",
    entities=["location"],
    ttl=timedelta(days=365000),
    features=[Feature(name="temperature", dtype=ValueType.INT32)],
    batch_source=FileSource(path="data/location_stats.parquet", event_timestamp_column="event_timestamp"),
)

global_stats_fv = FeatureView(
    name="global_stats",
    entities=[],
    ttl=timedelta(days=365000),
    features=[Feature(name="num_rides", dtype=ValueType.INT32)],
    batch_source=FileSource(path="data/global_stats.parquet", event_timestamp_column="event_timestamp"),
)

trip_fs = FeatureService(
    name="trip",
    features=[
        location_stats_fv.with_name("origin_stats").with_join_key_map({"location_id": "origin_id"}),
        location_stats_fv.with_name("destination_stats").with_join_key_map({"location_id": "destination_id"}),
        global_stats_fv,
    ],
)
"""
