"""The rival's feature server, one worker, over SQLite, tuned: no access log, no recycled workers, a slow registry."""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.contender.clock import arguments
from benchmarks.contender.server_clock import free_port, measure_server
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64
from feast.value_type import ValueType

args = arguments()
KEYS = 2_000  # its writes are slow; the table's size hardly matters to its reads
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "feature_store.yaml").write_text(
        "project: bench\nprovider: local\nregistry: data/registry.db\n"
        "online_store:\n  type: sqlite\n  path: data/online.db\nentity_key_serialization_version: 3\n"
    )
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"key": range(KEYS), "event_timestamp": pd.Timestamp(datetime.now(UTC))})
    names = [f"f{j}" for j in range(args["features"])]
    for name in names:
        frame[name] = rng.random(KEYS)
    frame.to_parquet(Path(folder) / "source.parquet")
    entity = Entity(name="key", join_keys=["key"], value_type=ValueType.INT64)
    view = FeatureView(
        name="view",
        entities=[entity],
        schema=[Field(name=name, dtype=Float64) for name in names],
        source=FileSource(name="source", path=f"{folder}/source.parquet", timestamp_field="event_timestamp"),
    )
    store = FeatureStore(folder)
    store.apply([entity, view])
    store.write_to_online_store("view", frame)
    port = free_port()
    command = [sys.executable, "-m", "feast.cli.cli", "-c", folder, "serve", "-p", str(port), "--no-access-log"]
    command += ["--max-requests", "0", "--registry_ttl_sec", "3600"]
    measure_server(command, f"http://127.0.0.1:{port}", [f"view:{name}" for name in names], KEYS, args)
