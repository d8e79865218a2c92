"""The real Feast, in a process and an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from repast.app.migration import feast_script
from repast.app.migration.retrieval import Retrieval, ShadowRequest
from repast.app.migration.spine import numbered
from repast.errors import MissingDependencyError, UnavailableError


def run_feast(
    request: ShadowRequest, repo: Path, until: datetime | None, asked: Sequence[Retrieval], place: Path
) -> dict[str, Any]:
    import pyarrow.parquet as pq

    retrievals = []
    for i, one in enumerate(asked):
        path = place / f"spine-{i}.parquet"
        pq.write_table(numbered(one.spine) if one.kind == "historical" else one.spine, path)
        features = [] if one.service else one.features
        retrievals.append(
            {"kind": one.kind, "spine": str(path), "features": features, "service": one.service, "outputs": one.outputs}
        )
    document = {"repo": str(repo), "load_until": until.isoformat() if until else None, "retrievals": retrievals}
    (place / "request.json").write_text(json.dumps(document), encoding="utf-8")
    _start(request, place)
    found: dict[str, Any] = json.loads((place / "answer.json").read_text(encoding="utf-8"))
    if "not_feast" in found:
        raise _no_feast(request.python, f"its feast is the one of repast-feast ({found['not_feast']})")
    return found


def _start(request: ShadowRequest, place: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    script = place / "script" / "feast_script.py"
    script.parent.mkdir()
    shutil.copyfile(feast_script.__file__, script)  # alone: Python looks for modules beside the script first
    command = [request.python, str(script), str(place / "request.json"), str(place / "answer.json")]
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter is the user's
            command,
            env={**environment, "FEAST_USAGE": "False", "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=request.timeout.total_seconds(),
            check=False,
        )
    except OSError as error:
        raise _no_feast(request.python, error.strerror or str(error)) from error
    except subprocess.TimeoutExpired:
        raise UnavailableError(
            f"Feast did not answer within {request.timeout}.",
            hint="ask for fewer rows, or give it more time: --timeout",
        ) from None
    if done.returncode:
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        if last.startswith("ModuleNotFoundError: No module named 'feast'"):
            raise _no_feast(request.python, "it has no module 'feast'")
        raise UnavailableError(f"Feast failed: {last}", hint="does 'feast apply' work in the repo, with its Python?")


def _no_feast(python: str, why: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{python} does not run Feast: {why}.",
        hint="name the interpreter of Feast's own environment: --feast path/to/venv/bin/python",
    )
