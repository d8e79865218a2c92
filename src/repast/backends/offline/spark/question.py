"""What Spark is asked for the joins of a spine that its executors hold: views of the same keys together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlglot import exp

from repast.backends.offline.spark.source import SOURCE_VIEW, Scan
from repast.core.finish import SPINE, found_column
from repast.core.plan.offline import PointInTimeJoin
from repast.core.sql.plan import check_columns, compile_plan
from repast.core.sql.spine import SpineFacts
from repast.core.sql.timeline import Line, compile_timeline
from repast.ports.worker import FrameJoin

Form: TypeAlias = Literal["found", "line", "whole line"]
_MOST_VIEWS = 16
"""On one time line: each of its rows has room for the structs of all."""


@dataclass(frozen=True)
class Question:
    """A statement that answers some of the joins of a request."""

    numbers: tuple[int, ...]
    """Which ones."""
    scans: Mapping[str, Scan]
    """The sources by their names in the statement, in the order of the numbers."""
    keys: Mapping[str, str]
    """The spine's key columns: names in the statement, with their own."""
    tree: exp.Select
    form: Form = "found"
    """What it yields: rows that were found, a time line yet to be settled, or one that carries the spine as well."""


def questions_of(
    request: FrameJoin, open_scan: Callable[[PointInTimeJoin], Scan], spine: SpineFacts
) -> Iterator[Question]:
    """Yield the statements that answer a request.

    Views that have the same keys share a time line. What was known when does not go by the order of moments,
    and a view without keys is not sorted by them: such a view has a statement of its own.
    """
    by_keys: dict[tuple[str, ...], list[int]] = {}
    alone: list[int] = []
    for number, (plan, columns) in enumerate(request.joins):
        if columns and (plan.as_of == "event" or not plan.source.created_timestamp_column):
            by_keys.setdefault(tuple(sorted(columns)), []).append(number)
        else:
            alone.append(number)
    lines = [
        (columns, tuple(members[start : start + _MOST_VIEWS]))
        for columns, members in by_keys.items()
        for start in range(0, len(members), _MOST_VIEWS)
    ]
    for number in alone:
        plan, own = request.joins[number]
        scan = open_scan(plan)
        keys = {key.name: column for key, column in zip(plan.keys, own, strict=True)}
        yield Question((number,), {SOURCE_VIEW: scan}, keys, compile_plan(plan, scan.relation(plan.view), spine))
    for columns, numbers in lines:
        form: Form = "line" if alone or len(lines) > 1 else "whole line"
        yield _on_a_line(request, numbers, columns, open_scan, spine, form)


def _on_a_line(
    request: FrameJoin,
    numbers: tuple[int, ...],
    columns: tuple[str, ...],
    open_scan: Callable[[PointInTimeJoin], Scan],
    spine: SpineFacts,
    form: Form,
) -> Question:
    scans: dict[str, Scan] = {}
    lines: list[Line] = []
    for number in numbers:
        plan, own = request.joins[number]
        name = f"{SOURCE_VIEW}_{number}"
        scans[name] = open_scan(plan)
        relation = scans[name].relation(plan.view, name)
        check_columns(plan, relation)
        keys = dict(zip(own, (key.name for key in plan.keys), strict=True))
        lines.append(Line(plan, relation, keys, found_column(number)))
    tree = compile_timeline(lines, spine, (SPINE,) if form == "whole line" else ())
    return Question(numbers, scans, {key: key for key in columns}, tree, form)
