"""Feast repos as teams have them: definitions for both Feasts, data, a configuration."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

YAML = """\
project: shop
registry: data/registry.db
provider: local
online_store:
  type: sqlite
  path: data/online_store.db
entity_key_serialization_version: 3
"""

FEATURES = """\
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, String

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)

trips_source = FileSource(
    name="trips_source",
    path="data/trips.parquet",
    timestamp_field="event_timestamp",
    created_timestamp_column="created",
)

trips = FeatureView(
    name="trips",
    entities=[driver],
    ttl=timedelta(days=7),
    schema=[Field(name="count", dtype=Int64), Field(name="city", dtype=String)],
    source=trips_source,
)

model = FeatureService(name="model", features=[trips[["count"]]])
"""


def write_repo(folder: Path, *, yaml: str = YAML, **files: str) -> Path:
    """Write a repo; ``files`` are Python files by name."""
    (folder / "data").mkdir(parents=True)
    (folder / "feature_store.yaml").write_text(yaml)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def write_rows(path: Path, **columns: Sequence[object] | pa.Array) -> None:
    """Write the rows of a source."""
    pq.write_table(pa.table(columns), path)


def fingerprint(folder: Path) -> dict[str, str]:
    """Return what is in a folder: every path, with a digest of what a file holds."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }
