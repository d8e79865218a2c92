"""Views joined in one time line give what joining them one by one gives: here DuckDB runs the statement for both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from unittest.mock import patch
from zlib import crc32

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlglot import exp
from test_historical_law import World, spine_table

from repast.core import settle
from repast.core.finish import SPINE, Finisher, SpineBinder, bound_schema, key_columns, shared_columns
from repast.core.oracle import CREATED, EVENT, TIME, Row
from repast.core.plan.historical import HistoricalPlan
from repast.core.plan.offline import ROW
from repast.core.plan.timeline import ORDER, SECOND_BITS, SIDE, Slots, Timeline
from repast.core.settle import LineFinisher, Settler, _Part
from repast.core.sql.dialect import DUCKDB
from repast.core.sql.relation import Relation
from repast.core.sql.spine import SpineFacts
from repast.core.sql.timeline import Line, compile_timeline
from repast.testing.strategy import BASE, HOUR, Frame, frames, key_types, key_values, spines, ttls


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    yield world
    world.engine.close()


def split(plan: HistoricalPlan, spine: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return a spine as workers have it: the rows that can be asked, and those that have a null key or time."""
    numbered = spine.add_column(0, ROW, pa.array(range(len(spine)), pa.int64()))
    bind = SpineBinder(plan, spine.schema)
    rows = pa.Table.from_batches(bind(iter(numbered.to_batches(max_chunksize=3))), bound_schema(plan, spine.schema))
    whole = rows[TIME].is_valid()
    for key in key_columns(plan, plan.views[0]):
        whole = pc.and_(whole, rows[key].is_valid())
    return rows.filter(whole), rows.filter(pc.invert(whole))


