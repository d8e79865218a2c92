"""Whatever people get wrong, they are told what is wrong, where, and what to do; and nothing is lost.

misuse.txt is the table: a name, what somebody typed, and what they are told. The code runs in a project of its own
(misuse_project.py); all but its last statement prepare the mistake, the last one makes it. A line that begins with
``$`` is a command line. After a change on purpose: ``UPDATE_GOLDEN=1 pytest tests/misuse``; read the difference.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from misuse_project import at, make_project, open_store, possessions

import repast
import repast.types
from repast.cli.main import run
from repast.errors import RepastError

TABLE = Path(__file__).with_name("misuse.txt")
AREAS = (
    "yaml",
    "definitions",
    "types",
    "sources",
    "paths",
    "spine",
    "keys",
    "on demand",
    "datasets",
    "online",
    "materialize",
    "push",
    "registry",
    "rollback",
    "teardown",
    "plugins",
    "extras",
    "cli",
)


def read_table() -> dict[str, tuple[str, str]]:
    """Return what is typed and what is told, by name."""
    cases: dict[str, tuple[str, str]] = {}
    for block in TABLE.read_text(encoding="utf-8").split("=== ")[1:]:
        name, _, rest = block.partition("\n")
        typed, _, told = rest.partition("--- says\n")
        assert name not in cases, name
        cases[name] = (typed, told.strip("\n"))
    return cases


CASES = read_table()


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("pristine"))


class Person:
    """Somebody in a project of their own."""

    def __init__(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = project
        self.script = project.parent / "notebook.py"
        self.monkeypatch = monkeypatch
        self.before: dict[str, object] = {}

    def do(self, typed: str) -> str:
        """Type something and return what is told."""
        code, _, command = typed.partition("$ repast")
        if command:
            return self._command(code, command.strip())
        *prepared, mistake = ast.parse(typed).body
        self.script.write_text(typed, encoding="utf-8")
        with open_store(self.project) as store:
            names = self._names(store)
            self._execute(prepared, names)
            self.before = possessions(self.project)
            try:
                self._execute([mistake], names)
            except RepastError as error:
                return self._plain(f"{type(error).__name__}: {error}")
        return "nothing"

    def _command(self, code: str, command: str) -> str:
        with open_store(self.project) as store:
            self._execute(ast.parse(code).body, self._names(store))
        self.before = possessions(self.project)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            exit_code = run(shlex.split(command))
        assert "Traceback" not in out.getvalue() + err.getvalue()
        return self._plain(f"{err.getvalue()}exit code {exit_code}")

    def _execute(self, statements: list[ast.stmt], names: dict[str, Any]) -> None:
        exec(compile(ast.Module(statements, []), str(self.script), "exec"), names)

    def _names(self, store: repast.FeatureStore) -> dict[str, Any]:
        public = {name: getattr(repast, name) for name in repast.__all__}
        types = {name: getattr(repast.types, name) for name in repast.types.__all__}
        given = {"np": np, "pd": pd, "pa": pa, "pl": pl, "pq": pq, "Path": Path, "at": at, "store": store}
        return public | types | given | {"__name__": "notebook", "edit": self.edit, "block": self.block}

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a text in a file."""
        text = Path(file).read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        Path(file).write_text(text.replace(old, new), encoding="utf-8")

    def block(self, *modules: str) -> None:
        """Make modules look as if they were not installed."""
        for module in modules:
            for name in [name for name in sys.modules if name.partition(".")[0] == module]:
                self.monkeypatch.delitem(sys.modules, name)
            self.monkeypatch.setitem(sys.modules, module, None)

    def _plain(self, told: str) -> str:
        for path in dict.fromkeys((str(self.project), os.path.realpath(self.project))):
            told = told.replace(path, "<repo>")
        told = told.replace(str(self.project.parent), "<home>")
        return re.sub(r"\.[0-9a-f]{32}\.", ".UNIQUE.", told).strip("\n")


def update(name: str, told: str) -> None:
    CASES[name] = (CASES[name][0], told)
    text = "".join(f"=== {name}\n{typed}--- says\n{told}\n\n" for name, (typed, told) in CASES.items())
    TABLE.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_misuse_is_explained_and_harmless(
    name: str, pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Path(shutil.copytree(pristine, tmp_path / "shop"))
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "path", sys.path[:])
    person = Person(project, monkeypatch)
    told = person.do(CASES[name][0])
    monkeypatch.undo()
    if os.environ.get("UPDATE_GOLDEN"):
        update(name, told)
    assert possessions(project) == person.before, "something was changed"
    assert told == CASES[name][1]
    assert "hint: " in told, "nobody says what to do"
    assert not re.search(r"should not have happened|exit code [01]\b|object at 0x", told)


def test_table_covers_every_area() -> None:
    areas = Counter(name.partition(":")[0] for name in CASES)
    assert set(areas) == set(AREAS)
    assert len(CASES) >= 60
