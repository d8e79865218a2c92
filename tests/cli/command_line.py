"""Runs command lines in this process, with streams that are no terminals."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repast.cli.main import run

MOMENT = "2013-03-28T18:00:00Z"


@dataclass(frozen=True)
class Result:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Repast = Callable[..., Result]
"""The fixture ``repast``: runs a command line in the shared project, or in another folder."""


def run_repast(*args: str, cwd: Path) -> Result:
    """Run a command line in a folder; nothing is a terminal."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(args))
    return Result(code, out.getvalue(), err.getvalue())


def run_all(commands: Sequence[Sequence[str]], cwd: Path) -> None:
    for command in commands:
        result = run_repast(*command, cwd=cwd)
        assert result.code == 0, f"repast {' '.join(command)}\n{result.out}\n{result.err}"
