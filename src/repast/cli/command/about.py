"""``repast configuration`` and ``repast version``."""

from __future__ import annotations

import click

from repast.cli.argument import json_option
from repast.cli.group import TaughtCommand
from repast.cli.session import Session, pass_session
from repast.cli.value import dump_json

PARTS = ("duckdb", "pyarrow", "numpy", "sqlglot", "obstore", "msgspec")
"""Packages whose versions matter when something is wrong."""


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast configuration", "What Repast read, defaults filled in"),
        ("repast -f staging.yaml configuration --json", "Another file, for programs"),
    ],
)
@json_option
@pass_session
def configuration(session: Session, as_json: bool) -> None:
    """Show the configuration as Repast understands it: variables replaced, defaults filled in, secrets masked."""
    with session.open_store() as store:
        config = store.config
    facts = config.to_public_dict()
    if as_json:
        click.echo(dump_json({**facts, "file": str(config.file), "ignored": config.ignored}))
        return
    import yaml

    click.echo(f"# {config.file}")
    click.echo(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True), nl=False)
    for key, reason in config.ignored.items():
        click.echo(f"# ignored: {key} ({reason})")


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast version", "Put this into bug reports"),
        ("repast --version", "The version of Repast alone"),
    ],
)
@json_option
def version(as_json: bool) -> None:
    """Show the versions of Repast, of Python and of the packages it runs on."""
    import platform
    from importlib import metadata

    from repast import __version__

    found = {"repast": __version__, "python": platform.python_version()}
    found |= {name: metadata.version(name) for name in PARTS}
    if as_json:
        click.echo(dump_json(found))
        return
    from repast.cli.table import print_pairs

    print_pairs(list(found.items()))
