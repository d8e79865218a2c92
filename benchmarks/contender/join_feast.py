"""The rival: Feast with its DuckDB (or dask) store, run by an interpreter that has Feast installed."""

import tempfile
from datetime import timedelta
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
        f"offline_store:\n  type: {args.get('feast_store', 'duckdb')}\n"
        "online_store:\n  type: sqlite\n  path: data/online.db\nentity_key_serialization_version: 3\n"
    )
    store = FeatureStore(folder)
    entity = Entity(name="key", join_keys=["key"], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=f"view{i}",
            entities=[entity],
            ttl=timedelta(seconds=args["ttl"]),
            schema=[Field(name=f"f{j}", dtype=Float64) for j in range(args["features"])],
            source=FileSource(
                name=f"source{i}",
                path=args["source"],
                timestamp_field="event_timestamp",
                created_timestamp_column="created",
            ),
        )
        for i in range(args["views"])
    ]
    store.apply([entity, *views])
    refs = [f"view{i}:f{j}" for i in range(args["views"]) for j in range(args["features"])]
    spine = pd.read_parquet(args["spine"])

    def work() -> pd.DataFrame:
        return store.get_historical_features(spine, refs, full_feature_names=args["views"] > 1).to_df()

    seconds = measure(work, repeat=args["repeat"])
    finish(seconds)
