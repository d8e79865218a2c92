"""Writes by Repast into SQLite: a push of one row, or write_to_online_store of many."""

import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.contender.clock import arguments, finish, measure
from repast import Entity, FeatureStore, FeatureView, Field, FileSource, PushSource
from repast.types import Float64, Int64

args = arguments()
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
rng = np.random.default_rng(7)
frame = pd.DataFrame({f"f{j}": rng.random(args["rows"]) for j in range(10)})
frame.insert(0, "key", np.arange(args["rows"]))
turns = count(1)
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "feature_store.yaml").write_text("project: bench\nprovider: local\nregistry: data/registry\n")
    frame.assign(event_timestamp=pd.Timestamp(BEGIN)).to_parquet(Path(folder) / "source.parquet")
    batch = FileSource(name="rows", path="source.parquet", timestamp_field="event_timestamp")
    store = FeatureStore(folder)
    store.apply(
        FeatureView(
            name="view",
            entities=[Entity(name="key", join_keys={"key": Int64})],
            schema=[Field(name=f"f{j}", dtype=Float64) for j in range(10)],
            source=PushSource(name="pushed", batch_source=batch),
        )
    )

    def work() -> None:
        rows = frame.assign(event_timestamp=pd.Timestamp(BEGIN + timedelta(seconds=next(turns))))
        if args["rows"] == 1:
            store.push("pushed", rows)
        else:
            store.write_to_online_store("view", rows)

    finish(measure(work, repeat=args["repeat"], warm=3))
