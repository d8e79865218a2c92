"""The statements of every dialect, in files that people can read: a change to one shows in its diff.

After a change that is meant, write them anew with ``REPAST_PIN_SQL=1 pytest tests/engine/test_pinned_sql.py``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from repast.core.manifest import SourceSpec
from repast.core.plan.offline import (
    CREATED,
    ROW,
    Changed,
    CountRows,
    FeatureColumn,
    KeyColumn,
    OfflinePlan,
    PointInTimeJoin,
    ReadRows,
)
from repast.core.plan.timeline import Timeline
from repast.core.sql import dialect as dialects
from repast.core.sql.dialect import SqlDialect
from repast.core.sql.plan import compile_plan
from repast.core.sql.relation import Relation, SourceColumn
from repast.core.sql.result import CompiledJoin, compile_result, compile_settled, compile_ties
from repast.core.sql.spine import SpineFacts
from repast.core.sql.timeline import Line, compile_timeline
from repast.types import Date, Float64, Int64, String, UnixTimestamp, Uuid

FOLDER = Path(__file__).parent / "sql"
DIALECTS: dict[str, SqlDialect] = {
    name.lower(): found for name in dialects.__all__ if isinstance(found := getattr(dialects, name), SqlDialect)
}

T0 = 1_711_843_200_000_000
HOUR = 3_600_000_000
SPEC = SourceSpec(name="trips", source_type="any", timestamp_field="ended_at", created_timestamp_column="stored_at")
COLUMNS = {
    "driver_id": pa.int64(),
    "city": pa.string(),
    "ended_at": pa.timestamp("us", "UTC"),
    "stored_at": pa.timestamp("us", "UTC"),
    "fare": pa.float64(),
    "day": pa.date32(),
    "text_time": pa.string(),
    "half": pa.float64(),
    "wall": pa.timestamp("us"),
}
DRIVER, CITY = KeyColumn("driver", "driver_id", Int64), KeyColumn("city", "city", String)
FARE = (FeatureColumn("fare", "fare", Float64),)
JOIN = PointInTimeJoin(view="fares", source=SPEC, keys=(DRIVER,), features=FARE, ttl_us=24 * HOUR)
READ = ReadRows(view="fares", source=SPEC, keys=(DRIVER, CITY), features=FARE)
PARIS = SourceSpec(name="trips", source_type="any", timestamp_field="wall", timezone="Europe/Paris")
TEXT = SourceSpec(name="trips", source_type="any", timestamp_field="text_time", timezone="Europe/Paris")
CHECKED = (KeyColumn("whole", "half", Int64), KeyColumn("id", "city", Uuid), KeyColumn("at", "ended_at", UnixTimestamp))

STATEMENTS: dict[str, OfflinePlan] = {
    "join": JOIN,
    "join through an index": replace(JOIN, ttl_us=48 * HOUR),
    "join, what was known at the time": replace(JOIN, keys=(DRIVER, CITY), as_of="available"),
    "join without keys": replace(JOIN, keys=(), ttl_us=None),
    "join on keys of other types": replace(JOIN, keys=CHECKED),
    "join on a day": replace(JOIN, keys=(KeyColumn("day", "ended_at", Date),)),
    "window of wall times in a zone": replace(READ, source=PARIS, keys=(DRIVER,), start_us=T0, end_us=T0 + HOUR),
    "window of times in text": replace(READ, source=TEXT, keys=(DRIVER,), start_us=T0),
    "newest row per key": replace(READ, end_us=T0, last_n=1),
    "newest three that changed": replace(READ, last_n=3, changed=Changed(event_after_us=T0, created_from_us=T0 - HOUR)),
    "counts of a load": CountRows(rows=replace(READ, start_us=T0, end_us=T0 + HOUR)),
}


def compiled(dialect: SqlDialect, plan: OfflinePlan, *, pretty: bool = True) -> str:
    rows = plan.rows if isinstance(plan, CountRows) else plan
    table = exp.to_table("lake.trips")
    indexed = plan is STATEMENTS["join through an index"]
    relation = Relation(
        spec=rows.source, table=table, columns=COLUMNS, dialect=dialect, view=rows.view, indexed=indexed
    )
    return dialect.render(compile_plan(plan, relation, SpineFacts(10, T0, T0 + 24 * HOUR)), pretty=pretty)


WRITES_TABLES = ("bigquery", "clickhouse", "postgres", "redshift", "snowflake", "trino")


def results(dialect: SqlDialect, *, pretty: bool = True) -> dict[str, str]:
    """The statements that make a table of two views: joined, then asked for ties, then with these settled."""
    joins = []
    for place, rows in enumerate((JOIN, replace(JOIN, keys=(DRIVER, CITY), ttl_us=None))):
        relation = Relation(spec=SPEC, table=exp.to_table("lake.trips"), columns=COLUMNS, dialect=dialect, view="fares")
        source = SourceColumn(pa.int64(), any_number=True) if place else SourceColumn(pa.float64())
        feature = replace(FARE[0], dtype=Int64 if place else Float64)
        join = replace(rows, features=(feature,))
        keys = ("__key_0", "__key_1")[: len(join.keys)]
        joins.append(CompiledJoin(join=join, relation=relation, sources=(source,), keys=keys, columns=(f"f{place}",)))
    uploaded, work, settled = (exp.to_table(name) for name in ("uploaded", "made", "settled"))
    trees = {
        "result: two views beside the spine": compile_result(joins, uploaded, SpineFacts(10, T0, T0 + HOUR), ["label"]),
        "result: rows that tie": compile_ties(work, 2),
        "result: with these settled": compile_settled(
            ["label", "f0", "f1"], work, [(settled, ["f1"])], {"f1": pa.decimal128(9, 2)}
        ),
    }
    return {title: dialect.render(tree, pretty=pretty) for title, tree in trees.items()}


ON_LINES = ("spark",)


def timelines(dialect: SqlDialect, *, pretty: bool = True) -> dict[str, str]:
    """The statement of two views on one time line, of which one calls its key otherwise."""
    lines = []
    for place, join in enumerate((JOIN, replace(JOIN, keys=(replace(DRIVER, name="who"),), ttl_us=None))):
        table = exp.to_table(f"lake.trips_{place}")
        relation = Relation(spec=SPEC, table=table, columns=COLUMNS, dialect=dialect, view="fares")
        lines.append(Line(join, relation, {"__key_0": join.keys[0].name}))
    slots = {CREATED: "__slot_0", "fare": "__slot_1"}
    timeline = Timeline(views=(0, 1), slots=(slots, slots), own={ROW: "__slot_0", "label": "__slot_2"})
    tree = compile_timeline(timeline, lines, SpineFacts(10, T0, T0 + HOUR))
    return {"time line of two views, with a column of the spine": dialect.render(tree, pretty=pretty)}


@pytest.mark.parametrize("name", ON_LINES)
def test_time_lines_are_read_as_they_were_meant(name: str) -> None:
    check_reading(DIALECTS[name], timelines(DIALECTS[name], pretty=False))


@pytest.mark.parametrize("name", WRITES_TABLES)
def test_results_are_read_as_they_were_meant(name: str) -> None:
    check_reading(DIALECTS[name], results(DIALECTS[name], pretty=False))


def check_reading(dialect: SqlDialect, texts: Mapping[str, str]) -> None:
    for text in texts.values():
        (tree,) = sqlglot.parse(text, read=dialect.name)
        assert isinstance(tree, exp.Query)
        again = tree.sql(dialect=dialect.name, identify=True)
        assert sqlglot.parse_one(again, read=dialect.name).sql(dialect=dialect.name, identify=True) == again


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_statements_are_as_pinned(name: str) -> None:
    texts = [f"-- {title}\n{compiled(DIALECTS[name], plan)};\n" for title, plan in STATEMENTS.items()]
    if name in WRITES_TABLES:
        texts += [f"-- {title}\n{text};\n" for title, text in results(DIALECTS[name]).items()]
    if name in ON_LINES:
        texts += [f"-- {title}\n{text};\n" for title, text in timelines(DIALECTS[name]).items()]
    text, path = "\n".join(texts), FOLDER / f"{name}.sql"
    if os.environ.get("REPAST_PIN_SQL"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", sorted(DIALECTS))
@pytest.mark.parametrize("title", sorted(STATEMENTS))
def test_statements_are_read_as_they_were_meant(name: str, title: str) -> None:
    """The text is one SELECT of its dialect, and written again from what was read it is the same text."""
    dialect = DIALECTS[name]
    text = compiled(dialect, STATEMENTS[title], pretty=False)
    (tree,) = sqlglot.parse(text, read=dialect.name)
    assert isinstance(tree, exp.Select)
    assert tree.find(exp.Placeholder, exp.Parameter, exp.Command) is None
    again = tree.sql(dialect=dialect.name, identify=True)
    assert sqlglot.parse_one(again, read=dialect.name).sql(dialect=dialect.name, identify=True) == again


def test_every_pinned_file_has_its_dialect() -> None:
    assert {path.stem for path in FOLDER.glob("*.sql")} == set(DIALECTS)
