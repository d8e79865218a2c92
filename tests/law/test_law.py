"""The laws, end to end through the facade, on random data: one definition, one value."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from law_project import LawProject, project

from repast.core.oracle import Row, point_in_time, serve
from repast.core.plan.offline import CREATED, EVENT, TIME
from repast.testing.strategy import ALL_TYPES, BASE, HOUR, Frame, frames, moments, spines, ttls, values
from repast.types import Int64

ALL_FEATURES = tuple((f"f{i}", dtype) for i, dtype in enumerate(ALL_TYPES))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Frame, list[Row], int | None]:
    frame = draw(frames())
    return frame, draw(spines(frame)), draw(ttls())


def text(value: object) -> str:
    """A value as text, UTC by one name."""
    return repr(value).replace("zoneinfo.ZoneInfo(key='UTC')", "datetime.timezone.utc")


def features(table: pa.Table, world: LawProject) -> str:
    """The features as text, so that NaN, -0.0 and 0.0 compare as what they are."""
    chosen = table.select(world.names)
    return f"{chosen.schema}\n{chosen.to_pydict()!r}"


def expected(world: LawProject, asked: Sequence[Row], ttl_us: int | None, **options: Any) -> pa.Table:
    """The spine, and beside it what the oracle answers."""
    answers = point_in_time(
        world.frame.rows, asked, keys=world.frame.key_names, content=world.content, ttl_us=ttl_us, **options
    )
    table = world.spine(asked)
    for name, dtype in world.frame.features:
        column = pa.array([None if row is None else row[name] for row in answers], dtype.arrow)
        table = table.append_column(name, column)
    return table


@given(case=cases(), as_of=st.sampled_from(["event", "available"]))
def test_training_data_is_what_the_oracle_says_and_the_spine_is_untouched(case: Any, as_of: Any) -> None:
    frame, asked, ttl_us = case
    with project(frame, ttl_us=ttl_us) as world:
        got = world.historical(asked, as_of=as_of)
        wanted = expected(world, asked, ttl_us, as_of=as_of)
        assert got.schema.names == wanted.schema.names
        assert got.select(world.spine(asked).column_names).equals(world.spine(asked))
        assert features(got, world) == features(wanted, world)


@given(case=cases(), end=moments())
def test_online_after_a_load_is_offline_at_that_time(case: Any, end: int) -> None:
    frame, asked, ttl_us = case
    asked = [{**row, TIME: end} for row in asked]
    with project(frame, ttl_us=ttl_us) as world:
        world.load(end)
        keys = [{name: row[name] for name in frame.key_names} for row in asked]
        assert features(world.online(keys, end).to_arrow(), world) == features(world.historical(asked), world)


@given(case=cases(), seed=st.integers(0, 2**16), parts=st.integers(1, 3))
def test_the_order_of_rows_files_and_threads_changes_nothing(case: Any, seed: int, parts: int) -> None:
    frame, asked, ttl_us = case
    shuffled = random.Random(seed).sample(list(frame.rows), len(frame.rows))
    with project(frame, ttl_us=ttl_us, threads=1) as one, project(frame, ttl_us=ttl_us, threads=3) as other:
        other.write(*(shuffled[i::parts] for i in range(parts)))
        assert features(one.historical(asked), one) == features(other.historical(asked), other)


@given(case=cases(), future=frames(), seed=st.integers(0, 9))
def test_changing_the_future_changes_nothing(case: Any, future: Frame, seed: int) -> None:
    frame, asked, ttl_us = case
    asked = [row for row in asked if row[TIME] <= BASE + 2 * HOUR]
    later = random.Random(seed).choices(frame.rows, k=3) if frame.rows else []
    with project(frame, ttl_us=ttl_us) as world:
        before = features(world.historical(asked), world)
        world.write(frame.rows, [{**row, EVENT: BASE + 3 * HOUR, CREATED: BASE} for row in later])
        assert features(world.historical(asked), world) == before


@given(frame=frames(keys=(Int64,)), ends=st.lists(moments(), min_size=2, max_size=3))
def test_loads_are_idempotent_and_their_order_is_irrelevant(frame: Frame, ends: list[int]) -> None:
    keys = [{"k0": key} for key in sorted({row["k0"] for row in frame.rows if row["k0"] is not None})]
    with project(frame) as once, project(frame) as often:
        once.load(max(ends))
        for end in [*ends, max(ends)]:
            often.load(end)
        assert often.load(max(ends)).written == 0
        if keys:
            first, second = once.online(keys, max(ends)), often.online(keys, max(ends))
            assert features(first.to_arrow(), once) == features(second.to_arrow(), often)


@given(frame=frames(keys=(Int64,)), now=moments(), ttl_us=ttls())
def test_statuses_are_the_oracle_s(frame: Frame, now: int, ttl_us: int | None) -> None:
    with project(frame, ttl_us=ttl_us) as world:
        world.load(BASE + 100 * HOUR)
        keys = sorted({row["k0"] for row in frame.rows if row["k0"] is not None} | {99})
        answers = point_in_time(
            frame.rows,
            [{"k0": key, TIME: BASE + 100 * HOUR} for key in keys],
            keys=("k0",),
            content=world.content,
        )
        response = world.online([{"k0": key} for key in keys], now)
        for position, row in enumerate(answers):
            status, _ = serve(row, now_us=now, ttl_us=ttl_us)
            for name in world.names:
                wanted = "NULL_VALUE" if status == "PRESENT" and row is not None and row[name] is None else status
                assert response.statuses[name][position].name == wanted


@given(rows=st.lists(st.fixed_dictionaries({name: values(t) for name, t in ALL_FEATURES}), min_size=1, max_size=3))
def test_every_type_goes_from_source_to_offline_to_online_and_back(rows: list[dict[str, Any]]) -> None:
    sources = [{"k0": i, EVENT: BASE, CREATED: None, **row} for i, row in enumerate(rows)]
    empty = {"k0": len(rows), EVENT: BASE, CREATED: None, **dict.fromkeys(dict(ALL_FEATURES))}
    frame = Frame((("k0", Int64),), ALL_FEATURES, [*sources, empty])
    asked = [{"k0": i, TIME: BASE} for i in range(len(rows) + 2)]  # each row, one all null, and a miss
    with project(frame) as world:
        offline = world.historical(asked)
        assert features(offline, world) == features(expected(world, asked, None), world)
        world.load(BASE)
        response = world.online([{"k0": row["k0"]} for row in asked], BASE)
        online = response.to_arrow()
        assert online.select(world.names).schema.equals(offline.select(world.names).schema)
        assert features(online, world) == features(offline, world)
        as_dict, as_rows = response.to_dict(), online.to_pydict()
        assert text({n: as_dict[n] for n in world.names}) == text({n: as_rows[n] for n in world.names})
        frames_agree(
            response.to_df(), world.store.get_historical_features(world.spine(asked), world.refs).to_df(), world
        )


def frames_agree(online: Any, offline: Any, world: LawProject) -> None:
    assert [str(t) for t in online[world.names].dtypes] == [str(t) for t in offline[world.names].dtypes]
    for name in world.names:
        assert text(online[name].tolist()) == text(offline[name].tolist()), name
