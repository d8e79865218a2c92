"""Wrong requests and what they are told. The messages are in misuse.txt, read by people when they change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from serving_project import NOW, Shop, open_shop, push_source, view_spec

from repast.app.write import erase, push, write_to_online_store
from repast.core.manifest import FeatureServiceSpec, ProjectionSpec
from repast.errors import RepastError
from repast.types import Float64, Int32, Int64, String

GOLDEN = Path(__file__).with_name("misuse.txt")
TRIPS = ["driver_stats:trips"]
ONE = [{"driver_id": 1}]
ROWS: dict[str, list[Any]] = {
    "driver_id": [1],
    "event_timestamp": [NOW],
    "trips": [1],
    "rating": [1.0],
    "city": ["x"],
}


def shop() -> Shop:
    return open_shop(
        view_spec(),
        view_spec("customer_stats", keys={"customer_id": String}, features={"spent": Int64}),
        view_spec("pair", keys={"driver_id": Int64, "customer_id": String}, features={"rides": Int32}),
        view_spec("offline_only", online=False, features={"slow": Int64}),
        view_spec("weather", keys={}, features={"rain": Float64}),
        view_spec("pushed", features={"clicks": Int64}, push_source="clicks_push"),
        view_spec("cold", features={"c": Int64}, push_source="cold_push", online=False),
        push_source("clicks_push"),
        push_source("cold_push"),
        push_source("idle_push"),
        FeatureServiceSpec(name="model", features=(ProjectionSpec(view="driver_stats", features=("trips",)),)),
    )


def rows(**changes: Any) -> pa.Table:
    return pa.table({name: column for name, column in (ROWS | changes).items() if column is not None})


def read(features: Any, entity_rows: Any, **options: Any) -> Callable[[Shop], object]:
    return lambda shop: shop.reader.read(features, entity_rows, **options)


def write(view: str, frame: pa.Table) -> Callable[[Shop], object]:
    return lambda shop: write_to_online_store(shop.workspace, view, frame)


def pushing(source: str, frame: pa.Table, to: Any = "online") -> Callable[[Shop], object]:
    return lambda shop: push(shop.workspace, source, frame, to)


def erasing(entity_rows: Any, views: Any = None) -> Callable[[Shop], object]:
    return lambda shop: erase(shop.workspace, entity_rows, views)


MISUSES: dict[str, Callable[[Shop], object]] = {
    "no features": read([], ONE),
    "features: a reference": read("driver_stats:trips", ONE),
    "features: a name without a view": read(["trips"], ONE),
    "features: not text": read([1], ONE),
    "features: None": read(None, ONE),
    "features: nested": read([TRIPS], ONE),
    "features: unknown service": read("modle", ONE),
    "features: unknown view": read(["driver_stat:trips"], ONE),
    "features: unknown feature": read(["driver_stats:trip"], ONE),
    "features: one twice": read(TRIPS * 2, ONE),
    "features: view is not online": read(["offline_only:slow"], ONE),
    "rows: misspelt key": read(TRIPS, [{"driver_id": 1}, {"drver_id": 1}]),
    "rows: another key": read(TRIPS, [{"customer_id": "a"}]),
    "rows: an empty one": read(TRIPS, [{}]),
    "rows: not mappings": read(TRIPS, [1]),
    "rows: not mappings, of a view without keys": read(["weather:rain"], ["a"]),
    "rows: text": read(TRIPS, "driver_id"),
    "rows: None": read(TRIPS, None),
    "columns: a value": read(TRIPS, {"driver_id": 1}),
    "columns: text": read(["customer_stats:spent"], {"customer_id": "abc"}),
    "columns: misspelt key": read(TRIPS, {"driverid": [1]}),
    "columns: lengths differ": read(["pair:rides"], {"driver_id": [1], "customer_id": ["a", "b"]}),
    "columns: none at all": read(["weather:rain"], {}),
    "columns: two dimensions": read(TRIPS, {"driver_id": np.array([[1]])}),
    "key: 1.9": read(TRIPS, [{"driver_id": 1.9}]),
    "key: True": read(TRIPS, [{"driver_id": 1}, {"driver_id": True}]),
    "key: NaN": read(TRIPS, [{"driver_id": float("nan")}]),
    "key: text": read(TRIPS, [{"driver_id": "1"}]),
    "key: a list": read(TRIPS, [{"driver_id": [1]}]),
    "key: too large": read(TRIPS, [{"driver_id": 2**63}]),
    "key: too large, in many rows": read(TRIPS, [{"driver_id": 1}] * 999 + [{"driver_id": 2**63}]),
    "key: half a character": read(["customer_stats:spent"], [{"customer_id": "\ud800"}]),
    "key: half a character, in many rows": read(["customer_stats:spent"], [{"customer_id": "\ud800"}] * 1000),
    "key: a number for text": read(["customer_stats:spent"], [{"customer_id": 7}]),
    "key: NumPy": read(TRIPS, {"driver_id": np.array([1.0, 1.5])}),
    "key: Arrow": read(TRIPS, {"driver_id": pa.array(["1"])}),
    "key: pandas": read(TRIPS, {"driver_id": pd.Series([1.0, 2.5])}),
    "now: text": read(TRIPS, ONE, now="2024-01-01"),
    "push: unknown source": pushing("clicks_psh", rows()),
    "push: a batch source": pushing("events", rows()),
    "push: a source of no view": pushing("idle_push", rows()),
    "push: to a view that is not online": pushing("cold_push", rows()),
    "push: to nowhere": pushing("clicks_push", rows(clicks=[1]), "onlin"),
    "write: unknown view": write("driver_stat", rows()),
    "write: view is not online": write("offline_only", rows()),
    "write: features are missing": write("driver_stats", rows(trips=None, trip=[1], city=None)),
    "write: the event time is missing": write("driver_stats", rows(event_timestamp=None)),
    "write: a float for an integer": write("driver_stats", rows(trips=[1.75])),
    "write: text for a key": write("driver_stats", rows(driver_id=["1"])),
    "write: no time": write("driver_stats", rows(event_timestamp=[True])),
    "erase: misspelt key": erasing([{"drver_id": 1}]),
    "erase: one mapping": erasing({"driver_id": 1}),
    "erase: not mappings": erasing([1]),
    "erase: rows with different keys": erasing([{"driver_id": 1}, {"customer_id": "a"}]),
    "erase: half a key": erasing([{"driver_id": 1}], ["pair"]),
    "erase: text for a key": erasing([{"driver_id": 1}, {"driver_id": "x"}]),
    "erase: one name": erasing([{"driver_id": 1}], "pair"),
    "erase: unknown view": erasing([{"driver_id": 1}], ["pear"]),
}


def told(misuse: Callable[[Shop], object]) -> str:
    """Return the error of a misuse; nothing may have been written for it."""
    opened = shop()
    with pytest.raises(RepastError) as caught:
        misuse(opened)
    assert [opened.store.count(opened.table(view)) for view in ("driver_stats", "pushed")] == [0, 0]
    return f"{type(caught.value).__name__}: {caught.value}"


def golden() -> dict[str, str]:
    sections = GOLDEN.read_text(encoding="utf-8").removeprefix("# ").rstrip("\n").split("\n\n# ")
    return dict(section.split("\n", 1) for section in sections)


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_told_what_to_do(name: str) -> None:
    assert told(MISUSES[name]) == golden()[name]


def test_golden_file_has_no_other_misuse() -> None:
    assert list(golden()) == list(MISUSES)


if __name__ == "__main__":
    GOLDEN.write_text(
        "\n\n".join(f"# {name}\n{told(misuse)}" for name, misuse in MISUSES.items()) + "\n", encoding="utf-8"
    )
