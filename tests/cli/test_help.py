"""Help teaches: every command has examples, the overview is complete and quick, the reference page is current."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from command_line import run_repast

from repast.cli.catalog import ENTRIES, KIND_GROUPS, KINDS
from repast.cli.exit import BY_ERROR, MEANING
from repast.cli.group import TaughtCommand
from repast.cli.main import cli
from repast.errors import RepastError

ROOT = Path(__file__).parents[2]
HEAVY = ("pyarrow", "numpy", "pandas", "polars", "duckdb", "sqlglot", "sqlite3", "obstore", "rich", "yaml", "msgspec")


def commands() -> Iterator[tuple[str, click.Command]]:
    root = click.Context(cli, info_name="repast")
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", found) for sub, found in command.commands.items())
        else:
            yield name, command


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_says_what_it_does_and_shows_examples(name: str, command: click.Command) -> None:
    assert isinstance(command, TaughtCommand)
    assert command.help
    assert command.examples
    for line, comment in command.examples:
        assert line.startswith("repast ")
        assert comment


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_examples_parse(name: str, command: click.Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An example names only commands and options that exist."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "feature_repo").mkdir()
    assert isinstance(command, TaughtCommand)
    known = dict(commands())
    for line, _ in command.examples:
        words = shlex.split(line.replace("\\\n", " "))[1:]
        words = words[2:] if words[0] in ("-c", "-f") else words
        if words == ["--version"]:
            continue
        length = 1 if words[0] in known else 2
        named = known[" ".join(words[:length])]
        named.parse_args(click.Context(named), words[length:])


def test_every_option_says_what_it_does() -> None:
    for name, command in commands():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.opts}"


def test_overview_lists_every_command_once(tmp_path: Path) -> None:
    result = run_repast("--help", cwd=tmp_path)
    assert result.code == 0
    for name, entry in ENTRIES.items():
        assert len(re.findall(rf"^  {name} ", result.out, re.MULTILINE)) == 1
        assert entry.help in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_no_arguments_show_the_overview(tmp_path: Path) -> None:
    result = run_repast(cwd=tmp_path)
    assert (result.code, "Start here:" in result.out + result.err) == (2, True)


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from repast.cli.main import run\n"
        "run(['--help'])\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


@pytest.mark.parametrize("name", list(ENTRIES))
def test_help_of_a_command_imports_nothing_heavy(name: str) -> None:
    script = (
        "import sys\n"
        "from repast.cli.main import run\n"
        f"run([{name!r}, '--help'])\n"
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_every_kind_has_a_group_in_feasts_spelling() -> None:
    assert list(KIND_GROUPS) == list(KINDS)


def test_every_error_category_has_an_exit_code() -> None:
    def categories(cls: type[RepastError]) -> Iterator[type[RepastError]]:
        yield cls
        for sub in cls.__subclasses__():
            yield from categories(sub)

    codes = {cls.code for cls in categories(RepastError) if cls.__module__ == "repast.errors"}
    assert codes == set(BY_ERROR)
    assert set(BY_ERROR.values()) <= set(MEANING)


def test_reference_page_is_what_the_script_makes() -> None:
    spec = importlib.util.spec_from_file_location("make_cli_reference", ROOT / "scripts/make_cli_reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs/reference/cli.md").read_text() == module.page() + "\n", (
        "run: python scripts/make_cli_reference.py"
    )


@pytest.mark.parametrize("group", ["entities", "migrate"])
def test_a_group_alone_shows_its_help(tmp_path: Path, group: str) -> None:
    alone, asked = run_repast(group, cwd=tmp_path), run_repast(group, "--help", cwd=tmp_path)
    assert (alone.code, alone.out, alone.err) == (2, "", asked.out)
