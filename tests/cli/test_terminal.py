"""What a person at a terminal gets: colours unless they object, tables that fit, questions before damage."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from repast.cli.main import run

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Run a command line with streams that are terminals; return its exit code and all it wrote."""

    def call(
        args: Sequence[str], cwd: Path, *, typed: str = "", width: int = 80, env: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        screen = Terminal()
        with monkeypatch.context() as patch, contextlib.chdir(cwd):
            patch.delenv("NO_COLOR", raising=False)
            for name, value in {"TERM": "xterm-256color", "COLUMNS": str(width), "LINES": "40", **(env or {})}.items():
                patch.setenv(name, value)
            patch.setattr("sys.stdin", Terminal(typed))
            patch.setattr("sys.stdout", screen)
            patch.setattr("sys.stderr", screen)
            code = run(list(args))
        return code, screen.getvalue()

    return call


OnTerminal = Callable[..., tuple[int, str]]


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_real_terminal(served: Path) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 60, 0, 0))
    hidden = ("NO_COLOR", "COLUMNS", "LINES")
    env = {name: value for name, value in os.environ.items() if name not in hidden} | {"TERM": "xterm-256color"}
    command = [sys.executable, "-m", "repast.cli.main", "list", "features"]
    with subprocess.Popen(command, cwd=served, stdin=theirs, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        seen = _read_all(ours)
    assert process.returncode == 0
    assert "\x1b[" in seen
    assert max(len(ESCAPE.sub("", line).rstrip()) for line in seen.splitlines()) <= 60


def _read_all(descriptor: int) -> str:
    written = bytearray()
    with contextlib.suppress(OSError):  # how Linux says that the other side is closed
        while chunk := os.read(descriptor, 65536):
            written += chunk
    os.close(descriptor)
    return written.decode().replace("\r\n", "\n")


def test_colours_on_a_terminal(on_terminal: OnTerminal, served: Path) -> None:
    code, seen = on_terminal(["list", "entities"], served)
    assert code == 0
    assert "\x1b[" in seen
    assert "plane" in seen


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_if_a_person_objects(on_terminal: OnTerminal, env: Mapping[str, str], served: Path) -> None:
    for args in (["log"], ["list"], ["describe", "entities", "plan"]):
        _, seen = on_terminal(args, served, env=env)
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", seen), args


@pytest.mark.parametrize("width", [60, 80, 120])
def test_tables_fit_the_window(on_terminal: OnTerminal, width: int, served: Path) -> None:
    for args in (
        ["list", "features"],
        ["get-historical-features", "-s", "delay_model", "-d", "data/departures.parquet"],
        ["get-online-features", "-f", "weather:temp", "-e", "origin=JFK"],
    ):
        code, seen = on_terminal(args, served, width=width)
        assert code == 0
        assert max(len(ESCAPE.sub("", line).rstrip()) for line in seen.splitlines()) <= width


def test_a_narrow_window_shows_every_column(on_terminal: OnTerminal, served: Path) -> None:
    _, seen = on_terminal(["get-historical-features", "-s", "delay_model", "-d", "data/departures.parquet"], served)
    plain = ESCAPE.sub("", seen)
    assert [name for name in ("event_timestamp", "arr_delay", "last_arr_delay", "visib") if name not in plain] == []
    assert "27,900 more rows" in plain


def test_teardown_asks_for_the_name(on_terminal: OnTerminal, mine: Path) -> None:
    code, seen = on_terminal(["teardown"], mine, typed="flight\n")
    assert (code, "nothing was removed" in seen) == (2, True)
    code, seen = on_terminal(["teardown"], mine, typed="flights\n")
    assert (code, "Removed the project flights." in seen) == (0, True)


def test_apply_asks_before_it_drops_served_values(on_terminal: OnTerminal, mine: Path) -> None:
    path = mine / "features.py"
    path.write_text(path.read_text().replace('name="arrivals", dtype=Int64', 'name="arrivals", dtype=Float64'))
    code, seen = on_terminal(["apply"], mine, typed="n\n")
    assert code == 130
    assert "Drop these served values?" in seen
    code, seen = on_terminal(["apply"], mine, typed="y\n")
    assert (code, "generation 2" in seen) == (0, True)


def test_progress_vanishes_and_the_report_stays(on_terminal: OnTerminal, mine: Path) -> None:
    code, seen = on_terminal(["materialize", "2013-01-01", "2013-04-01"], mine)
    assert code == 0
    assert "plane_history" in ESCAPE.sub("", seen.splitlines()[-2])


def test_progress_of_training_data_vanishes_too(on_terminal: OnTerminal, mine: Path) -> None:
    args = ["get-historical-features", "-s", "delay_model", "-d", "data/departures.parquet", "-o", "training.parquet"]
    code, seen = on_terminal(args, mine)
    assert code == 0
    bar = ESCAPE.sub("", seen.splitlines()[1])
    assert bar.startswith("rows")
    assert ESCAPE.sub("", seen.splitlines()[-1]).endswith("columns to training.parquet.")


def test_ctrl_c_is_quiet(served: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; from repast.cli.main import run, cli\n"
         "import click, sys\n"
         "def wait(*a, **k): print('ready', flush=True); time.sleep(60)\n"
         "from repast.app.store import FeatureStore\n"
         "FeatureStore.plan = wait\n"
         "sys.exit(run(['plan']))"],
        cwd=served,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (130, "interrupted\n")
    assert time.monotonic() - started < 30
