"""The project that is misused, and what has to be as it was after every misuse."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from repast import FeatureStore
from repast.testing.clock import ManualClock

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)

CONFIG = """\
project: shop
registry: data/registry
offline_store: duckdb
online_store:
  type: sqlite
  path: data/online.db
"""

DEFINITIONS = """\
from datetime import timedelta

from repast import (
    Entity, FeatureService, FeatureView, Field, FileSource, PushSource, RequestSource, on_demand_feature_view
)
from repast.types import Float64, Int64, String

driver = Entity(name="driver", join_keys={"driver_id": Int64})
customer = Entity(name="customer", join_keys={"customer_id": String})

stats = FeatureView(
    name="stats",
    entities=[driver],
    source=FileSource(
        name="trips", path="data/trips.parquet", timestamp_field="event_timestamp", created_timestamp_column="created"
    ),
    ttl=timedelta(days=2),
    schema=[Field(name="trips", dtype=Int64), Field(name="rating", dtype=Float64), Field(name="city", dtype=String)],
)
spending = FeatureView(
    name="spending",
    entities=[customer],
    source=PushSource(
        name="paid", batch_source=FileSource(path="data/payments.csv", timestamp_field="paid_at")
    ),
    schema=[Field(name="spent", dtype=Float64)],
)
research = FeatureView(
    name="research",
    entities=[driver],
    source=FileSource(name="daily", path="data/daily/*.parquet", timestamp_field="day"),
    schema=[Field(name="km", dtype=Float64)],
    online=False,
)
order = RequestSource(name="order", schema=[Field(name="amount", dtype=Float64)])


@on_demand_feature_view(sources=[stats, order], schema=[Field(name="fare", dtype=Float64)], mode="python")
def price(inputs):
    return {"fare": [(rating or 0.0) * amount for rating, amount in zip(inputs["rating"], inputs["amount"])]}


model = FeatureService(name="model", features=[stats[["trips"]], spending])
"""


def at(hours: float = 0.0) -> datetime:
    """Return a moment ``hours`` after noon of 1 June 2024, which is the present."""
    return NOW + timedelta(hours=hours)


def make_project(folder: Path) -> Path:
    """Make a project with rows of three drivers and two customers, applied and loaded."""
    (folder / "data/daily").mkdir(parents=True)
    (folder / "feature_store.yaml").write_text(CONFIG)
    (folder / "features.py").write_text(DEFINITIONS)
    trips = {
        "driver_id": [1, 2, 3],
        "event_timestamp": [at(-3), at(-2), at(-1)],
        "created": [at(-3), at(-2), at(-1)],
        "trips": [5, 7, None],
        "rating": [4.5, 4.0, 3.5],
        "city": ["Oslo", "Rome", ""],
    }
    pq.write_table(pa.table(trips), folder / "data/trips.parquet")
    payments = {"customer_id": ["a", "b"], "paid_at": [at(-5), at(-4)], "spent": [10.5, 20.0]}
    pyarrow.csv.write_csv(pa.table(payments), folder / "data/payments.csv")
    for day in (1, 2):
        rows = {"driver_id": [1, 2], "day": [at(-24 * day)] * 2, "km": [1.5 * day, 2.5]}
        pq.write_table(pa.table(rows), folder / f"data/daily/{day}.parquet")
    with open_store(folder) as store:
        store.apply()
        store.materialize(at(-48), at())
    return folder


def open_store(folder: Path) -> FeatureStore:
    return FeatureStore(folder, clock=ManualClock(NOW))


def possessions(project: Path) -> dict[str, object]:
    """Return everything that a misuse may not change: registry, sources, definitions, and the online rows."""
    kept: dict[str, object] = {
        str(path.relative_to(project)): path.read_bytes()
        for path in project.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("online.db")
    }
    return kept | {"online rows": online_rows(project / "data/online.db")}


def online_rows(database: Path) -> object:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return list(connection.iterdump())
    except sqlite3.Error:  # none, or damaged by the misuse's preparation
        return database.read_bytes() if database.is_file() else None
