"""Short words for tree nodes. Nothing here copies its arguments: a node that is used twice is copied by its user."""

from __future__ import annotations

from sqlglot import exp

_NEVER_US = -(2**63) + 1


def column(name: str, table: str = "source") -> exp.Column:
    """Return a column, of the source unless a table is named."""
    return exp.column(name, table=table, quoted=True)


def table(name: str) -> exp.Table:
    """Return a table."""
    return exp.Table(this=exp.to_identifier(name, quoted=True))


def named(node: exp.Expr, name: str) -> exp.Expr:
    """Return ``node AS name``."""
    return exp.Alias(this=node, alias=exp.to_identifier(name, quoted=True))


def select(*columns: exp.Expr) -> exp.Select:
    """Return ``SELECT columns``."""
    return exp.select(*columns, copy=False)


def integer(value: int) -> exp.Expr:
    """Return an int64 literal."""
    literal = exp.Literal.number(abs(value))
    return exp.Neg(this=literal) if value < 0 else literal


def cast(node: exp.Expr, kind: str) -> exp.Expr:
    """Return ``CAST(node AS kind)``; the kind in DuckDB's words, which name all types."""
    return exp.Cast(this=node, to=exp.DataType.build(kind, dialect="duckdb"))


def null_int() -> exp.Expr:
    """Return a null of type int64."""
    return cast(exp.null(), "BIGINT")


def known_us(created: exp.Expr) -> exp.Expr:
    """Return a created time in which null is a number before all others, as the total order has it."""
    return exp.Coalesce(this=created, expressions=[integer(_NEVER_US)])


def is_null(node: exp.Expr) -> exp.Expr:
    """Return ``node IS NULL``."""
    return exp.Is(this=node, expression=exp.null())


def not_null(node: exp.Expr) -> exp.Expr:
    """Return ``NOT node IS NULL``."""
    return exp.Not(this=is_null(node))


def case(*branches: tuple[exp.Expr, exp.Expr], default: exp.Expr | None = None) -> exp.Expr:
    """Return ``CASE WHEN condition THEN value ... ELSE default END``."""
    return exp.Case(ifs=[exp.If(this=condition, true=value) for condition, value in branches], default=default)


def all_of(*conditions: exp.Expr) -> exp.Expr:
    """Return the conditions joined by AND; of none, true."""
    return exp.and_(*conditions, copy=False) if conditions else exp.true()


def any_of(*conditions: exp.Expr) -> exp.Expr:
    """Return the conditions joined by OR, in parentheses; of none, false."""
    return exp.paren(exp.or_(*conditions, copy=False), copy=False) if conditions else exp.false()
