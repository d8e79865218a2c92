"""A source as the compiler sees it: something to select from, and its columns."""

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
        return exp.alias_(table, SOURCE, table=True, quoted=True, copy=False)

    def subject(self, column: str) -> str:
        """The words that error messages use for a column."""
        return f"View {self.view!r}, column {column!r} of source {self.spec.name!r}"
