"""``repast serve`` in a process of its own, on a free port; the real ``feast serve``, and ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from server.port import free_port


class HttpServer:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.process = process
        self.url = url
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop, and return its exit code."""
        self.process.send_signal(how)
        return self.process.wait(60)


@contextmanager
def run_repast_server(
    repo: Path, *arguments: str, env: Mapping[str, str] | None = None, module: str = "repast"
) -> Iterator[HttpServer]:
    """Run ``repast serve``, or that of another module, in a repo; return when it answers."""
    port = free_port()
    scheme = "https" if "--cert" in arguments else "http"
    command = [sys.executable, "-m", module, "serve", "--port", str(port), *arguments]
    with run_http_server(repo, command, f"{scheme}://127.0.0.1:{port}", env=env) as server:
        yield server


@contextmanager
def run_http_server(
    folder: Path, command: Sequence[str], url: str, *, env: Mapping[str, str] | None = None
) -> Iterator[HttpServer]:
    """Run a server until it has answered /health and the test is done with it."""
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, stdout=out, stderr=out, start_new_session=True, env={**os.environ, **(env or {})}
        )
    server = HttpServer(process, url, log)
    try:
        _await(server)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the session that was started for it, workers included
            process.wait()


def _await(server: HttpServer) -> None:
    import ssl

    context = ssl._create_unverified_context() if server.url.startswith("https") else None
    deadline = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(f"{server.url}/health", timeout=5, context=context).close()
        except (urllib.error.URLError, OSError):
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(server.log) from None
            time.sleep(0.05)  # a server of another process: only asking again can tell
        else:
            return
