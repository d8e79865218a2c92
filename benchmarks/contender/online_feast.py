"""The rival's online reads from its SQLite store, run by an interpreter that has Feast installed."""

import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.contender.clock import arguments, finish, measure
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64
from feast.value_type import ValueType

args = arguments()
KEYS = 2_000  # its writes are slow; the tables' size hardly matters to its reads
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "feature_store.yaml").write_text(
        "project: bench\nprovider: local\nregistry: data/registry.db\n"
        "online_store:\n  type: sqlite\n  path: data/online.db\nentity_key_serialization_version: 3\n"
    )
    store = FeatureStore(folder)
    entity = Entity(name="key", join_keys=["key"], value_type=ValueType.INT64)
    rng = np.random.default_rng(7)
    objects: list[object] = [entity]
    frames = {}
    for i in range(args["views"]):
        path = Path(folder) / f"source{i}.parquet"
        frame = pd.DataFrame({"key": range(KEYS), "event_timestamp": pd.Timestamp(datetime.now(UTC))})
        for j in range(args["features"]):
            frame[f"f{i}_{j}"] = rng.random(KEYS)
        frame.to_parquet(path)
        frames[f"view{i}"] = frame
        objects.append(
            FeatureView(
                name=f"view{i}",
                entities=[entity],
                schema=[Field(name=f"f{i}_{j}", dtype=Float64) for j in range(args["features"])],
                source=FileSource(name=f"source{i}", path=str(path), timestamp_field="event_timestamp"),
            )
        )
    store.apply(objects)
    for name, frame in frames.items():
        store.write_to_online_store(name, frame)
    refs = [f"view{i}:f{i}_{j}" for i in range(args["views"]) for j in range(args["features"])]
    pick = random.Random(11)

    def work() -> object:
        rows = [{"key": pick.randrange(KEYS)} for _ in range(args["rows"])]
        response = store.get_online_features(refs, rows)
        return response.to_arrow() if args.get("form") else response.to_dict()  # it has no NumPy form

    finish(measure(work, repeat=args["repeat"], warm=5))
