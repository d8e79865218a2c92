"""Runs the documents in docs/: what a reader would type is typed, and what they would see is compared.

How a code block is run depends on its language:

============================  ===================================================================================
``console``                   Lines after ``$`` are run by bash; the lines below must be the whole output,
                              stdout and stderr, word for word. ``cd`` holds for the rest of the document.
``python title="file.py"``    Written to that file, in the folder that the document is in by then. Any language
                              may have a title. ``add="file.py"`` appends to it instead.
``pycon``                     A Python session: the blocks of one document are one session, checked like a doctest.
``python``                    Run in the same session.
``crontab``                   The command of every line is run by bash and has to succeed.
``text``                      Not run.
============================  ===================================================================================

Any other language fails the test. One thing in an output may differ from run to run: the present. An instant less
than an hour from now is compared as ``2026-01-05T09:30:00Z``, and that is how documents write it.
``pip install repast`` is not run: the test runs what is installed.
"""

from __future__ import annotations

import contextlib
import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

NOW = "2026-01-05T09:30:00Z"
_FENCE = re.compile(r"^```(\S*)[ ]*(.*?)\n(.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
_CRON_FIELDS = 5


@dataclass(frozen=True)
class Block:
    """One fenced code block of a document."""

    language: str
    attributes: dict[str, str]
    text: str
    line: int


@dataclass
class Reader:
    """A reader who follows a document from the top: a folder, a Python session."""

    folder: Path
    home: Path
    session: dict[str, object] = field(default_factory=lambda: {"__name__": "__main__"})

    def follow(self, block: Block, where: str) -> None:
        """Do what one block says."""
        if "title" in block.attributes:
            (self.folder / block.attributes["title"]).write_text(block.text)
        elif "add" in block.attributes:
            with (self.folder / block.attributes["add"]).open("a") as file:
                file.write("\n\n" + block.text)
        elif block.language == "console":
            for command, expected in _commands(block.text):
                self._type(command, expected, where)
        elif block.language == "crontab":
            for line in block.text.splitlines():
                if line and not line.startswith("#"):
                    self._type(line.split(None, _CRON_FIELDS)[_CRON_FIELDS], None, where)
        elif block.language in ("python", "pycon"):
            self._session(block, where)
        else:
            assert block.language == "text", f"{where}: nobody knows how to run a block of {block.language!r}"

    def _type(self, command: str, expected: str | None, where: str) -> None:
        if command.startswith("pip install "):
            return
        noted = self.home / ".folder"
        script = f"cd '{self.folder}' || exit 99\n{command}\nstatus=$?\npwd > '{noted}'\nexit $status\n"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script],
            env={**os.environ, "PATH": path, "HOME": str(self.home), "PYTHONWARNINGS": "error"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.folder = Path(noted.read_text().strip())
        seen = _without_present(done.stdout).rstrip("\n")
        if expected is None:
            assert done.returncode == 0, f"{where}: {command}\n{seen}"
            return
        assert seen == expected, f"{where}: $ {command}\n--- the document says\n{expected}\n--- but it is\n{seen}"
        assert done.returncode == 0 or "error:" in seen, f"{where}: {command} exited with {done.returncode}"

    def _session(self, block: Block, where: str) -> None:
        with contextlib.chdir(self.folder):
            if block.language == "python":
                exec(compile(block.text, where, "exec"), self.session)
                return
            test = doctest.DocTestParser().get_doctest(block.text, self.session, where, where, block.line)
            test.globs = self.session  # get_doctest copies it; the session goes on
            report: list[str] = []
            flags = doctest.NORMALIZE_WHITESPACE
            results = doctest.DocTestRunner(optionflags=flags).run(test, out=report.append, clear_globs=False)
            assert results.failed == 0, "".join(report)


def read_blocks(path: Path) -> list[Block]:
    """Return the code blocks of a Markdown file."""
    text = path.read_text()
    return [
        Block(
            language=found[1],
            attributes=dict(re.findall(r'(\w+)="([^"]*)"', found[2])),
            text=found[3],
            line=text.count("\n", 0, found.start()) + 1,
        )
        for found in _FENCE.finditer(text)
    ]


def follow(path: Path, folder: Path) -> None:
    """Follow a whole document in an empty folder."""
    reader = Reader(folder, folder)
    for block in read_blocks(path):
        reader.follow(block, f"{path.name}:{block.line}")


def _commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with the output below it."""
    commands: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append(([line[2:]], []))
        elif commands and commands[-1][0][-1].endswith("\\") and not commands[-1][1]:
            commands[-1][0].append(line)
        else:
            commands[-1][1].append(line)
    return [("\n".join(command), "\n".join(output).rstrip("\n")) for command, output in commands]


def _without_present(output: str) -> str:
    now = datetime.now(UTC)

    def replace(found: re.Match[str]) -> str:
        moment = datetime.fromisoformat(found[0])
        return NOW if abs(now - moment) < timedelta(hours=1) else found[0]

    return _INSTANT.sub(replace, output)
