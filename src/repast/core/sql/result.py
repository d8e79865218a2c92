"""Results of retrievals as one statement: the spine, and beside it the row of each view that wins.

Candidates of one spine row that tie by event time are told apart by created time here. Those that tie by that too
are counted: content decides between them, which the core encodes and compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from repast.core.conversion import is_already
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME, FeatureColumn, PointInTimeJoin
from repast.core.sql.instant import REFUSAL
from repast.core.sql.join import compile_join
from repast.core.sql.key import key_fit
from repast.core.sql.node import all_of, case, cast, column, integer, is_null, known_us, named, not_null, select
from repast.core.sql.relation import Relation, SourceColumn
from repast.core.sql.spine import SpineFacts
from repast.types import DataType, Float64, Int32, Int64

_ASKED, _FOUND, _WORK = "asked", "found", "work"
_TOP, _KNOWN, _NUMBER = "__top", "__known", "__number"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledJoin:
    """A view's part of a result, with what the compiler knows of its source."""

    join: PointInTimeJoin
    relation: Relation
    sources: tuple[SourceColumn, ...]
    """Of the join's features, in their order."""
    keys: tuple[str, ...]
    columns: tuple[str, ...]


def ties_column(place: int) -> str:
    """Return the column that says how many candidates tie for a row of a view."""
    return f"__ties_{place}"


def is_exact(source: SourceColumn, dtype: DataType) -> bool:
    """Whether a statement can make a feature of a column just as the core does."""
    found = source.type
    if source.any_number:
        return dtype == Int64 and found == pa.int64()
    if is_already(source.type_for(dtype), dtype):
        return True
    if dtype == Float64:
        return bool(pa.types.is_float32(found))
    return dtype in (Int32, Int64) and key_fit(found, dtype) == "widen"


def compile_result(joins: Sequence[CompiledJoin], rows: exp.Expr, facts: SpineFacts, kept: Iterable[str]) -> exp.Select:
    """Return the statement for the columns of the rows that are kept, and of each view its columns and its ties.

    Args:
        joins: The views; each of their features :func:`is_exact`.
        rows: The table of the spine.
        facts: What is known of it.
        kept: Columns of the rows; ``__row`` is always one.

    """
    # Names are said: of several joins, ClickHouse would keep that of the table in them.
    outputs = [named(column(name, _ASKED), name) for name in dict.fromkeys([ROW, *kept])]
    query = select().from_(exp.alias_(rows.copy(), _ASKED, table=True, quoted=True), copy=False)
    for place, one in enumerate(joins):
        alias = f"{_FOUND}_{place}"
        outputs += [named(column(name, alias), name) for name in one.columns]
        outputs.append(named(exp.Coalesce(this=column(_ties(place), alias), expressions=[integer(0)]), _ties(place)))
        on = all_of(
            exp.EQ(this=column(ROW, _ASKED), expression=column(ROW, alias)),
            exp.EQ(this=column(_NUMBER, alias), expression=integer(1)),
        )
        found = exp.alias_(_winners(place, one, rows, facts).subquery(copy=False), alias, table=True, quoted=True)
        query = query.join(exp.Join(this=found, side="LEFT", on=on), copy=False)
    return query.select(*outputs, copy=False)


def compile_settled(
    columns: Sequence[str],
    work: exp.Expr,
    settled: Sequence[tuple[exp.Expr, Sequence[str]]],
    decimals: Mapping[str, pa.DataType],
) -> exp.Select:
    """Return the statement for the columns of a result.

    Args:
        columns: In this order.
        work: The table that the statement of :func:`compile_result` has made, or one with all columns.
        settled: Tables with ``__row`` and some columns that count, for the rows they have, before those in ``work``.
        decimals: Types of columns whose digits would else be forgotten.

    """
    values: dict[str, exp.Expr] = {name: column(name, _WORK) for name in columns}
    query = select().from_(exp.alias_(work.copy(), _WORK, table=True, quoted=True), copy=False)
    for place, (rows, names) in enumerate(settled):
        alias = f"settled_{place}"
        on = exp.EQ(this=column(ROW, _WORK), expression=column(ROW, alias))
        aliased = exp.alias_(rows.copy(), alias, table=True, quoted=True)
        query = query.join(exp.Join(this=aliased, side="LEFT", on=on), copy=False)
        for name in names:
            values[name] = case((not_null(column(ROW, alias)), column(name, alias)), default=values[name])
    for name, dtype in decimals.items():
        values[name] = cast(values[name], f"DECIMAL({dtype.precision}, {dtype.scale})")
    return query.select(*[named(value, name) for name, value in values.items()], copy=False)


