"""The rival on Spark: Feast's Spark offline store, run by an interpreter that has ``feast[spark]``."""

import json
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import Observation, SparkSession
from pyspark.sql.functions import expr

from feast import Entity, FeatureStore, FeatureView, Field
from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource
from feast.types import Float64
from feast.value_type import ValueType

given: dict[str, Any] = json.loads(sys.argv[1])


def open_store(folder: Path, sources: list[str]) -> FeatureStore:
    folder.mkdir()
    config = {
        "project": "bench",
        "provider": "local",
        "registry": "data/registry.db",
        "offline_store": {"type": "spark", "spark_conf": given["conf"]},
        "online_store": {"type": "sqlite", "path": "data/online.db"},
        "entity_key_serialization_version": 3,
    }
    (folder / "feature_store.yaml").write_text(yaml.safe_dump(config))
    store = FeatureStore(str(folder))
    entity = Entity(name="key", join_keys=["key"], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=f"view{i}",
            entities=[entity],
            ttl=timedelta(seconds=given["ttl"]),
            schema=[Field(name=f"f{j}", dtype=Float64) for j in range(given["features"])],
            source=SparkSource(
                name=f"s{i}", path=f"file://{path}", file_format="parquet", timestamp_field="event_timestamp"
            ),
        )
        for i, path in enumerate(sources)
    ]
    store.apply([entity, *views])
    return store


builder = SparkSession.builder.appName("feast")
for name, value in given["conf"].items():
    builder = builder.config(name, value)
session = builder.getOrCreate()


def compute(store: FeatureStore, asked: dict[str, Any]) -> list[Any]:
    """Have every row and column computed, and keep sums: benchmarks.spark_growth does the same."""
    names = [(i, j) for i in range(len(asked["sources"])) for j in range(given["features"])]
    sums = [part for i, j in names for part in (f"count(view{i}__f{j}) AS n{i}_{j}", f"sum(view{i}__f{j}) AS s{i}_{j}")]
    # Feast's job takes SQL for a spine that is not to pass through the driver.
    session.read.parquet(f"file://{asked['spine']}").createOrReplaceTempView("asked")
    references = [f"view{i}:f{j}" for i, j in names]
    job = store.get_historical_features("SELECT * FROM asked", references, full_feature_names=True)
    seen = Observation()
    answer = job.to_spark_df().observe(seen, expr("count(*) AS n"), *map(expr, sums))
    answer.write.format("noop").mode("overwrite").save()
    return list(seen.get.values())


with tempfile.TemporaryDirectory() as temporary:
    stores = [open_store(Path(temporary) / str(i), one["sources"]) for i, one in enumerate(given["runs"])]
    *before, measured = zip(stores, given["runs"], strict=True)
    for one in before:
        compute(*one)
    print("warm", flush=True)
    session.sparkContext.setJobGroup("measured", "measured")
    start = time.perf_counter()
    found = compute(*measured)
    seconds = time.perf_counter() - start
    session.stop()
print(json.dumps({"seconds": seconds, "sums": found}))
