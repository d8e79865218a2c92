"""The compiler on its own: what a statement looks like, and that nothing in it is text of ours."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from repast.core.manifest import SourceSpec
from repast.core.plan.offline import (
    Changed,
    CountRows,
    FeatureColumn,
    KeyColumn,
    OfflinePlan,
    PointInTimeJoin,
    ReadRows,
)
from repast.core.sql.dialect import DUCKDB, GENERIC, SqlDialect
from repast.core.sql.node import integer, table
from repast.core.sql.plan import compile_plan
from repast.core.sql.relation import Relation
from repast.core.sql.spine import SpineFacts
from repast.errors import InvalidRequestError, UnsupportedError
from repast.types import Float64, Int64

NASTY = 'x" OR 1=1; DROP TABLE t; --'
T0 = 1_700_000_000_000_000
SPEC = SourceSpec(
    name="trips", source_type="file", timestamp_field="t", created_timestamp_column="c", timezone="Europe/Paris"
)
COLUMNS = {NASTY: pa.int64(), "t": pa.timestamp("us"), "c": pa.timestamp("ns"), "f": pa.float64()}
KEYS = (KeyColumn(NASTY, NASTY, Int64),)
FEATURES = (FeatureColumn("it's", "f", Float64),)


def relation(dialect: SqlDialect = DUCKDB, **changes: object) -> Relation:
    values = {"spec": SPEC, "table": table("trips"), "columns": COLUMNS, "dialect": dialect, "view": "view"} | changes
    return Relation(**values)


def read(**changes: object) -> ReadRows:
    return ReadRows(view="view", source=SPEC, keys=KEYS, features=FEATURES, **changes)


JOIN = PointInTimeJoin(view="view", source=SPEC, keys=KEYS, features=FEATURES, ttl_us=5, as_of="available")
PLANS: list[OfflinePlan] = [
    JOIN,
    dataclasses.replace(JOIN, as_of="event", ttl_us=None, keys=()),
    read(),
    read(last_n=1, start_us=T0),
    read(last_n=3, changed=Changed(event_after_us=T0, created_from_us=-5)),
    CountRows(rows=read(end_us=T0)),
]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: type(plan).__name__)
@pytest.mark.parametrize("dialect", [DUCKDB, GENERIC], ids=["native", "portable"])
def test_a_statement_is_one_select(plan: OfflinePlan, dialect: SqlDialect) -> None:
    """Whatever names hold, the text parses back as one SELECT with the same names in it."""
    text = dialect.render(compile_plan(plan, relation(dialect), SpineFacts(10, T0, T0)))
    (tree,) = sqlglot.parse(text, read=dialect.name)
    assert isinstance(tree, exp.Select)
    names = {column.name for column in tree.find_all(exp.Column)}
    assert names >= {"t"}
    assert not names - {NASTY, *COLUMNS, "__row", "__time", "__event", "__created", "__at", "__side", "__rank"}


def test_only_the_native_form_has_asof_joins() -> None:
    texts = [d.render(compile_plan(JOIN, relation(d), SpineFacts(10, T0, T0))) for d in (DUCKDB, GENERIC)]
    assert ["ASOF JOIN" in text for text in texts] == [True, False]
    assert ["UNION ALL" in text for text in texts] == [False, True]


@pytest.mark.parametrize(
    ("spine_rows", "source_rows", "filtered"),
    [
        (10, None, True),
        (100_000, None, True),
        (100_001, None, False),
        (10, 10, True),
        (20_000, 10**6, True),
        (20_001, 10**6, False),
        (10**6, 10**9, True),
    ],
)
def test_keys_of_small_spines_are_looked_up_while_scanning(
    spine_rows: int, source_rows: int | None, filtered: bool
) -> None:
    tree = compile_plan(JOIN, relation(rows=source_rows), SpineFacts(spine_rows, T0, T0))
    assert (tree.find(exp.In) is not None) is filtered


def test_bounds_that_statistics_understand() -> None:
    """The time column is compared with constants of its own type; where zones matter, with room to spare."""

    def text(dtype: pa.DataType, zone: str) -> str:
        columns = COLUMNS | {"t": dtype}
        spec = SourceSpec(name="trips", source_type="file", timestamp_field="t", timezone=zone)
        plan = dataclasses.replace(JOIN, as_of="event")
        facts = SpineFacts(10, T0, T0 + 10)
        return DUCKDB.render(compile_plan(plan, relation(spec=spec, columns=columns), facts))

    assert f'"t" >= MAKE_TIMESTAMPTZ({T0 - 5}) AND' in text(pa.timestamp("us", "UTC"), "Europe/Paris")
    assert f'"t" <= MAKE_TIMESTAMP({T0 + 10})' in text(pa.timestamp("us"), "UTC")
    assert f"MAKE_TIMESTAMP_NS({T0 + 11} * 1000)" in text(pa.timestamp("ns"), "UTC")
    two_days = 2 * 25 * 3_600_000_000
    assert f'"t" <= MAKE_TIMESTAMP({T0 + 10 + two_days})' in text(pa.timestamp("us"), "Europe/Paris")
    assert f"CAST(MAKE_TIMESTAMP({T0 - 5 - two_days}) AS DATE)" in text(pa.date32(), "UTC")
    assert "MAKE_TIMESTAMP" not in text(pa.string(), "UTC")


def test_bounds_out_of_range_are_left_out() -> None:
    """A ttl longer than time itself does not overflow anything."""
    plan = dataclasses.replace(JOIN, ttl_us=10**18)
    text = DUCKDB.render(compile_plan(plan, relation(), SpineFacts(10, T0, T0)))
    assert ">= MAKE_TIMESTAMP(" not in text
    assert "<= MAKE_TIMESTAMP(" in text


def test_plans_that_need_what_is_not_there() -> None:
    with pytest.raises(InvalidRequestError, match="needs a spine"):
        compile_plan(JOIN, relation())
    with pytest.raises(UnsupportedError, match="'trips' is not made of files"):
        compile_plan(read(changed=Changed(files=("a",))), relation())


def test_changed_without_clauses_is_nothing() -> None:
    """With every clause left out no row can be new to a load."""
    assert "FALSE" in DUCKDB.render(compile_plan(read(changed=Changed()), relation()))


def test_templates_are_filled_with_copies() -> None:
    node = integer(5)
    first, second = (DUCKDB.fill(DUCKDB.nano_us, x=node) for _ in range(2))
    assert first == second
    assert node.parent is None
    assert DUCKDB.render(DUCKDB.fill(":x", x=node)) == "5"
