"""Repast on an online store with a server: reads to a dict, loads, reads during a load."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.contender.clock import arguments, finish
from benchmarks.contender.store_rows import KEYS, check, draw_keys, later_rows, make_rows, measure_some
from benchmarks.contender.store_server import loading, run_store
from repast import Entity, FeatureStore, FeatureView, Field, FileSource
from repast.app.config import RepoConfig
from repast.types import Float64, Int64


def open_store(folder: str, options: dict[str, Any]) -> FeatureStore:
    config = RepoConfig(project="bench", repo_path=folder, registry="data/registry", online_store=options)
    return FeatureStore(config=config)


def define(view: int, features: int) -> FeatureView:
    return FeatureView(
        name=f"view{view}",
        entities=[Entity(name="key", join_keys={"key": Int64})],
        schema=[Field(name=f"f{view}_{j}", dtype=Float64) for j in range(features)],
        source=FileSource(name=f"source{view}", path=f"source{view}.parquet", timestamp_field="event_timestamp"),
    )


def load_for_ever(begun: Any, folder: str, options: dict[str, Any], features: int) -> None:
    store = open_store(folder, options)
    for rows in later_rows(KEYS, features):
        store.write_to_online_store("view0", rows)
        begun.set()


def main() -> None:
    args = arguments()
    what, rows, features, limit = args["what"], args["rows"], args["features"], args["limit"]
    with tempfile.TemporaryDirectory() as folder, run_store(args["store"], folder) as options:
        store = open_store(folder, options)
        for view in range(args["views"]):  # what is measured comes from memory; a source has to be there all the same
            pq.write_table(make_rows(view, 1, features), Path(folder) / f"source{view}.parquet")
        store.apply([define(view, features) for view in range(args["views"])])
        if what == "load":
            store.write_to_online_store("view0", make_rows(0, 1, features))  # what is imported is imported now
            turns = iter([make_rows(0, rows, features, turn) for turn in range(args["repeat"])])

            def write() -> object:
                return store.write_to_online_store("view0", next(turns))

            finish(measure_some(write, repeat=args["repeat"], limit=limit), written=rows)
            store.close()
            return
        for view in range(args["views"]):
            store.write_to_online_store(f"view{view}", make_rows(view, KEYS, features))
        refs = [f"view{view}:f{view}_{j}" for view in range(args["views"]) for j in range(features)]
        draw = draw_keys(rows, KEYS)

        def read(some: Any) -> Any:
            return store.get_online_features(refs, [{"key": key} for key in some]).to_dict()

        check(read, args, KEYS)
        with loading(what, load_for_ever, folder, options, features):
            finish(measure_some(lambda: read(next(draw)), repeat=args["repeat"], limit=limit, warm=10))
        store.close()


if __name__ == "__main__":
    main()
