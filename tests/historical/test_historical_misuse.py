"""Wrong retrievals and what they are told. The messages are in misuse.txt, read by people when they change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from historical_project import DRIVER_FEATURES, Shop, at, driver_rows

from repast import FeatureService, Field, RequestSource, on_demand_feature_view
from repast.errors import RepastError
from repast.types import Float64, Int64, String

GOLDEN = Path(__file__).with_name("misuse.txt")
TRIPS = ["stats:trips"]
ONE = {"driver_id": [1], "event_timestamp": [at(5)]}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    shop = Shop(tmp_path_factory.mktemp("misuse"))
    stats = shop.view("stats", driver_rows(), features=DRIVER_FEATURES)
    customers = {"customer_id": ["a"], "event_timestamp": [at(0)], "city": ["Oslo"], "trips": [5]}
    gone = shop.view("gone", driver_rows())
    lossy = {"driver_id": [1], "event_timestamp": [at(0)], "share": [1.75], "tag": ["x"]}
    order = RequestSource(name="order", schema=[Field(name="amount", dtype=Float64)])

    @on_demand_feature_view(sources=[stats, order], schema=[Field(name="pay", dtype=Float64)], mode="python")
    def pay(inputs):
        return {"pay": [n / 0 for n in inputs["trips"]]}

    shop.apply(
        stats,
        shop.view("customers", customers, keys={"customer_id": String}, features={"city": String, "trips": Int64}),
        shop.view("lossy", lossy, features={"share": Int64, "tag": String}),
        gone,
        order,
        pay,
        FeatureService(name="model", features=[stats[["trips"]]]),
    )
    (shop.path / "gone.parquet").unlink()
    (shop.path / "broken.parquet").write_bytes(b"PAR1 no")
    yield shop
    shop.store.close()


def get(spine: Any = ONE, features: Any = TRIPS, **options: Any) -> Callable[[Shop], object]:
    return lambda shop: shop.get(spine, features, **options).to_arrow()


def save(name: Any = "d", path: Any = "d.parquet") -> Callable[[Shop], object]:
    return lambda shop: shop.store.create_saved_dataset(shop.get(ONE, TRIPS), name, path)


def key(*values: Any, dtype: pa.DataType | None = None) -> Callable[[Shop], object]:
    return get(pa.table({"driver_id": pa.array(values, dtype), "event_timestamp": [at(5)] * len(values)}))


MISUSES: dict[str, Callable[[Shop], object]] = {
    "features: none": get(features=[]),
    "features: a reference": get(features="stats:trips"),
    "features: without a view": get(features=["trips"]),
    "features: not text": get(features=[5]),
    "features: unknown service": get(features="modle"),
    "features: unknown view": get(features=["stat:trips"]),
    "features: unknown feature": get(features=["stats:trip"]),
    "features: one twice": get(features=TRIPS * 2),
    "features: two of one name": get({**ONE, "customer_id": ["a"]}, ["stats:trips", "customers:trips"]),
    "features: named like a spine column": get({**ONE, "trips": [1]}),
    "spine: nothing and no range": get(None),
    "spine: a number": get(5),
    "spine: a word": get("orders"),
    "spine: no such file": get("orders.parquet"),
    "spine: no such sql file": get("SELECT * FROM 'orders.parquet'"),
    "spine: wrong sql": get("SELECT * FORM orders"),
    "spine: sql that changes things": get("SELECT 1; DROP TABLE x"),
    "spine: list of numbers": get([1, 2]),
    "spine: scalars": get({"driver_id": 1, "event_timestamp": at(5)}),
    "spine: lengths": get({"driver_id": [1, 2], "event_timestamp": [at(5)]}),
    "spine: mixed types": get({"driver_id": [1, "x"], "event_timestamp": [at(5)] * 2}),
    "spine: series": get(pd.Series([1])),
    "spine: two columns of one name": get(pd.DataFrame([[1, 2, at(5)]], columns=["driver_id", "driver_id", "t"])),
    "spine: misspelt key": get({"drver_id": [1], "event_timestamp": [at(5)]}),
    "spine: no key": get({"event_timestamp": [at(5)]}),
    "spine: key in the index": get(pd.DataFrame(ONE).set_index("driver_id")),
    "spine: no request field": get(features=["pay:pay"]),
    "spine: wrong request field": get({**ONE, "amount": ["x"]}, ["pay:pay"]),
    "time: no column": get({"driver_id": [1]}),
    "time: no time column": get({"driver_id": [1], "when": [5]}),
    "time: several": get({"driver_id": [1], "a": [at(5)], "b": [at(5)]}),
    "time: misspelt": get(timestamp_column="event_time"),
    "time: numbers": get({"driver_id": [1], "event_timestamp": [1_717_200_000]}),
    "time: text that is no time": get({"driver_id": [1], "event_timestamp": ["soon"]}),
    "time: out of range": get({"driver_id": [1], "event_timestamp": pa.array([2**62], pa.timestamp("s"))}),
    "key: fraction": key(1, 1.9),
    "key: bool": key(True),
    "key: nan": key(float("nan")),
    "key: text": key("1"),
    "key: too large": key(2**63, dtype=pa.uint64()),
    "key: number for text": get({"customer_id": [1], "event_timestamp": [at(5)]}, ["customers:city"]),
    "key: date for a number": get({"driver_id": [date(2024, 1, 1)], "event_timestamp": [at(5)]}),
    "key: object of pandas": get(pd.DataFrame({"driver_id": [{"a": 1}], "event_timestamp": [at(5)]})),
    "key: numpy text": get({"driver_id": np.array(["1"]), "event_timestamp": [at(5)]}),
    "as_of: unknown": get(as_of="created"),
    "range: with a spine": get(last_n=1),
    "range: backwards": get(None, start_date=at(2), end_date=at(1)),
    "range: text": get(None, start_date="2024-01-01"),
    "range: last_n of zero": get(None, last_n=0),
    "range: keys that differ": get(None, ["stats:trips", "customers:city"], last_n=1),
    "range: request field": get(None, ["pay:pay"], last_n=1),
    "range: timestamp_column": get(None, last_n=1, timestamp_column="t"),
    "source: file is gone": get(features=["gone:trips"]),
    "source: value does not fit": get(features=["lossy:share"]),
    "function: raises": get({**ONE, "amount": [1.0]}, ["pay:pay"]),
    "batches: size": lambda shop: list(shop.get(ONE, TRIPS).to_batches(0)),
    "dataset: name": save("no good"),
    "dataset: bucket": save(path="s3://bucket/x.parquet"),
    "dataset: folder": save(path="."),
    "dataset: unknown": lambda shop: shop.store.get_saved_dataset("dat"),
}


def told(shop: Shop, misuse: Callable[[Shop], object]) -> str:
    with pytest.raises(RepastError) as caught:
        misuse(shop)
    text = f"{type(caught.value).__name__}: {caught.value}"
    text = re.sub(r"[^\s(]*test_historical_misuse\.py:\d+", "<features>:<line>", text)
    return text.replace(str(shop.path), "<repo>").replace(str(Path.cwd()), "<here>")


@pytest.fixture(scope="module")
def golden() -> dict[str, str]:
    blocks = GOLDEN.read_text().split("\n\n") if GOLDEN.exists() else []
    return {block.partition("\n")[0].removeprefix("# "): block.partition("\n")[2].strip() for block in blocks}


@pytest.mark.parametrize("name", MISUSES)
def test_a_misuse_is_told_what_is_wrong_and_what_to_do(shop, golden, name):
    message = told(shop, MISUSES[name])
    assert "hint: " in message
    assert message == golden.get(name, "")


def test_the_messages_are_those_of_the_misuses(golden):
    assert list(golden) == list(MISUSES)
