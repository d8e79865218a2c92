"""Rules of the point-in-time join."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repast.core.oracle import Row
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME, AsOf, FeatureColumn, KeyColumn, PointInTimeJoin
from repast.testing.engine.base import (
    Bench,
    EngineBase,
    asked,
    by_row,
    check_join,
    fewer_examples,
    frame_of,
    join_plan,
    shown,
    spine_table,
)
from repast.testing.strategy import BASE, HOUR, Frame, ttls
from repast.types import Int64, String

_T = BASE


class JoinRules(EngineBase):
    """For spine time T: the greatest row with T - ttl <= event <= T, and all rows that tie with it."""

    def _answers(
        self, bench: Bench, frame: Frame, spine: list[Row], *, ttl_us: int | None = None, as_of: AsOf = "event"
    ) -> dict[int, list[object]]:
        plan = join_plan(frame, bench.store(frame.table()), ttl_us=ttl_us, as_of=as_of)
        rows = bench.read(plan, spine_table(frame, spine))
        check_join(frame, spine, rows, ttl_us=ttl_us, as_of=as_of)
        return {position: [row["v"] for row in group] for position, group in by_row(rows).items()}

    def test_newest_row_up_to_the_time(self, bench: Bench) -> None:
        """The greatest event time at or before T wins; a row at T itself counts, one a microsecond later does not."""
        frame = frame_of((1, _T - HOUR, None, 1), (1, _T, None, 2), (1, _T + 1, None, 3))
        spine = asked((1, _T - 1), (1, _T), (1, _T + 1), (1, _T + HOUR))
        assert self._answers(bench, frame, spine) == {0: [1], 1: [2], 2: [3], 3: [3]}

    def test_miss_is_absent(self, bench: Bench) -> None:
        """A spine row before a key's first row, or of an unknown key, is absent from the result."""
        frame = frame_of((1, _T, None, 1))
        assert self._answers(bench, frame, asked((1, _T - 1), (2, _T), (1, _T))) == {2: [1]}

    def test_ttl_includes_its_edge(self, bench: Bench) -> None:
        """A row exactly ttl old counts, one a microsecond older does not."""
        frame = frame_of((1, _T, None, 1))
        spine = asked((1, _T + HOUR), (1, _T + HOUR + 1), (1, _T))
        assert self._answers(bench, frame, spine, ttl_us=HOUR) == {0: [1], 2: [1]}

    def test_no_ttl_has_no_lower_bound(self, bench: Bench) -> None:
        """With ttl None or 0 a row is never too old."""
        frame = frame_of((1, _T - 100_000 * HOUR, None, 1))
        for ttl in (None, 0):
            assert self._answers(bench, frame, asked((1, _T)), ttl_us=ttl) == {0: [1]}

    def test_ttl_reaches_back_from_each_row(self, bench: Bench) -> None:
        """The lower bound is the row's own time less ttl, not the spine's first time less ttl."""
        frame = frame_of((1, _T, None, 1), (2, _T, None, 2))
        spine = asked((2, _T), (1, _T + 2 * HOUR))
        assert self._answers(bench, frame, spine, ttl_us=HOUR) == {0: [2]}

    def test_repeated_spine_rows_are_each_answered(self, bench: Bench) -> None:
        """Equal (key, time) pairs each get the answer once."""
        frame = frame_of((1, _T, None, 1))
        assert self._answers(bench, frame, asked((1, _T), (1, _T), (1, _T))) == {0: [1], 1: [1], 2: [1]}

    def test_all_ties_come_back(self, bench: Bench) -> None:
        """Rows with equal event and created time all come back: only the core knows which one is greatest."""
        frame = frame_of(*[(1, _T, _T, value) for value in range(20)], (1, _T - 1, _T, 99))
        answers = self._answers(bench, frame, asked((1, _T), (1, _T + HOUR)))
        assert sorted(map(str, answers[0])) == sorted(map(str, range(20))) == sorted(map(str, answers[1]))

    def test_greatest_created_is_among_the_ties(self, bench: Bench) -> None:
        """Of equal event times the row with the greatest created comes back, and null is the least."""
        frame = frame_of((1, _T, None, 1), (1, _T, _T + 2, 2), (1, _T, _T + 1, 3), (2, _T, None, 4), (2, _T, -5, 5))
        answers = self._answers(bench, frame, asked((1, _T), (2, _T)))
        assert 2 in answers[0]
        assert 5 in answers[1]

    def test_event_order_beats_created_order(self, bench: Bench) -> None:
        """A late correction of an older moment does not displace a newer moment."""
        frame = frame_of((1, _T, _T, 1), (1, _T - HOUR, _T + HOUR, 2))
        for as_of in ("event", "available"):
            assert self._answers(bench, frame, asked((1, _T + 2 * HOUR)), as_of=as_of) == {0: [1]}

    def test_event_ignores_created(self, bench: Bench) -> None:
        """as_of="event" serves a row at T however late it was recorded."""
        frame = frame_of((1, _T, _T + 50 * HOUR, 1))
        assert self._answers(bench, frame, asked((1, _T))) == {0: [1]}

    def test_available_asks_what_was_known(self, bench: Bench) -> None:
        """as_of="available" serves a row from its created time on, that microsecond included."""
        frame = frame_of((1, _T - HOUR, _T - HOUR, 1), (1, _T, _T + HOUR, 2))
        spine = asked((1, _T), (1, _T + HOUR - 1), (1, _T + HOUR))
        assert self._answers(bench, frame, spine, as_of="available") == {0: [1], 1: [1], 2: [2]}

    def test_available_needs_the_event_too(self, bench: Bench) -> None:
        """A row recorded before it becomes true is not served before it becomes true."""
        frame = frame_of((1, _T, _T - HOUR, 1))
        assert self._answers(bench, frame, asked((1, _T - 1), (1, _T)), as_of="available") == {1: [1]}

    def test_available_with_null_created(self, bench: Bench) -> None:
        """A row that does not say when it was recorded is available from its event time on."""
        frame = frame_of((1, _T, None, 1), (1, _T + 1, _T + HOUR, 2))
        assert self._answers(bench, frame, asked((1, _T), (1, _T + 2)), as_of="available") == {0: [1], 1: [1]}

    def test_available_applies_ttl_to_the_event(self, bench: Bench) -> None:
        """The ttl counts from the event time, not from when the row was recorded."""
        frame = frame_of((1, _T, _T + HOUR, 1))
        spine = asked((1, _T + HOUR), (1, _T + HOUR + 1))
        assert self._answers(bench, frame, spine, ttl_us=HOUR, as_of="available") == {0: [1]}

    def test_available_leaves_out_ties_recorded_later(self, bench: Bench) -> None:
        """Of rows with the matched event time, those recorded after T are left out."""
        frame = frame_of((1, _T, _T, 1), (1, _T, _T + HOUR, 2))
        assert self._answers(bench, frame, asked((1, _T)), as_of="available") == {0: [1]}

    def test_available_without_created_column(self, bench: Bench) -> None:
        """A source without a created column has all its rows available at their event time."""
        frame = frame_of((1, _T, None, 1))
        source = bench.store(frame.table().drop_columns(["created"]), created=None)
        rows = bench.read(join_plan(frame, source, as_of="available"), spine_table(frame, asked((1, _T))))
        assert [(row["v"], row[CREATED]) for row in rows] == [(1, None)]

    def test_null_keys_and_times_never_match(self, bench: Bench) -> None:
        """A row with a null key or event time answers nobody."""
        frame = frame_of((None, _T, _T, 1), (1, None, _T, 2))
        assert self._answers(bench, frame, asked((1, _T), (0, _T))) == {}

    def test_null_in_one_of_two_keys(self, bench: Bench) -> None:
        """A composite key with one null part matches nothing."""
        rows: list[Row] = [{"a": "x", "b": None, EVENT: _T, CREATED: None, "v": 1}]
        frame = Frame((("a", String), ("b", String)), (("v", Int64),), rows)
        spine: list[Row] = [{"a": "x", "b": "", TIME: _T}]
        assert self._answers(bench, frame, spine) == {}

    def test_composite_keys_match_part_by_part(self, bench: Bench) -> None:
        """("1", "11") and ("11", "1") are two keys, however the parts are put together."""
        rows: list[Row] = [
            {"a": a, "b": b, EVENT: _T, CREATED: None, "v": value}
            for value, (a, b) in enumerate((("1", "11"), ("11", "1"), ("", "111"), ("111", "")))
        ]
        frame = Frame((("a", String), ("b", String)), (("v", Int64),), rows)
        spine: list[Row] = [{"a": row["a"], "b": row["b"], TIME: _T} for row in rows]
        spine.append({"a": "1", "b": "1", TIME: _T})
        assert self._answers(bench, frame, spine) == {0: [0], 1: [1], 2: [2], 3: [3]}

    def test_view_without_entities(self, bench: Bench) -> None:
        """Without keys all rows are one history."""
        rows: list[Row] = [{EVENT: _T + i * HOUR, CREATED: None, "v": i} for i in range(3)]
        frame = Frame((), (("v", Int64),), rows)
        spine: list[Row] = [{TIME: _T - 1}, {TIME: _T}, {TIME: _T + HOUR + 1}, {TIME: _T + HOUR + 1}]
        assert self._answers(bench, frame, spine) == {1: [0], 2: [1], 3: [1]}

    def test_columns_by_other_names(self, bench: Bench) -> None:
        """Keys and features are named by the plan, whatever the source calls them; a column may serve twice."""
        rows = pa.table({"from": pa.array([7], pa.int64()), "select": pa.array([_T], pa.timestamp("us", "UTC"))})
        plan = PointInTimeJoin(
            view="view",
            source=bench.store(rows, event="select", created=None),
            keys=(KeyColumn('odd "name"', "from", Int64),),
            features=(FeatureColumn("Ünï", "from", Int64), FeatureColumn("it's", "from", Int64)),
        )
        spine = pa.table({ROW: pa.array([5], pa.int64()), TIME: pa.array([_T], pa.int64()), 'odd "name"': [7]})
        assert bench.read(plan, spine) == [{ROW: 5, EVENT: _T, CREATED: None, "Ünï": 7, "it's": 7}]

    def test_columns_of_a_join(self, bench: Bench) -> None:
        """Row, event and created come first as int64, then the features in the order of the plan; also of no rows."""
        frame = frame_of((1, _T, None, 1))
        plan = join_plan(frame, bench.store(frame.table()))
        for spine in (asked((1, _T)), []):
            table = bench.engine.run(plan, spine_table(frame, spine)).read_all()
            assert table.schema.names == [ROW, EVENT, CREATED, "v"]
            assert set(table.schema.types) == {pa.int64()}
            assert table.num_rows == len(spine)

    def test_source_without_rows(self, bench: Bench) -> None:
        """A source that is there and empty answers nobody."""
        assert self._answers(bench, frame_of(), asked((1, _T))) == {}

    def test_spine_and_source_of_many_rows(self, bench: Bench) -> None:
        """Spines of more rows than any threshold get the same answers as small ones, in every chunk."""
        frame = frame_of(*[(key, _T + i * HOUR, None, 10 * key + i) for key in range(3) for i in range(4)])
        pattern = asked(*[(key, _T + i * HOUR + off) for key in range(4) for i in range(5) for off in (-1, 0)])
        few = self._answers(bench, frame, pattern, ttl_us=2 * HOUR)
        small = spine_table(frame, pattern)
        copies = self.copies
        many = pa.concat_tables([small.drop_columns([ROW])] * copies)
        many = many.add_column(0, ROW, pa.array(range(many.num_rows), pa.int64()))
        table = bench.engine.run(join_plan(frame, bench.store(frame.table()), ttl_us=2 * HOUR), many).read_all()
        assert table.num_rows == copies * len(few)
        found = dict(zip(table.column(ROW).to_pylist(), table.column("v").to_pylist(), strict=True))
        assert all(few[position % len(pattern)] == [value] for position, value in found.items())

    @pytest.mark.parametrize("as_of", ["event", "available"])
    def test_random_rows_against_the_oracle(self, bench: Bench, as_of: AsOf) -> None:
        """On random rows the engine returns what the specification allows and all it asks for."""

        @given(st.data(), ttls())
        def check(data: st.DataObject, ttl_us: int | None) -> None:
            frame = data.draw(bench.frames())
            spine = data.draw(bench.spines(frame))
            plan = join_plan(frame, bench.store(frame.table(), name="random"), ttl_us=ttl_us, as_of=as_of)
            rows = bench.read(plan, spine_table(frame, spine))
            check_join(frame, spine, rows, ttl_us=ttl_us, as_of=as_of)

        check()

    @pytest.mark.parametrize("as_of", ["event", "available"])
    def test_order_of_rows_and_threads_change_nothing(self, bench: Bench, as_of: AsOf) -> None:
        """The same rows in another order, read with other settings, give the same answers."""
        rng = random.Random(7)  # noqa: S311 - not a secret
        rows = [(rng.randrange(50), _T + rng.randrange(9) * HOUR, _T + rng.randrange(3), i) for i in range(5_000)]
        spine = asked(*[(key, _T + hour * HOUR) for key in range(50) for hour in range(9)])
        answers = []
        for seed, engine in enumerate([bench.engine, *bench.variants] * 2):
            random.Random(seed).shuffle(rows)  # noqa: S311 - not a secret
            frame = frame_of(*rows)
            plan = join_plan(frame, bench.store(frame.table()), ttl_us=3 * HOUR, as_of=as_of)
            found = bench.read(plan, spine_table(frame, spine), engine)
            answers.append(sorted((row[ROW], shown(row, ["v"])) for row in found))
        assert all(answer == answers[0] for answer in answers)

    @pytest.mark.parametrize("as_of", ["event", "available"])
    def test_future_rows_change_nothing(self, bench: Bench, as_of: AsOf) -> None:
        """Rows after every spine time change no answer."""

        @fewer_examples()  # each is two joins of two sources
        @given(st.data())
        def check(data: st.DataObject) -> None:
            frame = data.draw(bench.frames(keys=(Int64,)))
            spine = data.draw(bench.spines(frame))
            later = max((row[TIME] for row in spine), default=0) + 1
            future = [{**row, EVENT: later + i, CREATED: None} for i, row in enumerate(frame.rows)]
            answers = []
            for rows in (frame.rows, [*future, *frame.rows]):
                source = bench.store(frame.table(rows), name="future")
                found = bench.read(join_plan(frame, source, as_of=as_of), spine_table(frame, spine))
                answers.append(sorted((row[ROW], shown(row, ["n", "s", "x"])) for row in found))
            assert answers[0] == answers[1]

        check()

    def test_runs_at_the_same_time(self, bench: Bench) -> None:
        """Threads that share an engine get their own spine's answers."""
        frame = frame_of(*[(key, _T, None, key) for key in range(16)])
        plan = join_plan(frame, bench.store(frame.table()))

        def run(key: int) -> list[object]:
            return [row["v"] for row in bench.read(plan, spine_table(frame, asked((key, _T))))]

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(run, range(16))) == [[key] for key in range(16)]
