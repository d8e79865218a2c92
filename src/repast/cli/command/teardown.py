"""``repast teardown``: remove a project."""

from __future__ import annotations

import sys

import click

from repast.cli.argument import json_option
from repast.cli.group import TaughtCommand, TaughtUsageError
from repast.cli.session import Session, pass_session
from repast.cli.style import is_terminal
from repast.cli.value import dump_json


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast teardown", "Ask for the project's name, then remove it"),
        ("repast teardown --yes flights", "Remove it without asking, if its name is flights; for scripts"),
    ],
)
@click.option("--yes", "given", metavar="NAME", help="The project's name: do not ask.")
@json_option
@pass_session
def teardown(session: Session, given: str | None, as_json: bool) -> None:
    """Remove this project: its online tables, its registry entry and its history.

    Your files (definitions, data, feature_store.yaml) and other projects stay as they are.
    """
    with session.open_store() as store:
        name = store.project
        if given is None:
            given = _ask(name)
        if given != name:
            raise TaughtUsageError(
                f"{given!r} is not the name of this project, which is {name!r}; nothing was removed.",
                hint=f"repast teardown --yes {name}",
            )
        store.teardown()
    click.echo(dump_json({"project": name, "removed": True}) if as_json else f"Removed the project {name}.")


def _ask(name: str) -> str:
    if not is_terminal(sys.stdin):
        raise TaughtUsageError(
            "teardown asks for the project's name, and there is nobody to ask; nothing was removed.",
            hint=f"repast teardown --yes {name}",
            ctx=click.get_current_context(),
        )
    question = f"This removes the registry entry, history and served values of {name}. Its name, to go on"
    answer: str = click.prompt(question, err=True)
    return answer.strip()
