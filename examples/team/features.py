"""Flights in a team's PostgreSQL; the newest values in Redis."""

from datetime import timedelta
from typing import Any

from repast import Entity, FeatureService, FeatureView, Field, PostgreSQLSource, on_demand_feature_view
from repast.types import Bool, Float64, Int64, String

arrivals = PostgreSQLSource(name="arrivals", table="plane_history", timestamp_field="arrived_at")
observations = PostgreSQLSource(
    name="observations",
    table="weather",
    timestamp_field="observed_at",
    created_timestamp_column="recorded_at",
)

# From here on this file is the same in every example.

plane = Entity(name="plane", join_keys={"tailnum": String})
airport = Entity(name="airport", join_keys={"origin": String})
plane_history = FeatureView(
    name="plane_history",
    entities=[plane],
    source=arrivals,
    ttl=timedelta(days=14),
    schema=[
        Field(name="last_arr_delay", dtype=Int64),
        Field(name="mean_arr_delay_5", dtype=Float64),
        Field(name="last_dest", dtype=String),
    ],
)
weather = FeatureView(
    name="weather",
    entities=[airport],
    source=observations,
    ttl=timedelta(hours=3),
    schema=[Field(name="temp", dtype=Float64), Field(name="wind_speed", dtype=Float64)],
)


@on_demand_feature_view(sources=[plane_history[["last_arr_delay"]]], schema=[Field(name="was_late", dtype=Bool)])
def punctuality(row: dict[str, Any]) -> dict[str, Any]:
    """Whether the plane was more than a quarter of an hour late."""
    late = row["last_arr_delay"]
    return {"was_late": None if late is None else late > 15}


delay_model = FeatureService(name="delay_model", features=[plane_history, weather, punctuality])
