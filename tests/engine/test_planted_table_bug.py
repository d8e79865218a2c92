"""The rules of tables must notice: engines with one bug each, and the rule that catches it."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase

from engine.test_clickhouse_suite import TestClickHouseEngine as Suite
from repast.backends.offline.clickhouse import ClickHouseEngine
from repast.core.plan.offline import TIME
from repast.errors import NotFoundError, RepastError
from repast.ports.table import Result
from repast.testing.engine import Bench
from repast.testing.example import unhurried
from repast.types import Int32, Int64


class Bug(ClickHouseEngine):
    """An engine that may spoil what is written."""

    def spoil(self, result: Result) -> Result:
        return result

    def write_table(self, name: str, result: Result, *, overwrite: bool = False) -> None:
        super().write_table(name, self.spoil(result), overwrite=overwrite)


class TakesAnyOfATie(Bug):
    def spoil(self, result: Result) -> Result:
        def first(number: int, rows: Any) -> pa.Table:
            answer = result.answer(number, rows)
            return answer if rows is None else answer.slice(0, 0)

        return dataclasses.replace(result, answer=first)


class WritesRowsTwice(Bug):
    def _compose(self, session: Any, result: Result) -> Any:
        query = super()._compose(session, result)
        return query.union(query.copy(), distinct=False)


class LeavesOutMisses(Bug):
    def _compose(self, session: Any, result: Result) -> Any:
        query = super()._compose(session, result)
        return query.where('NOT "v" IS NULL', dialect="clickhouse") if "v" in result.columns else query


class LeaksTheFuture(Bug):
    def spoil(self, result: Result) -> Result:
        if TIME not in result.rows.column_names:
            return result
        later = pa.array([None if t is None else t + 10**15 for t in result.rows[TIME].to_pylist()], pa.int64())
        place = result.rows.schema.get_field_index(TIME)
        return dataclasses.replace(result, rows=result.rows.set_column(place, TIME, later))


class OverwritesUnasked(Bug):
    def write_table(self, name: str, result: Result, *, overwrite: bool = False) -> None:
        super().write_table(name, result, overwrite=True)


class DropsWhatItReplaces(Bug):
    def write_table(self, name: str, result: Result, *, overwrite: bool = False) -> None:
        session = self.connect()
        if overwrite:
            session.command(f"DROP TABLE IF EXISTS {name}")  # type: ignore[attr-defined]
        session.close()
        super().write_table(name, result, overwrite=overwrite)


class ShowsHalfATable(Bug):
    def write_table(self, name: str, result: Result, *, overwrite: bool = False) -> None:
        try:
            super().write_table(name, result, overwrite=overwrite)
        except RepastError:
            half = dataclasses.replace(result, columns=result.columns[:1], joins=())
            super().write_table(name, half, overwrite=overwrite)
            raise


class RoundsValues(Bug):
    def spoil(self, result: Result) -> Result:
        def wide(one: Any) -> Any:
            features = tuple(dataclasses.replace(f, dtype=Int64) if f.dtype == Int32 else f for f in one.join.features)
            return dataclasses.replace(one, join=dataclasses.replace(one.join, features=features))

        return dataclasses.replace(result, joins=tuple(map(wide, result.joins)))


class MixesUpViews(Bug):
    def spoil(self, result: Result) -> Result:
        columns = [one.columns for one in result.joins]
        joins = [dataclasses.replace(o, columns=c) for o, c in zip(result.joins, columns[::-1], strict=True)]
        return dataclasses.replace(result, joins=tuple(joins))


class SortsColumns(Bug):
    def spoil(self, result: Result) -> Result:
        return dataclasses.replace(result, columns=tuple(sorted(result.columns, reverse=True)))


class SaysThatNothingIsThere(Bug):
    def read_table(self, name: str) -> pa.RecordBatchReader:
        try:
            return super().read_table(name)
        except RepastError:
            return pa.table({"label": pa.array([], pa.string())}).to_reader()


BUGS: list[tuple[type[Bug], str, dict[str, object]]] = [
    (TakesAnyOfATie, "test_a_tie_is_settled_by_who_asked", {}),
    (WritesRowsTwice, "test_a_table_of_given_rows", {}),
    (LeavesOutMisses, "test_nulls_of_the_spine_find_nothing", {}),
    (LeaksTheFuture, "test_a_table_has_what_a_join_finds", {}),
    (OverwritesUnasked, "test_a_table_is_not_replaced_unless_asked", {}),
    (DropsWhatItReplaces, "test_a_result_that_fails_leaves_things_as_they_were", {"overwrite": True}),
    (ShowsHalfATable, "test_a_result_that_fails_leaves_things_as_they_were", {"overwrite": False}),
    (RoundsValues, "test_values_that_do_not_fit_are_refused", {}),
    (MixesUpViews, "test_two_views_are_beside_each_other", {}),
    (SortsColumns, "test_a_table_of_no_rows", {}),
    (SaysThatNothingIsThere, "test_missing_tables", {}),
]


def apply_rule(bug: type[Bug], rule: str, arguments: dict[str, object], folder: Path) -> None:
    suite = Suite()
    bench = Bench(suite, folder, bug(repo_path=folder))
    try:
        with unhurried(max_examples=20, phases=[Phase.generate]):  # what fails is not read by anybody
            getattr(suite, rule)(bench, **arguments)
    finally:
        bench.engine.close()


@pytest.mark.parametrize(("bug", "rule", "arguments"), BUGS, ids=lambda value: getattr(value, "__name__", None))
def test_bug_is_caught(bug: type[Bug], rule: str, arguments: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception, ExceptionGroup, NotFoundError)):
        apply_rule(bug, rule, arguments, tmp_path)


def test_every_planted_bug_is_tried() -> None:
    planted = {cls for cls in globals().values() if inspect.isclass(cls) and issubclass(cls, Bug) and cls is not Bug}
    assert planted == {bug for bug, _, _ in BUGS}


def test_the_rules_pass_without_bugs(tmp_path: Path) -> None:
    """A rule that always fails would catch every bug."""
    for rule, arguments in {rule: arguments for _, rule, arguments in BUGS}.items():
        (tmp_path / rule).mkdir()
        apply_rule(Bug, rule, arguments, tmp_path / rule)
