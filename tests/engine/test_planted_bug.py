"""The suite must notice: engines with one bug each, and the rule that catches it."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, settings

from repast.backends.offline.duckdb import DuckDBEngine
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME, CountRows, OfflinePlan, PointInTimeJoin
from repast.core.sql.dialect import DUCKDB
from repast.testing.engine import Bench, EngineSuite
from repast.testing.example import unhurried
from repast.types import Array, Float64, Int64, String


class Bug(DuckDBEngine):
    """A DuckDBEngine that may spoil what goes in and what comes out."""

    def plan(self, plan: OfflinePlan) -> OfflinePlan:
        return plan

    def spine(self, spine: pa.Table) -> pa.Table:
        return spine

    def source(self, rows: pa.Table) -> pa.Table:
        return rows

    def result(self, rows: pa.Table, plan: OfflinePlan) -> pa.Table:
        return rows

    def run(self, plan: OfflinePlan, spine: pa.Table | None = None) -> pa.RecordBatchReader:
        if type(self).source is not Bug.source:
            plan = self._rewrite(plan)
        rows = super().run(self.plan(plan), None if spine is None else self.spine(spine)).read_all()
        return self.result(rows, plan).to_reader()

    def _rewrite(self, plan: OfflinePlan) -> OfflinePlan:
        assert isinstance(plan, PointInTimeJoin)
        path = self.repo_path / plan.source.options["path"]
        pq.write_table(self.source(pq.read_table(path)), path.with_suffix(".spoilt"))
        options = plan.source.options | {"path": str(path.with_suffix(".spoilt"))}
        return dataclasses.replace(plan, source=msgspec.structs.replace(plan.source, options=options))


def with_source(plan: OfflinePlan, **changes: object) -> OfflinePlan:
    rows = plan.rows if isinstance(plan, CountRows) else plan
    changed = dataclasses.replace(rows, source=msgspec.structs.replace(rows.source, **changes))
    return dataclasses.replace(plan, rows=changed) if isinstance(plan, CountRows) else changed


def set_column(rows: pa.Table, name: str, values: object) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, values)


class IgnoresTtl(Bug):
    def plan(self, plan):
        return dataclasses.replace(plan, ttl_us=None)


class TtlExcludesItsEdge(Bug):
    def plan(self, plan):
        return dataclasses.replace(plan, ttl_us=plan.ttl_us and plan.ttl_us - 1)


class TtlOneMicrosecondLong(Bug):
    def plan(self, plan):
        return dataclasses.replace(plan, ttl_us=plan.ttl_us and plan.ttl_us + 1)


class TtlFromFirstSpineRow(Bug):
    def run(self, plan, spine=None):
        rows = DuckDBEngine.run(self, dataclasses.replace(plan, ttl_us=None), spine).read_all()
        return rows.filter(pc.greater_equal(rows[EVENT], pc.min(spine[TIME]).as_py() - (plan.ttl_us or 0))).to_reader()


class TtlZeroMeansNow(Bug):
    def plan(self, plan):
        return dataclasses.replace(plan, ttl_us=1 if plan.ttl_us == 0 else plan.ttl_us)


class LeaksTheFuture(Bug):
    def spine(self, spine):
        return set_column(spine, TIME, pc.add(spine[TIME], 1))


class MissesTheMomentItself(Bug):
    def spine(self, spine):
        return set_column(spine, TIME, pc.subtract(spine[TIME], 1))


class IgnoresAsOf(Bug):
    def plan(self, plan):
        return dataclasses.replace(plan, as_of="event")


class AlwaysAsksWhatWasKnown(Bug):
    def plan(self, plan):
        return dataclasses.replace(plan, as_of="available")


class ForgetsRowsThatDoNotSayWhenRecorded(Bug):
    def source(self, rows):
        return rows.filter(pc.is_valid(rows["created"]))


class OrdersByCreatedOnly(Bug):
    def source(self, rows):
        return set_column(rows, "event_timestamp", pc.coalesce(rows["created"], rows["event_timestamp"]))


class KeepsOneOfTies(Bug):
    def result(self, rows, plan):
        first = rows.group_by(ROW, use_threads=False).aggregate([(n, "first") for n in rows.column_names if n != ROW])
        return first.rename_columns([ROW, *[n for n in rows.column_names if n != ROW]])


class GivesAnswersTwice(Bug):
    def result(self, rows, plan):
        return pa.concat_tables([rows, rows])


class AnswersEqualSpineRowsOnce(Bug):
    def spine(self, spine):
        seen = spine.append_column("i", pa.array(range(spine.num_rows)))
        keys = [n for n in spine.column_names if n != ROW]
        return seen.take(seen.group_by(keys).aggregate([("i", "min")])["i_min"]).drop_columns(["i"])


class NullKeyIsZero(Bug):
    def source(self, rows):
        return set_column(rows, "k", pc.fill_null(rows["k"], 0))


class MatchesTheFirstKeyOnly(Bug):
    def plan(self, plan):
        return dataclasses.replace(plan, keys=plan.keys[:1])


class ConcatenatesKeys(Bug):
    def _joined(self, rows):
        return set_column(rows, "a", pc.binary_join_element_wise(rows["a"], rows["b"], ""))

    source = spine = _joined

    def plan(self, plan):
        return dataclasses.replace(plan, keys=plan.keys[:1])


class NullCreatedIsGreatest(Bug):
    def result(self, rows, plan):
        created = pc.fill_null(rows[CREATED], 2**62)
        top = rows.append_column("c", created).group_by(ROW).aggregate([("c", "max")])
        best = dict(zip(top[ROW].to_pylist(), top["c_max"].to_pylist(), strict=True))
        pairs = zip(rows[ROW].to_pylist(), created.to_pylist(), strict=True)
        return rows.filter(pa.array([best[row] == value for row, value in pairs]))


class EndIsExclusive(Bug):
    def plan(self, plan):
        return dataclasses.replace(plan, end_us=None if plan.end_us is None else plan.end_us - 1)


class StartIsExclusive(Bug):
    def plan(self, plan):
        return dataclasses.replace(plan, start_us=None if plan.start_us is None else plan.start_us + 1)


class LosesTiesOfTheLast(Bug):
    def result(self, rows, plan):
        kept: dict[object, int] = {}
        order = rows.append_column("c", pc.fill_null(rows[CREATED], -(2**62)))
        order = order.sort_by([(EVENT, "descending"), ("c", "descending")])
        keep = []
        for row in order.to_pylist():
            key = tuple(row[column.name] for column in plan.keys)
            kept[key] = kept.get(key, 0) + 1
            keep.append(kept[key] <= plan.last_n)
        return order.filter(pa.array(keep, pa.bool_())).drop_columns(["c"])


class LastBeforeWindow(Bug):
    def run(self, plan, spine=None):
        rows = DuckDBEngine.run(self, dataclasses.replace(plan, end_us=None), spine).read_all()
        return rows.filter(pc.less_equal(rows[EVENT], plan.end_us)).to_reader()


class RemovesDuplicates(Bug):
    def result(self, rows, plan):
        return rows.group_by(rows.column_names).aggregate([])


class ReadsEverythingAsChanged(Bug):
    def plan(self, plan):
        return dataclasses.replace(plan, changed=None)


class NullCreatedIsUnchanged(Bug):
    def result(self, rows, plan):
        return rows.filter(pc.is_valid(rows[CREATED]))


class RejectsInWindowOnly(Bug):
    def result(self, rows, plan):
        return set_column(rows, "rejected", pa.array([0], pa.int64()))


class CountsTheLastOnly(Bug):
    def run(self, plan, spine=None):
        reads = DuckDBEngine.run(self, dataclasses.replace(plan.rows, last_n=1)).read_all().num_rows
        return set_column(DuckDBEngine.run(self, plan).read_all(), "read", pa.array([reads])).to_reader()


class IgnoresTheZone(Bug):
    def plan(self, plan):
        return with_source(plan, timezone="UTC")


class ZoneOfAwareTimesToo(Bug):
    def run(self, plan, spine=None):
        shift = 0 if plan.source.timezone == "UTC" else 3_600_000_000
        rows = DuckDBEngine.run(self, plan, spine).read_all()
        return set_column(rows, EVENT, pc.add(rows[EVENT], shift)).to_reader()


class SecondOfTwoEqualWallTimes(Bug):
    dialect = dataclasses.replace(DUCKDB, instant_wall="CAST(NULL AS TIMESTAMP)")


class NanosecondsTowardsZero(Bug):
    dialect = dataclasses.replace(DUCKDB, nano_us="EPOCH_NS(:x) // 1000")


class NanosecondsRounded(Bug):
    dialect = dataclasses.replace(DUCKDB, nano_us="CAST(ROUND(EPOCH_NS(:x) / 1000) AS BIGINT)")


class BoundsByMicrosecondsCutNanoseconds(Bug):
    dialect = dataclasses.replace(DUCKDB, us_nano_instant="CAST(MAKE_TIMESTAMPTZ(:us - 1) AS TIMESTAMPTZ_NS)")


class DropsKeysThatDoNotFit(Bug):
    dialect = dataclasses.replace(DUCKDB, refuse="NULL")


class LongsThroughFloats(Bug):
    def result(self, rows, plan):
        return set_column(rows, "f", rows["f"].cast(pa.float64(), safe=False).cast(pa.int64(), safe=False))


class NaNIsNull(Bug):
    def result(self, rows, plan):
        return set_column(rows, "f", pc.if_else(pc.is_nan(rows["f"]), pa.scalar(None, pa.float64()), rows["f"]))


class NullListsAreEmpty(Bug):
    def result(self, rows, plan):
        lists = [value or [] for value in rows["f"].to_pylist()]
        return set_column(rows, "f", pa.array(lists, rows.schema.field("f").type))


class EmptyTextIsNull(Bug):
    def result(self, rows, plan):
        return set_column(rows, "f", pc.if_else(pc.equal(rows["f"], ""), pa.scalar(None, pa.string()), rows["f"]))


class RemembersSources(Bug):
    def run(self, plan, spine=None):
        seen = self.__dict__.setdefault("seen", {})
        if plan.source.name not in seen:
            seen[plan.source.name] = super().run(plan, spine).read_all()
        return seen[plan.source.name].to_reader()


class FingerprintsNothing(Bug):
    def files(self, source: SourceSpec) -> Mapping[str, str]:
        return dict.fromkeys(super().files(source) or {}, "1")


class AppendReplaces(Bug):
    def append(self, source: SourceSpec, rows: pa.Table) -> None:
        super().inspect(source)
        pq.write_table(rows, self.repo_path / source.options["path"])


class AppendIgnoresUnknownColumns(Bug):
    def append(self, source: SourceSpec, rows: pa.Table) -> None:
        super().append(source, rows.select([n for n in rows.column_names if n in self.inspect(source).names]))


class EmptyResultHasNoColumns(Bug):
    def result(self, rows, plan):
        return rows if rows.num_rows else pa.table({})


class StaysOpen(Bug):
    def close(self) -> None:
        pass


BUGS: list[tuple[type[Bug], str, dict[str, object]]] = [
    (IgnoresTtl, "test_ttl_includes_its_edge", {}),
    (TtlExcludesItsEdge, "test_ttl_includes_its_edge", {}),
    (TtlOneMicrosecondLong, "test_ttl_includes_its_edge", {}),
    (TtlFromFirstSpineRow, "test_ttl_reaches_back_from_each_row", {}),
    (TtlZeroMeansNow, "test_no_ttl_has_no_lower_bound", {}),
    (LeaksTheFuture, "test_newest_row_up_to_the_time", {}),
    (LeaksTheFuture, "test_random_rows_against_the_oracle", {"as_of": "event"}),
    (LeaksTheFuture, "test_future_rows_change_nothing", {"as_of": "event"}),
    (MissesTheMomentItself, "test_newest_row_up_to_the_time", {}),
    (IgnoresAsOf, "test_available_asks_what_was_known", {}),
    (IgnoresAsOf, "test_random_rows_against_the_oracle", {"as_of": "available"}),
    (AlwaysAsksWhatWasKnown, "test_event_ignores_created", {}),
    (ForgetsRowsThatDoNotSayWhenRecorded, "test_available_with_null_created", {}),
    (OrdersByCreatedOnly, "test_event_order_beats_created_order", {}),
    (KeepsOneOfTies, "test_all_ties_come_back", {}),
    (GivesAnswersTwice, "test_repeated_spine_rows_are_each_answered", {}),
    (AnswersEqualSpineRowsOnce, "test_repeated_spine_rows_are_each_answered", {}),
    (NullKeyIsZero, "test_null_keys_and_times_never_match", {}),
    (MatchesTheFirstKeyOnly, "test_composite_keys_match_part_by_part", {}),
    (ConcatenatesKeys, "test_composite_keys_match_part_by_part", {}),
    (NullCreatedIsGreatest, "test_greatest_created_is_among_the_ties", {}),
    (EndIsExclusive, "test_window_includes_both_ends", {}),
    (StartIsExclusive, "test_window_includes_both_ends", {}),
    (LosesTiesOfTheLast, "test_last_keeps_ties", {}),
    (LosesTiesOfTheLast, "test_random_last_against_the_oracle", {}),
    (LastBeforeWindow, "test_last_within_the_window", {}),
    (RemovesDuplicates, "test_all_rows_without_last_n", {}),
    (ReadsEverythingAsChanged, "test_changed_by_event", {}),
    (NullCreatedIsUnchanged, "test_changed_by_created", {}),
    (RejectsInWindowOnly, "test_counts", {}),
    (CountsTheLastOnly, "test_counts", {}),
    (IgnoresTheZone, "test_wall_times_where_clocks_change", {"zone": "Asia/Kathmandu"}),
    (IgnoresTheZone, "test_joins_compare_instants", {"zone": "Europe/Paris"}),
    (ZoneOfAwareTimesToo, "test_aware_times_ignore_the_zone_of_the_source", {}),
    (SecondOfTwoEqualWallTimes, "test_wall_times_where_clocks_change", {"zone": "Europe/Paris"}),
    (NanosecondsTowardsZero, "test_nanoseconds_are_floored", {"zone": "UTC"}),
    (NanosecondsRounded, "test_nanoseconds_are_floored", {"zone": None}),
    (BoundsByMicrosecondsCutNanoseconds, "test_nanoseconds_within_the_last_microsecond", {}),
    (
        DropsKeysThatDoNotFit,
        "test_keys_that_would_lose_are_refused",
        {"source": pa.float64(), "dtype": Int64, "value": 1.9, "words": "1.9"},
    ),
    (LongsThroughFloats, "test_features_come_back_as_they_are", {"dtype": Int64}),
    (NaNIsNull, "test_features_come_back_as_they_are", {"dtype": Float64}),
    (NullListsAreEmpty, "test_features_come_back_as_they_are", {"dtype": Array(Int64)}),
    (EmptyTextIsNull, "test_features_come_back_as_they_are", {"dtype": String}),
    (RemembersSources, "test_source_is_read_anew", {}),
    (FingerprintsNothing, "test_files_have_fingerprints", {}),
    (AppendReplaces, "test_append", {}),
    (AppendIgnoresUnknownColumns, "test_append_refuses_other_columns", {}),
    (EmptyResultHasNoColumns, "test_columns_of_a_join", {}),
    (StaysOpen, "test_close_twice", {}),
]


class Suite(EngineSuite):
    engine_class: type[DuckDBEngine]

    def make_engine(self, folder: Path) -> DuckDBEngine:
        return self.engine_class(repo_path=folder)

    def store_rows(self, folder: Path, name: str, rows: pa.Table) -> SourceSpec:
        pq.write_table(rows, folder / f"{name}.parquet")
        return SourceSpec(name=name, source_type="file", options={"path": f"{name}.parquet", "file_format": "parquet"})

    def missing_source(self, folder: Path) -> SourceSpec:
        return SourceSpec(name="gone", source_type="file", options={"path": "gone.parquet"})


@pytest.fixture
def many_examples() -> Iterator[None]:
    """That a bug is found is enough; nobody reads the smallest example."""
    settings.register_profile(
        "planted", settings(), max_examples=500, phases=(Phase.generate,), report_multiple_bugs=False, database=None
    )
    settings.load_profile("planted")
    yield
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def apply_rule(engine_class: type[DuckDBEngine], rule: str, arguments: dict[str, object], folder: Path) -> None:
    suite = type("Planted", (Suite,), {"engine_class": engine_class})()
    engine = suite.make_engine(folder)
    try:
        getattr(suite, rule)(bench=Bench(suite, folder, engine), **arguments)
    finally:
        DuckDBEngine.close(engine)


@pytest.mark.usefixtures("many_examples")
@pytest.mark.parametrize(("bug", "rule", "arguments"), BUGS, ids=lambda value: getattr(value, "__name__", None))
def test_bug_is_caught(bug: type[Bug], rule: str, arguments: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception, ExceptionGroup)):
        apply_rule(bug, rule, arguments, tmp_path)


def test_every_planted_bug_is_tried() -> None:
    planted = {cls for cls in globals().values() if inspect.isclass(cls) and issubclass(cls, Bug) and cls is not Bug}
    assert planted == {bug for bug, _, _ in BUGS}


def test_the_rules_pass_without_bugs(tmp_path: Path) -> None:
    """A rule that always fails would catch every bug. DuckDB's own suite has as many examples as there are."""
    tried = set()
    with unhurried(max_examples=20):
        for _, rule, arguments in BUGS:
            if rule not in tried:
                apply_rule(Bug, rule, arguments, tmp_path)
                tried.add(rule)
