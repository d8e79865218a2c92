"""A spine as the compiler sees it: a table, and constants to prune with."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from repast.core.sql.node import table
from repast.core.sql.relation import Relation

SPINE = "spine"
"""Table with ``__row``, ``__time`` and the keys."""
_USUAL_ROWS, _FEW_ROWS = 5_000_000, 50_000
"""Rows of a source that does not say how many it has, and so few that all of them is little work."""


@dataclass(frozen=True, slots=True)
class SpineFacts:
    """What the compiler may know of a spine: constants to prune with."""

    rows: int
    first_us: int
    last_us: int
    table: exp.Expr = field(default_factory=lambda: table(SPINE))
    """What the engine has made of the spine, where it is not a table of that name."""

    def aliased(self) -> exp.Expr:
        """The spine under the name :data:`SPINE`, for FROM."""
        node = self.table.copy()
        return node if node == table(SPINE) else exp.alias_(node, SPINE, table=True, quoted=True, copy=False)

    def is_small(self, relation: Relation, share: float) -> bool:
        """Whether these are at most a share of the source's rows."""
        rows = _USUAL_ROWS if relation.rows is None else max(relation.rows, _FEW_ROWS)
        return self.rows <= rows * share
