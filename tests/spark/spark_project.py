"""A project whose offline store is Spark and whose online store workers can reach: a SQLite file."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from repast.app.config import RepoConfig
from repast.app.load import online_table
from repast.app.store import FeatureStore
from repast.core.definitions import Entity, FeatureView, Field, FileSource, SparkSource
from repast.types import Float64, Int64, String

NOW = datetime(2024, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def open_store(folder: Path, definitions: list[Any] | None = None, **config: Any) -> FeatureStore:
    """Open a project in a folder; apply definitions if there are some."""
    options = {"registry": "data/registry", "online_store": {"type": "sqlite", "path": "data/online.db"}} | config
    store = FeatureStore(config=RepoConfig(project="shop", repo_path=folder, **options))
    if definitions is not None:
        store.apply(definitions)
    return store


def rides(rows: int, keys: int, *, seed: int = 0, ties: bool = True) -> pa.Table:
    """Return rows with few distinct times, so that many tie."""
    draw = random.Random(seed)
    hours = 24 if ties else 100_000
    event = [NOW - draw.randrange(hours) * HOUR for _ in range(rows)]
    created = [None if draw.random() < 0.2 else t + draw.randrange(3) * HOUR for t in event]
    return pa.table(
        {
            "driver_id": pa.array([draw.randrange(keys) for _ in range(rows)], pa.int64()),
            "event_timestamp": pa.array(event, pa.timestamp("us", "UTC")),
            "created": pa.array(created, pa.timestamp("us", "UTC")),
            "trips": pa.array([draw.choice([None, 2**53 + 1, *range(5)]) for _ in range(rows)], pa.int64()),
            "rate": pa.array([draw.choice([0.5, float("nan"), -0.0, None]) for _ in range(rows)]),
            "city": pa.array([draw.choice(["", "a", "b", None]) for _ in range(rows)]),
        }
    )


def spine(rows: int, keys: int, *, seed: int = 1) -> pa.Table:
    """Return a spine with unknown and null keys, repeated rows and a column of its own."""
    draw = random.Random(seed)
    return pa.table(
        {
            "driver_id": pa.array([draw.choice([None, *range(keys + 2)]) for _ in range(rows)], pa.int64()),
            "event_timestamp": pa.array(
                [NOW - draw.randrange(-2, 30) * HOUR / 2 for _ in range(rows)], pa.timestamp("us", "UTC")
            ),
            "label": pa.array([f"row {i}" for i in range(rows)]),
        }
    )


def write(rows: pa.Table, folder: Path, *, files: int = 1) -> None:
    """Write rows as a folder of Parquet files, replacing it."""
    target = folder / "rides"
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.parquet"):
        old.unlink()
    size = -(-rows.num_rows // files)
    for i in range(files):
        pq.write_table(rows.slice(i * size, size), target / f"{i}.parquet")


def view(name: str = "stats", *, spark: bool = False, source: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """Return a view of the rides."""
    kind = SparkSource if spark else FileSource
    where = {"path": "rides", "created_timestamp_column": "created", "timestamp_field": "event_timestamp"}
    fields = [Field(name="trips", dtype=Int64), Field(name="rate", dtype=Float64), Field(name="city", dtype=String)]
    usual = {"entities": [Entity(name="driver", join_keys={"driver_id": Int64})], "schema": fields}
    return FeatureView(name=name, source=kind(name="rides", **{**where, **(source or {})}), **usual | options)


# -- a history whose rows never tie: what is newest can be said without asking anything of ours ------

HISTORY = NOW - timedelta(days=365), NOW


def history_view() -> Any:
    """Return a view of what :func:`write_history` writes."""
    return FeatureView(
        name="history",
        entities=[Entity(name="account", join_keys={"account": Int64})],
        schema=[Field(name="number", dtype=Int64), Field(name="text", dtype=String)],
        source=FileSource(name="history", path="history", timestamp_field="event_timestamp"),
    )


def write_history(folder: Path, *, rows: int, keys: int, files: int) -> None:
    """Write rows at distinct times, in no order; the key 0 has a fifth of them, the others share the rest."""
    draw = np.random.default_rng(0)
    account = np.where((draw.random(rows) < 0.2) & (np.arange(rows) >= keys), 0, np.arange(rows) % keys)
    back = draw.permutation(rows).astype("int64") * (int(timedelta(days=364) / timedelta(microseconds=1)) // rows)
    event = pa.array(int(NOW.timestamp() * 1e6) - back).cast(pa.timestamp("us", "UTC"))
    number = pa.array(np.arange(rows))
    table = pa.table({"account": account, "event_timestamp": event, "number": number, "text": number.cast(pa.string())})
    size = -(-rows // files)
    (folder / "history").mkdir()
    for i in range(files):
        pq.write_table(table.slice(i * size, size), folder / "history" / f"{i}.parquet")


def newest(folder: Path) -> list[int]:
    """Return the number of the newest row of each key, found by going through all rows in the order of time."""
    table = pq.read_table(folder / "history").sort_by("event_timestamp")
    account = table["account"].to_numpy()
    found = np.full(int(account.max()) + 1, -1)
    found[account] = table["number"].to_numpy()  # of those for one key, the last one stays
    return found.tolist()


def loaded(store: FeatureStore) -> int:
    """Return how many keys are online."""
    workspace = store._workspace
    view = workspace.registry.manifest().feature_views["history"]
    return workspace.online.count(online_table(workspace.project, view))


def check_newest(store: FeatureStore, folder: Path, keys: Sequence[int]) -> None:
    """Assert that the newest row of each key is what is served."""
    expected = newest(folder)
    for start in range(0, len(keys), 5000):
        asked = keys[start : start + 5000]
        rows = [{"account": key} for key in asked]
        found = store.get_online_features(["history:number", "history:text"], rows).to_dict()
        assert found["number"] == [expected[key] for key in asked]
        assert found["text"] == [str(expected[key]) for key in asked]
