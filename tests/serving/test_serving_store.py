"""Serving through the FeatureStore, on SQLite, with files and a registry: what a user has."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal as PyDecimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repast import (
    Entity,
    FeatureService,
    FeatureStore,
    FeatureView,
    Field,
    FileSource,
    PushSource,
    RequestSource,
    on_demand_feature_view,
)
from repast.core.response import FieldStatus
from repast.testing.clock import ManualClock
from repast.types import Array, Bool, Decimal, Float64, Int64, Map, String, Struct, UnixTimestamp

NOW = datetime(2024, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

TYPES = {
    "trips": Int64,
    "rating": Float64,
    "active": Bool,
    "city": String,
    "seen": UnixTimestamp,
    "fare": Decimal(10, 2),
    "last": Array(Int64),
    "tags": Map(String, Int64),
    "car": Struct({"make": String, "year": Int64}),
}
HISTORY: list[dict[str, Any]] = [
    {
        "driver_id": driver,
        "event_timestamp": NOW - hours * HOUR,
        "created": NOW - hours * HOUR + HOUR / 2,
        "trips": None if driver == 3 else 2**53 + 1 + hours,
        "rating": float("nan") if driver == 2 else hours / 3,
        "active": hours % 2 == 0,
        "city": None if driver == 2 else f"city {hours}",
        "seen": NOW - timedelta(microseconds=hours),
        "fare": PyDecimal("12.30") * hours,
        "last": [None, hours] if driver == 1 else [] if driver == 2 else None,
        "tags": [("hours", hours), ("none", None)],
        "car": {"make": "x", "year": None},
    }
    for driver in (1, 2, 3)
    for hours in (1, 2, 30)
]

driver = Entity(name="driver", join_keys={"driver_id": Int64})
source = FileSource(
    name="history", path="history.parquet", timestamp_field="event_timestamp", created_timestamp_column="created"
)
schema = [Field(name=name, dtype=dtype) for name, dtype in TYPES.items()]
stats = FeatureView(name="stats", entities=[driver], schema=schema, ttl=timedelta(hours=24), source=source)
old_stats = FeatureView(name="old_stats", entities=[driver], schema=schema, source=source)
pushed = FeatureView(
    name="pushed",
    entities=[driver],
    schema=[Field(name="clicks", dtype=Int64)],
    source=PushSource(
        name="clicks_push",
        batch_source=FileSource(name="clicks", path="clicks.parquet", timestamp_field="event_timestamp"),
    ),
)
trip = RequestSource(name="trip", schema=[Field(name="extra", dtype=Int64)])


@on_demand_feature_view(
    sources=[stats[["trips"]], trip], schema=[Field(name="more_trips", dtype=Int64)], mode="python", singleton=True
)
def more(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"more_trips": None if inputs["trips"] is None else inputs["trips"] + inputs["extra"]}


model = FeatureService(name="model", features=[stats, old_stats[["trips"]].with_name("old"), more])


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    write_project(tmp_path)
    opened = FeatureStore(tmp_path, clock=ManualClock(NOW))
    opened.apply([driver, stats, old_stats, pushed, more, model])
    return opened


def write_project(path: Path, *, online: str = "type: sqlite\n  path: online.db") -> None:
    columns = {name: pa.array([row[name] for row in HISTORY], dtype.arrow) for name, dtype in TYPES.items()}
    times = {name: [row[name] for row in HISTORY] for name in ("driver_id", "event_timestamp", "created")}
    pq.write_table(pa.table({**times, **columns}), path / "history.parquet")
    clicks = pa.table({"driver_id": [1], "event_timestamp": [NOW - HOUR], "clicks": [1]})
    pq.write_table(clicks, path / "clicks.parquet")
    config = f"project: shop\nprovider: local\nregistry: registry.db\nonline_store:\n  {online}\n"
    (path / "feature_store.yaml").write_text(config)


@pytest.mark.parametrize("now", [NOW, NOW + 22 * HOUR, NOW + 23 * HOUR, NOW + 23 * HOUR + timedelta(microseconds=1)])
def test_online_values_are_the_offline_values_of_that_moment(store: FeatureStore, now: datetime) -> None:
    store.materialize(NOW - 48 * HOUR, NOW)
    keys = [3, 1, 2, 4]
    spine = pa.table({"driver_id": keys, "event_timestamp": [now] * 4, "extra": [1, 2, 3, 4]})
    rows = [{"driver_id": key, "extra": extra} for key, extra in zip(keys, (1, 2, 3, 4), strict=True)]

    offline = store.get_historical_features(spine, "model", full_feature_names=True).to_arrow()
    online = store.get_online_features("model", rows, full_feature_names=True, now=now)

    names = online.columns[1:]
    assert repr(online.to_arrow().select(names).to_pylist()) == repr(offline.select(names).to_pylist())
    assert online.to_arrow().select(names).schema.types == offline.select(names).schema.types
    frame = store.get_historical_features(spine, "model", full_feature_names=True).to_df()[names]
    pd.testing.assert_frame_equal(online.to_df()[names], frame)


def test_async_is_the_same(store: FeatureStore) -> None:
    store.materialize(NOW - 48 * HOUR, NOW)
    rows = [{"driver_id": key, "extra": 1} for key in (1, 2, 3)]
    answer = asyncio.run(store.get_online_features_async("model", rows, True)).to_dict()
    assert repr(answer) == repr(store.get_online_features("model", rows, True).to_dict())


def test_a_view_that_was_never_loaded_has_no_values(store: FeatureStore) -> None:
    response = store.get_online_features(["stats:trips"], [{"driver_id": 1}])
    assert response.to_dict() == {"driver_id": [1], "trips": [None]}
    assert response.statuses == {"trips": [FieldStatus.NOT_FOUND]}


def test_a_push_is_served_at_once_by_another_process_of_the_same_repo(store: FeatureStore) -> None:
    with FeatureStore(store.config.repo_path, clock=ManualClock(NOW)) as reader:
        assert reader.get_online_features(["pushed:clicks"], [{"driver_id": 1}]).to_dict()["clicks"] == [None]
        row = {"driver_id": [1], "event_timestamp": [NOW], "clicks": [7]}
        assert store.push("clicks_push", row).written == 1
        assert reader.get_online_features(["pushed:clicks"], [{"driver_id": 1}]).to_dict()["clicks"] == [7]
        assert asyncio.run(store.push_async("clicks_push", row)).unchanged == 1


@pytest.mark.parametrize("to", ["offline", "online_and_offline"])
def test_a_push_offline_is_training_data(store: FeatureStore, to: str) -> None:
    frame = pd.DataFrame({"clicks": [7, 8], "event_timestamp": [NOW, NOW - 2 * HOUR], "driver_id": [1, None]})
    report = store.push("clicks_push", frame, to=to)
    assert (report.appended, report.rejected, len(report.views)) == (1, to != "offline", to != "offline")
    spine = pd.DataFrame({"driver_id": [1, 1], "event_timestamp": [NOW, NOW - HOUR]})
    assert store.get_historical_features(spine, ["pushed:clicks"]).to_df()["clicks"].tolist() == [7, 1]
    store.materialize(NOW - 48 * HOUR, NOW, ["pushed"])
    assert store.get_online_features(["pushed:clicks"], [{"driver_id": 1}]).to_dict()["clicks"] == [7]
    again = pd.DataFrame({"driver_id": [1], "event_timestamp": [NOW + HOUR], "clicks": [9]})
    assert store.write_to_offline_store("pushed", again).appended == 1
    assert store.write_to_online_store("pushed", again).written == 1


def test_reads_go_on_while_rows_are_written(store: FeatureStore) -> None:
    done = threading.Event()

    def read() -> list[list[int]]:
        answers = []
        while not done.is_set():
            answers.append(store.get_online_features(["pushed:clicks"], {"driver_id": [1, 2]}).to_dict()["clicks"])
        return answers

    store.push("clicks_push", {"driver_id": [1, 2], "event_timestamp": [NOW] * 2, "clicks": [0, 0]})
    with ThreadPoolExecutor(2) as threads:
        readers = [threads.submit(read) for _ in range(2)]
        try:
            for step in range(1, 30):
                moment = NOW + timedelta(microseconds=step)
                row = {"driver_id": [1, 2], "event_timestamp": [moment] * 2, "clicks": [step, step]}
                assert store.push("clicks_push", row).written == 2
        finally:
            done.set()
        for answers in (reader.result() for reader in readers):
            # Both keys were written in one transaction and are read in one: never one without the other.
            assert all(first == second for first, second in answers)
            assert answers == sorted(answers)


def test_a_load_does_not_undo_a_push(store: FeatureStore) -> None:
    store.push("clicks_push", {"driver_id": [1, 2], "event_timestamp": [NOW, NOW], "clicks": [7, 8]})
    report = store.materialize(NOW - 48 * HOUR, NOW, ["pushed"])
    assert report.late == 1
    assert store.get_online_features(["pushed:clicks"], {"driver_id": [1, 2]}).to_dict()["clicks"] == [7, 8]


def test_a_type_change_serves_no_old_values(store: FeatureStore, tmp_path: Path) -> None:
    store.push("clicks_push", {"driver_id": [1], "event_timestamp": [NOW], "clicks": [7]})
    assert store.get_online_features(["pushed:clicks"], [{"driver_id": 1}]).to_dict()["clicks"] == [7]
    clicks = pa.table({"driver_id": [1], "event_timestamp": [NOW - HOUR], "clicks": [1.5]})
    pq.write_table(clicks, tmp_path / "clicks.parquet")
    changed = FeatureView(
        name="pushed", entities=[driver], schema=[Field(name="clicks", dtype=Float64)], source=pushed.source
    )
    store.apply(changed, allow_migration=True)
    assert store.get_online_features(["pushed:clicks"], [{"driver_id": 1}]).to_dict()["clicks"] == [None]
    store.push("clicks_push", {"driver_id": [1], "event_timestamp": [NOW], "clicks": [2.5]})
    assert store.get_online_features(["pushed:clicks"], [{"driver_id": 1}]).to_dict()["clicks"] == [2.5]


def test_an_added_feature_is_null_until_it_is_loaded(store: FeatureStore, tmp_path: Path) -> None:
    store.push("clicks_push", {"driver_id": [1], "event_timestamp": [NOW - HOUR], "clicks": [1]})
    with FeatureStore(tmp_path, clock=ManualClock(NOW)) as reader:
        reader.get_online_features(["pushed:clicks"], [{"driver_id": 1}])
        rows = pa.table({"driver_id": [1], "event_timestamp": [NOW - HOUR], "clicks": [1], "views": [5]})
        pq.write_table(rows, tmp_path / "clicks.parquet")
        grown = [Field(name="clicks", dtype=Int64), Field(name="views", dtype=Int64)]
        store.apply(FeatureView(name="pushed", entities=[driver], schema=grown, source=pushed.source))
        both = ["pushed:views", "pushed:clicks"]
        before = store.get_online_features(both, [{"driver_id": 1}])
        assert before.to_dict() == {"driver_id": [1], "views": [None], "clicks": [1]}
        store.materialize(NOW - 48 * HOUR, NOW, ["pushed"])
        for each in (store, reader):
            after = each.get_online_features(both, [{"driver_id": 1}])
            assert after.to_dict() == {"driver_id": [1], "views": [5], "clicks": [1]}


def test_erase_forgets_a_key_online(store: FeatureStore) -> None:
    store.materialize(NOW - 48 * HOUR, NOW)
    assert store.erase([{"driver_id": 1}]) == 3
    answer = store.get_online_features(["stats:city", "pushed:clicks"], {"driver_id": [1, 3]})
    assert answer.to_dict() == {"driver_id": [1, 3], "city": [None, "city 1"], "clicks": [None, None]}


def calls_of(action: Callable[[], object]) -> int:
    """Count the calls of Python functions that an action makes."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def test_the_cost_of_a_read_does_not_grow_with_the_views_that_are_registered(store: FeatureStore) -> None:
    store.materialize(NOW - 48 * HOUR, NOW, ["stats"])
    refs, rows = [f"stats:{name}" for name in TYPES], [{"driver_id": 1}]

    def read() -> object:
        return store.get_online_features(refs, rows).to_dict()

    read()
    before = calls_of(read)
    store.apply([FeatureView(name=f"v{n}", entities=[driver], schema=schema, source=source) for n in range(50)])
    read()
    assert calls_of(read) < before + 10  # looking whether the registry changed takes a call more or less
