"""Online reads: keys in every form, statuses, time to live, one call of the store, changes of views."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from serving_project import NOW, CountingStore, Shop, at, layout, manifest, open_shop, view_spec

from repast import FeatureService
from repast.app.write import write_to_online_store
from repast.core.manifest import FeatureServiceSpec, LayoutSpec, ProjectionSpec
from repast.core.response import FieldStatus, OnlineResponse
from repast.core.spec import projection_spec
from repast.errors import ConflictError, CorruptDataError, InvalidValueError
from repast.types import Array, Bool, Bytes, Date, Float64, Int32, Int64, String, UnixTimestamp, Uuid

FEATURES = ["driver_stats:rating", "driver_stats:trips"]


def write(shop: Shop, view: str = "driver_stats", **columns: Any) -> None:
    rows = len(next(iter(columns.values())))
    write_to_online_store(shop.workspace, view, {"event_timestamp": [NOW] * rows} | columns)


def drivers(*specs: Any, **options: Any) -> Shop:
    shop = open_shop(view_spec(**options), *specs)
    write(shop, driver_id=[1, 2, 3], trips=[10, None, 30], rating=[1.5, 2.5, None], city=["a", "b", None])
    return shop


# -- the answer -----------------------------------------------------------------------------------


def test_keys_come_first_and_features_in_the_order_asked_for() -> None:
    response = drivers().reader.read(FEATURES, [{"driver_id": 3}, {"driver_id": 1}])
    assert list(response.to_dict().items()) == [
        ("driver_id", [3, 1]),
        ("rating", [None, 1.5]),
        ("trips", [30, 10]),
    ]
    assert response.columns == ["driver_id", "rating", "trips"]
    assert repr(response) == "OnlineResponse(rows=2, columns=['driver_id', 'rating', 'trips'])"
    assert len(response) == 2


def test_full_feature_names() -> None:
    response = drivers().reader.read(FEATURES, [{"driver_id": 1}], full_feature_names=True)
    assert response.to_dict() == {
        "driver_id": [1],
        "driver_stats__rating": [1.5],
        "driver_stats__trips": [10],
    }


def test_features_of_several_views_may_be_mixed() -> None:
    shop = drivers(view_spec("other", features={"zeta": Int64}))
    write(shop, "other", driver_id=[1], zeta=[9])
    response = shop.reader.read(["driver_stats:trips", "other:zeta", "driver_stats:city"], [{"driver_id": 1}])
    assert response.to_dict() == {"driver_id": [1], "trips": [10], "zeta": [9], "city": ["a"]}


def test_no_rows_give_empty_columns() -> None:
    response = drivers().reader.read(FEATURES, [])
    assert response.to_dict(include_event_timestamps=True, include_statuses=True) == {
        "driver_id": [],
        "rating": [],
        "rating__ts": [],
        "rating__status": [],
        "trips": [],
        "trips__ts": [],
        "trips__status": [],
    }
    assert response.to_arrow().schema == pa.schema([("driver_id", "int64"), ("rating", "double"), ("trips", "int64")])
    assert response.to_numpy()["trips"].dtype == np.dtype("int64")


def test_repeated_keys_are_read_once_and_null_keys_not_at_all() -> None:
    shop = drivers()
    response = shop.reader.read(FEATURES, [{"driver_id": k} for k in (1, None, 2, 1, 1)])
    assert response.to_dict()["rating"] == [1.5, None, 2.5, 1.5, 1.5]
    assert response.to_dict()["driver_id"] == [1, None, 2, 1, 1]
    assert response.statuses["trips"] == [
        FieldStatus.PRESENT,
        FieldStatus.NOT_FOUND,
        FieldStatus.NULL_VALUE,
        FieldStatus.PRESENT,
        FieldStatus.PRESENT,
    ]
    assert isinstance(shop.store, CountingStore)
    assert [len(keys) for _, keys in shop.store.asked[0]] == [2]


@pytest.mark.parametrize("rows", [1, 3, 600])
def test_only_null_keys_find_nothing(rows: int) -> None:
    response = drivers().reader.read(FEATURES, [{"driver_id": None}] * rows)
    assert response.to_dict()["trips"] == [None] * rows
    assert set(response.statuses["trips"]) == {FieldStatus.NOT_FOUND}
    assert response.to_arrow()["driver_id"].null_count == rows


def test_a_view_without_entities_has_one_row_for_all() -> None:
    shop = open_shop(view_spec("weather", keys={}, features={"rain": Float64}))
    shop.reader.read(["weather:rain"], [{}])
    write(shop, "weather", rain=[0.5])
    assert shop.reader.read(["weather:rain"], [{}]).to_dict() == {"rain": [0.5]}
    assert shop.reader.read(["weather:rain"], [{}, {"x": 1}]).to_dict() == {"rain": [0.5, 0.5]}
    assert shop.reader.read(["weather:rain"], {"x": [1, 2, 3]}).to_dict() == {"rain": [0.5] * 3}
    assert shop.reader.read(["weather:rain"], {"x": [1] * 600}).to_arrow().num_rows == 600


def test_a_composite_key_has_no_order() -> None:
    shop = open_shop(view_spec("pair", keys={"b": String, "a": Int64}, features={"n": Int64}))
    write(shop, "pair", n=[1, 2], b=["x", "y"], a=[1, 1])
    rows = [{"b": "y", "a": 1}, {"a": 1, "b": "x"}, {"a": 1, "b": None}, {"a": None, "b": "x"}]
    assert shop.reader.read(["pair:n"], rows).to_dict() == {
        "a": [1, 1, 1, None],
        "b": ["y", "x", None, "x"],
        "n": [2, 1, None, None],
    }
    many = [rows[i % 4] for i in range(800)]
    assert shop.reader.read(["pair:n"], many).to_dict()["n"] == [2, 1, None, None] * 200


def test_a_view_read_through_another_column() -> None:
    service = FeatureServiceSpec(
        name="trip",
        features=(
            ProjectionSpec(view="driver_stats", features=("rating",), name_alias="first"),
            ProjectionSpec(
                view="driver_stats",
                features=("rating",),
                name_alias="second",
                join_key_map={"driver_id": "other_driver_id"},
            ),
        ),
    )
    shop = drivers(service)
    response = shop.reader.read("trip", [{"driver_id": 1, "other_driver_id": 2}], full_feature_names=True)
    assert response.to_dict() == {
        "driver_id": [1],
        "other_driver_id": [2],
        "first__rating": [1.5],
        "second__rating": [2.5],
    }


def test_a_service_by_name_or_as_an_object_gives_the_same() -> None:
    from repast import Entity, FeatureView, Field, FileSource

    view = FeatureView(
        name="driver_stats",
        entities=[Entity(name="driver", join_keys={"driver_id": Int64})],
        schema=[Field(name="trips", dtype=Int64)],
        source=FileSource(path="x.parquet", timestamp_field="event_timestamp"),
    )
    service = FeatureService(name="model", features=[view[["trips"]]])
    shop = drivers(FeatureServiceSpec(name="model", features=tuple(map(projection_spec, service.features))))
    expected = {"driver_id": [1], "trips": [10]}
    assert shop.reader.read("model", [{"driver_id": 1}]).to_dict() == expected
    assert shop.reader.read(service, [{"driver_id": 1}]).to_dict() == expected


# -- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        [3, None, 1],
        (3, None, 1),
        [3.0, None, 1.0],
        [np.int8(3), None, np.float32(1)],
        [3, pd.NA, 1],
        np.array([3, None, 1], object),
        pa.array([3, None, 1]),
        pa.array([3, None, 1], pa.int8()),
        pa.array([3.0, None, 1.0]),
        pa.chunked_array([[3, None], [1]]),
        pd.Series([3, None, 1]),
        pd.Series([3, None, 1], dtype="Int64"),
        pd.Series([3, None, 1], dtype=object),
        pl.Series([3, None, 1]),
    ],
    ids=lambda column: f"{type(column).__module__.partition('.')[0]} {getattr(column, 'dtype', '')}",
)
def test_a_column_of_keys_may_be_anything_that_holds_them(column: Any) -> None:
    answer = drivers().reader.read(FEATURES, {"driver_id": column, "ignored": object()}).to_dict()
    assert answer == {"driver_id": [3, None, 1], "rating": [None, None, 1.5], "trips": [30, None, 10]}
    assert [type(key) for key in answer["driver_id"]] == [int, type(None), int]


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "arrow"])
def test_a_table_is_columns_of_keys(make: Any) -> None:
    table = make({"driver_id": [1, 3], "label": ["x", "y"]})
    assert drivers().reader.read(FEATURES, table).to_dict()["trips"] == [10, 30]


@pytest.mark.parametrize("rows", [1, 1000])
@pytest.mark.parametrize(
    ("dtype", "key", "others"),
    [
        (Int32, 7, [7.0, np.int16(7)]),
        (Int64, 2**53 + 1, [np.int64(2**53 + 1)]),
        (String, "é", [np.str_("é")]),
        (Bytes, b"\x00\xff", [bytearray(b"\x00\xff")]),
        (Bool, True, [np.True_]),
        (UnixTimestamp, datetime(2024, 1, 1, tzinfo=UTC), [datetime(2024, 1, 1), "2024-01-01T01:00+01:00"]),  # noqa: DTZ001
        (Date, date(2024, 1, 1), [datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01"]),
        (Uuid, "00000000-0000-0000-0000-00000000000a", ["{00000000-0000-0000-0000-00000000000A}"]),
    ],
    ids=lambda value: str(value) if not isinstance(value, list) else "",
)
def test_every_way_to_say_a_key_finds_its_row(dtype: Any, key: Any, others: list[Any], rows: int) -> None:
    shop = open_shop(view_spec("v", keys={"k": dtype}, features={"n": Int64}))
    write(shop, "v", k=pa.array([key], dtype.arrow), n=[42])
    for said in [key, *others]:
        response = shop.reader.read(["v:n"], [{"k": said}] * rows)
        assert response.to_dict() == {"k": [key] * rows, "n": [42] * rows}
        assert response.to_arrow()["k"].type == dtype.arrow


# -- time to live ---------------------------------------------------------------------------------


def test_ttl_holds_online_and_both_ends_are_included() -> None:
    shop = open_shop(view_spec(ttl_us=3_600_000_000))
    write(shop, driver_id=[1], trips=[10], rating=[None], city=["a"])

    def read(now: datetime | None) -> OnlineResponse:
        return shop.reader.read(FEATURES, [{"driver_id": 1}, {"driver_id": 9}], now=now)

    assert read(at(1)).to_dict()["trips"] == [10, None]
    late = read(at(1) + timedelta(microseconds=1))
    assert late.to_dict()["trips"] == [None, None]
    assert late.to_arrow()["trips"].to_pylist() == [None, None]
    too_old = [FieldStatus.OUTSIDE_MAX_AGE, FieldStatus.NOT_FOUND]
    assert late.statuses == {"rating": too_old, "trips": too_old}
    assert late.event_timestamps["trips"] == [NOW, None]
    shop.clock.set(at(1))
    assert read(None).statuses["rating"] == [FieldStatus.NULL_VALUE, FieldStatus.NOT_FOUND]
    shop.clock.advance(timedelta(microseconds=1))
    assert read(None).statuses["rating"] == [FieldStatus.OUTSIDE_MAX_AGE, FieldStatus.NOT_FOUND]


@pytest.mark.parametrize("rows", [1, 2, 700])
def test_the_last_microsecond_of_a_ttl(rows: int) -> None:
    shop = drivers(ttl_us=3_600_000_000)
    asked = [{"driver_id": 1}] * rows
    for now, expected in ((at(1), 10), (at(1) + timedelta(microseconds=1), None)):
        response = shop.reader.read(FEATURES, asked, now=now)
        assert response.to_dict()["trips"] == [expected] * rows
        assert response.to_arrow()["trips"].to_pylist() == [expected] * rows


def test_a_ttl_longer_than_history_has_no_lower_end() -> None:
    shop = drivers(ttl_us=2**63 - 1)
    assert shop.reader.read(FEATURES, [{"driver_id": 1}], now=datetime(1, 1, 1, tzinfo=UTC)).to_dict()["trips"] == [10]


def test_a_row_from_the_future_is_the_newest_and_is_served() -> None:
    shop = drivers(ttl_us=3_600_000_000)
    assert shop.reader.read(FEATURES, [{"driver_id": 1}], now=at(-48)).to_dict()["trips"] == [10]


def test_each_view_has_its_own_ttl() -> None:
    shop = drivers(view_spec("other", features={"zeta": Int64}, ttl_us=1))
    write(shop, "other", driver_id=[1], zeta=[9])
    response = shop.reader.read(["driver_stats:trips", "other:zeta"], [{"driver_id": 1}], now=at(5))
    assert response.to_dict() == {"driver_id": [1], "trips": [10], "zeta": [None]}


# -- forms ----------------------------------------------------------------------------------------


def test_extras_of_to_dict() -> None:
    moment = datetime(2024, 6, 1, 11, 59, 59, 999_999, tzinfo=UTC)
    shop = open_shop(view_spec())
    write(shop, driver_id=[1], trips=[None], rating=[1.5], city=["a"], event_timestamp=[moment])
    response = shop.reader.read(FEATURES, [{"driver_id": 1}, {"driver_id": 2}])
    assert response.to_dict(include_event_timestamps=True, include_statuses=True) == {
        "driver_id": [1, 2],
        "rating": [1.5, None],
        "rating__ts": [int(moment.timestamp()), None],
        "rating__status": ["PRESENT", "NOT_FOUND"],
        "trips": [None, None],
        "trips__ts": [int(moment.timestamp()), None],
        "trips__status": ["NULL_VALUE", "NOT_FOUND"],
    }
    table = response.to_arrow(include_event_timestamps=True)
    assert table.column_names == ["driver_id", "rating", "rating__ts", "trips", "trips__ts"]
    assert table["trips__ts"].to_pylist() == [int(moment.timestamp()), None]
    assert response.event_timestamps == {"rating": [moment, None], "trips": [moment, None]}


def test_times_before_1970_count_down() -> None:
    shop = open_shop(view_spec())
    early = datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC)
    write(shop, driver_id=[1], trips=[1], rating=[1.5], city=["a"], event_timestamp=[early])
    assert shop.reader.read(FEATURES, [{"driver_id": 1}]).to_dict(True)["trips__ts"] == [-2]


def test_event_times_that_datetime_cannot_hold() -> None:
    shop = open_shop(view_spec())
    year_10000 = pa.array([253_402_300_800_000_000], pa.timestamp("us", "UTC"))
    write(shop, driver_id=[1], trips=[1], rating=[1.5], city=["a"], event_timestamp=year_10000)
    response = shop.reader.read(FEATURES, [{"driver_id": 1}])
    assert response.to_dict(True)["trips__ts"] == [253_402_300_800]
    with pytest.raises(InvalidValueError, match="outside the years 1 to 9999"):
        _ = response.event_timestamps


def test_pandas_dtypes_are_nullable_and_integers_exact() -> None:
    shop = open_shop(view_spec())
    write(shop, driver_id=[1, 2], trips=[2**53 + 1, None], rating=[1.5, None], city=["a", None])
    frame = shop.reader.read([*FEATURES, "driver_stats:city"], [{"driver_id": k} for k in (1, 2, 3)]).to_df()
    assert frame.dtypes.astype(str).to_dict() == {
        "driver_id": "Int64",
        "rating": "Float64",
        "trips": "Int64",
        "city": "string",
    }
    assert frame["trips"].tolist() == [2**53 + 1, pd.NA, pd.NA]


def test_polars() -> None:
    frame = drivers().reader.read(FEATURES, [{"driver_id": 1}, {"driver_id": 4}]).to_polars()
    assert frame.to_dict(as_series=False) == {"driver_id": [1, 4], "rating": [1.5, None], "trips": [10, None]}
    assert frame.schema == {"driver_id": pl.Int64, "rating": pl.Float64, "trips": pl.Int64}


def test_numpy_has_own_dtypes_and_says_what_is_missing() -> None:
    features = {"i": Int64, "f": Float64, "b": Bool, "t": UnixTimestamp, "s": String, "l": Array(Int64)}
    shop = open_shop(view_spec("v", features=features))
    write(shop, "v", driver_id=[1], i=[2**53 + 1], f=[0.5], b=[True], t=[NOW], s=["x"], l=[[1, None]])
    refs = [f"v:{name}" for name in features]

    whole = shop.reader.read(refs, [{"driver_id": 1}]).to_numpy()
    assert {name: array.dtype.str for name, array in whole.items()} == {
        "driver_id": "<i8",
        "i": "<i8",
        "f": "<f8",
        "b": "|b1",
        "t": "<M8[us]",
        "s": "|O",
        "l": "|O",
    }
    assert not any(isinstance(array, np.ma.MaskedArray) for array in whole.values())
    assert whole["i"][0] == 2**53 + 1

    holes = shop.reader.read(refs, [{"driver_id": 1}, {"driver_id": 2}, {"driver_id": None}]).to_numpy()
    assert holes["i"].tolist() == [2**53 + 1, None, None]  # masked
    assert holes["b"].tolist() == [True, None, None]
    assert holes["driver_id"].tolist() == [1, 2, None]
    assert np.isnan(holes["f"]).tolist() == [False, True, True]
    assert np.isnat(holes["t"]).tolist() == [False, True, True]
    assert holes["s"].tolist() == ["x", None, None]
    assert holes["l"].tolist() == [[1, None], None, None]


# -- one plan, one call ---------------------------------------------------------------------------


def test_all_views_are_one_call_of_the_store_and_shared_keys_are_encoded_once() -> None:
    views = [view_spec(f"v{i}", features={f"f{i}": Int64}) for i in range(5)]
    shop = open_shop(*views)
    for i in range(5):
        write(shop, f"v{i}", driver_id=[1], **{f"f{i}": [i]})
    response = shop.reader.read([f"v{i}:f{i}" for i in range(5)], [{"driver_id": 1}])
    assert response.to_dict() == {"driver_id": [1]} | {f"f{i}": [i] for i in range(5)}
    assert isinstance(shop.store, CountingStore)
    ((*reads,),) = shop.store.asked
    assert [table.view for table, _ in reads] == [f"v{i}" for i in range(5)]
    assert len({id(keys) for _, keys in reads}) == 5  # copies of the test's store; the bytes are the same
    assert len({tuple(keys) for _, keys in reads}) == 1


def test_a_request_after_the_first_resolves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = drivers()
    first = shop.reader.read(FEATURES, [{"driver_id": 1}]).to_dict()

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("resolved again")

    monkeypatch.setattr("repast.app.online.resolve_selection", refuse)
    monkeypatch.setattr("repast.app.online.plan_online", refuse)
    assert shop.reader.read(list(FEATURES), [{"driver_id": 1}]).to_dict() == first
    assert shop.registry.refreshed == 0


def test_plans_follow_the_registry() -> None:
    shop = drivers()
    assert shop.reader.read(FEATURES, [{"driver_id": 1}], now=at(9)).to_dict()["trips"] == [10]
    shop.registry.current = manifest(view_spec(ttl_us=1), generation=2)
    assert shop.reader.read(FEATURES, [{"driver_id": 1}], now=at(9)).to_dict()["trips"] == [None]


def test_the_number_of_plans_kept_is_bounded() -> None:
    shop = drivers()
    names = ["driver_stats:trips", "driver_stats:rating", "driver_stats:city"]
    for n in range(300):
        view = view_spec(f"v{n}", features={f"f{n}": Int64})
        shop.registry.current = manifest(view_spec(), view)
        shop.reader.read([*names, f"v{n}:f{n}"], [{"driver_id": 1}])
    assert shop.reader.read(names, [{"driver_id": 1}]).to_dict()["trips"] == [10]


# -- layouts --------------------------------------------------------------------------------------

OLD, NEW = {"trips": Int64, "gone": String}, {"trips": Int64, "added": Float64}
LAYOUTS: tuple[LayoutSpec, ...] = (layout(OLD, 1), layout(NEW, 2))


def migrated() -> tuple[Shop, Any]:
    """A view whose rows of driver 1 and 2 have the old layout; the new view is applied elsewhere."""
    shop = open_shop(view_spec("v", features=OLD, layouts=LAYOUTS[:1]))
    write(shop, "v", driver_id=[1, 2], trips=[10, 20], gone=["x", "y"])
    return shop, manifest(view_spec("v", features=NEW, layouts=LAYOUTS), generation=2)


def test_rows_of_an_older_layout_lack_what_was_added_later() -> None:
    shop, shop.registry.current = migrated()
    write(shop, "v", driver_id=[2], trips=[21], added=[0.5], event_timestamp=[at(1)])
    response = shop.reader.read(["v:added", "v:trips"], [{"driver_id": k} for k in (2, 1, 3)])
    expected = {"driver_id": [2, 1, 3], "added": [0.5, None, None], "trips": [21, 10, None]}
    assert response.to_dict() == expected
    assert response.to_arrow().to_pydict() == expected
    assert response.to_numpy()["trips"].tolist() == [21, 10, None]
    assert [s.name for s in response.statuses["added"]] == ["PRESENT", "NULL_VALUE", "NOT_FOUND"]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_row_of_an_unknown_layout_makes_the_reader_look_at_the_registry(is_async: bool) -> None:
    shop, applied = migrated()
    shop.reader.read(["v:trips"], [{"driver_id": 1}])
    other = Shop(shop.workspace, shop.registry, shop.store, shop.clock)
    shop.registry.current = applied
    write(other, "v", driver_id=[1], trips=[11], added=[0.5], event_timestamp=[at(1)])
    shop.registry.current = manifest(view_spec("v", features=OLD, layouts=LAYOUTS[:1]))
    shop.registry.applied = applied

    rows = [{"driver_id": 1}, {"driver_id": 2}]
    read = asyncio.run(shop.reader.aread(["v:trips"], rows)) if is_async else shop.reader.read(["v:trips"], rows)
    assert read.to_dict() == {"driver_id": [1, 2], "trips": [11, 20]}
    assert shop.registry.refreshed == 1


def test_a_row_of_a_layout_that_nobody_knows_is_told_and_left_alone() -> None:
    shop = drivers()
    table = shop.table("driver_stats")
    key = shop.reader.read(FEATURES, [{"driver_id": 1}])._request.distinct[0][0]
    shop.store.write(table, [key], [b"\xff" * 30])
    with pytest.raises(ConflictError, match="newer than the 1 known here"):
        shop.reader.read(FEATURES, [{"driver_id": 1}]).to_dict()
    shop.store.erase(table, [key])
    shop.store.write(table, [key], [b"\xff" * 3])
    with pytest.raises(CorruptDataError, match="every row has at least"):
        shop.reader.read(FEATURES, [{"driver_id": 1}]).to_dict()


# -- many at once ---------------------------------------------------------------------------------


def test_async_reads_are_the_same() -> None:
    shop = drivers()

    async def many() -> list[OnlineResponse]:
        return await asyncio.gather(
            *(shop.reader.aread(FEATURES, [{"driver_id": k}, {"driver_id": 2}]) for k in (1, 2, 3, 4))
        )

    for k, response in zip((1, 2, 3, 4), asyncio.run(many()), strict=True):
        assert response.to_dict() == shop.reader.read(FEATURES, [{"driver_id": k}, {"driver_id": 2}]).to_dict()


def test_threads_share_one_reader_while_the_registry_changes() -> None:
    shop = drivers()
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            answer = shop.reader.read(FEATURES, [{"driver_id": 1}, {"driver_id": 3}]).to_dict()
            if answer != {"driver_id": [1, 3], "rating": [1.5, None], "trips": [10, 30]}:
                wrong.append(answer)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for generation in range(200):
        shop.registry.current = manifest(view_spec(description=str(generation)), generation=generation)
        shop.reader.read(FEATURES, [{"driver_id": 1}])
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_moment_is_taken_when_the_values_are_read() -> None:
    shop = drivers(ttl_us=1)
    response = shop.reader.read(FEATURES, [{"driver_id": 1}])
    shop.clock.advance(timedelta(days=1))
    assert response.to_dict()["trips"] == [10]


def test_reading_loads_neither_pandas_nor_polars_nor_duckdb() -> None:
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from serving_project import open_shop, view_spec\n"
        "shop = open_shop(view_spec())\n"
        "shop.reader.read(['driver_stats:trips'], [{'driver_id': 1}]).to_dict()\n"
        "heavy = {'pandas', 'polars', 'duckdb', 'sqlglot', 'yaml', 'click'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
