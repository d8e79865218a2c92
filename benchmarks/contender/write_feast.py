"""The rival's writes into its SQLite store: a push of one row, or write_to_online_store of many."""

import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.contender.clock import arguments, finish, measure
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, PushSource
from feast.types import Float64
from feast.value_type import ValueType

args = arguments()
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
rng = np.random.default_rng(7)
frame = pd.DataFrame({f"f{j}": rng.random(args["rows"]) for j in range(10)})
frame.insert(0, "key", np.arange(args["rows"]))
turns = count(1)
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "feature_store.yaml").write_text(
        "project: bench\nprovider: local\nregistry: data/registry.db\n"
        "online_store:\n  type: sqlite\n  path: data/online.db\nentity_key_serialization_version: 3\n"
    )
    path = Path(folder) / "source.parquet"
    frame.assign(event_timestamp=pd.Timestamp(BEGIN)).to_parquet(path)
    store = FeatureStore(folder)
    entity = Entity(name="key", join_keys=["key"], value_type=ValueType.INT64)
    batch = FileSource(name="rows", path=str(path), timestamp_field="event_timestamp")
    view = FeatureView(
        name="view",
        entities=[entity],
        schema=[Field(name=f"f{j}", dtype=Float64) for j in range(10)],
        source=PushSource(name="pushed", batch_source=batch),
    )
    store.apply([entity, view])

    def work() -> None:
        rows = frame.assign(event_timestamp=pd.Timestamp(BEGIN + timedelta(seconds=next(turns))))
        if args["rows"] == 1:
            store.push("pushed", rows)
        else:
            store.write_to_online_store("view", rows)

    finish(measure(work, repeat=args["repeat"], warm=1))
