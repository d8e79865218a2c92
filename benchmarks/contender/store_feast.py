"""The rival on an online store with a server, run by an interpreter that has Feast and the clients of its stores.

Its writes are slow, those to MySQL a statement and a commit per value: it loads fewer rows, and prints how many.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.contender.clock import arguments, finish
from benchmarks.contender.store_rows import check, draw_keys, later_rows, make_rows, measure_some
from benchmarks.contender.store_server import loading, run_store
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float64
from feast.value_type import ValueType

KEYS = {"redis": 1_000, "postgres": 1_000, "mysql": 200}
"""Fewest rows that it reads from, and that it loads meanwhile; a larger table would hardly make its reads slower."""
LOADED = {"redis": 10_000, "postgres": 5_000, "mysql": 1_000}
"""Most rows of a load that is measured."""
OPTIONS = {"postgres": {"sslmode": "disable"}}  # as the others connect: the server is on this machine

ENTITY = Entity(name="key", join_keys=["key"], value_type=ValueType.INT64)


def define(view: int, features: int, folder: str) -> FeatureView:
    path = Path(folder) / f"source{view}.parquet"  # rows come from memory; a source has to be there all the same
    pq.write_table(make_rows(view, 1, features), path)
    return FeatureView(
        name=f"view{view}",
        entities=[ENTITY],
        schema=[Field(name=f"f{view}_{j}", dtype=Float64) for j in range(features)],
        source=FileSource(name=f"source{view}", path=str(path), timestamp_field="event_timestamp"),
    )


def write(store: FeatureStore, view: str, table: Any) -> None:
    store.write_to_online_store(view, table.to_pandas())


def load_for_ever(begun: Any, folder: str, keys: int, features: int) -> None:
    store = FeatureStore(folder)
    for table in later_rows(keys, features):
        write(store, "view0", table)
        begun.set()


def main() -> None:
    args = arguments()
    name, what, features, limit = args["store"], args["what"], args["features"], args["limit"]
    with tempfile.TemporaryDirectory() as folder, run_store(name, folder) as options:
        config = {
            "project": "bench",
            "provider": "local",
            "registry": "data/registry.db",
            "online_store": options | OPTIONS.get(name, {}),
            "entity_key_serialization_version": 3,
        }
        (Path(folder) / "feature_store.yaml").write_text(json.dumps(config))  # which is YAML too
        store = FeatureStore(folder)
        store.apply([ENTITY, *(define(view, features, folder) for view in range(args["views"]))])
        if what == "load":
            rows = min(args["rows"], LOADED[name])
            write(store, "view0", make_rows(0, 1, features))  # what is imported is imported now
            turns = iter([make_rows(0, rows, features, turn) for turn in range(args["repeat"])])
            seconds = measure_some(lambda: write(store, "view0", next(turns)), repeat=args["repeat"], limit=limit)
            finish(seconds, written=rows)
            return
        keys = max(KEYS[name], args["rows"])
        for view in range(args["views"]):
            write(store, f"view{view}", make_rows(view, keys, features))
        refs = [f"view{view}:f{view}_{j}" for view in range(args["views"]) for j in range(features)]
        draw = draw_keys(args["rows"], keys)

        def read(some: Any) -> Any:
            return store.get_online_features(refs, [{"key": key} for key in some]).to_dict()

        check(read, args, keys)
        with loading(what, load_for_ever, folder, keys, features):
            finish(measure_some(lambda: read(next(draw)), repeat=args["repeat"], limit=limit, warm=3))


if __name__ == "__main__":
    main()
