"""Online reads by Repast of two on-demand features, computed from one stored and one requested value."""

import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.contender.clock import arguments, finish, measure
from repast import Entity, FeatureStore, FeatureView, Field, FileSource, RequestSource, on_demand_feature_view
from repast.types import Float64, Int64

args = arguments()
KEYS = 2_000
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "feature_store.yaml").write_text("project: bench\nprovider: local\nregistry: data/registry\n")
    rng = np.random.default_rng(7)
    path = Path(folder) / "source.parquet"
    columns = {f"f{j}": rng.random(KEYS) for j in range(10)}
    frame = pd.DataFrame({"key": range(KEYS), "event_timestamp": pd.Timestamp(datetime.now(UTC)), **columns})
    frame.to_parquet(path)
    view = FeatureView(
        name="view",
        entities=[Entity(name="key", join_keys={"key": Int64})],
        schema=[Field(name=f"f{j}", dtype=Float64) for j in range(10)],
        source=FileSource(name="source", path=str(path), timestamp_field="event_timestamp"),
    )
    asked = RequestSource(name="asked", schema=[Field(name="amount", dtype=Float64)])

    def by_columns(inputs):
        pairs = list(zip(inputs["f0"], inputs["amount"], strict=True))
        return {"total": [f + a for f, a in pairs], "ratio": [f / (a + 1) for f, a in pairs]}

    def by_frame(inputs):
        import pandas

        totals = inputs["f0"] + inputs["amount"]
        return pandas.DataFrame({"total": totals, "ratio": inputs["f0"] / (inputs["amount"] + 1)})

    function = by_frame if args["mode"] == "pandas" else by_columns
    computed = on_demand_feature_view(
        sources=[view, asked],
        schema=[Field(name="total", dtype=Float64), Field(name="ratio", dtype=Float64)],
        mode=args["mode"],
    )(function)

    store = FeatureStore(folder)
    store.apply([view, computed])
    store.write_to_online_store("view", frame)
    refs = [f"{function.__name__}:total", f"{function.__name__}:ratio"]
    pick = random.Random(11)

    def work() -> object:
        rows = [{"key": pick.randrange(KEYS), "amount": 0.5} for _ in range(args["rows"])]
        return store.get_online_features(refs, rows).to_dict()

    finish(measure(work, repeat=args["repeat"], warm=5))
