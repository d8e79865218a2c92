"""On-demand features in training data: the function of the user's own file, with the inputs it asked for."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest
from historical_project import BIG, DRIVER_FEATURES, at, driver_rows

from repast import Field, RequestSource, on_demand_feature_view
from repast.errors import InvalidDefinitionError, InvalidRequestError, InvalidValueError
from repast.types import Float64, Int64, String

ASKED = pa.table(
    {"driver_id": [1, 2, 9], "event_timestamp": [at(5), at(1), at(1)], "amount": [2.0, 3.0, None], "label": [0, 1, 0]}
)


@pytest.fixture
def parts(shop):
    """A view, a view with a feature of the same name, a request source."""
    stats = shop.view("stats", driver_rows(), features=DRIVER_FEATURES)
    other = {"driver_id": [1, 2], "event_timestamp": [at(0)] * 2, "trips": [100, 200], "city": ["Oslo", "Rome"]}
    home = shop.view("home", other, features={"trips": Int64, "city": String})
    order = RequestSource(name="order", schema=[Field(name="amount", dtype=Float64)])
    return stats, home, order


def column(shop, *features, spine=ASKED, **options):
    return shop.get(spine, list(features), **options).to_arrow()[-1].to_pylist()


def test_requests_and_features_make_a_feature(shop, parts):
    stats, _, order = parts

    @on_demand_feature_view(
        sources=[stats, order], schema=[Field(name="pay", dtype=Float64)], mode="python", singleton=True
    )
    def pay(inputs):
        known = inputs["rating"] is not None and inputs["amount"] is not None
        return {"pay": inputs["rating"] * inputs["amount"] if known else None}

    shop.apply(stats, order, pay)
    table = shop.get(ASKED, ["pay:pay", "stats:trips"]).to_arrow()
    assert table.column_names == [*ASKED.column_names, "pay", "trips"]
    assert table["pay"].to_pylist() == [10.0, None, None]
    assert table.schema.field("pay").type == pa.float64()


def test_a_feature_is_that_of_its_own_view(shop, parts):  # another view has one of that name
    stats, home, _ = parts

    @on_demand_feature_view(sources=[home], schema=[Field(name="n", dtype=Int64)], mode="pandas")
    def mine(inputs):
        return pd.DataFrame({"n": inputs["trips"]})

    @on_demand_feature_view(
        sources=[stats, home], schema=[Field(name="sum", dtype=Int64), Field(name="seen", dtype=String)], mode="python"
    )
    def both(inputs):
        pairs = zip(inputs["stats__trips"], inputs["home__trips"], strict=True)
        sums = [None if None in pair else sum(pair) for pair in pairs]
        return {"sum": sums, "seen": [",".join(sorted(inputs))] * len(sums)}

    shop.apply(stats, home, mine, both)
    assert column(shop, "stats:trips", "mine:n") == [100, 200, None]
    assert column(shop, "home:trips", "both:sum") == [150, BIG + 200, None]
    seen = column(shop, "both:seen")[0]
    assert seen == "city,driver_id,home__city,home__trips,rating,stats__rating,stats__trips"


def test_hidden_inputs_are_not_in_the_answer(shop, parts):
    stats, _, _ = parts

    @on_demand_feature_view(sources=[stats[["trips"]]], schema=[Field(name="even", dtype=Int64)], mode="arrow")
    def even(inputs):
        return pa.table({"even": pa.compute.bit_wise_and(inputs["trips"], 1)})

    shop.apply(stats, even)
    assert shop.get(ASKED, ["even:even"]).columns == [*ASKED.column_names, "even"]
    assert column(shop, "even:even") == [0, 1, None]
    assert shop.get(ASKED, ["even:even"], full_feature_names=True).columns[-1] == "even__even"


def test_an_aliased_source_is_known_by_its_alias(shop, parts):
    stats, _, _ = parts
    first = stats[["trips"]].with_name("first").with_join_key_map({"driver_id": "a"})
    second = stats[["trips"]].with_name("second").with_join_key_map({"driver_id": "b"})

    @on_demand_feature_view(sources=[first, second], schema=[Field(name="gap", dtype=Int64)], mode="polars")
    def gap(inputs):
        return inputs.select(gap=inputs["first__trips"] - inputs["second__trips"])

    shop.apply(stats, gap)
    asked = pa.table({"a": [1, 1], "b": [1, 2], "event_timestamp": [at(5), at(5)]})
    assert column(shop, "gap:gap", spine=asked) == [0, 50 - BIG]


def test_request_values_are_cast_like_keys(shop, parts):
    stats, _, order = parts

    @on_demand_feature_view(sources=[order], schema=[Field(name="paid", dtype=Float64)], mode="python")
    def paid(inputs):
        return {"paid": inputs["amount"]}

    shop.apply(stats, order, paid)
    whole = pa.table({"event_timestamp": [at(0)], "amount": [3]})
    assert column(shop, "paid:paid", spine=whole) == [3.0]
    with pytest.raises(InvalidValueError, match="request field 'amount': 'x'"):
        shop.get(whole.set_column(1, "amount", pa.array(["x"])), ["paid:paid"])
    with pytest.raises(InvalidRequestError, match="no column 'amount' \\(request field") as caught:
        shop.get(whole.rename_columns(["event_timestamp", "ammount"]), ["paid:paid"])
    assert caught.value.hint == "did you mean 'ammount'?"


def test_mistakes_of_the_function_are_told_when_it_runs(shop, parts):
    stats, _, _ = parts

    @on_demand_feature_view(sources=[stats], schema=[Field(name="n", dtype=Int64)], mode="python")
    def broken(inputs):
        return {"n": [v + 1 for v in inputs["trips"]]}

    shop.apply(stats, broken)
    job = shop.get(ASKED, ["broken:n"])
    with pytest.raises(InvalidDefinitionError, match=r"'broken': its function raised TypeError.*test_on_demand_train"):
        job.to_arrow()


def test_parts_of_a_large_spine_are_computed_apart(shop, parts, monkeypatch):
    import repast.app.retrieval as retrieval

    stats, _, _ = parts
    sizes = []

    @on_demand_feature_view(sources=[stats], schema=[Field(name="n", dtype=Int64)], mode="python")
    def sized(inputs):
        sizes.append(len(inputs["trips"]))
        return {"n": inputs["trips"]}

    shop.apply(stats, sized)
    monkeypatch.setattr(retrieval, "ROW_GROUP", 2)
    monkeypatch.setattr(retrieval, "_CHUNK_CELLS", 1)
    batches = list(shop.get(ASKED, ["sized:n"]).to_batches(3))
    assert [batch.num_rows for batch in batches] == [3]
    assert sizes == [2, 1]
