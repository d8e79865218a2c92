"""Rules of reads without a spine and of counts."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from repast.core.oracle import last, window
from repast.core.plan.offline import CREATED, EVENT, Changed, CountRows, FeatureColumn, KeyColumn, ReadRows
from repast.testing.engine.base import Bench, check_rows, frame_of, join_plan, read_plan
from repast.testing.strategy import BASE, HOUR, Frame, moments
from repast.types import Int64

_T = BASE


class ReadRules:
    """start <= event <= end; the last n with all that tie; what changed; how many there are."""

    def test_window_includes_both_ends(self, bench: Bench) -> None:
        """A row at start or at end is read, one a microsecond outside is not."""
        frame = frame_of(*[(1, _T + off, None, i) for i, off in enumerate((-1, 0, 1, HOUR - 1, HOUR, HOUR + 1))])
        source = bench.store(frame.table())
        rows = bench.read(read_plan(frame, source, start_us=_T, end_us=_T + HOUR))
        assert sorted(row["v"] for row in rows) == [1, 2, 3, 4]

    def test_open_window(self, bench: Bench) -> None:
        """None leaves a side open."""
        frame = frame_of((1, -(10**15), None, 1), (1, _T, None, 2), (1, 4 * 10**15, None, 3))
        source = bench.store(frame.table())
        assert len(bench.read(read_plan(frame, source))) == 3
        assert sorted(row["v"] for row in bench.read(read_plan(frame, source, start_us=_T))) == [2, 3]
        assert sorted(row["v"] for row in bench.read(read_plan(frame, source, end_us=_T))) == [1, 2]

    def test_rows_without_key_or_time_are_left_out(self, bench: Bench) -> None:
        """A null in a key or in the event time leaves the row out; a null feature or created does not."""
        frame = frame_of((None, _T, _T, 1), (1, None, _T, 2), (1, _T, None, None))
        assert bench.read(read_plan(frame, bench.store(frame.table()))) == [
            {"k": 1, EVENT: _T, CREATED: None, "v": None}
        ]

    def test_all_rows_without_last_n(self, bench: Bench) -> None:
        """Equal rows stay as many as they are."""
        frame = frame_of(*[(1, _T, _T, 1)] * 3)
        assert len(bench.read(read_plan(frame, bench.store(frame.table())))) == 3

    def test_last_by_event_then_created(self, bench: Bench) -> None:
        """last_n=1 keeps the greatest event time of each key; of equal ones, the greatest created; null is least."""
        frame = frame_of(
            (1, _T, _T + HOUR, 1),
            (1, _T + 1, None, 2),
            (1, _T + 1, _T, 3),
            (2, _T, None, 4),
            (3, _T, -7, 5),
            (3, _T, None, 6),
        )
        rows = bench.read(read_plan(frame, bench.store(frame.table()), last_n=1))
        assert sorted(row["v"] for row in rows) == [3, 4, 5]

    def test_last_keeps_ties(self, bench: Bench) -> None:
        """Rows that tie with the n-th in event and created time are all kept."""
        frame = frame_of((1, _T, _T, 1), (1, _T, _T, 2), (1, _T, None, 3), (2, _T, None, 4), (2, _T, None, 5))
        source = bench.store(frame.table())
        assert sorted(row["v"] for row in bench.read(read_plan(frame, source, last_n=1))) == [1, 2, 4, 5]

    def test_last_two(self, bench: Bench) -> None:
        """last_n counts rows: two that tie for the first place are the last two."""
        frame = frame_of(
            (1, _T, _T, 1), (1, _T, _T, 2), (1, _T - 1, _T, 3), (2, _T, _T, 4), (2, _T - 1, _T, 5), (2, _T - 1, _T, 6)
        )
        source = bench.store(frame.table())
        assert sorted(row["v"] for row in bench.read(read_plan(frame, source, last_n=2))) == [1, 2, 4, 5, 6]
        assert len(bench.read(read_plan(frame, source, last_n=3))) == 6

    def test_last_within_the_window(self, bench: Bench) -> None:
        """last_n chooses among the rows of the window."""
        frame = frame_of((1, _T, None, 1), (1, _T + HOUR, None, 2))
        rows = bench.read(read_plan(frame, bench.store(frame.table()), end_us=_T, last_n=1))
        assert [row["v"] for row in rows] == [1]

    def test_last_without_entities(self, bench: Bench) -> None:
        """A view without keys has one history, and so one last row."""
        frame = Frame((), (("v", Int64),), [{EVENT: _T + i, CREATED: None, "v": i} for i in range(3)])
        source = bench.store(frame.table())
        assert [row["v"] for row in bench.read(read_plan(frame, source, last_n=1))] == [2]
        assert sorted(row["v"] for row in bench.read(read_plan(frame, source, last_n=2))) == [1, 2]

    def test_columns_of_a_read(self, bench: Bench) -> None:
        """Keys by the plan's names in the source's types, then event and created as int64, then the features."""
        rows = pa.table(
            {"id": pa.array([1], pa.int32()), "t": pa.array([_T], pa.timestamp("us", "UTC")), "f": pa.array([0.5])}
        )
        source = bench.store(rows, event="t", created=None)
        plan = ReadRows(
            view="view",
            source=source,
            keys=(KeyColumn("driver", "id", Int64),),
            features=(FeatureColumn("again", "id", Int64), FeatureColumn("rate", "f", Int64)),
        )
        table = bench.engine.run(plan).read_all()
        assert table.schema.names == ["driver", EVENT, CREATED, "again", "rate"]
        narrow = bench.engine.inspect(source).field("id").type  # int64, where there is no int32
        assert narrow in (pa.int32(), pa.int64())
        assert table.schema.types == [narrow, pa.int64(), pa.int64(), narrow, pa.float64()]
        assert table.to_pylist() == [{"driver": 1, EVENT: _T, CREATED: None, "again": 1, "rate": 0.5}]

    def test_random_windows_against_the_oracle(self, bench: Bench) -> None:
        """On random rows a window holds what the specification says."""
        ends = st.one_of(st.none(), moments())

        @given(bench.frames(), ends, ends)
        def check(frame: Frame, start_us: int | None, end_us: int | None) -> None:
            source = bench.store(frame.table(), name="random_window")
            rows = bench.read(read_plan(frame, source, start_us=start_us, end_us=end_us))
            check_rows(frame, window(frame.rows, keys=frame.key_names, start_us=start_us, end_us=end_us), rows)

        check()

    def test_random_last_against_the_oracle(self, bench: Bench) -> None:
        """On random rows the last n are those of the specification, ties included."""

        @given(bench.frames(), st.sampled_from((1, 1, 2, 3)), st.one_of(st.none(), moments()))
        def check(frame: Frame, n: int, end_us: int | None) -> None:
            source = bench.store(frame.table(), name="random_last")
            rows = bench.read(read_plan(frame, source, last_n=n, end_us=end_us))
            inside = window(frame.rows, keys=frame.key_names, end_us=end_us)
            check_rows(frame, last(inside, n, keys=frame.key_names), rows)

        check()

    def test_changed_by_event(self, bench: Bench) -> None:
        """Rows after ``event_after_us`` have changed, the row at it has not."""
        frame = frame_of((1, _T, None, 1), (1, _T + 1, None, 2))
        changed = Changed(event_after_us=_T)
        rows = bench.read(read_plan(frame, bench.store(frame.table()), changed=changed))
        assert [row["v"] for row in rows] == [2]

    def test_changed_by_created(self, bench: Bench) -> None:
        """Rows created at or after ``created_from_us`` have changed, and so have those that do not say."""
        frame = frame_of((1, _T, _T - 1, 1), (1, _T, _T, 2), (1, _T, None, 3))
        changed = Changed(created_from_us=_T)
        rows = bench.read(read_plan(frame, bench.store(frame.table()), changed=changed))
        assert sorted(row["v"] for row in rows) == [2, 3]

    def test_changed_by_any_clause(self, bench: Bench) -> None:
        """One clause that holds is enough; the window and last_n apply to the rows that changed."""
        frame = frame_of((1, _T, _T, 1), (1, _T - 1, _T + HOUR, 2), (1, _T + 1, _T - 9, 3), (1, _T + 2, _T - 9, 4))
        source = bench.store(frame.table())
        changed = Changed(event_after_us=_T, created_from_us=_T + HOUR)
        rows = bench.read(read_plan(frame, source, changed=changed, end_us=_T + 1))
        assert sorted(row["v"] for row in rows) == [2, 3]
        rows = bench.read(read_plan(frame, source, changed=changed, end_us=_T + 1, last_n=1))
        assert [row["v"] for row in rows] == [3]

    def test_changed_by_file(self, bench: Bench) -> None:
        """Rows of the named files have changed, those of others have not; no file named: no row by that clause."""
        frame = frame_of((1, _T, None, 1))
        source = bench.store(frame.table())
        files = bench.engine.files(source)
        for named in () if files is None else (tuple(files), ()):
            rows = bench.read(read_plan(frame, source, changed=Changed(files=named)))
            assert len(rows) == (1 if named else 0)

    def test_counts(self, bench: Bench) -> None:
        """``read`` counts the window, ``rejected`` every row without key or time, ``created_max`` what was read."""
        frame = frame_of(
            (1, _T, _T, 1), (1, _T, _T + 5, 2), (2, _T + HOUR, _T + 9, 3), (None, _T, _T + 99, 4), (1, None, _T + 99, 5)
        )
        source = bench.store(frame.table())
        assert bench.read(CountRows(rows=read_plan(frame, source, end_us=_T))) == [
            {"read": 2, "rejected": 2, "created_max": _T + 5}
        ]
        changed = Changed(event_after_us=_T)
        assert bench.read(CountRows(rows=read_plan(frame, source, changed=changed, last_n=1))) == [
            {"read": 1, "rejected": 2, "created_max": _T + 9}
        ]

    def test_counts_of_nothing(self, bench: Bench) -> None:
        """An empty source counts zero and has no greatest created time; nor has one without such a column."""
        nothing = {"read": 0, "rejected": 0, "created_max": None}
        frame = frame_of()
        assert bench.read(CountRows(rows=read_plan(frame, bench.store(frame.table())))) == [nothing]
        frame = frame_of((1, _T, None, 1))
        source = bench.store(frame.table().drop_columns(["created"]), created=None)
        assert bench.read(CountRows(rows=read_plan(frame, source))) == [{**nothing, "read": 1}]

    def test_explain_reads_nothing(self, bench: Bench) -> None:
        """explain() returns text and works before and after the plan was run."""
        frame = frame_of((1, _T, None, 1))
        source = bench.store(frame.table())
        assert bench.engine.explain(read_plan(frame, source)).strip()
        assert bench.engine.explain(join_plan(frame, source), join_spine(frame)).strip()


def join_spine(frame: Frame) -> pa.Table:
    """Return a spine of one row."""
    from repast.testing.engine.base import asked, spine_table

    return spine_table(frame, asked((1, _T)))
