"""Firestore in Datastore mode for tests: Google's own emulator."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

from server.pause import paused
from server.port import free_port

PROJECT = "tests"
"""The project whose rows the emulator keeps when it is stopped."""
_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"


def find_jar() -> Path:
    """Return the emulator, which comes with the Google Cloud CLI as one of its components."""
    roots = [Path("/usr/lib/google-cloud-sdk"), Path.home() / "google-cloud-sdk"]
    gcloud = shutil.which("gcloud")
    if gcloud:
        roots.insert(0, Path(gcloud).resolve().parents[1])
    for root in roots:
        jar = root / "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
        if jar.exists():
            return jar
    raise RuntimeError(
        "The Firestore emulator is not installed: it is the component cloud-firestore-emulator of gcloud."
    )


class DatastoreServer:
    """A running emulator, which keeps its rows when it is stopped and loses them when it is killed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "export").mkdir()
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start on the same port, with the rows that the last stop kept; return when it listens."""
        kept = self._folder / "export" / "kept" / "kept.overall_export_metadata"
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(shutil.which("java") or "java", "-Xmx512m", "-Duser.language=en", "-cp", str(find_jar()), _MAIN),
                    *("--host", "127.0.0.1", "--port", str(self.port), "--database-mode", "datastore-mode"),
                    *("--export-on-exit", str(self._folder / "export"), "--export-name", "kept"),
                    *("--project_id", PROJECT, *(("--seed_from_export", str(kept)) if kept.exists() else ())),
                ],
                cwd=self._folder,
                env={**os.environ, "HOME": str(self._folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 120
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.05)  # another process: only asking again can tell

    def stop(self) -> None:
        """Stop in order, cutting connections; rows of the project are there again after a start."""
        assert self._process is not None
        shutil.rmtree(self._folder / "export" / "kept", ignore_errors=True)
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("POST", "/shutdown")  # a signal would end it before it has kept anything
            connection.getresponse().read()
        self._process.wait(60)
        self._process = None

    def kill(self) -> None:
        """Stop at once. The emulator has its rows in memory: they are gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(60)
            self._process = None
        shutil.rmtree(self._folder / "export" / "kept", ignore_errors=True)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let it answer nothing for a while, with all connections open."""
        assert self._process is not None
        with paused(self._process):
            yield


@contextmanager
def run_datastore_server() -> Iterator[DatastoreServer]:
    """Run the emulator."""
    folder = Path(tempfile.mkdtemp(prefix="repast-datastore-"))
    server = None
    try:
        server = DatastoreServer(folder)
        yield server
    finally:
        if server is not None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def run_datastore() -> Iterator[str]:
    """Run the emulator; yield its address."""
    with run_datastore_server() as server:
        yield server.address


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
