"""A source as the compiler sees it: something to select from, its columns, and nodes for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from sqlglot import exp

from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import SqlDialect

SOURCE = "source"
"""Alias of the source in every statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A source that can be selected from, as often as a statement likes.

    ``table`` is a table or table function, not aliased; ``columns`` are its columns with the types that
    the engine gives them; ``changed`` is the condition that a row is in one of the files that the plan
    asks for (:class:`repast.core.plan.offline.Changed`), if it does and files can be told apart; ``rows`` is
    about how many there are, if known.
    """

    spec: SourceSpec
    table: exp.Expr
    columns: Mapping[str, pa.DataType]
    dialect: SqlDialect
    changed: exp.Expr | None = None
    rows: int | None = None
    view: str = field(default="")

    def aliased(self) -> exp.Expr:
        """The table under its alias, for FROM and JOIN."""
        table = self.table.copy()
        if not isinstance(table, exp.Table):
            table = exp.Table(this=table)
        return exp.alias_(table, SOURCE, table=True, quoted=True)

    def subject(self, column: str) -> str:
        """The words that error messages use for a column."""
        return f"View {self.view!r}, column {column!r} of source {self.spec.name!r}"


def column(name: str, table: str = SOURCE) -> exp.Column:
    """Return a column node."""
    return exp.column(name, table=table, quoted=True)


def table(name: str) -> exp.Table:
    """Return a table node."""
    return exp.Table(this=exp.to_identifier(name, quoted=True))


def named(node: exp.Expr, name: str) -> exp.Expr:
    """Return ``node AS name``."""
    return exp.alias_(node, name, quoted=True)


def integer(value: int) -> exp.Expr:
    """Return an int64 literal."""
    literal = exp.Literal.number(abs(value))
    return exp.Neg(this=literal) if value < 0 else literal


def cast(node: exp.Expr, kind: str) -> exp.Expr:
    """Return ``CAST(node AS kind)``; the kind in DuckDB's words, which name all types."""
    return exp.cast(node, exp.DataType.build(kind, dialect="duckdb"))


def null_int() -> exp.Expr:
    """Return a null of type int64."""
    return cast(exp.null(), "BIGINT")


_NEVER_US = -(2**63) + 1


def known_us(created: exp.Expr) -> exp.Expr:
    """Return a created time in which null is a number before all others, as the total order has it."""
    return exp.Coalesce(this=created.copy(), expressions=[integer(_NEVER_US)])
