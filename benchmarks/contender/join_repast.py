"""Point-in-time join by Repast: definitions applied beforehand, spine in a pandas frame, result to pandas."""

import tempfile
from datetime import timedelta
from pathlib import Path

import pandas as pd

from benchmarks.contender.clock import arguments, finish, measure
from repast import Entity, FeatureStore, FeatureView, FileSource
from repast.types import Int64

args = arguments()
with tempfile.TemporaryDirectory() as folder:
    limit = (
        f"offline_store:\n  type: duckdb\n  memory_limit: {args['memory_limit']}\n" if "memory_limit" in args else ""
    )
    (Path(folder) / "feature_store.yaml").write_text(
        f"project: bench\nprovider: local\nregistry: data/registry\n{limit}"
    )
    store = FeatureStore(folder)
    entity = Entity(name="key", join_keys={"key": Int64})
    ttl = timedelta(seconds=args["ttl"]) if args["ttl"] else None
    views = [
        FeatureView(
            name=f"view{i}",
            entities=[entity],
            ttl=ttl,
            source=FileSource(
                name=f"source{i}",
                path=args["source"],
                timestamp_field="event_timestamp",
                created_timestamp_column="created",
            ),
        )
        for i in range(args["views"])
    ]
    store.apply(views)
    refs = [f"view{i}:f{j}" for i in range(args["views"]) for j in range(args["features"])]
    spine = pd.read_parquet(args["spine"])

    def work() -> pd.DataFrame:
        return store.get_historical_features(
            spine, refs, full_feature_names=args["views"] > 1, as_of=args.get("as_of", "event")
        ).to_df()

    seconds = measure(work, repeat=args["repeat"])
    frame = work()
    finish(seconds, rows=len(frame), filled=int(frame.iloc[:, 3].notna().sum()))
