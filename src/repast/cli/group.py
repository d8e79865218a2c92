"""The click classes behind every command: groups that load their commands late, and help with examples."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from repast.cli.catalog import Entry
from repast.errors import did_you_mean


class TaughtCommand(click.Command):
    """A command whose help ends with examples: pairs of (command line, what it does)."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the examples, each comment above its command line."""
        if not self.examples:
            return
        with formatter.section("Examples"):
            for i, (line, comment) in enumerate(self.examples):
                formatter.write("\n" if i else "")
                formatter.write(f"{'':>{formatter.current_indent}}# {comment}\n")
                formatter.write(f"{'':>{formatter.current_indent}}$ {line}\n")


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is called.

    Args:
        sections: Title to commands, as help shows them.
        unlisted: Further commands that help leaves out.

    """

    def __init__(
        self,
        *args: Any,
        sections: Mapping[str, Mapping[str, Entry]],
        unlisted: Mapping[str, Entry] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._sections = sections
        self._entries = {name: entry for section in sections.values() for name, entry in section.items()}
        self._entries |= unlisted or {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self._entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self._entries and not name.startswith("-"):
            hint = did_you_mean(name, self._entries) or f"{ctx.command_path} --help lists the commands"
            raise TaughtUsageError(f"There is no command {name!r}.", hint=hint, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        width = max(len(name) for entries in self._sections.values() for name in entries)
        for title, entries in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.help) for name, entry in entries.items()])


class TaughtUsageError(click.UsageError):
    """A wrong command line, with a hint that is an action."""

    def __init__(self, message: str, *, hint: str = "", ctx: click.Context | None = None) -> None:
        super().__init__(message, ctx)
        self.hint = hint


def explain(error: click.ClickException) -> tuple[str, str]:
    """Return message and hint of a wrong command line, whoever found it."""
    if isinstance(error, TaughtUsageError) and error.hint:
        return error.message, error.hint
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "repast"
    if isinstance(error, click.NoSuchOption) and context:
        if context.parent is None:
            return error.message, "only global options come before the command: repast COMMAND --help shows the others"
        known = [name for option in context.command.params for name in option.opts if name.startswith("--")]
        return error.message, did_you_mean(error.option_name, known) or f"{path} --help shows the options"
    return error.format_message(), f"{path} --help shows examples"


def unknown(what: str, name: str, known: Iterable[str], ctx: click.Context | None = None) -> TaughtUsageError:
    """Return a usage error for a name that is none of those known; it suggests the closest."""
    known = list(known)
    hint = did_you_mean(name, known) or f"use one of {', '.join(known)}"
    return TaughtUsageError(f"There is no {what} {name!r}.", hint=hint, ctx=ctx)
