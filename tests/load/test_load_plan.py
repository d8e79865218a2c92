"""What one load reads and remembers, without an engine."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_world import SOURCE, VIEW, World

from repast.core.manifest import FieldSpec, LayoutSpec, ViewState
from repast.core.plan.materialize import LoadPlan
from repast.core.plan.offline import Changed, CountRows
from repast.errors import InvalidRequestError

CREATED = msgspec.structs.replace(SOURCE, created_timestamp_column="created")


def with_ttl(ttl: int) -> World:
    return World(view=msgspec.structs.replace(VIEW, ttl_us=ttl))


# -- the window ---------------------------------------------------------------------------------------------


def test_a_window_reads_all_its_rows_both_ends_included():
    world = World(now=100)
    world.arrive(9), world.arrive(10), world.arrive(20), world.arrive(21)
    assert [row.event for row in world.load(10, 20)] == [10, 20]
    assert [row.event for row in world.load(10, 20)] == [10, 20]


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(InvalidRequestError, match="ends before it starts"):
        World(now=100).plan(20, 10)


def test_a_plan_asks_for_the_newest_row_per_key_and_counts_the_same_rows():
    plan = World(now=100).plan()
    assert plan.rows.last_n == 1
    assert plan.count == CountRows(rows=plan.rows)


def test_columns_are_sorted_by_name_and_mapped_to_the_source():
    view = msgspec.structs.replace(
        VIEW,
        join_keys=(FieldSpec(name="z", dtype="string"), FieldSpec(name="b", dtype="int64")),
        features=(FieldSpec(name="y", dtype="int64"), FieldSpec(name="a", dtype="string")),
    )
    source = msgspec.structs.replace(SOURCE, field_mapping={"col_y": "y", "col_b": "b"})
    rows = World(view=view, source=source, now=1).plan().rows
    assert [(k.name, k.column) for k in rows.keys] == [("b", "col_b"), ("z", "z")]
    assert [(f.name, f.column) for f in rows.features] == [("a", "a"), ("y", "col_y")]


# -- the first incremental load -----------------------------------------------------------------------------


def test_the_first_incremental_load_starts_ttl_before_now_included():
    world = with_ttl(10)
    world.now = 100
    world.arrive(89), world.arrive(90), world.arrive(100), world.arrive(101)
    assert [row.event for row in world.load()] == [90, 100]


def test_without_a_ttl_it_starts_at_the_beginning():
    world = World(now=100)
    world.arrive(-(10**17)), world.arrive(100)
    assert len(world.load()) == 2


def test_with_an_end_in_the_past_it_starts_ttl_before_that_end():
    world = with_ttl(10)
    world.now = 1000
    world.arrive(39), world.arrive(40), world.arrive(50), world.arrive(51)
    assert [row.event for row in world.load(end=50)] == [40, 50]


def test_a_ttl_longer_than_the_calendar_starts_at_the_beginning():
    world = with_ttl(10**20)
    assert world.plan(end=50).rows.start_us is None


# -- incremental loads go on from what was read -------------------------------------------------------------


def test_a_second_load_reads_only_what_is_new():
    world = World(now=100)
    world.arrive(10, file="a")
    world.load()
    world.now = 200
    late, new = world.arrive(5, file="b"), world.arrive(150, file="b")
    assert world.load() == [late, new]
    world.now = 300
    assert world.load() == []


def test_rows_past_the_end_are_read_when_their_time_comes_though_the_file_is_unchanged():
    world = World(now=100)
    world.arrive(50), world.arrive(150)
    assert [row.event for row in world.load()] == [50]
    world.now = 160
    assert [row.event for row in world.load()] == [150]


def test_a_changed_file_is_read_wholly_and_an_unchanged_one_only_after_the_last_end():
    world = World(now=100)
    world.arrive(10, file="a"), world.arrive(20, file="b"), world.arrive(120, file="a")
    world.load()
    world.now = 130
    world.arrive(11, file="b")
    plan = world.plan()
    assert plan.rows.changed == Changed(event_after_us=100, files=("b",))
    assert sorted(row.event for row in world.read(plan)) == [11, 20, 120]


def test_a_future_end_is_not_remembered_beyond_now():
    for has_files in (True, False):
        world = World(now=100, has_files=has_files)
        world.arrive(50, file="a")
        world.load(end=10_000)
        world.now = 200
        world.arrive(150, file="b")
        assert [row.event for row in world.load()] == [150]


def test_a_window_in_the_future_leaves_no_watermark():
    world = World(now=100, has_files=False)
    world.load(500, 600)
    assert world.state is not None
    assert world.state.loaded_to_us is None
    world.arrive(50)
    assert len(world.load()) == 1


def test_an_end_before_the_watermark_does_not_lose_what_comes_between():
    world = World(now=100)
    world.arrive(50, file="a")
    world.load()
    world.arrive(60, file="b"), world.arrive(20, file="b")
    assert [row.event for row in world.load(end=30)] == [20]
    assert {row.event for row in world.load()} == {60, 20}
    assert world.missing() == []


def test_after_a_pause_longer_than_the_ttl_it_starts_anew():
    world = with_ttl(10)
    world.now = 100
    world.load()
    world.arrive(150, file="b"), world.arrive(995, file="c")
    world.now = 1000
    assert [row.event for row in world.load()] == [995]
    world.now = 1001
    assert world.load() == []


def test_a_longer_ttl_reads_what_the_shorter_one_left_out():
    world = with_ttl(10)
    world.now = 100
    world.arrive(50), world.arrive(95)
    world.load()
    world.view = msgspec.structs.replace(world.view, ttl_us=60)
    assert {row.event for row in world.load()} == {50, 95}
    world.now = 105
    assert world.load() == []


def test_without_a_ttl_before_a_pause_the_ttl_counts_after_it():
    world = World(now=100)
    world.load()
    world.view = msgspec.structs.replace(VIEW, ttl_us=10)
    world.arrive(150, file="b"), world.arrive(995, file="c")
    world.now = 1000
    assert [row.event for row in world.load()] == [995]


def test_a_window_wider_than_the_ttl_does_not_make_later_loads_read_again():
    world = with_ttl(10)
    world.now = 100
    world.arrive(50, file="a")
    world.load(0, 100)
    world.arrive(95, file="a")
    assert len(world.load()) == 2
    assert world.load() == []


# -- kinds of evidence --------------------------------------------------------------------------------------


def test_created_times_find_late_rows_where_there_are_no_files():
    world = World(source=CREATED, has_files=False, now=100)
    world.arrive(10, created=90)
    world.load()
    world.now = 200
    late, unknown = world.arrive(5, created=150), world.arrive(6, created=None)
    assert world.load()[-2:] == [late, unknown]


def test_rows_created_at_the_watermark_are_read_again_for_others_may_share_that_moment():
    world = World(source=CREATED, has_files=False, now=100)
    world.arrive(10, created=90)
    world.load()
    tied = world.arrive(5, created=90)
    assert tied in world.load()


def test_created_times_in_the_future_do_not_hide_what_is_recorded_before_them():
    world = World(source=CREATED, has_files=False, now=100)
    world.arrive(10, created=10**15)
    world.load()
    world.now = 200
    late = world.arrive(5, created=150)
    assert late in world.load()


def test_a_load_that_finds_nothing_new_keeps_the_created_watermark():
    world = World(source=CREATED, has_files=False, now=100)
    world.arrive(10, created=90)
    world.load()
    world.rows.clear()
    world.now = 200
    world.load()
    assert world.plan().rows.changed == Changed(event_after_us=200, created_from_us=90)


def test_lateness_widens_the_look_back():
    source = msgspec.structs.replace(CREATED, lateness_us=30)
    world = World(source=source, has_files=False, now=100)
    world.arrive(10, created=90)
    world.load()
    assert world.plan().rows.changed == Changed(event_after_us=100, created_from_us=60)


def test_without_any_created_time_seen_everything_is_read_again():
    world = World(source=CREATED, has_files=False, now=100)
    world.arrive(10, created=None)
    world.load()
    assert world.plan().rows.changed is None


def test_event_time_less_lateness_is_the_last_resort():
    world = World(source=msgspec.structs.replace(SOURCE, lateness_us=30), has_files=False, now=100)
    world.load()
    assert world.plan().rows.changed == Changed(event_after_us=69)


def test_files_are_proof_even_where_created_times_would_mislead():
    world = World(source=CREATED, now=100)
    world.arrive(10, created=90, file="a")
    world.load()
    late = world.arrive(5, created=20, file="b")
    assert world.load() == [late]
    late = world.arrive(6, created=21, file="a")
    assert late in world.load()


def test_a_declared_lateness_spares_the_old_rows_of_a_file_that_grows():
    world = World(source=msgspec.structs.replace(CREATED, lateness_us=10), now=100)
    old = world.arrive(10, created=50, file="a")
    world.arrive(20, created=90, file="a")
    world.load()
    late, landed = world.arrive(5, created=85, file="a"), world.arrive(6, created=1, file="b")
    read = world.load()
    assert late in read
    assert landed in read
    assert old not in read


# -- windows and the watermark ------------------------------------------------------------------------------


def test_an_incremental_load_reads_what_came_before_the_window():
    world = World(now=100)
    world.arrive(10), world.arrive(50)
    world.load(40, 60)
    assert {row.event for row in world.load()} == {10, 50}


def test_an_incremental_load_goes_on_from_a_window_that_reaches_back_to_the_ttl():
    world = with_ttl(60)
    world.now = 100
    world.arrive(40), world.arrive(50)
    world.load(30, 100)
    world.now = 110
    assert world.load() == []


def test_an_incremental_load_closes_the_gap_before_a_later_window():
    world = World(now=50)
    world.arrive(10, file="a")
    world.load()
    world.now = 200
    world.arrive(60, file="a"), world.arrive(150, file="b")
    assert [row.event for row in world.load(100, 200)] == [150]
    assert 60 in {row.event for row in world.load()}


def test_an_old_window_does_not_hide_late_rows_outside_of_it():
    world = World(now=100)
    world.arrive(50, file="a")
    world.load()
    late, inside = world.arrive(40, file="b"), world.arrive(10, file="b")
    assert world.load(0, 20) == [inside]
    assert late in world.load()


def test_a_window_that_extends_the_watermark_is_not_read_again():
    world = World(now=50)
    world.arrive(10, file="a")
    world.load()
    world.now = 100
    world.arrive(60, file="b")
    world.load(0, 100)  # from before the watermark, so all of it is known with the evidence of the first load
    assert world.state is not None
    assert world.state.loaded_to_us == 100
    assert world.state.loaded_from_us is None


def test_a_window_next_to_what_may_still_be_late_does_not_settle_it():
    world = World(source=msgspec.structs.replace(SOURCE, lateness_us=30), has_files=False, now=100)
    world.load()
    world.now = 105
    late = world.arrive(80)
    world.now = 200
    world.load(90, 200)
    assert late in world.load()


# -- whose state it is --------------------------------------------------------------------------------------


def test_the_state_of_another_incarnation_is_ignored():
    world = World(now=100)
    row = world.arrive(10)
    world.load()
    world.view = msgspec.structs.replace(VIEW, incarnation=2)
    assert world.load() == [row]
    assert world.state is not None
    assert world.state.incarnation == 2


def test_a_load_that_outlives_its_incarnation_leaves_the_newer_state_alone():
    world = World(now=100)
    old = world.plan()
    newer = ViewState(incarnation=2, basis="x", loaded_to_us=7)
    assert old.state_after(newer, created_max_us=None, written=3) == newer


@pytest.mark.parametrize(
    "change",
    [
        lambda w: replace(w, source=msgspec.structs.replace(SOURCE, options={"path": "moved.parquet"})),
        lambda w: replace(w, source=msgspec.structs.replace(SOURCE, timezone="Europe/Paris")),
        lambda w: replace(w, source=msgspec.structs.replace(SOURCE, timestamp_field="at")),
        lambda w: replace(w, source=msgspec.structs.replace(SOURCE, field_mapping={"t": "trips"})),
        lambda w: replace(
            w, view=msgspec.structs.replace(VIEW, layouts=(*VIEW.layouts, LayoutSpec(version=2, features=())))
        ),
        lambda w: replace(w, view=msgspec.structs.replace(VIEW, features=(FieldSpec(name="trips", dtype="int32"),))),
    ],
    ids=["path", "zone", "time column", "mapping", "layout", "type"],
)
def test_what_changes_the_values_makes_everything_unread(change):
    world = World(now=100)
    row = world.arrive(10)
    world.load()
    assert world.load() == []
    world = change(world)
    assert world.load() == [row]
    assert world.load() == []


def test_what_does_not_change_the_values_keeps_the_watermark():
    world = World(now=100)
    world.arrive(10)
    world.load()
    world.source = msgspec.structs.replace(SOURCE, description="d", owner="o", tags={"a": "b"}, lateness_us=5)
    world.view = msgspec.structs.replace(VIEW, description="d", ttl_us=1000)
    assert world.load() == []


# -- words --------------------------------------------------------------------------------------------------


def test_a_plan_explains_itself():
    day = 86_400_000_000
    world = World(now=20_000 * day)
    world.arrive(19_999 * day)
    assert str(world.plan()) == (
        "stats: incremental load of event times from the beginning to 2024-10-04T00:00:00Z, both included\n"
        "  reads the newest row per key of rides: all rows\n"
        "  writes 1 feature to online table p.stats (incarnation 1)"
    )
    world.load()
    world.now += day
    world.arrive(19_998 * day, file="b")
    assert "rows after 2024-10-04T00:00:00Z, and all rows of 1 unread file (b)" in str(world.plan())


# -- the law ------------------------------------------------------------------------------------------------

TIMES = st.integers(0, 60)
ACTIONS = st.one_of(
    st.tuples(st.just("arrive"), TIMES, st.none() | TIMES, st.sampled_from("abc")),
    st.tuples(st.just("wait"), st.integers(1, 10)),
    st.tuples(st.just("incremental"), st.none() | TIMES),
    st.tuples(st.just("window"), TIMES, TIMES),
    st.tuples(st.just("die"), st.none() | TIMES),
    st.tuples(st.just("race"), st.booleans(), TIMES, TIMES, st.none() | TIMES),
    st.tuples(st.just("ttl"), st.none() | st.integers(1, 30)),
)


def check(world: World, actions: list[tuple]) -> None:
    for name, *arguments in actions:
        if name == "arrive":
            promised_arrival(world, *arguments)
        elif name == "wait":
            world.now += arguments[0]
        elif name == "window":
            world.load(min(arguments), max(arguments))
        elif name == "incremental":
            world.load(end=arguments[0])
            assert world.missing(arguments[0]) == []
        elif name == "die":
            plan = world.plan(end=arguments[0])
            world.offered |= set(world.read(plan)[::2])
        elif name == "race":
            race(world, *arguments)
        else:
            world.view = msgspec.structs.replace(world.view, ttl_us=arguments[0])
    world.load()
    assert world.missing() == []


def promised_arrival(world: World, event: int, created: int | None, file: str) -> None:
    """Rows keep the promise that the kind of evidence rests on, whatever was drawn."""
    source = world.source
    if world.has_files and not (source.lateness_us and source.created_timestamp_column):
        world.arrive(event, created if source.created_timestamp_column else None, file)
    elif source.created_timestamp_column:
        world.arrive(event, created if created is None else max(created, world.now - source.lateness_us), file)
    else:
        world.arrive(max(event, world.now - source.lateness_us), None, file)


def race(world: World, window_first: bool, start: int, end: int, other_end: int | None) -> None:
    one: LoadPlan = world.plan(min(start, end), max(start, end))
    other: LoadPlan = world.plan(end=other_end)
    finishing = [one, other] if window_first else [other, one]
    read = [world.read(plan) for plan in finishing]
    for plan, rows in zip(finishing, read, strict=True):
        world.finish(plan, rows)


@given(st.lists(ACTIONS, max_size=25))
def test_law_files_find_every_row(actions):
    check(World(), actions)


@given(st.lists(ACTIONS, max_size=25), st.sampled_from([0, 5]))
def test_law_files_with_created_times_find_every_row(actions, lateness):
    check(World(source=msgspec.structs.replace(CREATED, lateness_us=lateness)), actions)


@given(st.lists(ACTIONS, max_size=25), st.sampled_from([0, 5]))
def test_law_created_times_find_every_row_that_keeps_their_promise(actions, lateness):
    check(World(source=msgspec.structs.replace(CREATED, lateness_us=lateness), has_files=False), actions)


@given(st.lists(ACTIONS, max_size=25), st.sampled_from([0, 1, 8]))
def test_law_event_times_find_every_row_that_keeps_their_promise(actions, lateness):
    check(World(source=msgspec.structs.replace(SOURCE, lateness_us=lateness), has_files=False), actions)
