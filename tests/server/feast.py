"""The real Feast, in an environment of its own: a repo over the same data, its server, its SDK."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from server.feature_server import HttpServer, run_http_server
from server.port import free_port

_ROOT = Path(__file__).parents[2]
FEAST_ENVIRONMENT = {"FEAST_USAGE": "False", "PYTHONOPTIMIZE": "1"}
"""In which Feast tells nobody that it is used, and does without its type checks, which are most of its start.

What it answers is the same. In scripts for it, say what is wrong by other means than ``assert``.
"""


def feast_python() -> str:
    """Return the interpreter that has Feast."""
    python = os.environ.get("REPAST_FEAST_PYTHON") or str(_ROOT / ".servers/feast/bin/python")
    if not Path(python).exists():
        raise RuntimeError("Feast is not there; run: scripts/install_servers.sh (or name it: REPAST_FEAST_PYTHON)")
    return python


def run_feast_script(script: Path, *arguments: str) -> Any:
    """Run a script with Feast and return the JSON document that is the last line it prints."""
    done = subprocess.run(
        [feast_python(), str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        env={**os.environ, **FEAST_ENVIRONMENT},
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def run_feast_server(repo: Path) -> Iterator[HttpServer]:
    """Run ``feast serve`` in a repo; return when it answers."""
    port = free_port()
    command = [feast_python(), "-m", "feast.cli.cli", "serve", "--port", str(port), "--no-access-log"]
    with run_http_server(repo, command, f"http://127.0.0.1:{port}", env=FEAST_ENVIRONMENT) as server:
        yield server