def compile_ties(work: exp.Expr, places: int) -> exp.Select:
    """Return the statement for ``__row`` and the ties of the rows that have any."""
    ties = [column(_ties(place), _WORK) for place in range(places)]
    some = exp.or_(*[exp.GT(this=tie.copy(), expression=integer(1)) for tie in ties], copy=False)
    query = select(column(ROW, _WORK), *ties).from_(exp.alias_(work.copy(), _WORK, table=True, quoted=True), copy=False)
    return query.where(some, copy=False)


_ties = ties_column


def _winners(place: int, one: CompiledJoin, rows: exp.Expr, facts: SpineFacts) -> exp.Select:
    """One row per spine row that has a candidate: the last recorded, and how many others were so too."""
    spine = SpineFacts(facts.rows, facts.first_us, facts.last_us, _spine(one, rows).subquery(copy=False))
    candidates = compile_join(one.join, one.relation, spine).subquery("candidates", copy=False)
    names = [feature.name for feature in one.join.features]
    known = known_us(column(CREATED, "candidates"))
    top = exp.Window(this=exp.Max(this=known.copy()), partition_by=[column(ROW, "candidates")])
    ranked = select(
        *[column(name, "candidates") for name in (ROW, EVENT, *names)], named(known, _KNOWN), named(top, _TOP)
    ).from_(candidates, copy=False)
    number = exp.Window(
        this=exp.RowNumber(),
        partition_by=[column(ROW, "ranked")],
        order=exp.Order(expressions=[exp.Ordered(this=column(EVENT, "ranked"))]),
    )
    count = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[column(ROW, "ranked")])
    values = zip(one.join.features, one.sources, one.columns, strict=True)
    return (
        select(
            column(ROW, "ranked"),
            *[named(_value(one.relation, feature, source), name) for feature, source, name in values],
            named(number, _NUMBER),
            named(count, _ties(place)),
        )
        .from_(ranked.subquery("ranked", copy=False), copy=False)
        .where(exp.EQ(this=column(_KNOWN, "ranked"), expression=column(_TOP, "ranked")), copy=False)
    )


def _spine(one: CompiledJoin, rows: exp.Expr) -> exp.Select:
    """The spine as the join wants it: rows with a null key or time find nothing and are left out."""
    keys = [(column(mine, _ASKED), key.name) for mine, key in zip(one.keys, one.join.keys, strict=True)]
    query = select(column(ROW, _ASKED), column(TIME, _ASKED), *[named(node, name) for node, name in keys])
    present = [not_null(column(name, _ASKED)) for name in dict.fromkeys([TIME, *one.keys])]
    aliased = exp.alias_(rows.copy(), _ASKED, table=True, quoted=True)
    return query.from_(aliased, copy=False).where(*present, copy=False)


def _value(relation: Relation, feature: FeatureColumn, source: SourceColumn) -> exp.Expr:
    node: exp.Expr = column(feature.name, "ranked")
    if source.any_number:
        # As many digits as there are: those that no int64 has are refused, as they are on the way here.
        fits = exp.paren(exp.Between(this=node, low=integer(-(2**63)), high=integer(2**63 - 1)), copy=False)
        message = exp.Literal.string(f"{REFUSAL}{relation.subject(feature.column)} has a value that is not an Int64: ")
        refused = cast(relation.dialect.fill(relation.dialect.refuse, x=node, message=message), "BIGINT")
        return case((is_null(node.copy()), node.copy()), (fits, node.copy()), default=refused)
    if is_already(source.type_for(feature.dtype), feature.dtype):
        return node
    kinds = {"Float64": "DOUBLE", "Int32": "INT", "Int64": "BIGINT"}
    return cast(node, kinds[str(feature.dtype)])
