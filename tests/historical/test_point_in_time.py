"""What users of feature stores have suffered in training data, each pain once."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from historical_project import BIG, DRIVER_FEATURES, Shop, at, driver_rows

from repast import FeatureService
from repast.errors import InvalidValueError
from repast.types import Array, Float32, Int32, Int64, String


@pytest.fixture
def drivers(shop):
    return shop.apply(shop.view("stats", driver_rows(), features=DRIVER_FEATURES, ttl=timedelta(hours=3)))


def spine(*rows):
    """Rows of (driver, hour)."""
    return pa.table({"driver_id": [d for d, _ in rows], "event_timestamp": [at(h) for _, h in rows]})


def test_rows_in_are_rows_out_duplicates_included(drivers):
    asked = pd.DataFrame(
        {"driver_id": [1, 1, 1], "event_timestamp": [at(1)] * 3, "label": ["a", "b", "c"]}, index=[7, 7, 3]
    )
    frame = drivers.get(asked, ["stats:trips"]).to_df()
    assert frame["label"].tolist() == ["a", "b", "c"]
    assert frame["trips"].tolist() == [10, 10, 10]
    assert frame.index.tolist() == [7, 7, 3]


def test_misses_are_kept_as_nulls_where_they_were(drivers):
    asked = spine((1, -1), (1, 0), (9, 1), (1, 3), (1, 3.5), (2, 9), (2, 1))
    assert drivers.values(asked, ["stats:trips"]) == [None, 10, None, 21, 21, None, BIG]


def test_ttl_and_time_include_both_ends(drivers):
    moment = timedelta(microseconds=1)
    times = [at(1) - moment, at(1), at(4), at(4) + moment]
    asked = pa.table({"driver_id": [2] * 4, "event_timestamp": times})
    assert drivers.values(asked, ["stats:trips"]) == [None, BIG, BIG, None]


def test_no_ttl_and_a_ttl_of_zero_have_no_end(shop):
    shop.apply(
        shop.view("never", driver_rows()),
        shop.view("zero", driver_rows(), ttl=timedelta(0)),
    )
    asked = spine((2, 24 * 365 * 50))
    assert shop.values(asked, ["never:trips"]) == shop.values(asked, ["zero:trips"]) == [BIG]


def test_the_row_recorded_last_wins_among_equal_event_times_for_every_key(shop):
    drivers = list(range(200)) * 3
    created = [at(2)] * 200 + [at(3)] * 200 + [at(1)] * 200
    rows = {"driver_id": drivers, "event_timestamp": [at(0)] * 600, "created": created, "trips": list(range(600))}
    shop.apply(shop.view("stats", rows))
    assert shop.values(spine(*((d, 1) for d in range(200))), ["stats:trips"]) == list(range(200, 400))


def test_ties_end_the_same_way_whatever_features_are_asked_for(shop):
    # All three rows tie; what decides is their whole content, not what of it is read.
    rows = {"driver_id": [1, 1, 1], "event_timestamp": [at(0)] * 3, "a": [1, 2, 3], "b": [30, 20, 10], "c": [5, 5, 5]}
    features = dict.fromkeys("abc", Int64)
    shop.apply(shop.view("stats", rows, features=features))
    whole = shop.get(spine((1, 1)), ["stats:a", "stats:b", "stats:c"]).to_arrow().to_pylist()[0]
    for name in features:
        assert shop.values(spine((1, 1)), [f"stats:{name}"]) == [whole[name]]
    assert (whole["a"], whole["b"]) in {(1, 30), (2, 20), (3, 10)}


def test_the_same_call_gives_the_same_bytes(shop, tmp_path):
    rng = np.random.default_rng(5)
    rows = {
        "driver_id": rng.integers(0, 50, 5_000),
        "event_timestamp": pa.array(rng.integers(0, 20, 5_000) * 3_600_000_000, pa.timestamp("us", "UTC")),
        "trips": rng.integers(0, 10, 5_000),
        "rating": rng.random(5_000),
    }
    shop.apply(shop.view("stats", rows, features=DRIVER_FEATURES))
    times = pa.array(rng.integers(0, 20, 2_000) * 3_600, pa.timestamp("s"))
    asked = pa.table({"driver_id": rng.integers(0, 50, 2_000), "event_timestamp": times})
    seen = set()
    for attempt in range(5):
        path = shop.get(asked, ["stats:trips", "stats:rating"]).to_parquet(tmp_path / f"{attempt}.parquet")
        seen.add(path.read_bytes())
    assert len(seen) == 1


def test_available_asks_what_was_known_at_the_time(drivers):
    asked = spine((1, 2), (1, 3), (1, 4), (1, 5))
    assert drivers.values(asked, ["stats:trips"]) == [21, 21, 21, 50]
    assert drivers.values(asked, ["stats:trips"], as_of="available") == [10, 20, 21, 50]


def test_available_is_the_event_time_where_no_created_time_is_kept(shop):
    rows = {k: v for k, v in driver_rows().items() if k != "created"}
    shop.apply(shop.view("stats", {name: values[:4] for name, values in rows.items()}))
    asked = spine((1, 2), (1, 5))
    assert shop.values(asked, ["stats:trips"], as_of="available") == shop.values(asked, ["stats:trips"]) == [21, 50]


def test_whole_numbers_stay_whole_numbers(drivers):
    job = drivers.get(spine((2, 1), (9, 1)), ["stats:trips", "stats:rating"])
    table, frame = job.to_arrow(), job.to_df()
    assert table.schema.field("trips").type == pa.int64()
    assert table["trips"].to_pylist() == [BIG, None]
    assert str(frame.dtypes["trips"]) == "Int64"
    assert frame["trips"][0] == BIG
    assert frame["trips"][1] is pd.NA
    assert job.to_polars()["trips"].to_list() == [BIG, None]


def test_a_column_that_is_all_null_has_its_declared_type(drivers):
    job = drivers.get(spine((9, 1)), ["stats:trips", "stats:rating"])
    assert [job.to_arrow().schema.field(n).type for n in ("trips", "rating")] == [pa.int64(), pa.float64()]
    assert [str(job.to_df().dtypes[n]) for n in ("trips", "rating")] == ["Int64", "Float64"]


def test_null_empty_and_lists_with_nulls_stay_apart(shop):
    lists = [[1, None, 3], [], None, [None]]
    rows = {"driver_id": [1, 2, 3, 4], "event_timestamp": [at(0)] * 4, "recent": pa.array(lists, pa.list_(pa.int64()))}
    shop.apply(shop.view("stats", rows, features={"recent": Array(Int64)}))
    assert shop.values(spine((1, 0), (2, 0), (3, 0), (4, 0), (5, 0)), ["stats:recent"]) == [*lists, None]


def test_a_view_without_entity_has_one_history(shop):
    rows = {"event_timestamp": [at(0), at(2)], "temperature": [10, 20]}
    shop.apply(shop.view("weather", rows, keys={}, features={"temperature": Int64}))
    asked = pa.table({"event_timestamp": [at(1), at(3), at(-1), at(1)]})
    assert shop.values(asked, ["weather:temperature"]) == [10, 20, None, 10]


def test_many_views_of_several_entities_come_together(shop):
    customers = {"customer_id": ["a", "b"], "event_timestamp": [at(0), at(1)], "city": ["Oslo", "Rome"]}
    pairs = {"driver_id": [1, 1], "customer_id": ["a", "b"], "event_timestamp": [at(0), at(0)], "rides": [3, 4]}
    shop.apply(
        shop.view("stats", driver_rows()),
        shop.view("customers", customers, keys={"customer_id": String}, features={"city": String}),
        shop.view("rides", pairs, keys={"driver_id": Int64, "customer_id": String}, features={"rides": Int64}),
    )
    asked = pa.table({"customer_id": ["a", "b", "b", None], "driver_id": [1, 1, 2, 1], "event_timestamp": [at(3)] * 4})
    table = shop.get(asked, ["rides:rides", "stats:trips", "customers:city"]).to_arrow()
    assert table.column_names == ["customer_id", "driver_id", "event_timestamp", "rides", "trips", "city"]
    assert table.select(["rides", "trips", "city"]).to_pylist() == [
        {"rides": 3, "trips": 21, "city": "Oslo"},
        {"rides": 4, "trips": 21, "city": "Rome"},
        {"rides": None, "trips": BIG, "city": "Rome"},
        {"rides": None, "trips": 21, "city": None},
    ]


def test_composite_keys_do_not_run_into_each_other(shop):
    rows = {"a": ["1", "11"], "b": ["11", "1"], "event_timestamp": [at(0)] * 2, "n": [1, 2]}
    shop.apply(shop.view("v", rows, keys={"a": String, "b": String}, features={"n": Int64}))
    asked = pa.table({"b": ["11", "1", "111"], "a": ["1", "11", ""], "event_timestamp": [at(1)] * 3})
    assert shop.values(asked, ["v:n"]) == [1, 2, None]


def test_one_view_joins_through_several_columns_under_several_names(shop):
    stats = shop.view("stats", driver_rows())
    first = stats.with_name("first").with_join_key_map({"driver_id": "first_driver"})
    second = stats.with_name("second").with_join_key_map({"driver_id": "second_driver"})
    shop.apply(stats, FeatureService(name="pair", features=[first, second]))
    asked = pa.table({"first_driver": [1, 2], "second_driver": [2, 1], "event_timestamp": [at(1), at(5)]})
    table = shop.get(asked, "pair", full_feature_names=True).to_arrow()
    assert table.column_names[3:] == ["first__trips", "second__trips"]
    assert table.select(table.column_names[3:]).to_pylist() == [
        {"first__trips": 10, "second__trips": BIG},
        {"first__trips": BIG, "second__trips": 50},
    ]


def test_a_service_may_be_given_as_itself_or_by_name(shop):
    stats = shop.view("stats", driver_rows(), features=DRIVER_FEATURES)
    service = FeatureService(name="model", features=[stats[["rating"]]])
    shop.apply(stats, service)
    by_name, by_object = (shop.get(spine((1, 0)), given).to_arrow() for given in ("model", service))
    assert by_name.equals(by_object)
    assert by_name.column_names == ["driver_id", "event_timestamp", "rating"]


def test_sources_may_call_columns_otherwise(shop):
    rows = {"id": [1], "ts": [at(0)], "n": [7]}
    mapping = {"id": "driver_id", "n": "trips"}
    shop.apply(shop.view("stats", rows, source={"timestamp_field": "ts", "field_mapping": mapping}))
    assert shop.values(spine((1, 1)), ["stats:trips"]) == [7]


def test_naive_times_are_utc_in_spines_and_of_the_sources_zone_in_sources(shop):
    walls = pa.array(["2024-06-01T02:00:00"]).cast(pa.timestamp("us"))
    rows = {"driver_id": [1], "event_timestamp": walls, "trips": [7]}
    shop.apply(shop.view("stats", rows, source={"timezone": "Europe/Paris"}))
    naive = pa.array(["2024-06-01T00:00:00", "2024-05-31T23:59:59"]).cast(pa.timestamp("us"))
    assert shop.values(pa.table({"driver_id": [1, 1], "event_timestamp": naive}), ["stats:trips"]) == [7, None]


def test_nanoseconds_of_pandas_are_floored(shop):
    nanoseconds = pd.Series(pd.to_datetime([1_717_200_000_000_000_999], utc=True, unit="ns")).dt.as_unit("ns")
    frame = pd.DataFrame({"driver_id": [1], "event_timestamp": nanoseconds, "trips": [7]})
    shop.apply(shop.view("stats", pa.Table.from_pandas(frame)))
    asked = pd.DataFrame({"driver_id": [1], "event_timestamp": nanoseconds - pd.Timedelta(999, "ns")})
    assert shop.get(asked, ["stats:trips"]).to_df()["trips"].tolist() == [7]


def test_declared_types_are_what_comes_back(shop):
    rows = {
        "driver_id": pa.array([1.0]),
        "event_timestamp": [at(0)],
        "small": pa.array([7], pa.uint8()),
        "whole": pa.array([3.0]),
        "text": pa.array(["x"]).dictionary_encode(),
        "half": pa.array([0.5]),
    }
    features = {"small": Int32, "whole": Int64, "text": String, "half": Float32}
    shop.apply(shop.view("stats", rows, features=features))
    table = shop.get(spine((1, 1)), [f"stats:{name}" for name in features]).to_arrow()
    assert [table.schema.field(name).type for name in features] == [t.arrow for t in features.values()]
    assert table.select(list(features)).to_pylist() == [{"small": 7, "whole": 3, "text": "x", "half": 0.5}]


def test_a_value_that_would_change_is_refused_and_named(shop):
    rows = {"driver_id": [1, 2], "event_timestamp": [at(0)] * 2, "trips": [1.0, 1.75]}
    shop.apply(shop.view("stats", rows))
    assert shop.values(spine((1, 1)), ["stats:trips"]) == [1]
    with pytest.raises(InvalidValueError, match=r"feature stats:trips: 1\.75 \(double\) does not fit Int64") as caught:
        shop.values(spine((1, 1), (2, 1)), ["stats:trips"])
    assert caught.value.context["value"] == 1.75


def test_files_rewritten_between_two_calls_are_read_anew(shop):
    shop.apply(shop.view("stats", {"driver_id": [1], "event_timestamp": [at(0)], "trips": [1]}))
    assert shop.values(spine((1, 1)), ["stats:trips"]) == [1]
    pq.write_table(
        pa.table({"driver_id": [1], "event_timestamp": [at(0.5)], "trips": [2]}), shop.path / "stats.parquet"
    )
    assert shop.values(spine((1, 1)), ["stats:trips"]) == [2]


def test_empty_sources_and_empty_spines_have_types(shop: Shop):
    nothing = {"driver_id": pa.array([], pa.int64()), "event_timestamp": pa.array([], pa.timestamp("us", "UTC"))}
    shop.apply(shop.view("empty", {**nothing, "trips": pa.array([], pa.int64())}), shop.view("stats", driver_rows()))
    assert shop.values(spine((1, 1)), ["empty:trips"]) == [None]
    table = shop.get(pa.table(nothing), ["stats:trips"]).to_arrow()
    assert table.num_rows == 0
    assert table.schema.field("trips").type == pa.int64()


def test_tied_rows_decide_by_all_features_even_if_one_of_them_cannot_be_cast(shop):
    # Only rows that tie are looked at in features that nobody asked for.
    rows = {"driver_id": [1, 2, 2], "event_timestamp": [at(0)] * 3, "trips": [1, 2, 3], "other": [1.5, 1.0, 2.0]}
    shop.apply(shop.view("stats", rows, features={"trips": Int64, "other": Int64}))
    assert shop.values(spine((1, 1), (2, 1)), ["stats:trips"])[0] == 1
