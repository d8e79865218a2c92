"""Write docs/reference/cli.md from the commands themselves.

Run it with ``python scripts/make_cli_reference.py`` after changing a command; a test compares the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from repast.cli.catalog import KINDS, SECTIONS
from repast.cli.exit import MEANING
from repast.cli.group import TaughtCommand
from repast.cli.main import cli

PAGE = Path(__file__).parents[1] / "docs/reference/cli.md"

INTRODUCTION = """# Command line

*Made by `scripts/make_cli_reference.py`; change the commands, not this page.*

Output goes to stdout, errors and progress to stderr. Colours and progress bars appear on a terminal only, and
`NO_COLOR=1` turns colours off. `--json` prints one JSON document for programs: instants as ISO 8601 in UTC, NaN as
null, bytes as hexadecimal. Moments that you type are ISO 8601; without a zone they mean UTC.
"""


def page() -> str:
    """Return the text of the page."""
    return "\n".join([INTRODUCTION, *_global_options(), *_commands(), *_feast_spelling(), *_exit_codes()])


def _global_options() -> Iterator[str]:
    yield "## Global options\n"
    yield "They come before the command: `repast -c flights plan`.\n"
    yield from _options(cli)


def _commands() -> Iterator[str]:
    root = click.Context(cli, info_name="repast")
    for title, entries in SECTIONS.items():
        yield f"## {title}\n"
        for name in entries:
            command = cli.get_command(root, name)
            assert command is not None
            yield from _command(name, command, root)


def _command(name: str, command: click.Command, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    if isinstance(command, click.Group):
        for sub, member in command.commands.items():
            yield from _command(f"{name} {sub}", member, context)
        return
    assert isinstance(command, TaughtCommand)
    yield f"### {name}\n"
    yield f"`{' '.join(command.get_usage(context).removeprefix('Usage: ').split())}`\n"
    yield f"{_paragraphs(command)}\n"
    yield from _options(command)
    yield from _examples(command)


def _paragraphs(command: click.Command) -> str:
    import inspect

    return inspect.cleandoc(command.help or "")


def _options(command: click.Command) -> Iterator[str]:
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    if not options:
        return
    yield "| option | what it does |"
    yield "|---|---|"
    for option in options:
        names = ", ".join(option.opts)
        value = "" if option.is_flag or option.is_eager else f" {_value_name(option)}"
        default = f" Default: {option.default}." if option.show_default else ""
        yield f"| `{names}{value.replace('|', chr(92) + '|')}` | {option.help}{default} |"
    yield ""


def _value_name(option: click.Option) -> str:
    if option.metavar:
        return option.metavar
    return "|".join(option.type.choices) if isinstance(option.type, click.Choice) else "TEXT"


def _examples(command: TaughtCommand) -> Iterator[str]:
    yield "```console"
    for line, comment in command.examples:
        yield f"# {comment}"
        yield f"$ {line}"
    yield "```\n"


def _feast_spelling() -> Iterator[str]:
    yield "## Feast's spelling\n"
    yield "`repast KIND list` is `repast list KIND`, and `repast KIND describe NAME` is `repast describe KIND NAME`."
    yield f"The kinds are {', '.join(f'`{kind}`' for kind in KINDS)}.\n"


def _exit_codes() -> Iterator[str]:
    yield "## Exit codes\n"
    yield "| code | meaning |"
    yield "|---|---|"
    for code, meaning in MEANING.items():
        yield f"| {code} | {meaning.replace('|', chr(92) + '|')} |"


def main() -> None:
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page() + "\n")
    print(f"wrote {PAGE.name}")


if __name__ == "__main__":
    main()
