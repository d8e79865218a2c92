"""Retrieval without a spine: docs/decisions/0002-retrieval-without-a-spine.md, sentence by sentence."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest
from historical_project import BIG, at, driver_rows

from repast import Field, RequestSource, on_demand_feature_view
from repast.errors import InvalidRequestError
from repast.types import Float64, Int32, Int64, String

RANGE = {"start_date": at(-100), "end_date": at(100)}


def rows(job, *columns):
    table = job.to_arrow()
    return [tuple(row.values()) for row in table.select(columns or table.column_names).to_pylist()]


@pytest.fixture
def drivers(shop):
    return shop.apply(shop.view("stats", driver_rows()))


def test_rows_of_a_range_come_sorted_each_time_once_with_the_winner(drivers):
    job = drivers.get(None, ["stats:trips"], start_date=at(1), end_date=at(5))
    assert job.columns == ["driver_id", "event_timestamp", "trips"]
    assert rows(job) == [(1, at(2), 21), (1, at(5), 50), (2, at(1), BIG)]


def test_both_ends_are_included_and_either_may_be_left_out(drivers):
    assert rows(drivers.get(None, ["stats:trips"], start_date=at(2), end_date=at(2)), "trips") == [(21,)]
    assert rows(drivers.get(None, ["stats:trips"], start_date=at(2)), "trips") == [(21,), (50,)]
    assert rows(drivers.get(None, ["stats:trips"], end_date=at(1)), "trips") == [(10,), (BIG,)]
    naive = at(2).replace(tzinfo=None)
    assert rows(drivers.get(None, ["stats:trips"], start_date=naive, end_date=naive), "trips") == [(21,)]


def test_the_latest_values_of_every_key(drivers):
    assert rows(drivers.get(None, ["stats:trips"], last_n=1)) == [(1, at(5), 50), (2, at(1), BIG)]
    assert rows(drivers.get(None, ["stats:trips"], last_n=1, end_date=at(4)), "trips") == [(21,), (BIG,)]


def test_a_correction_does_not_count_as_another_value(drivers):
    assert rows(drivers.get(None, ["stats:trips"], last_n=2)) == [(1, at(2), 21), (1, at(5), 50), (2, at(1), BIG)]
    assert rows(drivers.get(None, ["stats:trips"], last_n=3), "trips") == [(10,), (21,), (50,), (BIG,)]


def test_many_repeats_of_one_moment_do_not_hide_those_before(shop):
    repeats = 100
    shop.apply(
        shop.view(
            "stats",
            {
                "driver_id": [1] * (repeats + 2),
                "event_timestamp": [at(0), at(1)] + [at(2)] * repeats,
                "trips": [0, 1, *range(2, repeats + 2)],
            },
        )
    )
    found = rows(shop.get(None, ["stats:trips"], last_n=3), "event_timestamp")
    assert found == [(at(0),), (at(1),), (at(2),)]


def test_two_views_of_one_key_share_the_moments_of_both(shop):
    other = {"driver_id": [1, 3], "event_timestamp": [at(3), at(3)], "city": ["Oslo", "Rome"]}
    shop.apply(
        shop.view("stats", driver_rows(), ttl=timedelta(hours=1)),
        shop.view("home", other, features={"city": String}),
    )
    assert rows(shop.get(None, ["home:city", "stats:trips"], **RANGE)) == [
        (1, at(0), None, 10),
        (1, at(2), None, 21),
        (1, at(3), "Oslo", 21),
        (1, at(5), "Oslo", 50),
        (2, at(1), None, BIG),
        (3, at(3), "Rome", None),
    ]
    # The latest moment of a key is that of its latest row in any view; ttl counts from there.
    assert rows(shop.get(None, ["home:city", "stats:trips"], last_n=1, end_date=at(4))) == [
        (1, at(3), "Oslo", 21),
        (2, at(1), None, BIG),
        (3, at(3), "Rome", None),
    ]


def test_views_with_fewer_keys_are_joined_and_add_no_rows(shop):
    rides = {"driver_id": [1, 2], "zone": ["a", "b"], "event_timestamp": [at(1), at(3)], "rides": [5, 6]}
    weather = {"event_timestamp": [at(0), at(2)], "rain": [0.5, 1.5]}
    shop.apply(
        shop.view("stats", driver_rows()),
        shop.view("rides", rides, keys={"driver_id": Int64, "zone": String}, features={"rides": Int64}),
        shop.view("weather", weather, keys={}, features={"rain": Float64}),
    )
    job = shop.get(None, ["stats:trips", "rides:rides", "weather:rain"], **RANGE)
    assert job.columns[:3] == ["driver_id", "zone", "event_timestamp"]
    assert rows(job) == [(1, "a", at(1), 10, 5, 0.5), (2, "b", at(3), BIG, 6, 1.5)]


def test_a_view_without_entity_has_its_own_times(shop):
    weather = {"event_timestamp": [at(0), at(2), at(2)], "rain": [0.5, 1.5, 1.5]}
    shop.apply(shop.view("weather", weather, keys={}, features={"rain": Float64}))
    assert rows(shop.get(None, ["weather:rain"], **RANGE)) == [(at(0), 0.5), (at(2), 1.5)]
    assert rows(shop.get(None, ["weather:rain"], last_n=1)) == [(at(2), 1.5)]


def test_available_is_what_was_known_at_each_event(drivers):
    job = drivers.get(None, ["stats:trips"], as_of="available", **RANGE)
    assert rows(job, "trips") == [(10,), (10,), (50,), (BIG,)]


def test_null_keys_and_times_are_nobodys_moments(shop):
    times = pa.array([at(0), at(1), None], pa.timestamp("us", "UTC"))
    shop.apply(shop.view("stats", {"driver_id": [None, 1, 1], "event_timestamp": times, "trips": [1, 2, 3]}))
    assert rows(shop.get(None, ["stats:trips"], **RANGE)) == [(1, at(1), 2)]


def test_nothing_in_the_range_is_an_empty_table_of_the_right_types(drivers):
    table = drivers.get(None, ["stats:trips"], start_date=at(50)).to_arrow()
    assert table.num_rows == 0
    assert [str(t) for t in table.schema.types] == ["int64", "timestamp[us, tz=UTC]", "int64"]
    assert drivers.get(None, ["stats:trips"], start_date=at(50), last_n=1).to_arrow().num_rows == 0


def test_keys_have_the_entitys_type_and_results_every_form(shop, tmp_path):
    data = {**driver_rows(), "driver_id": pa.array([1, 1, 2, 1, 1], pa.int64())}
    shop.apply(shop.view("stats", data, keys={"driver_id": Int32}))
    job = shop.get(None, ["stats:trips"], **RANGE)
    assert job.to_arrow().schema.field("driver_id").type == pa.int32()
    assert str(job.to_df().dtypes["trips"]) == "Int64"
    assert job.to_polars().height == 4
    assert job.to_parquet(tmp_path / "x.parquet").exists()
    assert len(job) == job.metadata.rows == 4


def test_an_alias_names_the_key_column(shop):
    stats = shop.view("stats", driver_rows())
    shop.apply(stats)
    from repast import FeatureService

    service = FeatureService(name="s", features=[stats.with_join_key_map({"driver_id": "who"})])
    shop.store.apply([service])
    assert shop.get(None, "s", last_n=1).columns == ["who", "event_timestamp", "trips"]


def test_on_demand_features_are_computed_unless_they_need_a_request(shop):
    stats = shop.view("stats", driver_rows())
    order = RequestSource(name="order", schema=[Field(name="amount", dtype=Float64)])

    @on_demand_feature_view(sources=[stats], schema=[Field(name="twice", dtype=Int64)], mode="python")
    def twice(inputs):
        return {"twice": [n * 2 for n in inputs["trips"]]}

    @on_demand_feature_view(sources=[stats, order], schema=[Field(name="paid", dtype=Float64)], mode="python")
    def paid(inputs):
        return {"paid": inputs["amount"]}

    shop.apply(stats, order, twice, paid)
    assert rows(shop.get(None, ["twice:twice"], last_n=1), "twice") == [(100,), (BIG * 2,)]
    with pytest.raises(InvalidRequestError, match="request fields 'amount' come with a spine"):
        shop.get(None, ["paid:paid"], last_n=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "neither a spine"),
        ({"start_date": at(2), "end_date": at(1)}, "is after end_date"),
        ({"last_n": 0}, "last_n must be a whole number from 1 on"),
        ({"last_n": True}, "last_n"),
        ({"last_n": 1.5}, "last_n"),
        ({"start_date": "2024-01-01"}, "start_date must be a datetime"),
        ({"last_n": 1, "timestamp_column": "ts"}, "timestamp_column"),
    ],
)
def test_ranges_that_make_no_sense_are_refused(drivers, options, message):
    with pytest.raises(InvalidRequestError, match=message):
        drivers.get(None, ["stats:trips"], **options)


@pytest.mark.parametrize("option", [{"start_date": at(0)}, {"end_date": at(0)}, {"last_n": 1}])
def test_a_spine_and_a_range_contradict_each_other(drivers, option):
    with pytest.raises(InvalidRequestError, match="here there is one"):
        drivers.get({"driver_id": [1], "event_timestamp": [at(0)]}, ["stats:trips"], **option)


def test_keys_that_nothing_ties_together_need_a_spine(shop):
    customers = {"customer_id": ["a"], "event_timestamp": [at(0)], "city": ["Oslo"]}
    shop.apply(
        shop.view("stats", driver_rows()),
        shop.view("customers", customers, keys={"customer_id": String}, features={"city": String}),
    )
    with pytest.raises(InvalidRequestError, match="stats by driver_id; customers by customer_id") as caught:
        shop.get(None, ["stats:trips", "customers:city"], last_n=1)
    assert "entity_df" in caught.value.hint
