"""What an apply does, as people read it: one line per change, marked + - or ~."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from repast.cli.style import paint

if TYPE_CHECKING:
    from repast.core.plan.apply import ApplyPlan

_MARKS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


def print_changes(plan: ApplyPlan) -> None:
    """Print every change of a plan that has some."""
    for change in plan.changes:
        mark, color = _MARKS[change.action]
        kind, _, name = change.label.partition(" '")
        click.echo(f"{paint(mark, 'bold', color)} {kind} {paint(name.rstrip(chr(39)), 'bold')}")
        if change.action == "update":
            for property_change in change.properties:
                click.echo(f"    {property_change}")
    for mark, color, tables in (("+", "green", plan.create_tables), ("-", "red", plan.drop_tables)):
        for view, _ in tables:
            click.echo(f"{paint(mark, 'bold', color)} online table {paint(view, 'bold')}")
    for line in migration_lines(plan):
        click.echo(paint(line, "yellow"))
    for note in plan.notes:
        click.echo(f"note: {note}")


def migration_lines(plan: ApplyPlan) -> Iterator[str]:
    """Yield one line per change that drops served values."""
    for migration in plan.migrations:
        yield f"! the served values of {migration.view} are dropped: {'; '.join(migration.reasons)}"


def summary(plan: ApplyPlan) -> str:
    """Return how many objects a plan creates, updates and deletes."""
    counts: Counter[str] = Counter(change.action for change in plan.changes)
    words = (("create", "to create"), ("update", "to update"), ("delete", "to delete"))
    return ", ".join(f"{counts[action]} {text}" for action, text in words if counts[action])
