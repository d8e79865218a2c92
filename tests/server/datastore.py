"""Firestore in Datastore mode for tests: Google's own emulator, which keeps rows in memory."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from server.postgres import free_port

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


@contextmanager
def run_datastore() -> Iterator[str]:
    """Run the emulator; yield its address."""
    folder = Path(tempfile.mkdtemp(prefix="repast-datastore-"))
    port = free_port()
    command = [shutil.which("java") or "java", "-Xmx512m", "-Duser.language=en", "-cp", str(find_jar()), _MAIN]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--database-mode", "datastore-mode"],
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 120
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text())
            time.sleep(0.05)  # another process: only asking again can tell
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
