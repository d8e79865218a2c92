"""Loads on the real engine, registry and store: what is read, where it ends up, what is said about it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from load_project import NOW, LoadProject, at, counts, rides

from repast.app.materialize import plan_load
from repast.errors import InvalidRequestError, InvalidValueError, NotFoundError
from repast.types import Float64, Int32, Int64, String, UnixTimestamp


@pytest.fixture
def project(tmp_path: Path):
    project = LoadProject(tmp_path)
    yield project
    project.close()


# -- windows and reports ------------------------------------------------------------------------------------


def test_a_window_takes_rows_from_start_to_end_both_included(project):
    rows = rides((1, -5, 1), (2, -4, 2), (3, -1, 3), (4, 0, 4))
    project.write(rows)
    project.apply(project.view())
    report = project.store.materialize(at(-4), at(-1))
    assert counts(report) == {"read": 2, "written": 2}
    project.check(rows.slice(1, 2))


def test_only_the_newest_row_per_key_goes_online(project):
    rows = rides((1, -3, 1), (1, -2, 2), (1, -2, 9), (2, -9, 5), (1, 1, 100))
    project.write(rows)
    project.apply(project.view())
    assert counts(project.store.materialize(at(-10), NOW)) == {"read": 4, "written": 2}
    project.check(rows, end=NOW)


def test_the_same_load_again_changes_nothing(project):
    rows = rides((1, -3, 1), (2, -2, 2))
    project.write(rows)
    project.apply(project.view())
    project.store.materialize(at(-10), NOW)
    assert counts(project.store.materialize(at(-10), NOW)) == {"read": 2, "unchanged": 2}
    assert counts(project.store.materialize_incremental()) == {"read": 2, "unchanged": 2}
    assert counts(project.store.materialize_incremental()) == {}


def test_an_older_window_never_moves_a_key_backwards(project):
    rows = rides((1, -30, 1), (1, -2, 2))
    project.write(rows)
    project.apply(project.view())
    project.store.materialize(at(-10), NOW)
    assert counts(project.store.materialize(at(-40), at(-20))) == {"read": 1, "late": 1}
    project.check(rows)


def test_rows_without_key_or_time_are_rejected_and_counted(project):
    project.write(rides((None, -1, 1), (2, None, 2), (3, -1, None)))
    project.apply(project.view())
    assert counts(project.store.materialize(at(-2), NOW)) == {"read": 1, "written": 1, "rejected": 2}
    project.check(rides((3, -1, None)))


def test_the_report_says_everything_for_people_and_programs(project):
    project.write(rides((1, -3, 1), (2, -2, 2), (None, -2, 2)))
    project.apply(project.view())
    report = project.store.materialize(at(-10), NOW)
    (load,) = report.views
    assert (load.view, load.start, load.end, load.error) == ("stats", at(-10), NOW, None)
    assert str(report).startswith("stats: 2 read, 2 written, 1 rejected (null key or event time) in ")
    facts = json.loads(json.dumps(report.to_dict()))
    assert facts["views"][0] | {"seconds": 0} == {
        "view": "stats",
        "start": "2024-06-01T02:00:00+00:00",
        "end": "2024-06-01T12:00:00+00:00",
        "read": 2,
        "written": 2,
        "unchanged": 0,
        "late": 0,
        "rejected": 1,
        "seconds": 0,
    }
    assert facts["total"] | {"seconds": 0} == {
        "read": 2,
        "written": 2,
        "unchanged": 0,
        "late": 0,
        "rejected": 1,
        "seconds": 0,
    }


def test_progress_is_told_per_view_and_ends_with_a_total(project):
    project.write(rides(*[(i, -1, i) for i in range(10)]))
    project.apply(project.view())
    told: list[tuple[str, int, int | None]] = []
    project.store.materialize(at(-2), NOW, progress=lambda *what: told.append(what))
    assert told == [("stats", 10, None), ("stats", 10, 10)]


def test_naive_times_mean_utc_and_zones_are_converted(project):
    project.write(rides((1, 0, 1), (2, 1, 2)))
    project.apply(project.view())
    report = project.store.materialize(NOW.replace(tzinfo=None), NOW.replace(tzinfo=None))
    assert counts(report) == {"read": 1, "written": 1}
    zoned = pd.Timestamp(at(1)).tz_convert("Asia/Kathmandu")
    assert counts(project.store.materialize(zoned, zoned)) == {"read": 1, "written": 1}


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (at(1), NOW, "start_date 2024-06-01T13:00:00+00:00 is after end_date 2024-06-01T12:00:00+00:00"),
        ("2024-06-01", NOW, "start_date must be a datetime, not '2024-06-01'"),
        (NOW, NOW.date(), "end_date must be a datetime"),
        (NOW, pd.NaT, "end_date must be a datetime, not NaT"),
    ],
)
def test_windows_that_make_no_sense_are_refused(project, start, end, message):
    project.write(rides((1, 0, 1)))
    project.apply(project.view())
    with pytest.raises(InvalidRequestError, match=message.replace("+", r"\+")):
        project.store.materialize(start, end)


# -- which views --------------------------------------------------------------------------------------------


def test_all_online_views_are_loaded_and_named_ones_alone(project):
    rows = rides((1, -1, 1))
    project.write(rows)
    project.apply(project.view("a"), project.view("b"), project.view("c", online=False))
    assert [load.view for load in project.store.materialize(at(-2), NOW, ["b", "b"]).views] == ["b"]
    assert [load.view for load in project.store.materialize(at(-2), NOW).views] == ["a", "b"]
    assert project.store.materialize(at(-2), NOW, []).views == ()


def test_unknown_and_unserved_views_are_refused_before_anything_is_loaded(project):
    project.write(rides((1, -1, 1)))
    project.apply(project.view("stats"), project.view("hidden", online=False))
    with pytest.raises(NotFoundError, match="did you mean 'stats'") as unknown:
        project.store.materialize(at(-2), NOW, ["stats", "stast"])
    assert "no feature view 'stast'" in str(unknown.value)
    with pytest.raises(InvalidRequestError, match="'hidden' is not online"):
        project.store.materialize_incremental(NOW, ["stats", "hidden"])
    with pytest.raises(InvalidRequestError, match="list of names"):
        project.store.materialize_incremental(NOW, "stats")
    assert project.stored(list(project.values(rides((1, -1, 1))))) == {}


def test_a_project_without_online_views_has_nothing_to_load(project):
    project.write(rides((1, -1, 1)))
    project.apply(project.view(online=False))
    assert str(project.store.materialize_incremental()) == "Nothing was loaded: no view was named, or none is online."


def test_what_somebody_else_applied_meanwhile_is_loaded_however_old_the_cache_may_be(tmp_path):
    project = LoadProject(tmp_path, registry={"path": "data/registry", "cache_ttl_seconds": 0})
    project.write(rides((1, -1, 1)))
    project.apply(project.view("a"))
    other = LoadProject(project.path)
    other.apply(other.view("b"))
    other.close()
    assert [load.view for load in project.store.materialize(at(-2), NOW).views] == ["a", "b"]
    project.close()


# -- values that do not fit ---------------------------------------------------------------------------------


def test_a_value_that_does_not_fit_refuses_the_view_and_names_everything(project):
    project.write(rides((1, -1, 1)))
    project.apply(project.view(features={"trips": Int64}))
    bad = rides((1, -1, 1)).set_column(2, "trips", pa.array([1.75]))
    project.write(bad)
    with pytest.raises(InvalidValueError) as refused:
        project.store.materialize(at(-2), NOW)
    message = str(refused.value)
    assert "'stats'" in message
    assert "'trips'" in message
    assert "1.75" in message
    assert project.online.count(project.table()) == 0
    assert project.store._workspace.registry.state().views == {}


def test_a_key_that_does_not_fit_refuses_the_view(project):
    project.write(rides((1, -1, 1)))
    project.apply(project.view(keys={"driver_id": Int32}))
    project.write(rides((2**40, -1, 1)))
    with pytest.raises(InvalidValueError, match="1099511627776"):
        project.store.materialize(at(-2), NOW)


def test_one_view_that_fails_does_not_stop_the_others(project):
    rows = rides((1, -1, 1))
    project.write(rows, "rides/a.parquet")
    project.write(rows, "broken/a.parquet")
    project.apply(
        project.view("a"),
        project.view("b", source={"path": "broken", "name": "broken"}),
        project.view("c"),
    )
    project.write(rows.set_column(2, "trips", pa.array([0.5])), "broken/a.parquet")
    with pytest.raises(InvalidValueError) as refused:
        project.store.materialize_incremental()
    assert refused.value.message.startswith("Feature view 'b' was not loaded:")
    assert refused.value.message.endswith("The other 2 of 3 views were loaded.")
    assert refused.value.context["views"] == ["b"]
    report = refused.value.context["report"]
    assert [(load.view, load.error is None) for load in report.views] == [("a", True), ("b", False), ("c", True)]
    assert "b: failed after 0 rows written" in str(report)
    assert report.to_dict()["views"][1]["error"]["code"] == "invalid_value"
    project.check(rows, "a")
    project.check(rows, "c")
    project.write(rows, "broken/a.parquet")
    assert counts(project.store.materialize_incremental()) == {"read": 1, "written": 1}
    project.check(rows, "b")


def test_several_failures_are_one_error_that_names_them_all(project):
    rows = rides((1, -1, 1))
    project.write(rows)
    project.apply(project.view("a"), project.view("b"))
    (project.path / "rides/a.parquet").unlink()
    with pytest.raises(NotFoundError, match=r"2 feature views were not loaded:\n  a: .*\n  b: "):
        project.store.materialize_incremental()


def test_rejected_and_fitting_floats_do_not_stop_a_load(project):
    project.write(rides((1, -1, 1)))
    project.apply(project.view())
    project.write(rides((1, -1, 1)).set_column(2, "trips", pa.array([2.0])))
    assert counts(project.store.materialize(at(-2), NOW)) == {"read": 1, "written": 1}
    project.check(rides((1, -1, 2)))


# -- incremental loads --------------------------------------------------------------------------------------


def test_a_late_row_and_a_late_new_entity_reach_the_online_store(project):
    first = rides((1, -3, 1))
    project.write(first, "rides/1.parquet")
    project.apply(project.view())
    project.store.materialize_incremental()
    late = rides((1, -2.5, 2), (7, -50, 3))
    project.write(late, "rides/2.parquet")
    assert counts(project.store.materialize_incremental()) == {"read": 2, "written": 2}
    project.check(pa.concat_tables([first, late]))


def test_late_rows_are_found_in_a_file_that_was_rewritten_in_place(project):
    first = rides((1, -3, 1, -3), (2, -2, 1, -2), created=True)
    project.write(first)
    project.apply(project.view(source={"created_timestamp_column": "created"}))
    project.store.materialize_incremental()
    rows = pa.concat_tables([first, rides((1, -2.5, 2, -9), (7, -50, 3, None), created=True)])
    project.write(rows)
    project.store.materialize_incremental()
    project.check(rows)


def test_a_file_rewritten_with_the_same_size_is_read_again(project):
    project.write(rides((1, -3, 1)))
    project.apply(project.view())
    project.store.materialize_incremental()
    size = (project.path / "rides/a.parquet").stat().st_size
    rows = rides((2, -3, 1))
    project.write(rows)
    assert (project.path / "rides/a.parquet").stat().st_size == size
    assert counts(project.store.materialize_incremental()) == {"read": 1, "written": 1}


def test_the_first_load_starts_ttl_before_now(project):
    rows = rides((1, -5.001, 1), (2, -5, 2), (3, 0, 3), (4, 0.001, 4))
    project.write(rows)
    project.apply(project.view(ttl=timedelta(hours=5)))
    report = project.store.materialize_incremental()
    assert report.views[0].start == at(-5)
    project.check(rows.slice(1, 2))


def test_without_a_ttl_the_first_load_starts_at_the_beginning(project):
    ancient = rides((1, 0, 1)).set_column(
        1, "event_timestamp", pa.array([datetime(1905, 1, 1, tzinfo=UTC)], UnixTimestamp.arrow)
    )
    project.write(ancient)
    project.apply(project.view())
    report = project.store.materialize_incremental()
    assert report.views[0].start is None
    project.check(ancient)


def test_an_end_in_the_future_does_not_break_later_loads(project):
    first = rides((1, -1, 1), (2, 5, 2))
    project.write(first, "rides/1.parquet")
    project.apply(project.view())
    far = datetime(2050, 1, 1, tzinfo=UTC)
    assert counts(project.store.materialize_incremental(far)) == {"read": 2, "written": 2}
    project.clock.set(at(3))
    later = rides((1, 2, 9), (3, -20, 4))
    project.write(later, "rides/2.parquet")
    project.store.materialize_incremental()
    project.check(pa.concat_tables([first, later]))
    assert counts(project.store.materialize(at(-100), far)) == {"read": 4, "unchanged": 3}


def test_bookkeeping_does_not_grow_with_loads(project):
    project.write(rides((1, -1, 1)))
    project.apply(project.view())

    def size() -> int:
        return sum(f.stat().st_size for f in (project.path / "data/registry").rglob("*.json"))

    project.store.materialize_incremental()
    before = size()
    for hour in range(1, 30):
        project.clock.set(at(hour))
        project.store.materialize_incremental()
        project.store.materialize(at(-10), at(hour))
    assert size() <= before + 20


def test_a_new_feature_reloads_what_was_loaded(project):
    rows = rides((1, -1, 1)).append_column("city", pa.array(["Oslo"]))
    project.write(rows)
    project.apply(project.view())
    project.store.materialize_incremental()
    project.apply(project.view(features={"trips": Int64, "city": String}))
    project.store.materialize_incremental()
    project.check(rows)


def test_a_source_that_moved_is_loaded_anew(project):
    project.write(rides((1, -1, 1)))
    project.apply(project.view())
    project.store.materialize_incremental()
    moved = rides((2, -9, 2))
    project.write(moved, "moved/a.parquet")
    project.apply(project.view(source={"path": "moved"}))
    assert counts(project.store.materialize_incremental()) == {"read": 1, "written": 1}


@pytest.mark.parametrize("apply", [False, True], ids=["", "applied again"])
def test_an_online_store_that_was_lost_is_filled_again(tmp_path, apply):
    project = LoadProject(tmp_path, online_store="sqlite")
    rows = rides((1, -1, 1), (2, -2, 2))
    project.write(rows)
    project.apply(project.view())
    project.store.materialize_incremental()
    project.close()
    for file in (tmp_path / "data").glob("online_store.db*"):
        file.unlink()
    again = LoadProject(tmp_path, online_store="sqlite")
    if apply:
        again.apply(again.view())
    assert "all rows\n" in str(plan_load(again.store._workspace)[0])
    assert counts(again.store.materialize(at(-1.5), NOW)) == {"read": 1, "written": 1}
    assert counts(again.store.materialize_incremental()) == {"read": 2, "written": 1, "unchanged": 1}
    again.check(rows)
    again.close()


# -- plans --------------------------------------------------------------------------------------------------


def test_a_plan_shows_what_a_load_would_do_and_does_nothing(project):
    project.write(rides((1, -1, 1)), "rides/1.parquet")
    project.apply(project.view())
    (plan,) = plan_load(project.store._workspace)
    assert str(plan) == (
        "stats: incremental load of event times from the beginning to 2024-06-01T12:00:00Z, both included\n"
        "  reads the newest row per key of rides: all rows\n"
        f"  writes 1 feature to online table shop.stats (incarnation {project.spec().incarnation})"
    )
    assert project.online.count(project.table()) == 0
    project.store.materialize_incremental()
    project.write(rides((2, -1, 1)), "rides/2.parquet")
    (plan,) = plan_load(project.store._workspace)
    assert "all rows of 1 unread file (" in str(plan)
    (plan,) = plan_load(project.store._workspace, at(-3), at(-2))
    assert "stats: load of event times from 2024-06-01T09:00:00Z to 2024-06-01T10:00:00Z" in str(plan)


def test_every_float_is_a_value(project):
    rows = rides((1, -1, 0), (2, -1, 0)).set_column(2, "trips", pa.array([float("nan"), -0.0]))
    project.write(rows)
    project.apply(project.view(features={"trips": Float64}))
    project.store.materialize_incremental()
    project.check(rows)
