"""``repast validate``, ``plan`` and ``apply``: from definition files to the registry."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from repast.cli.argument import json_option
from repast.cli.changes import print_changes, summary
from repast.cli.group import TaughtCommand
from repast.cli.session import Session, pass_session
from repast.cli.style import is_terminal, paint
from repast.cli.value import dump_json
from repast.errors import InvalidDefinitionError, Problem

if TYPE_CHECKING:
    from repast.app.store import FeatureStore
    from repast.core.plan.apply import ApplyPlan


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast validate", "Every problem at once, with file, line and what to do; what CI runs"),
        ("repast -c flights validate --json", "Another folder, for programs"),
    ],
)
@json_option
@pass_session
def validate(session: Session, as_json: bool) -> None:
    """Check feature_store.yaml, the definitions and their sources, and touch nothing."""
    from repast.core.manifest import KINDS

    try:
        with session.open_store() as store:
            plan = _make_plan(store)
    except InvalidDefinitionError as error:
        if as_json:
            click.echo(dump_json({"valid": False, "problems": [_problem_facts(p) for p in error.problems]}))
        raise
    counts = {kind: len(members) for kind in KINDS if (members := plan.target.collection(kind))}
    if as_json:
        click.echo(dump_json({"project": plan.project, "valid": True, "objects": counts}))
        return
    found = ", ".join(
        f"{count} {KINDS[kind] if count == 1 else kind.replace('_', ' ')}" for kind, count in counts.items()
    )
    click.echo(f"The definitions of {paint(plan.project, 'bold')} are valid: {found or 'there are none'}.")


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast plan", "Changes, one a line: + is made, ~ is changed, - is removed"),
        ("repast plan --json", "The same for programs"),
    ],
)
@json_option
@pass_session
def plan(session: Session, as_json: bool) -> None:
    """Show what 'repast apply' would do, and change nothing.

    Files define the whole project: what they no longer define will be removed.
    """
    with session.open_store() as store:
        plan = _make_plan(store)
    if as_json:
        click.echo(dump_json(plan.to_dict()))
    elif plan.is_empty:
        click.echo(_no_changes(plan))
    else:
        print_changes(plan)
        click.echo(f"\n{summary(plan)}. Nothing was changed; to do it: repast apply")


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast apply", "Show the changes, then make them, all or none"),
        ("repast apply --allow-migration", "Also changes that drop served values, as when a type changes"),
    ],
)
@click.option(
    "--allow-migration",
    is_flag=True,
    help="Agree to changes that drop served values; without it they are asked about on a terminal, else refused.",
)
@json_option
@pass_session
def apply(session: Session, allow_migration: bool, as_json: bool) -> None:
    """Register the definitions in one transaction and make their online tables.

    Files define the whole project: what they no longer define is removed. Applying again changes nothing.
    """
    with session.open_store() as store:
        plan = _make_plan(store)
        if not as_json and not plan.is_empty:
            print_changes(plan)
        agreed = allow_migration or not plan.migrations or _ask()
        done = store.apply(plan, allow_migration=agreed)
    generation = done.target.generation
    if as_json:
        click.echo(dump_json({**done.to_dict(), "generation": generation}))
    elif plan.is_empty:
        click.echo(_no_changes(plan))
    else:
        click.echo(f"\nApplied: {paint(f'generation {generation}', 'bold')} of {done.project}.")


def _make_plan(store: FeatureStore) -> ApplyPlan:
    """Plan, after a look at all of feature_store.yaml: planning itself does not need every backend."""
    from repast.app.document import config_error
    from repast.app.plugin import check_backends

    if problems := check_backends(store.config):
        raise config_error(problems)
    return store.plan()


def _problem_facts(problem: Problem) -> dict[str, object]:
    where = problem.location
    return {
        "file": where.file if where else None,
        "line": where.line if where else None,
        "subject": problem.subject,
        "message": problem.message,
        "hint": problem.hint,
    }


def _no_changes(plan: ApplyPlan) -> str:
    from repast.core.manifest import KINDS

    if not any(plan.target.collection(kind) for kind in KINDS):
        return f"There are no definitions of {plan.project} yet: write an Entity and a FeatureView in a .py file here."
    return f"No changes: generation {plan.base_generation} of {plan.project} is what the files define."


def _ask() -> bool:
    """Ask a person whether served values may be dropped; nobody to ask is a no, which apply explains."""
    return is_terminal(sys.stdin) and click.confirm("Drop these served values?", default=False, abort=True, err=True)
