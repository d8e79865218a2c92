"""Repos on disk for the tests of apply: a configuration, a source, definition files."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from repast import Entity, FeatureStore, FeatureView, Field, FileSource
from repast.core.plan.apply import online_tables
from repast.types import DataType, Float64, Int64

YAML = "project: {project}\nregistry: {registry}\nonline_store:\n  type: sqlite\n  path: {online}\n"

DEFINITIONS = """
from datetime import timedelta
from repast import Entity, FeatureService, FeatureView, Field, FileSource
from repast.types import Float64, Int64

driver = Entity(name="driver", join_keys=["driver_id"])
source = FileSource(path="stats.parquet", timestamp_field="ts")
stats = FeatureView(
    name="stats",
    entities=[driver],
    source=source,
    schema=[Field(name="trips", dtype=Int64), Field(name="rate", dtype=Float64)],
    ttl=timedelta(days=1),
)
service = FeatureService(name="model", features=[stats[["trips"]]])
"""


def write_repo(
    path: Path,
    *,
    project: str = "demo",
    registry: str = "data/registry.db",
    online: str = "data/online.db",
    **files: str,
) -> Path:
    """Make a repo. Files are given by name without suffix; ``__`` in a name is a folder."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "feature_store.yaml").write_text(YAML.format(project=project, registry=registry, online=online))
    write_source(path / "stats.parquet")
    for name, text in files.items():
        write_file(path / (name.replace("__", "/") + ".py"), text)
    return path


def write_file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def write_source(path: Path, **columns: pa.Array) -> None:
    table = pa.table(
        {
            "driver_id": pa.array([1, 2], pa.int64()),
            "ts": pa.array([1_700_000_000_000_000] * 2, pa.timestamp("us", tz="UTC")),
            "trips": pa.array([3, 4], pa.int64()),
            "rate": pa.array([0.5, None], pa.float64()),
            **columns,
        }
    )
    pq.write_table(table, path)


def driver() -> Entity:
    return Entity(name="driver", join_keys=["driver_id"])


def view(name: str = "stats", *, trips: DataType = Int64, **options: object) -> FeatureView:
    defaults: dict[str, object] = {
        "entities": [driver()],
        "source": FileSource(path="stats.parquet", timestamp_field="ts"),
        "schema": [Field(name="trips", dtype=trips), Field(name="rate", dtype=Float64)],
    }
    return FeatureView(name=name, **{**defaults, **options})


def existing_tables(store: FeatureStore) -> set[tuple[str, int]]:
    """The online tables that there are, of those that any generation knew."""
    from repast.ports.online import OnlineTable

    workspace = store._workspace
    known = set(online_tables(workspace.registry.load_manifest()[0])) | set(workspace.registry.state().retired)
    for entry in workspace.registry.log(100):
        known |= online_tables(workspace.registry.history(entry.generation))
    return {table for table in known if table_exists(store, OnlineTable(store.project, *table))}


def table_exists(store: FeatureStore, table: object) -> bool:
    from repast.errors import NotFoundError

    try:
        store._workspace.online.write(table, [b"probe"], [b"value"])
    except NotFoundError:
        return False
    store._workspace.online.erase(table, [b"probe"])
    return True
