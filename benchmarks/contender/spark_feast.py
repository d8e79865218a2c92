"""The rival on Spark: Feast's Spark offline store, run by an interpreter that has ``feast[spark]``."""

import json
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from feast import Entity, FeatureStore, FeatureView, Field
from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource
from feast.types import Float64
from feast.value_type import ValueType

given: dict[str, Any] = json.loads(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    config = {
        "project": "bench",
        "provider": "local",
        "registry": "data/registry.db",
        "offline_store": {"type": "spark", "spark_conf": given["conf"]},
        "online_store": {"type": "sqlite", "path": "data/online.db"},
        "entity_key_serialization_version": 3,
    }
    (Path(folder) / "feature_store.yaml").write_text(yaml.safe_dump(config))
    store = FeatureStore(folder)
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
        for i, path in enumerate(given["sources"])
    ]
    store.apply([entity, *views])
    references = [f"view{i}:f{j}" for i in range(len(views)) for j in range(given["features"])]
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("feast")
    for name, value in given["conf"].items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()

    def compute() -> None:
        # Feast's job takes SQL for a spine that is not to pass through the driver.
        session.read.parquet(f"file://{given['spine']}").createOrReplaceTempView("asked")
        job = store.get_historical_features("SELECT * FROM asked", references, full_feature_names=True)
        job.to_spark_df().write.format("noop").mode("overwrite").save()

    compute()
    session.sparkContext.setJobGroup("measured", "measured")
    start = time.perf_counter()
    compute()
    seconds = time.perf_counter() - start
    session.stop()
print(seconds)
