"""Runs the documents in docs/: what a reader would type is typed, and what they would see is compared.

How a code block is run depends on its language:

============================  ===================================================================================
``console``                   Lines after ``$`` are run by bash; the lines below must be the whole output,
                              stdout and stderr, word for word. ``cd`` holds for the rest of the document.
``pycon``                     A Python session: the blocks of one document are one session. The lines below must
                              be what it prints.
``python``                    Run in the same session.
``python title="file.py"``    Written to that file, in the folder that the document is in by then. Any language
                              may have a title; ``add="file.py"`` appends to the file instead.
``python part="file.py"``     Not run: it must be a part of that file, word for word.
``crontab``                   The command of every line is run by bash and has to succeed.
``yaml``                      A part of feature_store.yaml: checked against the backends that it names.
``text``                      Not run.
============================  ===================================================================================

Any other language fails the test. One thing in an output may differ from run to run: the present. An instant less
than an hour from now is compared as ``2026-01-05T09:30:00Z``, and that is how documents write it.
``pip install repast`` is not run: the test runs what is installed. A plain ``repast`` command is run in this process,
which takes a tenth of the time; with ``pytest --slow`` it is run by bash like everything else.

``python tests/docs/document.py docs/tutorial.md`` writes what was seen into the document: read the difference before
you commit it.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from repast.app.config import RepoConfig
from repast.app.document import decode_document
from repast.app.plugin import check_backends

NOW = "2026-01-05T09:30:00Z"
BUG = "should not have happened"
"""What ``repast`` says of an error that is its own. No document shows that."""
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


def check_configuration(text: str, folder: Path) -> None:
    """Check a part of feature_store.yaml, without connecting to anything; variables may have any value."""
    text = text if re.search("^project:", text, re.MULTILINE) else f"project: demo\n{text}"
    variables = dict.fromkeys(re.findall(r"\$\{(\w+)", text), "value")
    values = decode_document(text.encode(), file="feature_store.yaml", environ=variables)
    problems = check_backends(RepoConfig.of(values, repo_path=folder))
    assert not problems, f"{text}\n{problems}"


@dataclass
class Reader:
    """A reader who follows a document from the top: a folder, a Python session."""

    folder: Path
    home: Path
    real_processes: bool = True
    session: dict[str, object] = field(default_factory=lambda: {"__name__": "__main__"})

    def follow(self, block: Block) -> str:
        """Do what one block says and return its text as it should be: commands with what they really print."""
        if "title" in block.attributes:
            (self.folder / block.attributes["title"]).write_text(block.text)
        elif "add" in block.attributes:
            with (self.folder / block.attributes["add"]).open("a") as file:
                file.write("\n\n" + block.text)
        elif "part" in block.attributes:
            assert block.text in (self.folder / block.attributes["part"]).read_text(), "the file has no such part"
        elif block.language == "console":
            return "".join(f"$ {command}\n{self._type(command)}" for command in _commands(block.text))
        elif block.language == "pycon":
            return self._session(block.text)
        elif block.language == "python":
            with contextlib.chdir(self.folder):
                exec(block.text, self.session)
        elif block.language == "yaml":
            check_configuration(block.text, self.folder)
        elif block.language == "crontab":
            for line in block.text.splitlines():
                if line and not line.startswith("#"):
                    self._type(line.split(None, _CRON_FIELDS)[_CRON_FIELDS], may_print=False)
        else:
            assert block.language == "text", f"nobody knows how to run a block of {block.language!r}"
        return block.text

    def _type(self, command: str, *, may_print: bool = True) -> str:
        if command.startswith("pip install "):
            return ""
        if not self.real_processes and _is_plain(command):
            return self._type_here(command)
        noted = self.home / ".folder"
        script = f"cd '{self.folder}' || exit 99\n{command}\nstatus=$?\npwd > '{noted}'\nexit $status\n"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script],
            env={**os.environ, "PATH": path, "HOME": str(self.home), "PYTHONWARNINGS": "error", "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if noted.exists():
            self.folder = Path(noted.read_text().strip())
        seen = _without_present(done.stdout)
        assert BUG not in seen, f"$ {command}\n{seen}"
        assert done.returncode == 0 or "error:" in seen, f"$ {command}\nexited with {done.returncode}\n{seen}"
        assert may_print or not seen, f"$ {command}\n{seen}"
        return seen

    def _type_here(self, command: str) -> str:
        from repast.cli.main import run

        printed = io.StringIO()
        args = shlex.split(command.replace("\\\n", ""))[1:]
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = run(args)
        seen = _without_present(printed.getvalue())
        assert BUG not in seen, f"$ {command}\n{seen}"
        assert code == 0 or "error:" in seen, f"$ {command}\nexited with {code}\n{seen}"
        return seen

    def _session(self, text: str) -> str:
        pieces: list[str] = []
        with contextlib.chdir(self.folder):
            for part in doctest.DocTestParser().parse(text):
                if isinstance(part, str):
                    pieces.append(part)
                    continue
                first, *others = part.source.splitlines()
                pieces.append("".join([f">>> {first}\n", *(f"... {line}".rstrip() + "\n" for line in others)]))
                pieces.append(_without_present(self._evaluate(part.source)))
        return "".join(pieces)

    def _evaluate(self, source: str) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                exec(compile(source, "<session>", "single"), self.session)
            except Exception as error:  # noqa: BLE001 - a session shows whatever is raised
                name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
                return f"Traceback (most recent call last):\n  ...\n{name}: {error}\n"
        return printed.getvalue()


def read_blocks(text: str) -> list[Block]:
    """Return the code blocks of a Markdown text."""
    return [
        Block(
            language=found[1],
            attributes=dict(re.findall(r'(\w+)="([^"]*)"', found[2])),
            text=found[3],
            line=text.count("\n", 0, found.start()) + 1,
        )
        for found in _FENCE.finditer(text)
    ]


def follow(path: Path, folder: Path, *, real_processes: bool = True) -> int:
    """Follow a whole document in an empty folder; return the number of its code blocks.

    Raises:
        AssertionError: What is seen is not what the document says.

    """
    reader = Reader(folder, folder, real_processes)
    blocks = read_blocks(path.read_text())
    for block in blocks:
        seen = reader.follow(block)
        assert seen == block.text, f"{path.name}:{block.line}: the document says\n{block.text}\nand it is\n{seen}"
    return len(blocks)


def rewrite(path: Path) -> None:
    """Follow a document and write what was seen into it."""
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(Path(folder), Path(folder))

        def replace(found: re.Match[str]) -> str:
            (block,) = read_blocks(found[0])
            return found[0].replace(block.text, reader.follow(block))

        path.write_text(_FENCE.sub(replace, path.read_text()))


def _commands(text: str) -> list[str]:
    """Return the commands of a console block, without the output below them."""
    commands: list[str] = []
    goes_on = False
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append(line[2:])
        elif goes_on:
            commands[-1] += f"\n{line}"
        else:
            continue
        goes_on = line.endswith("\\") or _is_open(commands[-1])
    return commands


def _is_plain(command: str) -> bool:
    """Tell whether a command is ``repast`` with arguments, and nothing that a shell has to look at."""
    tokens = list(shlex.shlex(command.replace("\\\n", ""), posix=True, punctuation_chars=True))
    return tokens[0] == "repast" and not any(set(token) <= set("|&;<>()") for token in tokens) and "$" not in command


def _is_open(command: str) -> bool:
    """Tell whether a quotation goes on in the next line."""
    try:
        shlex.split(command)
    except ValueError:
        return True
    return False


def _without_present(output: str) -> str:
    now = datetime.now(UTC)

    def replace(found: re.Match[str]) -> str:
        moment = datetime.fromisoformat(found[0])
        return NOW if abs(now - moment) < timedelta(hours=1) else found[0]

    return _INSTANT.sub(replace, output)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        rewrite(Path(name))