@dataclass(frozen=True)
class Disorder:
    """How little of the order of a line's rows the number that they are sorted by tells."""

    hashes: int
    unit_us: int
    seed: int

    def sort(self, line: pa.Table, keys: Sequence[str]) -> pa.Table:
        """Return a line sorted by that number, and by nothing else."""
        known = np.array([crc32(repr(list(row.values())).encode()) for row in line.select(keys).to_pylist()], np.int64)
        time = np.clip(np.asarray(line[TIME]) // self.unit_us, 0, (1 << SECOND_BITS) - 1)
        order = (known % self.hashes - self.hashes // 2 << SECOND_BITS) | time
        line = line.append_column(ORDER, pa.array(order))
        return line.take(np.random.default_rng(self.seed).permutation(len(line))).sort_by(ORDER)


def disorders() -> st.SearchStrategy[Disorder]:
    return st.builds(
        Disorder,
        st.sampled_from([1, 2, 1 << 31]),
        st.sampled_from([1, 1_000_000, 3 * HOUR, 1 << 60]),
        st.integers(0, 1000),
    )


def line_of(
    plan: HistoricalPlan, sources: list[pa.Table], spine: pa.Table, timeline: Timeline, disorder: Disorder
) -> pa.Table:
    """Run the statement, and sort what it yields as workers get it."""
    columns = key_columns(plan, plan.views[0])
    times = spine[TIME].to_pylist()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("spine", spine)
        lines = []
        for i, (view, rows) in enumerate(zip(plan.views, sources, strict=True)):
            connection.register(f"source_{i}", rows)
            types = dict(zip(rows.schema.names, rows.schema.types, strict=True))
            relation = Relation(
                spec=view.join.source, table=exp.to_table(f"source_{i}"), columns=types, dialect=DUCKDB, rows=len(rows)
            )
            names = dict(zip(columns, (key.name for key in view.join.keys), strict=True))
            lines.append(Line(view.complete_join, relation, names))
        tree = compile_timeline(timeline, lines, SpineFacts(len(times), min(times), max(times)))
        return disorder.sort(connection.sql(DUCKDB.render(tree)).to_arrow_table(), columns)


def timeline_of(plan: HistoricalPlan, spine: pa.Schema | None) -> Timeline:
    """Return a time line of all views, with the spine's columns or without them."""
    slots = Slots()
    features = tuple(
        slots.fill(
            [(CREATED, "int64")] * bool(view.join.source.created_timestamp_column)
            + [(feature.name, str(feature.dtype.arrow)) for feature in view.complete_join.features]
        )
        for view in plan.views
    )
    shared = None if spine is None else shared_columns(plan, spine)
    own = [(field.name, str(field.type)) for field in spine or () if field.name not in (shared or {})]
    return Timeline(
        views=tuple(range(len(plan.views))), slots=features, own=slots.fill([(ROW, "int64"), *own]), shared=shared
    )


def cut(rows: pa.Table, size: int) -> Iterator[pa.RecordBatch]:
    return iter(rows.combine_chunks().to_batches(max_chunksize=size))


def crowded(rows: Sequence[Row], frame: Frame, keys: Sequence[tuple[object, ...]], time: str) -> list[Row]:
    """Return rows of two keys and three moments, most of which tie: their values stay."""
    moved = []
    for i, row in enumerate(rows):
        key = dict(zip(frame.key_names, keys[i % 5 % 2], strict=True))
        created = {CREATED: BASE + i % 2} if time == EVENT else {}
        moved.append({**row, **key, **created, time: BASE + i % 3 * HOUR})
    return moved


def check_time_line(world, keys, ttl_us, other_ttl_us, size, piece, data):
    frame, other = data.draw(frames(keys=keys)), data.draw(frames(keys=keys))
    disorder = data.draw(disorders())
    asked_for = data.draw(spines(frame))
    if data.draw(st.booleans()):
        pair = [data.draw(st.tuples(*map(key_values, keys))) for _ in range(2)]
        frame, other = (replace(one, rows=crowded(one.rows, one, pair, EVENT)) for one in (frame, other))
        asked_for = crowded(asked_for, frame, pair, TIME)
    table = spine_table(frame, asked_for)
    views: dict[str, tuple[Frame, int | None]] = {"v": (frame, ttl_us), "w": (other, other_ttl_us)}
    job = world.job(views, table, ["v:n", "w:s", "w:n", "v:x"], full_feature_names=True)
    expected, plan = job.to_arrow(), job._retriever.plan
    asked, others = split(plan, table)
    if not len(asked):
        return
    finisher = Finisher(plan, table.schema, {}, {})
    timeline = timeline_of(plan, table.schema)
    line = line_of(plan, [frame.table(), other.table()], asked, timeline, disorder)
    incomplete = others.drop_columns([ROW, SPINE]).append_column(SIDE, pa.array([2] * len(others), pa.int32()))
    incomplete = incomplete.append_column(ORDER, others[ROW])
    for name, slot in timeline.own.items():
        own = others[ROW] if name == ROW else pc.struct_field(others[SPINE], name)
        incomplete = incomplete.append_column(slot, own)
    finish = LineFinisher(Settler(plan, timeline, piece), finisher)
    answers = [*finish(cut(line, size)), *finish(cut(like(incomplete, line), size))]
    answer = pa.Table.from_batches(answers).sort_by(ROW).drop_columns(ROW)
    assert answer.schema.equals(expected.schema)
    assert repr(answer.to_pylist()) == repr(expected.to_pylist())
    # The same where the spine does not travel along: what was found meets it afterwards.
    timeline = timeline_of(plan, None)
    line = line_of(plan, [frame.table(), other.table()], asked, timeline, disorder)
    found = pa.Table.from_batches(Settler(plan, timeline, piece)(cut(line, size)))
    spine = pa.concat_tables([asked, others]).select([ROW, SPINE])
    apart = pa.concat_tables([spine, found], promote_options="default").sort_by(ROW)
    assert repr(pa.Table.from_batches(finisher(cut(apart, size))).to_pylist()) == repr(expected.to_pylist())


def like(rows: pa.Table, line: pa.Table) -> pa.Table:
    """Return rows with the columns of a time line, null where they have none."""
    return pa.concat_tables([line.slice(0, 0), rows], promote_options="permissive")


DRAWN = (
    st.lists(key_types(), min_size=1, max_size=2),
    ttls(),
    ttls(),
    st.integers(1, 5),
    st.integers(1, 9),
    st.data(),
)


@given(*DRAWN)
def test_one_time_line_is_what_single_joins_are(world, keys, ttl_us, other_ttl_us, size, piece, data):
    check_time_line(world, keys, ttl_us, other_ttl_us, size, piece, data)


BUGS = {
    "keys run into each other": (Settler, "_runs", lambda self, line: np.zeros(line.num_rows, np.int64)),
    "nothing is kept for the next piece": (Settler, "_open", lambda self, part: np.zeros(0, np.int64)),
    "a second is cut in two": (settle, "_last_second", lambda line: line.num_rows),
    "nothing is sorted": (
        Settler,
        "_sorted",
        lambda self, line: _Part(
            line, np.arange(len(line)), *(np.asarray(line[n].fill_null(0)) for n in (SIDE, TIME)), self._runs(line)
        ),
    ),
    "any row of a tie wins": (
        settle,
        "resolve_ties",
        lambda view, rows, refetch: (rows, np.unique(np.asarray(rows[ROW]), return_index=True)[1]),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_planted_bugs_are_found(world, bug):
    @settings(max_examples=400, phases=[Phase.generate], database=None, derandomize=True)
    @given(*DRAWN)
    def law(keys, ttl_us, other_ttl_us, size, piece, data):
        check_time_line(world, keys, ttl_us, other_ttl_us, size, piece, data)

    with patch.object(*BUGS[bug]), pytest.raises(AssertionError):
        law()
