"""``repast log`` and ``rollback``: what was applied, and back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from repast.cli.argument import json_option
from repast.cli.group import TaughtCommand
from repast.cli.session import Session, pass_session
from repast.cli.style import paint
from repast.cli.value import dump_json, instant_text

if TYPE_CHECKING:
    from repast.app.registry import LogEntry

LIMIT = 20


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast log", "The latest generations, newest first, and what each one changed"),
        ("repast log -n 1 --json", "The latest one, for programs"),
    ],
)
@click.option(
    "-n",
    "limit",
    type=click.IntRange(min=1),
    default=LIMIT,
    show_default=True,
    metavar="COUNT",
    help="How many generations at most.",
)
@json_option
@pass_session
def log(session: Session, limit: int, as_json: bool) -> None:
    """Show what was applied, newest first. Every apply that changes something makes a generation."""
    with session.open_store() as store:
        project = store.project
        entries = store.log(limit)
    if as_json:
        click.echo(dump_json([_facts(entry) for entry in entries]))
        return
    if not entries:
        click.echo(f"Nothing was applied to {project} yet; do it with: repast apply", err=True)
    for i, entry in enumerate(entries):
        click.echo(
            "\n" * (i > 0)
            + f"{paint(f'generation {entry.generation}', 'bold')}  {instant_text(entry.time.replace(microsecond=0))}"
        )
        for change in entry.changes:
            click.echo(f"  {_MARKS[change.action]} {change.kind} {change.name}")


_MARKS = {"created": "+", "updated": "~", "deleted": "-"}


def _facts(entry: LogEntry) -> dict[str, object]:
    changes = [{"kind": c.kind, "name": c.name, "action": c.action} for c in entry.changes]
    return {"generation": entry.generation, "time": entry.time, "changes": changes}


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast log", "Find the generation"),
        ("repast rollback 3", "Apply what generation 3 defined, as a new generation"),
    ],
)
@click.argument("generation", type=click.IntRange(min=1))
@click.option("--allow-migration", is_flag=True, help="Agree to changes that drop served values.")
@json_option
@pass_session
def rollback(session: Session, generation: int, allow_migration: bool, as_json: bool) -> None:
    """Apply the definitions of an earlier GENERATION again; 'repast log' shows which there are.

    The history goes on: the rollback is a generation of its own. Your files stay as they are.
    """
    from repast.cli.changes import print_changes

    with session.open_store() as store:
        done = store.rollback(generation, allow_migration=allow_migration)
    now = done.target.generation
    if as_json:
        click.echo(dump_json({**done.to_dict(), "generation": now}))
    elif done.is_empty:
        click.echo(f"No changes: generation {now} of {done.project} defines the same as generation {generation}.")
    else:
        print_changes(done)
        click.echo(
            f"\nApplied: {paint(f'generation {now}', 'bold')} of {done.project} is generation {generation} again."
        )
