"""What the tests ask the real Feast to do. Its own interpreter runs this; the last line it prints is JSON."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, PushSource, ValueType
from feast.types import Array, Bool, Bytes, Float32, Float64, Int64, String, UnixTimestamp

# Not every:scores: Feast's SDK guesses types from JSON, and cannot read what its own server sends for NaN in a list.
FEATURES = ["trips:count", "trips:rate", "trips:city", "every:flag", "every:blob", "every:seen"]
KEYS = [1, 2, 9]

YAML = """project: shop
registry: data/registry.db
provider: local
entity_key_serialization_version: 3
online_store:
  type: {store}
  path: {path}
"""


def make(folder: str, store: str, path: str, data: str) -> object:
    """Make a repo with the views of the tests' project, over the same files, and apply it."""
    repo = Path(folder)
    (repo / "data").mkdir(parents=True)
    (repo / "feature_store.yaml").write_text(YAML.format(store=store, path=path))
    feast = FeatureStore(folder)
    feast.apply(_definitions(Path(data)))
    if store == "sqlite":
        now = pd.Timestamp.now(tz="UTC").to_pydatetime()
        feast.materialize(now - timedelta(days=60), now)
    return None


def _definitions(data: Path) -> list[Any]:
    driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    trips_source = FileSource(
        name="trips",
        path=str(data / "trips.parquet"),
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    trips = FeatureView(
        name="trips",
        entities=[driver],
        ttl=timedelta(days=7),
        source=PushSource(name="trips_push", batch_source=trips_source),
        schema=[
            Field(name="count", dtype=Int64),
            Field(name="rate", dtype=Float32),
            Field(name="city", dtype=String),
        ],
    )
    every = FeatureView(
        name="every",
        entities=[driver],
        source=FileSource(name="every", path=str(data / "every.parquet"), timestamp_field="event_timestamp"),
        schema=[
            Field(name="flag", dtype=Bool),
            Field(name="blob", dtype=Bytes),
            Field(name="seen", dtype=UnixTimestamp),
            Field(name="scores", dtype=Array(Float64)),
        ],
    )
    return [driver, trips, every, FeatureService(name="plain", features=[trips[["rate", "count"]]])]


def read(folder: str) -> object:
    """Read through Feast's SDK: by reference and by service, names in full, and a view that is not there."""
    feast = FeatureStore(folder)
    rows = [{"driver_id": key} for key in KEYS]
    answer = {
        "features": _plain(feast.get_online_features(FEATURES, rows).to_dict()),
        "service": _plain(feast.get_online_features(feast.get_feature_service("plain"), rows).to_dict()),
        "full": _plain(feast.get_online_features(["trips:count"], rows, full_feature_names=True).to_dict()),
    }
    try:
        feast.get_online_features(["tirps:count"], rows)
    except Exception as error:  # noqa: BLE001 - which one it is, is the question
        answer["unknown"] = [type(error).__name__, str(error)]
    return answer


def write(folder: str) -> object:
    """Write a row through Feast's SDK, and read it again."""
    feast = FeatureStore(folder)
    now = pd.Timestamp.now(tz="UTC")
    frame = pd.DataFrame(
        {"driver_id": [7], "count": [70], "rate": [0.1], "city": ["Z"], "event_timestamp": [now], "created": [now]}
    )
    feast.write_to_online_store("trips", frame)
    return _plain(feast.get_online_features(["trips:count", "trips:rate"], [{"driver_id": 7}]).to_dict())


def _plain(columns: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(columns, default=str))


if __name__ == "__main__":
    print(json.dumps({"make": make, "read": read, "write": write}[sys.argv[1]](*sys.argv[2:])))
