"""Rows from programs: pushed, written online and offline, erased; what is counted and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from serving_project import (
    NOW,
    CountingStore,
    Shop,
    TableEngine,
    at,
    manifest,
    open_shop,
    push_source,
    source_spec,
    view_spec,
)

from repast import PushMode
from repast.app.write import erase, push, write_to_offline_store, write_to_online_store
from repast.app.write_report import SourceAppend, ViewWrite, WriteReport
from repast.errors import ConflictError, InvalidRequestError, InvalidValueError
from repast.ports.online import WriteResult
from repast.types import Array, Float64, Int64, Map, String, Struct, Uuid

TRIPS = ["driver_stats:trips"]


def rows(**columns: Any) -> pa.Table:
    count = len(next(iter(columns.values())))
    defaults = {
        "driver_id": [1] * count,
        "event_timestamp": [NOW] * count,
        "rating": [1.0] * count,
        "city": ["x"] * count,
    }
    return pa.table({**defaults, **columns})


def trips(shop: Shop, driver: int = 1) -> object:
    return shop.reader.read(TRIPS, [{"driver_id": driver}]).to_dict()["trips"][0]


def write(shop: Shop, frame: Any, view: str = "driver_stats") -> WriteReport:
    return write_to_online_store(shop.workspace, view, frame)


# -- online ---------------------------------------------------------------------------------------


def test_an_older_row_never_replaces_a_newer_one() -> None:
    shop = open_shop(view_spec())
    assert write(shop, rows(trips=[1])).result == WriteResult(written=1)
    assert write(shop, rows(trips=[2], event_timestamp=[at(-1)])).result == WriteResult(late=1)
    assert write(shop, rows(trips=[3], event_timestamp=[NOW - timedelta(microseconds=1)])).result == WriteResult(late=1)
    assert trips(shop) == 1
    assert write(shop, rows(trips=[4], event_timestamp=[NOW + timedelta(microseconds=1)])).written == 1
    assert trips(shop) == 4


def test_the_later_created_row_wins_and_a_known_created_time_goes_before_none() -> None:
    shop = open_shop(view_spec())
    write(shop, rows(trips=[1], created=[at(1)]))
    write(shop, rows(trips=[2], created=[at(2)]))
    assert write(shop, rows(trips=[3], created=[at(1)])).late == 1
    assert write(shop, rows(trips=[4])).late == 1
    assert trips(shop) == 2


def test_a_row_that_is_there_already_is_unchanged() -> None:
    shop = open_shop(view_spec())
    frame = rows(trips=[1, 2], driver_id=[1, 2])
    assert write(shop, frame).result == WriteResult(written=2)
    assert write(shop, frame).result == WriteResult(unchanged=2)


def test_rows_that_can_be_nobodys_value_are_rejected_and_counted() -> None:
    shop = open_shop(view_spec())
    report = write(shop, rows(trips=[1, 2, 3], driver_id=[1, None, 3], event_timestamp=[NOW, NOW, None]))
    assert (report.written, report.rejected) == (1, 2)
    assert str(report) == "driver_stats: 3 read, 1 written, 2 rejected (null key or event time)"


def test_no_rows_are_no_problem() -> None:
    assert write(open_shop(view_spec()), rows(trips=[1]).slice(0, 0)).result == WriteResult()


def test_batches_are_bounded_and_all_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = open_shop(view_spec())
    monkeypatch.setattr("repast.core.intake.BATCH", 7)
    assert write(shop, rows(trips=list(range(100)), driver_id=list(range(100)))).written == 100
    assert isinstance(shop.store, CountingStore)
    assert shop.store.written == [7] * 14 + [2]
    assert [trips(shop, k) for k in (0, 6, 7, 99)] == [0, 6, 7, 99]


@pytest.mark.parametrize(
    "make", [pd.DataFrame, pl.DataFrame, pa.table, dict], ids=["pandas", "polars", "arrow", "dict"]
)
def test_any_frame_will_do(make: Any) -> None:
    shop = open_shop(view_spec())
    frame = make(
        {"driver_id": [1], "event_timestamp": [NOW], "trips": [7], "rating": [None], "city": ["é"], "more": [0]}
    )
    assert write(shop, frame).written == 1
    answer = shop.reader.read(["driver_stats:city", "driver_stats:rating", *TRIPS], [{"driver_id": 1}]).to_dict()
    assert answer == {"driver_id": [1], "city": ["é"], "rating": [None], "trips": [7]}


def test_a_list_of_rows_will_do() -> None:
    shop = open_shop(view_spec())
    row = {"driver_id": 1, "event_timestamp": NOW, "trips": 7, "rating": None, "city": "x"}
    assert write(shop, [row, {**row, "driver_id": 2}]).written == 2


def test_columns_that_the_view_does_not_read_are_not_looked_at() -> None:
    shop = open_shop(view_spec())
    frame = pd.DataFrame({"driver_id": [1], "event_timestamp": [NOW], "trips": [7], "rating": [None], "city": ["x"]})
    frame["mess"] = [object()]
    assert write(shop, frame).written == 1
    with pytest.raises(InvalidRequestError, match=r"The rows lack 'trips' .*\n.*for 'trips' did you mean 'trip'"):
        write(shop, frame.rename(columns={"trips": "trip"}))


def test_python_objects_are_taken_for_the_declared_type() -> None:
    types = {"m": Map(String, Int64), "s": Struct({"a": Int64, "b": String}), "u": Uuid, "l": Array(Float64)}
    shop = open_shop(view_spec("v", features=types))
    values = {"m": [{"k": 1}], "s": [{"a": 1}], "u": [UUID(int=7)], "l": [(1, 2.5)]}
    for make in (dict, pd.DataFrame):
        write(shop, make({"driver_id": [1], "event_timestamp": [NOW], **values}), "v")
        answer = shop.reader.read([f"v:{name}" for name in types], [{"driver_id": 1}]).to_dict()
        assert answer == {
            "driver_id": [1],
            "m": [[("k", 1)]],
            "s": [{"a": 1, "b": None}],
            "u": [str(UUID(int=7))],
            "l": [[1.0, 2.5]],
        }


def test_values_are_cast_without_loss() -> None:
    shop = open_shop(view_spec())
    frame = pa.table(
        {
            "driver_id": pa.array([1.0]),
            "event_timestamp": pa.array([1_717_243_200_000_000_999], pa.timestamp("ns")),
            "trips": pa.array([3], pa.int8()),
            "rating": pa.array([2], pa.int32()),
            "city": pa.array(["x"]).dictionary_encode(),
        }
    )
    write(shop, frame)
    response = shop.reader.read([*TRIPS, "driver_stats:rating", "driver_stats:city"], [{"driver_id": 1}])
    assert response.to_dict() == {"driver_id": [1], "trips": [3], "rating": [2.0], "city": ["x"]}
    assert response.event_timestamps["trips"] == [NOW]


def test_naive_times_are_in_the_sources_zone() -> None:
    shop = open_shop(view_spec(), source_spec(timezone="Europe/Paris"))
    write(shop, rows(trips=[1], event_timestamp=[datetime(2024, 6, 1, 14)]))  # noqa: DTZ001
    assert shop.reader.read(TRIPS, [{"driver_id": 1}]).event_timestamps["trips"] == [NOW]


def test_columns_may_have_the_sources_names_or_the_views() -> None:
    mapped = source_spec(field_mapping={"TRIPS": "trips", "DRIVER": "driver_id"})
    shop = open_shop(view_spec(), mapped)
    frame = rows(trips=[1])
    assert write(shop, frame.rename_columns({"trips": "TRIPS", "driver_id": "DRIVER"})).written == 1
    assert write(shop, frame).unchanged == 1
    with pytest.raises(InvalidRequestError, match="which are two names of one column"):
        write(shop, frame.append_column("TRIPS", pa.array([1])))
    with pytest.raises(
        InvalidRequestError, match="Two columns of the rows for feature view 'driver_stats' are named 'trips'"
    ):
        write(shop, frame.append_column("trips", pa.array([1])))


def test_a_value_that_does_not_fit_stops_all_rows() -> None:
    shop = open_shop(view_spec())
    with pytest.raises(InvalidValueError, match=r"feature 'trips' of feature view 'driver_stats': 1\.75"):
        write(shop, rows(trips=[1.0, 1.75], driver_id=[1, 2]))
    assert shop.store.count(shop.table("driver_stats")) == 0


# -- tables that come and go ----------------------------------------------------------------------


def test_a_store_without_the_table_gets_it_if_the_view_is_still_registered() -> None:
    shop = open_shop(view_spec())
    shop.store.drop([shop.table("driver_stats")])
    assert write(shop, rows(trips=[1])).written == 1
    assert shop.registry.refreshed == 1
    assert trips(shop) == 1


@pytest.mark.parametrize("applied", [manifest(), manifest(view_spec(incarnation=2)), manifest(view_spec(online=False))])
def test_a_view_that_was_removed_meanwhile_stays_removed(applied: Any) -> None:
    shop = open_shop(view_spec())
    table = shop.table("driver_stats")
    shop.store.drop([table])
    shop.registry.applied = applied
    with pytest.raises(ConflictError, match="'driver_stats' was changed or removed while rows were written"):
        write(shop, rows(trips=[1]))
    assert shop.store.count(table) == 0


# -- pushes ---------------------------------------------------------------------------------------

SCHEMA = pa.schema(
    [
        ("driver_id", pa.int32()),
        ("event_timestamp", pa.timestamp("ns")),
        ("created", pa.timestamp("ms", "Europe/Paris")),
        ("trips", pa.int64()),
        ("rating", pa.float32()),
        ("city", pa.large_string()),
    ]
)


def pushing_shop(**options: Any) -> Shop:
    return open_shop(
        view_spec(push_source="events_push"),
        view_spec("by_city", keys={"city": String}, features={"trips": Int64}, push_source="events_push"),
        view_spec("cold", features={"rating": Float64}, push_source="events_push", online=False),
        push_source(),
        source_spec(**options),
        engine=TableEngine(SCHEMA),
    )


def test_a_push_reaches_every_view_of_its_source() -> None:
    shop = pushing_shop()
    report = push(shop.workspace, "events_push", rows(trips=[5, 6], driver_id=[1, 2], city=["x", None]))
    assert report.views == (
        ViewWrite(view="by_city", read=2, rejected=1, result=WriteResult(written=1)),
        ViewWrite(view="driver_stats", read=2, result=WriteResult(written=2)),
    )
    assert report.sources == ()
    assert (report.written, report.rejected, report.appended) == (3, 1, 0)
    assert trips(shop, 2) == 6
    assert shop.reader.read(["by_city:trips"], [{"city": "x"}]).to_dict()["trips"] == [5]


def test_a_push_writes_nothing_unless_it_fits_every_view() -> None:
    shop = pushing_shop()
    with pytest.raises(InvalidValueError, match="join key 'city' of feature view 'by_city'"):
        push(shop.workspace, "events_push", rows(trips=[5], city=[7]), PushMode.ONLINE_AND_OFFLINE)
    with pytest.raises(InvalidRequestError, match="Source 'events' has no column 'more'"):
        push(shop.workspace, "events_push", rows(trips=[5], more=[1]), "online_and_offline")
    assert [shop.store.count(shop.table(view)) for view in ("driver_stats", "by_city")] == [0, 0]
    assert shop.workspace.engine.rows.num_rows == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("to", ["offline", PushMode.OFFLINE, "online_and_offline"])
def test_offline_rows_are_appended_once_in_the_sources_own_types(to: Any) -> None:
    shop = pushing_shop()
    frame = rows(trips=[5, 6, 7], driver_id=[1, None, None], city=["x", "y", None], created=[at(1), None, None])
    report = push(shop.workspace, "events_push", frame, to)
    assert report.sources == (SourceAppend(source="events", read=3, appended=2),)
    assert bool(report.views) == (to == "online_and_offline")
    appended: pa.Table = shop.workspace.engine.rows  # type: ignore[attr-defined]
    assert appended.schema == SCHEMA
    assert appended.to_pylist() == [
        {
            "driver_id": 1,
            "event_timestamp": pd.Timestamp(NOW.replace(tzinfo=None)),
            "created": at(1),
            "trips": 5,
            "rating": 1.0,
            "city": "x",
        },
        {
            "driver_id": None,
            "event_timestamp": pd.Timestamp(NOW.replace(tzinfo=None)),
            "created": None,
            "trips": 6,
            "rating": 1.0,
            "city": "y",
        },
    ]
    assert str(report.sources[0]) == "events (offline): 3 read, 2 appended, 1 rejected (null key or event time)"


def test_naive_sources_get_times_in_their_own_zone() -> None:
    shop = pushing_shop(timezone="Europe/Paris")
    push(shop.workspace, "events_push", rows(trips=[5]), "offline")
    appended: pa.Table = shop.workspace.engine.rows  # type: ignore[attr-defined]
    assert appended["event_timestamp"].to_pylist() == [pd.Timestamp("2024-06-01 14:00")]


def test_the_created_time_may_be_left_out() -> None:
    shop = pushing_shop()
    assert push(shop.workspace, "events_push", rows(trips=[5]), "online_and_offline").appended == 1
    assert shop.workspace.engine.rows["created"].to_pylist() == [None]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"driver_id": [2**40]}, "column 'driver_id' of source 'events'"),
        ({"rating": [1e300]}, "column 'rating' of source 'events'"),
    ],
)
def test_a_value_that_the_source_cannot_hold_is_refused(change: dict[str, Any], message: str) -> None:
    shop = pushing_shop()
    with pytest.raises(InvalidValueError, match=message):
        push(shop.workspace, "events_push", rows(trips=[5], **change), "offline")


def test_a_value_that_is_too_large_for_a_small_type_of_the_source() -> None:
    shop = pushing_shop()
    small = pa.schema([pa.field("trips", pa.int8()) if field.name == "trips" else field for field in SCHEMA])
    shop.workspace.engine.rows = small.empty_table()  # type: ignore[attr-defined]
    with pytest.raises(InvalidValueError, match="column 'trips' of source 'events' is int8"):
        push(shop.workspace, "events_push", rows(trips=[300]), "offline")
    assert push(shop.workspace, "events_push", rows(trips=[127]), "offline").appended == 1


def test_a_column_that_the_source_has_and_the_rows_lack() -> None:
    shop = pushing_shop()
    shop.workspace.engine.rows = pa.schema([*SCHEMA, ("extra", pa.int64())]).empty_table()  # type: ignore[attr-defined]
    assert push(shop.workspace, "events_push", rows(trips=[5])).written == 2
    with pytest.raises(InvalidRequestError, match=r"The rows lack 'extra' \(column of source 'events'\)"):
        push(shop.workspace, "events_push", rows(trips=[5]), "offline")


def test_writing_offline_appends_to_the_views_source() -> None:
    shop = pushing_shop()
    report = write_to_offline_store(shop.workspace, "cold", rows(trips=[5, 6], driver_id=[1, None]))
    assert report == WriteReport(sources=(SourceAppend(source="events", read=2, appended=1),))
    assert report.to_dict() == {
        "views": [],
        "sources": [{"source": "events", "read": 2, "appended": 1, "rejected": 1}],
    }


def test_a_report_is_readable() -> None:
    report = WriteReport(
        views=(
            ViewWrite(view="a", read=12_000, rejected=1, result=WriteResult(written=11_000, unchanged=900, late=99)),
            ViewWrite(view="b", read=1, result=WriteResult(written=1)),
        ),
        sources=(SourceAppend(source="events", read=1, appended=1),),
    )
    assert str(report).split("\n") == [
        "a: 12,000 read, 11,000 written, 900 unchanged, 99 late (a newer row is already online), "
        "1 rejected (null key or event time)",
        "b: 1 read, 1 written",
        "events (offline): 1 read, 1 appended",
    ]


# -- erasing --------------------------------------------------------------------------------------


def erasing_shop() -> Shop:
    shop = open_shop(
        view_spec("driver", features={"trips": Int64}),
        view_spec("customer", keys={"customer_id": String}, features={"spent": Int64}),
        view_spec("pair", keys={"driver_id": Int64, "customer_id": String}, features={"rides": Int64}),
        view_spec("weather", keys={}, features={"rain": Int64}),
        view_spec("cold", features={"x": Int64}, online=False),
    )
    drivers, customers = [1, 2, 1, 2], ["a", "a", "b", "b"]
    values = {name: [1, 2, 3, 4] for name in ("trips", "spent", "rides", "rain")}
    for view in ("driver", "customer", "pair", "weather"):
        columns = {"driver_id": drivers, "customer_id": customers, "event_timestamp": [NOW] * 4}
        write(shop, columns | values, view)
    return shop


def counts(shop: Shop) -> dict[str, int]:
    return {view: shop.store.count(shop.table(view)) for view in ("driver", "customer", "pair", "weather")}


def test_erase_removes_the_rows_of_every_view_whose_keys_are_given() -> None:
    shop = erasing_shop()
    assert counts(shop) == {"driver": 2, "customer": 2, "pair": 4, "weather": 1}
    assert erase(shop.workspace, [{"driver_id": 1}]) == 1
    assert counts(shop) == {"driver": 1, "customer": 2, "pair": 4, "weather": 1}
    assert erase(shop.workspace, [{"driver_id": 2.0, "customer_id": "a"}, {"driver_id": 2, "customer_id": "zz"}]) == 3
    assert counts(shop) == {"driver": 0, "customer": 1, "pair": 3, "weather": 1}
    assert erase(shop.workspace, [{"driver_id": 1}, {"driver_id": None}]) == 0
    assert erase(shop.workspace, []) == 0


def test_erase_of_named_views_leaves_the_others() -> None:
    shop = erasing_shop()
    assert erase(shop.workspace, [{"driver_id": 1, "customer_id": "a"}], ["pair"]) == 1
    assert erase(shop.workspace, [{}], ["weather"]) == 1
    assert counts(shop) == {"driver": 2, "customer": 2, "pair": 3, "weather": 0}


def test_an_erased_row_may_come_again() -> None:
    shop = erasing_shop()
    erase(shop.workspace, [{"driver_id": 1}])
    frame = {"driver_id": [1], "event_timestamp": [datetime(2020, 1, 1, tzinfo=UTC)], "trips": [9]}
    assert write(shop, frame, "driver").written == 1
