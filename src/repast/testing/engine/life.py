"""Rules of the port around plans: schemas, files, appends, queries, closing."""

from __future__ import annotations

import msgspec
import pyarrow as pa
import pytest

from repast.core.manifest import SourceSpec
from repast.errors import ClosedError, InvalidRequestError, NotFoundError, UnsupportedError
from repast.testing.engine.base import Bench, EngineBase, asked, frame_of, join_plan, read_plan, spine_table
from repast.testing.strategy import BASE, Frame
from repast.types import Float64, Int64


class LifeRules(EngineBase):
    """What an engine does besides running plans."""

    def test_inspect_names_columns_and_types(self, bench: Bench) -> None:
        """inspect() gives the columns in the source's order with the types that reads return."""
        frame = frame_of((1, BASE, None, 1))
        source = bench.store(frame.table())
        schema = bench.engine.inspect(source)
        assert schema.names == ["k", "event_timestamp", "created", "v"]
        assert schema.field("v").type == pa.int64()
        assert pa.types.is_timestamp(schema.field("event_timestamp").type)

    def test_missing_source(self, bench: Bench) -> None:
        """A source with nothing behind it is a NotFoundError that names it."""
        source = msgspec.structs.replace(self.missing_source(bench.folder), timestamp_field="event_timestamp")
        frame = frame_of()
        for call in (
            lambda: bench.engine.inspect(source),
            lambda: bench.read(read_plan(frame, source)),
            lambda: bench.engine.append(source, frame.table()),
        ):
            with pytest.raises(NotFoundError, match=source.name):
                call()

    def test_unknown_kind_of_source(self, bench: Bench) -> None:
        """A kind of source that the engine does not read is an UnsupportedError that names the source."""
        source = SourceSpec(name="strange", source_type="no-such-kind", timestamp_field="t")
        with pytest.raises(UnsupportedError, match="strange"):
            bench.engine.inspect(source)

    def test_missing_column(self, bench: Bench) -> None:
        """A plan that names a column the source does not have is refused with the view, the column and a suggestion."""
        frame = frame_of((1, BASE, None, 1))
        source = bench.store(frame.table())
        misspelt = Frame(frame.keys, (("vv", Int64),), [])
        for plan, spine in (
            (read_plan(misspelt, source), None),
            (join_plan(misspelt, source), spine_table(frame, asked((1, BASE)))),
        ):
            with pytest.raises(NotFoundError) as caught:
                bench.read(plan, spine)
            assert all(word in str(caught.value) for word in ("'view'", "'vv'", "did you mean 'v'?"))

    def test_column_that_is_no_time(self, bench: Bench) -> None:
        """A number as event time is refused by name: nobody can know its unit."""
        frame = frame_of((1, BASE, None, 1))
        source = bench.store(frame.table(), event="v", created=None)
        with pytest.raises(InvalidRequestError, match="'v'"):
            bench.read(read_plan(frame, source))

    def test_join_without_spine(self, bench: Bench) -> None:
        """A point-in-time join needs a spine."""
        frame = frame_of((1, BASE, None, 1))
        with pytest.raises(InvalidRequestError, match="spine"):
            bench.read(join_plan(frame, bench.store(frame.table())))

    def test_source_is_read_anew(self, bench: Bench) -> None:
        """A source that was replaced, columns and all, is seen by the next plan."""
        frame = frame_of((1, BASE, None, 1))
        source = bench.store(frame.table(), name="replaced")
        assert bench.read(read_plan(frame, source))[0]["v"] == 1
        other = frame_of((1, BASE, None, 2.5), (2, BASE, None, 3.5), value=Float64)
        bench.store(other.table(), name="replaced")
        assert sorted(row["v"] for row in bench.read(read_plan(other, source))) == [2.5, 3.5]

    def test_files_have_fingerprints(self, bench: Bench) -> None:
        """files() is None, or changes exactly when the source does."""
        frame = frame_of((1, BASE, None, 1))
        source = bench.store(frame.table(), name="fingerprinted")
        before = bench.engine.files(source)
        if before is None:
            return
        assert before
        assert bench.engine.files(source) == before
        bench.store(pa.concat_tables([frame.table()] * 2), name="fingerprinted")
        assert bench.engine.files(source) != before

    def test_append(self, bench: Bench) -> None:
        """Appended rows are read with the others; a source that cannot grow says so."""
        frame = frame_of((1, BASE, None, 1))
        source = bench.store(frame.table())
        if not self.appends:
            with pytest.raises(UnsupportedError, match=source.name):
                bench.engine.append(source, frame.table())
            return
        bench.engine.append(source, frame_of((2, BASE, BASE, 2), (3, BASE, None, None)).table())
        bench.engine.append(source, frame_of().table())
        rows = bench.read(read_plan(frame, source))
        assert sorted((row["k"], row["v"]) for row in rows if row["k"] < 3) == [(1, 1), (2, 2)]
        assert [row["v"] for row in rows if row["k"] == 3] == [None]

    def test_append_refuses_other_columns(self, bench: Bench) -> None:
        """Rows whose columns are not the source's are refused, and nothing is changed."""
        if not self.appends:
            pytest.skip("sources of this engine cannot be appended to, as the rule above shows")
        frame = frame_of((1, BASE, None, 1))
        source = bench.store(frame.table())
        for rows in (
            frame.table().drop_columns(["v"]),
            frame.table().append_column("more", pa.array([1])),
            frame.table().set_column(3, "v", pa.array(["text"])),
        ):
            with pytest.raises(InvalidRequestError, match=source.name):
                bench.engine.append(source, rows)
        assert len(bench.read(read_plan(frame, source))) == 1

    def test_query(self, bench: Bench) -> None:
        """query() runs a SELECT and streams its rows."""
        rows = bench.engine.query("SELECT 1 AS k0, 'x' AS label UNION ALL SELECT 2, 'y'").read_all().to_pylist()
        assert sorted((row["k0"], row["label"]) for row in rows) == [(1, "x"), (2, "y")]

    @pytest.mark.parametrize("statement", ["SELEKT 1", "CREATE TABLE t (a INT)", "SELECT 1; SELECT 2", ""])
    def test_query_refuses_what_is_no_select(self, bench: Bench, statement: str) -> None:
        """Anything but one SELECT that works is an InvalidRequestError."""
        with pytest.raises(InvalidRequestError):
            bench.engine.query(statement).read_all()

    def test_reader_may_be_dropped(self, bench: Bench) -> None:
        """A result that is read in part, or not at all, hinders nothing."""
        frame = frame_of(*[(key, BASE, None, key) for key in range(1000)])
        plan = read_plan(frame, bench.store(frame.table()))
        bench.engine.run(plan)
        bench.engine.run(plan).read_next_batch()
        assert len(bench.read(plan)) == 1000

    def test_close_twice(self, bench: Bench) -> None:
        """close() may be repeated; afterwards everything else is a ClosedError."""
        frame = frame_of((1, BASE, None, 1))
        source = bench.store(frame.table())
        engine = self.make_engine(bench.folder)
        assert len(bench.read(read_plan(frame, source), engine=engine)) == 1
        engine.close()
        engine.close()
        with pytest.raises(ClosedError):
            engine.inspect(source)
        with pytest.raises(ClosedError):
            bench.read(read_plan(frame, source), engine=engine)
