"""Plans to statements."""

from __future__ import annotations

from sqlglot import exp

from repast.core.plan.offline import CountRows, OfflinePlan, PointInTimeJoin, ReadRows
from repast.core.sql.join import compile_join
from repast.core.sql.read import compile_count, compile_read
from repast.core.sql.relation import Relation
from repast.core.sql.spine import SpineFacts
from repast.errors import InvalidRequestError, NotFoundError, did_you_mean


def compile_plan(plan: OfflinePlan, relation: Relation, spine: SpineFacts | None = None) -> exp.Select:
    """Return the statement that answers a plan over a relation; ``plan``'s docstring says what it yields.

    Raises:
        InvalidRequestError: A join without a spine, or a column that cannot be a time.
        InvalidValueError: A column that cannot be a key.
        NotFoundError: The source lacks a column.

    """
    check_columns(plan, relation)
    if isinstance(plan, CountRows):
        return compile_count(plan, relation)
    if isinstance(plan, ReadRows):
        return compile_read(plan, relation)
    if spine is None:
        raise InvalidRequestError(f"The point-in-time join of view {plan.view!r} needs a spine.")
    return compile_join(plan, relation, spine)


def plan_columns(plan: OfflinePlan) -> list[str]:
    """Return the columns of the source that a plan reads, each once."""
    rows = plan.rows if isinstance(plan, CountRows) else plan
    names = [key.column for key in rows.keys] + [rows.source.timestamp_field]
    if rows.source.created_timestamp_column:
        names.append(rows.source.created_timestamp_column)
    if not isinstance(plan, CountRows):
        names += [feature.column for feature in rows.features]
    return list(dict.fromkeys(names))


def check_columns(plan: OfflinePlan, relation: Relation) -> None:
    """Refuse a plan that names columns its source does not have.

    Raises:
        NotFoundError: The message lists them all.

    """
    missing = [name for name in plan_columns(plan) if name not in relation.columns]
    if not missing:
        return
    rows: PointInTimeJoin | ReadRows = plan.rows if isinstance(plan, CountRows) else plan
    known = list(relation.columns)
    path = rows.source.options.get("path")
    where = f"source {rows.source.name!r}" + (f" ({path})" if path else "")
    words = ", ".join(repr(name) for name in missing)
    raise NotFoundError(
        f"View {rows.view!r} needs the column{'s' if len(missing) > 1 else ''} {words}, which {where} does not have.",
        hint=did_you_mean(missing[0], known) or "it has: " + ", ".join(known[:20]),
        context={"view": rows.view, "source": rows.source.name, "columns": missing},
    )
