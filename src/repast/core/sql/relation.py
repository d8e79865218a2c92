"""A source as the compiler sees it: something to select from, and its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from sqlglot import exp

from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import SqlDialect
from repast.types import Bytes, DataType

SOURCE = "source"
"""Alias of the source in every statement."""


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as an engine finds it: the Arrow type it has in results, and how it is selected into one."""

    type: pa.DataType
    output: str = ""
    """A template of the dialect with the hole ``:x``, where the column is not selected as it is."""
    any_number: bool = False
    """Whether the database leaves open how many digits it has: then the declared type says what is read."""
    any_bytes: bool = False
    """Whether the database has one type for text and bytes: it is text unless it is declared to be bytes."""

    def type_for(self, dtype: DataType) -> pa.DataType:
        """Return the type it has in a result for who declared it as ``dtype``."""
        is_open = (self.any_number and str(dtype).startswith(_NUMBERS)) or (self.any_bytes and dtype == Bytes)
        return dtype.arrow if is_open else self.type


_NUMBERS = ("Int", "Float", "Decimal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A source that can be selected from, as often as a statement likes.

    ``table`` is a table, subquery or table function, not aliased; ``columns`` are its columns with the types that
    the engine gives them; ``changed`` is the condition that a row is in one of the files that the plan
    asks for (:class:`repast.core.plan.offline.Changed`), if it does and files can be told apart; ``rows`` is
    about how many there are, if known; ``outputs`` says, in a template of the dialect with the hole ``:x``, how
    a column is selected into a result where not as it is (a uuid as text, say), and ``columns`` has the type it
    then has.
    """

    spec: SourceSpec
    table: exp.Expr
    columns: Mapping[str, pa.DataType]
    dialect: SqlDialect
    changed: exp.Expr | None = None
    rows: int | None = None
    indexed: bool = False
    """Whether an index finds the rows of a key in the order of their event time."""
    view: str = field(default="")
    outputs: Mapping[str, str] = field(default_factory=dict)

    def aliased(self) -> exp.Expr:
        """The table under its alias, for FROM and JOIN."""
        table = self.table.copy()
        if not isinstance(table, exp.Table | exp.Subquery):
            table = exp.Table(this=table)
        return exp.alias_(table, SOURCE, table=True, quoted=True, copy=False)

    def output(self, column: str) -> exp.Expr:
        """A column as a result has it."""
        node = exp.column(column, table=SOURCE, quoted=True)
        template = self.outputs.get(column)
        return node if template is None else self.dialect.fill(template, x=node)

    def subject(self, column: str) -> str:
        """The words that error messages use for a column."""
        return f"View {self.view!r}, column {column!r} of source {self.spec.name!r}"
