"""Repast on an online store with a server: reads to a dict, loads, reads during a load."""

from __future__ import annotations

import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.contender.clock import arguments, finish, measure
from benchmarks.contender.store_server import loading, run_store
from repast import Entity, FeatureStore, FeatureView, Field, FileSource
from repast.app.config import RepoConfig
from repast.types import Float64, Int64

KEYS = 10_000
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


def open_store(folder: str, options: dict[str, Any]) -> FeatureStore:
    config = RepoConfig(project="bench", repo_path=folder, registry="data/registry", online_store=options)
    return FeatureStore(config=config)


def make_rows(view: int, keys: int, features: int, turn: int = 0) -> pa.Table:
    rng = np.random.default_rng(7 + turn)
    event = pa.array([BEGIN + timedelta(seconds=turn)] * keys, pa.timestamp("us", tz="UTC"))
    columns = {"key": pa.array(range(keys)), "event_timestamp": event}
    return pa.table(columns | {f"f{view}_{j}": pa.array(rng.random(keys)) for j in range(features)})


def define(view: int, features: int) -> FeatureView:
    return FeatureView(
        name=f"view{view}",
        entities=[Entity(name="key", join_keys={"key": Int64})],
        schema=[Field(name=f"f{view}_{j}", dtype=Float64) for j in range(features)],
        source=FileSource(name=f"source{view}", path=f"source{view}.parquet", timestamp_field="event_timestamp"),
    )


def load_for_ever(begun: Any, folder: str, options: dict[str, Any], features: int) -> None:
    store = open_store(folder, options)
    tables = [make_rows(0, KEYS, features, turn) for turn in range(1, 3)]
    turn = 0
    while True:
        turn += 1
        event = pa.array([BEGIN + timedelta(seconds=turn)] * KEYS, pa.timestamp("us", tz="UTC"))
        rows = tables[turn % 2].set_column(1, "event_timestamp", event)
        store.write_to_online_store("view0", rows)
        begun.set()


def main() -> None:
    args = arguments()
    what, rows, features = args["what"], args["rows"], args["features"]
    with tempfile.TemporaryDirectory() as folder, run_store(args["store"], folder) as options:
        store = open_store(folder, options)
        for view in range(args["views"]):  # what is measured comes from memory; a source has to be there all the same
            pq.write_table(make_rows(view, 1, features), Path(folder) / f"source{view}.parquet")
        store.apply([define(view, features) for view in range(args["views"])])
        if what == "load":
            store.write_to_online_store("view0", make_rows(0, 1, features))  # what is imported is imported now
            turns = iter([make_rows(0, rows, features, turn) for turn in range(args["repeat"])])
            finish(measure(lambda: store.write_to_online_store("view0", next(turns)), repeat=args["repeat"]))
            store.close()
            return
        for view in range(args["views"]):
            store.write_to_online_store(f"view{view}", make_rows(view, KEYS, features))
        refs = [f"view{view}:f{view}_{j}" for view in range(args["views"]) for j in range(features)]
        pick = random.Random(11)

        def read() -> object:
            return store.get_online_features(refs, [{"key": pick.randrange(KEYS)} for _ in range(rows)]).to_dict()

        with loading(what, load_for_ever, folder, options, features):
            finish(measure(read, repeat=args["repeat"], warm=10))
        store.close()


if __name__ == "__main__":
    main()
