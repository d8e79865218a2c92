"""What a dialect says about itself: flags, and templates with ``:name`` holes that are filled with tree nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlDialect:
    """One dialect. Templates are written in the dialect itself and parsed once.

    An *instant* is the dialect's timestamp with time zone, a *wall time* one without; both to and from
    int64 microseconds since 1970 (of UTC, or of the wall clock read as if it were UTC).
    """

    name: str
    """Name of the sqlglot dialect that renders it."""
    asof_join: bool
    """Whether ``ASOF JOIN`` exists; else the union-and-window form is used."""
    materialized: bool = False
    """Whether to ask for ``WITH name AS MATERIALIZED``: the matches are then counted before they are joined."""
    tuple_in: bool = True
    """Whether ``(a, b) IN (SELECT a, b ...)`` exists; else each column is looked up by itself, which prunes less."""
    try_cast: bool = True
    """Whether ``TRY_CAST`` gives null where a value does not fit; else ranges are compared before a cast."""
    narrow_integers: bool = True
    """Whether a type for integers of 32 bits refuses what has more."""
    small_spine_share: float = 0.02
    """Up to this share of the source's rows, a spine's keys are looked up while scanning. (DuckDB: at 1 % the
    whole join then takes half the time, at 10 % a tenth more.)"""
    lookup_share: float = 0.0
    """Up to this share of the source's rows, a spine's rows are looked up one by one through an index on keys and
    time, if there is one; needs ``LATERAL``."""
    types: Mapping[str, str] = field(default_factory=dict)
    """sqlglot's name of a type -> that of the type which is used in its place."""
    instant_us: str
    """``:x`` instant or wall time or date -> microseconds; finer units floored by the two below."""
    nano_us: str
    """``:x`` instant or wall time in nanoseconds -> microseconds, floored (before 1970 too)."""
    us_instant: str
    """``:us`` -> instant."""
    us_wall: str
    """``:us`` -> wall time."""
    us_nano: str
    """``:us`` -> wall time in nanoseconds."""
    us_nano_instant: str
    """``:us`` -> instant in nanoseconds."""
    wall_instant: str
    """``:x`` wall time in ``:zone`` -> instant; one that occurs twice may be either, one skipped moves forward."""
    instant_wall: str
    """``:x`` instant -> wall time in ``:zone``."""
    text_instant: str
    """``:x`` text -> instant, read as UTC if it has no offset; null if it is no time."""
    text_has_offset: str
    """``:x`` text -> whether it ends in an offset or Z."""
    canonical_uuid: str
    """``:x`` text or uuid -> lower-case 8-4-4-4-12 text; null if it is none."""
    refuse: str
    """Fail with ``:message`` followed by the value ``:x``; of a type that can be cast to that of a key or time."""

    def fill(self, template: str, **nodes: exp.Expr) -> exp.Expr:
        """Return one of the templates with its holes filled by copies of the nodes."""
        tree = _parse(template, self.name).copy()
        holes = [tree] if isinstance(tree, exp.Placeholder) else list(tree.find_all(exp.Placeholder))
        for hole in holes:
            node = nodes[str(hole.this)].copy()
            if hole is tree:
                return node
            inside = isinstance(hole.parent, exp.Binary | exp.Unary)
            hole.replace(exp.paren(node, copy=False) if inside and isinstance(node, exp.Binary) else node)
        return tree

    def render(self, tree: exp.Expr, *, pretty: bool = False) -> str:
        """Return the SQL text of a tree, which is spent by that.

        Where nulls are sorted never matters, so it is not said.
        """
        usual = Dialect.get_or_raise(self.name).NULL_ORDERING
        for ordered in tree.find_all(exp.Ordered):
            sided = (usual == "nulls_are_small") is not bool(ordered.args.get("desc"))
            ordered.set("nulls_first", sided and usual != "nulls_are_last")
        for query in list(tree.find_all(exp.Subquery)):
            if isinstance(query.this, exp.Var) and query is not tree:
                # A user's own words, which sqlglot would look into: to it they are the name of a table.
                query.replace(exp.Table(this=exp.Var(this=f"({query.this.name})"), alias=query.args.get("alias")))
        for kind in tree.find_all(exp.DataType) if self.types else ():
            name = getattr(kind.this, "name", "")
            kind.set("this", exp.DataType.Type[self.types.get(name, name)])
        return tree.sql(dialect=self.name, pretty=pretty, identify=True, copy=False)


@cache
def _parse(template: str, dialect: str) -> exp.Expr:
    return sqlglot.parse_one(template, read=dialect)
