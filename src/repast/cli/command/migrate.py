"""``repast migrate``: from Feast to Repast, checked before anything is changed."""

from __future__ import annotations

from pathlib import Path

import click

from repast.cli.argument import json_option
from repast.cli.exit import BY_ERROR
from repast.cli.group import TaughtCommand
from repast.cli.value import dump_json

REPO = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def migrate() -> None:
    """Move a project from Feast: check its repo, then compare its answers."""


@migrate.command(
    "check",
    cls=TaughtCommand,
    examples=[
        ("repast migrate check feature_repo", "What works, what changes nothing here, what is refused"),
        ("repast migrate check feature_repo --no-sources", "From the definitions alone, without looking at sources"),
        ("repast migrate check feature_repo --json", "For programs"),
    ],
)
@click.argument("repo", type=REPO, default=".")
@click.option("--no-sources", is_flag=True, help="Do not look at the columns of the sources.")
@json_option
def check(repo: Path, no_sources: bool, as_json: bool) -> None:
    """Say what becomes of the Feast repo REPO: what works, what is accepted without effect, what is refused, what
    has other values, each with its file and line.

    The definitions are imported through the package repast-feast. Nothing is written, no store is opened. The exit
    code is 5 if anything is refused.
    """
    from repast.app.migration.check import check_repo

    report = check_repo(repo, look=not no_sources)
    if as_json:
        click.echo(dump_json(report.to_dict()))
    else:
        from repast.cli.migration import print_check

        print_check(report)
    if report.is_refused:
        raise click.exceptions.Exit(BY_ERROR["invalid_definition"])
