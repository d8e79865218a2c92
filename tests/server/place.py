"""One server for many stores: a test's folder is part of the address, so that each test has a place of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from repast.app.config import RepoConfig
from repast.server.application import Application
from repast.server.settings import ServerSettings
from server.feature_server import HttpServer, run_http_server
from server.port import free_port


class Places:
    """Passes ``/<folder>/v1/...`` on to the feature server of that folder."""

    def __init__(self) -> None:
        self._open: dict[str, Application] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        folder, _, rest = scope["path"].partition("/v1/")
        if not rest:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        application = self._open.get(folder)
        if application is None:
            config = RepoConfig(project="project", repo_path=folder, online_store="sqlite")
            settings = ServerSettings(access_log=False, remote_store="write")
            application = self._open[folder] = Application(config, settings)
        await application({**scope, "path": f"/v1/{rest}"}, receive, send)


app = Places()


@contextmanager
def run_places(folder: Path) -> Iterator[HttpServer]:
    """Run it on granian."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "--port", str(port), "server.place:app"]
    tests = str(Path(__file__).parents[1])
    with run_http_server(folder, command, f"http://127.0.0.1:{port}", env={"PYTHONPATH": tests}) as server:
        yield server
