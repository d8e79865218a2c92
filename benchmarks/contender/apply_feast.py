"""Apply of many views by the rival, definitions made beforehand: the first, or one that finds nothing to do."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from benchmarks.contender.clock import arguments, finish, measure
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64
from feast.value_type import ValueType

args = arguments()
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "feature_store.yaml").write_text(
        "project: bench\nprovider: local\nregistry: data/registry.db\n"
        "online_store:\n  type: sqlite\n  path: data/online.db\nentity_key_serialization_version: 3\n"
    )
    path = Path(folder) / "source.parquet"
    columns = {f"f{j}": [0.5] for j in range(10)}
    pd.DataFrame({"key": [1], "event_timestamp": [pd.Timestamp(datetime.now(UTC))], **columns}).to_parquet(path)
    entity = Entity(name="key", join_keys=["key"], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=f"view{i}",
            entities=[entity],
            schema=[Field(name=f"f{j}", dtype=Float64) for j in range(10)],
            source=FileSource(name=f"source{i}", path=str(path), timestamp_field="event_timestamp"),
        )
        for i in range(args["views"])
    ]
    store = FeatureStore(folder)
    finish(measure(lambda: store.apply([entity, *views]), repeat=1, warm=args["warm"]))
