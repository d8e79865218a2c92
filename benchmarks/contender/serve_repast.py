"""Repast's feature server, one worker, over SQLite."""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contender.clock import arguments
from benchmarks.contender.server_clock import free_port, measure_server
from repast import Entity, FeatureStore, FeatureView, Field, FileSource
from repast.types import Float64, Int64

args = arguments()
KEYS = 10_000
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "feature_store.yaml").write_text("project: bench\nregistry: data/registry\nonline_store: sqlite\n")
    rng = np.random.default_rng(7)
    now = pa.array([datetime.now(UTC)] * KEYS, pa.timestamp("us", tz="UTC"))
    features = {f"f{j}": pa.array(rng.random(KEYS)) for j in range(args["features"])}
    rows = pa.table({"key": pa.array(range(KEYS)), "event_timestamp": now, **features})
    pq.write_table(rows, Path(folder) / "source.parquet")
    view = FeatureView(
        name="view",
        entities=[Entity(name="key", join_keys={"key": Int64})],
        schema=[Field(name=name, dtype=Float64) for name in features],
        source=FileSource(name="source", path="source.parquet", timestamp_field="event_timestamp"),
    )
    with FeatureStore(folder) as store:
        store.apply(view)
        store.write_to_online_store("view", rows)
    port = free_port()
    command = [sys.executable, "-m", "repast", "-c", folder, "serve", "--port", str(port), "--no-access-log"]
    measure_server(command, f"http://127.0.0.1:{port}", [f"view:{name}" for name in features], KEYS, args)
