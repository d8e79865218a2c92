"""Object stores for tests: S3 as moto plays it, Azure as Azurite does, Google's as a double of our own.

Each has one bucket, and ``options``: what ``registry.storage_options`` would say. Whether their preconditions are
really checked is what tests/registry/test_registry_cloud.py asks first.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from server.gcs import run_gcs_double
from server.port import free_port

BUCKET = "repast-tests"
_SERVERS = Path(__file__).parents[2] / ".servers"
_AZURE_ACCOUNT = "devstoreaccount1"
_AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account that every Azurite has."""


@dataclass(frozen=True)
class BucketServer:
    """A running object store with one bucket."""

    url: str
    """Of the bucket: ``s3://...``."""
    endpoint: str
    options: Mapping[str, str]
    through: str
    """Which option names the endpoint; a test that puts something in between replaces it."""

    def by_way_of(self, endpoint: str) -> dict[str, str]:
        """Return the options of a client that goes to another address."""
        value = self.options[self.through].replace(self.endpoint, endpoint)
        return {**self.options, self.through: value}


@contextmanager
def run_s3() -> Iterator[BucketServer]:
    """Run moto's S3, in its memory."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with _running([sys.executable, str(Path(__file__).with_name("s3.py")), str(port)], endpoint):
        made = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT", data=b"")
        urllib.request.urlopen(made, timeout=60).close()
        keys = {"access_key_id": "any", "secret_access_key": "any", "region": "us-east-1"}
        yield BucketServer(f"s3://{BUCKET}", endpoint, {"endpoint": endpoint, **keys}, "endpoint")


@contextmanager
def run_gcs() -> Iterator[BucketServer]:
    """Run the double of Google Cloud Storage's XML API: no emulator on PyPI or npm has its preconditions."""
    with run_gcs_double(BUCKET) as endpoint:
        account = {"gcs_base_url": endpoint, "disable_oauth": True, "client_email": "", "private_key": ""}
        options = {"service_account_key": json.dumps({**account, "private_key_id": ""})}
        yield BucketServer(f"gs://{BUCKET}", endpoint, options, "service_account_key")


@contextmanager
def run_azure() -> Iterator[BucketServer]:
    """Run Azurite, the emulator by Azure's makers."""
    program = _SERVERS / "azurite" / "node_modules" / ".bin" / "azurite-blob"
    if not program.exists():
        raise RuntimeError("Azurite is not installed; run scripts/install_servers.sh.")
    port = free_port()
    settings = ["--silent", "--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence"]
    with _running(
        [str(program), "--blobHost", "127.0.0.1", "--blobPort", str(port), *settings], f"http://127.0.0.1:{port}"
    ):
        _make_container(port)
        endpoint = f"http://127.0.0.1:{port}/{_AZURE_ACCOUNT}"
        options = {"account_name": _AZURE_ACCOUNT, "account_key": _AZURE_KEY, "endpoint": endpoint}
        yield BucketServer(f"az://{BUCKET}", f"http://127.0.0.1:{port}", options, "endpoint")


def _make_container(port: int) -> None:
    path = f"/{_AZURE_ACCOUNT}/{BUCKET}"
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    signed = "".join(f"{name}:{value}\n" for name, value in headers.items())
    text = "PUT" + 12 * "\n" + f"{signed}/{_AZURE_ACCOUNT}{path}\nrestype:container"
    digest = hmac.new(base64.b64decode(_AZURE_KEY), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {_AZURE_ACCOUNT}:{base64.b64encode(digest).decode()}"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("PUT", f"{path}?restype=container", headers=headers)
        assert connection.getresponse().status == 201
    finally:
        connection.close()


@contextmanager
def _running(command: Sequence[str], url: str) -> Iterator[None]:
    folder = Path(tempfile.mkdtemp(prefix="repast-bucket-"))
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        _await(server, url, log)
        yield
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _await(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.1)  # a server of another process: only asking again can tell
        else:
            return
