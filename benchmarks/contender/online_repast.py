"""Online reads by Repast from SQLite: one call for all views, to a dict (or Arrow, or NumPy)."""

import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contender.clock import arguments, finish, measure
from repast import Entity, FeatureStore, FeatureView, Field, FileSource
from repast.types import Float64, Int64

args = arguments()
KEYS = 10_000
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "feature_store.yaml").write_text(
        "project: bench\nprovider: local\nregistry: data/registry\n"
        f"online_store:\n  type: {args.get('store', 'sqlite')}\n"
    )
    store = FeatureStore(folder)
    entity = Entity(name="key", join_keys={"key": Int64})
    instant = pa.timestamp("us", tz="UTC")
    rng = np.random.default_rng(7)
    views = []
    for i in range(args["views"]):
        path = Path(folder) / f"source{i}.parquet"
        columns = {"key": pa.array(range(KEYS)), "event_timestamp": pa.array([datetime.now(UTC)] * KEYS, instant)}
        columns |= {f"f{i}_{j}": pa.array(rng.random(KEYS)) for j in range(args["features"])}
        rows = pa.table(columns)
        pq.write_table(rows, path)
        views.append(
            FeatureView(
                name=f"view{i}",
                entities=[entity],
                schema=[Field(name=f"f{i}_{j}", dtype=Float64) for j in range(args["features"])],
                source=FileSource(name=f"source{i}", path=str(path), timestamp_field="event_timestamp"),
            )
        )
        store.apply(views[-1])
        store.write_to_online_store(f"view{i}", rows)
    refs = [f"view{i}:f{i}_{j}" for i in range(args["views"]) for j in range(args["features"])]
    pick = random.Random(11)
    form = args.get("form") or "dict"

    def work() -> object:
        rows = [{"key": pick.randrange(KEYS)} for _ in range(args["rows"])]
        response = store.get_online_features(refs, rows)
        return response.to_dict() if form == "dict" else response.to_arrow() if form == "arrow" else response.to_numpy()

    finish(measure(work, repeat=args["repeat"], warm=20))
