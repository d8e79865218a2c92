"""Loading one view from Parquet into SQLite by Repast's materialize, into an empty store each time."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.contender.clock import arguments, finish, measure
from repast import Entity, FeatureStore, FeatureView, FileSource
from repast.types import Int64

args = arguments()
seconds = []
rows = 0
for _ in range(args["repeat"]):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "feature_store.yaml").write_text("project: bench\nprovider: local\nregistry: data/registry\n")
        store = FeatureStore(folder)
        entity = Entity(name="key", join_keys={"key": Int64})
        source = FileSource(path=args["source"], timestamp_field="event_timestamp", created_timestamp_column="created")
        store.apply(FeatureView(name="view", entities=[entity], source=source))

        def work(store: FeatureStore = store) -> None:
            store.materialize(datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))

        seconds += measure(work)
        rows = len(store.get_online_features(["view:f0"], {"key": list(range(10))}).to_dict()["key"])
        store.close()
finish(seconds, read_back=rows)
