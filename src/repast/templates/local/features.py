"""Will this departure from New York arrive late? The features of a model that has to say so in advance."""

from datetime import timedelta
from typing import Any

from repast import Entity, FeatureService, FeatureView, Field, FileSource, RequestSource, on_demand_feature_view
from repast.types import Float64, Int64, String

# Entities: what features describe, and the typed key that finds a row.
plane = Entity(name="plane", join_keys={"tailnum": String}, description="An aircraft, known by its tail number.")
airport = Entity(name="airport", join_keys={"origin": String}, description="EWR, JFK or LGA.")

# Sources: where rows come from, and when they became true. A row of `arrivals` says what was known
# of a plane after it arrived, so its event time is the arrival.
arrivals = FileSource(
    name="arrivals",
    path="data/plane_history.parquet",
    timestamp_field="arrived_at",
)
observations = FileSource(
    name="observations",
    path="data/weather.parquet",
    timestamp_field="observed_at",
    created_timestamp_column="recorded_at",  # an hour's weather is on record when the hour is over
)

# Feature views: features of an entity, from a source. A value older than its ttl is no value.
plane_history = FeatureView(
    name="plane_history",
    entities=[plane],
    source=arrivals,
    ttl=timedelta(days=14),
    schema=[
        Field(name="last_arr_delay", dtype=Int64, description="Minutes late at its last arrival; negative: early."),
        Field(name="mean_arr_delay_5", dtype=Float64, description="Mean of its last five arrivals, in minutes."),
        Field(name="arrivals", dtype=Int64, description="Arrivals since 1 January."),
        Field(name="last_dest", dtype=String, description="Where it last arrived."),
    ],
)
weather = FeatureView(
    name="weather",
    entities=[airport],
    source=observations,
    ttl=timedelta(hours=3),
    schema=[
        Field(name="temp", dtype=Float64, description="Temperature in degrees Fahrenheit."),
        Field(name="wind_speed", dtype=Float64, description="Miles per hour."),
        Field(name="precip", dtype=Float64, description="Inches of rain or snow in the hour."),
        Field(name="visib", dtype=Float64, description="Visibility in miles."),
    ],
)

# On-demand features are computed when they are asked for, by the same function for training and for serving.
# What no store can know comes with the request.
flight_plan = RequestSource(
    name="flight_plan",
    schema=[
        Field(name="distance", dtype=Int64, description="Miles to fly."),
        Field(name="scheduled_minutes", dtype=Int64, description="From gate to gate, by the timetable."),
    ],
)


@on_demand_feature_view(
    sources=[plane_history[["last_arr_delay"]], flight_plan],
    schema=[
        Field(name="slack_minutes", dtype=Float64, description="What the timetable leaves over 450 miles per hour."),
        Field(name="knock_on_minutes", dtype=Float64, description="Last delay that the slack cannot absorb."),
    ],
    mode="python",
    singleton=True,
)
def schedule_risk(row: dict[str, Any]) -> dict[str, Any]:
    """How much delay the timetable can absorb, and how much it would pass on."""
    slack = row["scheduled_minutes"] - row["distance"] * 60 / 450
    late = row["last_arr_delay"]
    knock_on = None if late is None else max(0.0, late - slack)
    return {"slack_minutes": slack, "knock_on_minutes": knock_on}


# A feature service: what one model uses, under one name.
delay_model = FeatureService(name="delay_model", features=[plane_history, weather, schedule_risk])
