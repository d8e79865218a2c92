"""``repast init``: copy a template into a new folder."""

from __future__ import annotations

from collections import Counter

import click

from repast.cli.argument import json_option
from repast.cli.group import TaughtCommand
from repast.cli.project import TEMPLATES, create_project
from repast.cli.style import paint
from repast.cli.value import dump_json


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast init flights", "A folder 'flights' with definitions and real data, ready for 'repast apply'"),
        ("repast init shop -t minimal", "The same without data and with one entity"),
        ("repast -c ~/projects init shop", "In another folder"),
        ("repast init our-store -t plugin-online-store", "A package with an online store and its conformance test"),
    ],
)
@click.argument("name")
@click.option(
    "-t",
    "--template",
    type=click.Choice(list(TEMPLATES)),
    default="local",
    show_default=True,
    help="What to start from: " + "; ".join(f"{name}: {text}" for name, text in TEMPLATES.items()) + ".",
)
@json_option
def init(name: str, template: str, as_json: bool) -> None:
    """Start a project: a folder NAME with feature_store.yaml and features.py, or a package that extends Repast.

    Nothing is overwritten: NAME must not exist, or be an empty folder.
    """
    files = create_project(name, template)
    if as_json:
        click.echo(dump_json({"project": name, "template": template, "files": files}))
        return
    click.echo(f"Made the project {paint(name, 'bold')}: {_listing(files)}.")
    then = "pip install -e '.[test]' && pytest" if template.startswith("plugin-") else "repast apply"
    click.echo(f"Next: cd {name} && {then}")


def _listing(files: list[str]) -> str:
    """Name the files at the top, and count those in folders."""
    folders = Counter(file.split("/")[0] for file in files if "/" in file)
    counted = [f"{folder}/ ({count} files)" for folder, count in folders.items()]
    return ", ".join([file for file in files if "/" not in file] + counted)
