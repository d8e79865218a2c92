"""Rules of tables: for engines that write the results of retrievals where their data lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repast.core.oracle import Row, point_in_time
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME, AsOf, FeatureColumn, PointInTimeJoin
from repast.errors import ConflictError, InvalidRequestError, InvalidValueError, NotFoundError
from repast.ports.table import Result, ResultJoin, SupportsTables
from repast.testing.engine.base import Bench, EngineBase, asked, fewer_examples, frame_of, join_plan
from repast.testing.strategy import ALL_TYPES, BASE, Frame, ttls, values
from repast.types import DataType, Int32, Int64, String

_TAG = "label"
_MODES: tuple[AsOf, ...] = ("event", "available")


class TableRules(EngineBase):
    """What an engine that is :class:`SupportsTables` does; beside an :class:`EngineSuite` in the same class."""

    def table_name(self, name: str) -> str:
        """Return the name of a table where the engine may make one; ``name`` may have any characters."""
        return '"' + name.replace('"', '""') + '"'

    def _engine(self, bench: Bench) -> SupportsTables:
        assert isinstance(bench.engine, SupportsTables)
        return bench.engine

    def _fresh(self, bench: Bench) -> str:
        bench.tables += 1
        return self.table_name(f"result_{bench.tables}")

    def _read(self, bench: Bench, name: str) -> list[Row]:
        rows: list[Row] = self._engine(bench).read_table(name).read_all().to_pylist()
        return rows

    def test_a_table_has_what_a_join_finds(self, bench: Bench) -> None:
        """Random rows and spines: misses are null, the last recorded wins, ties are settled by who asked."""

        @fewer_examples()
        @given(st.data())
        def check(data: st.DataObject) -> None:
            frame = data.draw(bench.frames())
            spine = data.draw(bench.spines(frame))
            ttl, mode = data.draw(ttls()), data.draw(st.sampled_from(_MODES))
            source = bench.store(frame.table(), name="joined")
            result, expected = wanted(frame, spine, join_plan(frame, source, ttl_us=ttl, as_of=mode))
            name = self._fresh(bench)
            self._engine(bench).write_table(name, result)
            names = [_TAG, *(name for name, _ in frame.features)]
            assert Counter(texts(self._read(bench, name), names)) == Counter(texts(expected, names))

        check()

    def test_a_tie_is_settled_by_who_asked(self, bench: Bench) -> None:
        """Rows that tie by both times differ in content, which only the core compares: the engine asks for these."""
        ties = [(key, BASE, BASE, value) for key in range(20) for value in range(5)]
        frame = frame_of(*ties, *[(key, BASE, None, key) for key in range(20, 40)])
        plan = join_plan(frame, bench.store(frame.table()))
        result, expected = wanted(frame, asked(*[(key, BASE) for key in range(41)]), plan)
        name = self._fresh(bench)
        self._engine(bench).write_table(name, result)
        assert sorted(texts(self._read(bench, name), [_TAG, "v"])) == sorted(texts(expected, [_TAG, "v"]))

    def test_nulls_of_the_spine_find_nothing(self, bench: Bench) -> None:
        """A row whose key or time is null is in the table, and its features are null."""
        frame = frame_of((1, BASE, None, 1))
        plan = join_plan(frame, bench.store(frame.table()))
        spine: list[Row] = [{"k": None, TIME: BASE}, {"k": 1, TIME: None}, {"k": 1, TIME: BASE}]
        result, _ = wanted(frame, spine, plan, [None, None, frame.rows[0]])
        name = self._fresh(bench)
        self._engine(bench).write_table(name, result)
        assert sorted((row[_TAG], row["v"]) for row in self._read(bench, name)) == [("0", None), ("1", None), ("2", 1)]

    def test_two_views_are_beside_each_other(self, bench: Bench) -> None:
        """Each view finds its own rows for the same spine, and columns come in the order of the result."""
        one, other = frame_of((1, BASE, None, 10), (2, BASE, None, 20)), frame_of((2, BASE, None, 200))
        spine = asked((1, BASE), (2, BASE), (3, BASE))
        first, _ = wanted(one, spine, join_plan(one, bench.store(one.table())))
        second, _ = wanted(other, spine, join_plan(other, bench.store(other.table())))
        joins = tuple(
            ResultJoin(join=part.joins[0].join, keys=("__key_0",), columns=(name,))
            for part, name in ((first, "a"), (second, "b"))
        )
        result = Result(rows=first.rows, columns=("b", _TAG, "a"), joins=joins, answer=never)
        name = self._fresh(bench)
        self._engine(bench).write_table(name, result)
        found = self._engine(bench).read_table(name).read_all()
        assert found.column_names == ["b", _TAG, "a"]
        rows = sorted((row[_TAG], row["a"], row["b"]) for row in found.to_pylist())
        assert rows == [("0", 10, None), ("1", 20, 200), ("2", None, None)]

    def test_a_table_of_given_rows(self, bench: Bench) -> None:
        """A result without joins is its rows."""
        rows = pa.table({ROW: pa.array([0, 1]), _TAG: pa.array(["x", None]), "n": pa.array([None, 2.5])})
        name = self._fresh(bench)
        self._engine(bench).write_table(name, Result(rows=rows, columns=("n", _TAG), joins=(), answer=never))
        found = self._engine(bench).read_table(name).read_all()
        assert found.column_names == ["n", _TAG]
        assert sorted(texts(found.to_pylist(), ["n", _TAG])) == ["[2.5, None]", "[None, 'x']"]

    def test_a_table_of_no_rows(self, bench: Bench) -> None:
        """A spine without rows makes a table without rows, which has its columns."""
        frame = frame_of((1, BASE, None, 1))
        result, _ = wanted(frame, [], join_plan(frame, bench.store(frame.table())))
        name = self._fresh(bench)
        self._engine(bench).write_table(name, result)
        found = self._engine(bench).read_table(name).read_all()
        assert (found.column_names, found.num_rows) == ([_TAG, "v"], 0)

    @pytest.mark.parametrize("dtype", ALL_TYPES, ids=str)
    def test_tables_hold_features_as_they_are(self, bench: Bench, dtype: DataType) -> None:
        """Every type comes back from the table equal, whoever has made it; a miss is null."""

        @fewer_examples()
        @given(st.lists(values(dtype), min_size=1, max_size=8).map(bench.fit))
        def check(column: list[Any]) -> None:
            rows: list[Row] = [{"k": i, EVENT: BASE, CREATED: None, "v": value} for i, value in enumerate(column)]
            frame = Frame((("k", Int64),), (("v", dtype),), rows)
            source = bench.store(frame.table(), name="typed_result")
            spine = asked(*[(key, BASE) for key in range(len(column) + 1)])
            result, _ = wanted(frame, spine, join_plan(frame, source))
            name = self._fresh(bench)
            self._engine(bench).write_table(name, result)
            back = self._engine(bench).read_table(name).read_all()
            places = pa.array([int(tag) for tag in back[_TAG].to_pylist()])
            found = back.append_column("place", places).sort_by("place")["v"].cast(dtype.arrow)
            assert repr(found.to_pylist()) == repr([*pa.array(column, dtype.arrow).to_pylist(), None])

        check()

    def test_values_that_do_not_fit_are_refused(self, bench: Bench) -> None:
        """A value that is not losslessly of the declared type is not rounded: who asked decides, and may refuse."""
        frame = frame_of((1, BASE, None, 2**40))
        source = bench.store(frame.table())
        features = (FeatureColumn("v", "v", Int32),)
        plan = PointInTimeJoin(view="view", source=source, keys=join_plan(frame, source).keys, features=features)
        result, _ = wanted(frame, asked((1, BASE)), plan, answer=refuse)
        name = self._fresh(bench)
        with pytest.raises(InvalidValueError):
            self._engine(bench).write_table(name, result)
        with pytest.raises(NotFoundError):
            self._read(bench, name)

    def test_a_table_is_not_replaced_unless_asked(self, bench: Bench) -> None:
        """A name that is taken is a ConflictError that names it, and what is there stays; overwrite replaces it."""
        name = self._fresh(bench)
        self._engine(bench).write_table(name, given_rows("old"))
        with pytest.raises(ConflictError) as caught:
            self._engine(bench).write_table(name, given_rows("new"))
        assert name in str(caught.value)
        assert self._read(bench, name) == [{_TAG: "old"}]
        self._engine(bench).write_table(name, given_rows("new"), overwrite=True)
        assert self._read(bench, name) == [{_TAG: "new"}]

    def test_overwrite_where_there_is_nothing(self, bench: Bench) -> None:
        """With overwrite a new table is a new table."""
        name = self._fresh(bench)
        self._engine(bench).write_table(name, given_rows("first"), overwrite=True)
        assert self._read(bench, name) == [{_TAG: "first"}]

    @pytest.mark.parametrize("overwrite", [False, True], ids=["new", "overwrite"])
    def test_a_result_that_fails_leaves_things_as_they_were(self, bench: Bench, *, overwrite: bool) -> None:
        """If the result cannot be completed there is no new table, and the old one is whole."""
        frame = frame_of((1, BASE, None, 1), (1, BASE, None, 2))
        result, _ = wanted(frame, asked((1, BASE)), join_plan(frame, bench.store(frame.table())), answer=refuse)
        name = self._fresh(bench)
        if overwrite:
            self._engine(bench).write_table(name, given_rows("old"))
        with pytest.raises(InvalidValueError, match="refused"):
            self._engine(bench).write_table(name, result, overwrite=overwrite)
        if overwrite:
            assert self._read(bench, name) == [{_TAG: "old"}]
        else:
            with pytest.raises(NotFoundError):
                self._read(bench, name)

    def test_odd_names(self, bench: Bench) -> None:
        """Names of tables and columns may have spaces, capitals and umlauts; they are quoted."""
        rows = pa.table({ROW: pa.array([0]), "Größe in m": pa.array([1.5]), "select": pa.array(["x"])})
        name = self.table_name("Training set; DROP")
        columns = ("Größe in m", "select")
        self._engine(bench).write_table(
            name, Result(rows=rows, columns=columns, joins=(), answer=never), overwrite=True
        )
        assert self._read(bench, name) == [{"Größe in m": 1.5, "select": "x"}]

    def test_missing_tables(self, bench: Bench) -> None:
        """A table that is not there is a NotFoundError that names it; a name that is none is refused."""
        name = self.table_name("never_written")
        with pytest.raises(NotFoundError, match="never_written"):
            self._read(bench, name)
        with pytest.raises(InvalidRequestError):
            self._engine(bench).write_table("f(1)", given_rows("x"))


def wanted(
    frame: Frame,
    spine: Sequence[Row],
    plan: PointInTimeJoin,
    winners: Sequence[Row | None] | None = None,
    answer: Callable[..., pa.Table] | None = None,
) -> tuple[Result, list[Row]]:
    """Return the result for a spine, and its rows by the oracle."""
    names = [feature.name for feature in plan.features]
    if winners is None:
        winners = point_in_time(
            frame.rows,
            spine,
            keys=frame.key_names,
            content=lambda row: repr([row[name] for name in names]),
            ttl_us=plan.ttl_us,
            as_of=plan.as_of,
        )
    columns = {ROW: pa.array(range(len(spine)), pa.int64()), TIME: pa.array([r[TIME] for r in spine], pa.int64())}
    for place, (key, dtype) in enumerate(frame.keys):
        columns[f"__key_{place}"] = pa.array([row[key] for row in spine], dtype.arrow)
    columns[_TAG] = pa.array([str(number) for number in range(len(spine))], String.arrow)

    def found(_: int, rows: Any) -> pa.Table:
        numbers = list(range(len(spine)) if rows is None else rows)
        answers = {ROW: pa.array(numbers, pa.int64())}
        for feature in plan.features:
            values = [None if (row := winners[number]) is None else row[feature.name] for number in numbers]
            answers[feature.name] = pa.array(values, feature.dtype.arrow)
        return pa.table(answers)

    keys = tuple(f"__key_{place}" for place in range(len(frame.keys)))
    join = ResultJoin(join=plan, keys=keys, columns=tuple(names))
    result = Result(rows=pa.table(columns), columns=(_TAG, *names), joins=(join,), answer=answer or found)
    nothing = dict.fromkeys(names)
    expected: list[Row] = [{_TAG: str(number), **(row or nothing)} for number, row in enumerate(winners)]
    return result, expected


def given_rows(text: str) -> Result:
    """Return a result of one row that needs no join."""
    rows = pa.table({ROW: pa.array([0]), _TAG: pa.array([text])})
    return Result(rows=rows, columns=(_TAG,), joins=(), answer=never)


def never(number: int, rows: Any) -> pa.Table:
    raise AssertionError(f"asked for {rows} of join {number}, which the database can find itself")


def refuse(number: int, rows: Any) -> pa.Table:
    raise InvalidValueError(f"refused: {rows} of join {number}")


def texts(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """Return rows as text: NaN equals itself, 1 is not 1.0."""
    return [repr([row[name] for name in names]) for row in rows]
