"""The rival's materialize from Parquet into SQLite, run by an interpreter that has Feast installed."""

import contextlib
import io
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.contender.clock import arguments, finish, measure
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64
from feast.value_type import ValueType

args = arguments()
with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "feature_store.yaml").write_text(
        "project: bench\nprovider: local\nregistry: data/registry.db\noffline_store:\n  type: duckdb\n"
        "online_store:\n  type: sqlite\n  path: data/online.db\nentity_key_serialization_version: 3\n"
    )
    store = FeatureStore(folder)
    entity = Entity(name="key", join_keys=["key"], value_type=ValueType.INT64)
    view = FeatureView(
        name="view",
        entities=[entity],
        ttl=timedelta(0),
        schema=[Field(name=f"f{j}", dtype=Float64) for j in range(args["features"])],
        source=FileSource(path=args["source"], timestamp_field="event_timestamp", created_timestamp_column="created"),
    )
    store.apply([entity, view])

    def work() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            store.materialize(datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))

    finish(measure(work, repeat=args["repeat"]))
