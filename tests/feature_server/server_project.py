"""A repo with every kind of thing that a feature server reads or writes, loaded and ready."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from repast.app.store import FeatureStore

NOW = datetime.now(UTC).replace(microsecond=0)
"""Near the present, so that values are within their ttl."""
RECENT = NOW - timedelta(hours=1)
OLD = NOW - timedelta(days=30)

YAML = """project: shop
registry: data/registry
online_store:
  type: sqlite
  path: data/online.db
"""

FEATURES = """
from datetime import timedelta
from repast import (
    Entity, FeatureService, FeatureView, Field, FileSource, PushSource, RequestSource, on_demand_feature_view,
)
from repast.types import Array, Bool, Bytes, Date, Float32, Float64, Int64, Json, Map, String, UnixTimestamp

driver = Entity(name="driver", join_keys={"driver_id": Int64})
customer = Entity(name="customer", join_keys={"customer": Bytes})

trips_source = FileSource(
    name="trips", path="data/trips.parquet", timestamp_field="event_timestamp", created_timestamp_column="created"
)
trips = FeatureView(
    name="trips",
    entities=[driver],
    source=PushSource(name="trips_push", batch_source=trips_source),
    ttl=timedelta(days=7),
    schema=[
        Field(name="count", dtype=Int64),
        Field(name="rate", dtype=Float32),
        Field(name="city", dtype=String),
    ],
)
every = FeatureView(
    name="every",
    entities=[driver],
    source=FileSource(name="every", path="data/every.parquet", timestamp_field="event_timestamp"),
    schema=[
        Field(name="flag", dtype=Bool),
        Field(name="blob", dtype=Bytes),
        Field(name="day", dtype=Date),
        Field(name="seen", dtype=UnixTimestamp),
        Field(name="scores", dtype=Array(Float64)),
        Field(name="labels", dtype=Map(String, Int64)),
        Field(name="note", dtype=Json),
    ],
)
spend = FeatureView(
    name="spend",
    entities=[customer],
    source=FileSource(name="spend", path="data/spend.parquet", timestamp_field="event_timestamp"),
    schema=[Field(name="total", dtype=Float64)],
)
ask = RequestSource(name="ask", schema=[Field(name="factor", dtype=Float64)])


@on_demand_feature_view(sources=[trips, ask], schema=[Field(name="scaled", dtype=Float64)], mode="python")
def scaled(inputs):
    pairs = zip(inputs["count"], inputs["factor"])
    return {"scaled": [None if c is None or f is None else c * f for c, f in pairs]}


plain = FeatureService(name="plain", features=[trips[["rate", "count"]]])
model = FeatureService(name="model", features=[trips[["rate", "count"]], scaled])
"""


def make_project(folder: Path) -> Path:
    """Make the repo, apply it and load it."""
    (folder / "data").mkdir(parents=True)
    (folder / "feature_store.yaml").write_text(YAML)
    (folder / "features.py").write_text(FEATURES)
    _write(folder, "trips", driver_id=[1, 2, 3], count=[10, None, 30], rate=[0.5, 0.25, None], city=["A", "B", "C"],
           event_timestamp=[RECENT, RECENT, OLD], created=[RECENT, RECENT, OLD])  # fmt: skip
    _write(
        folder,
        "every",
        driver_id=[1],
        flag=[True],
        blob=[b"\x00\xff"],
        day=[RECENT.date()],
        seen=[RECENT + timedelta(microseconds=500_000)],
        scores=[[1.0, float("nan"), None]],
        labels=pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        note=['{"k": 1}'],
        event_timestamp=[RECENT],
    )
    _write(folder, "spend", customer=[b"\x01\x02"], total=[float("inf")], event_timestamp=[RECENT])
    with FeatureStore(folder) as store:
        store.apply()
        store.materialize(OLD - timedelta(days=1), NOW)
    return folder


def _write(folder: Path, name: str, **columns: object) -> None:
    pq.write_table(pa.table(columns), folder / "data" / f"{name}.parquet")
