"""Verbs that Repast has nothing for: whatever follows them, they say so."""

from __future__ import annotations

from typing import Any

import click

from feast.adapter.notice import refuse
from feast.cli.catalog import REFUSED


def refused_command(name: str, hint: str) -> click.Command:
    """Make a verb that takes anything and is refused."""

    @click.command(
        name,
        help=f"Not supported: {hint}.",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    @click.pass_context
    def say(ctx: click.Context) -> None:
        deeper = ctx.args[0] if ctx.args and name in _GROUPS and not ctx.args[0].startswith("-") else ""
        refuse(f"feast {name} {deeper}".rstrip(), hint=hint)

    return say


_GROUPS = ("dbt", "mlflow", "monitor", "permissions", "validation-references")


def __getattr__(attribute: str) -> Any:
    name = next((name for name in REFUSED if name.replace("-", "_") == attribute), None)
    if name is None:
        raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")
    return refused_command(name, REFUSED[name])
