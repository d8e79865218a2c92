"""The registry suite on S3, as moto's server plays it; its preconditions are really checked (see the first test)."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store

from repast.backends.registry.object_store import ObjectStoreRegistry
from repast.errors import InvalidConfigError, UnavailableError
from repast.ports.registry import RegistryStore
from repast.testing.registry import RegistrySuite

pytestmark = pytest.mark.slow

BUCKET = "registry-suite"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Ask for the bucket until the server answers; it makes it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(urllib.request.Request(url, method="PUT", data=b""), timeout=5).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)  # a server of another process: only asking again can tell
        else:
            return


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    executable = shutil.which("moto_server")
    if executable is None:
        pytest.skip("needs moto[server] on the PATH")
    port = _free_port()
    server = subprocess.Popen(
        [executable, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/{BUCKET}", server)
        yield url
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(autouse=True)
def _environment(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


def test_the_server_checks_preconditions(endpoint: str) -> None:
    store = S3Store(BUCKET, endpoint=endpoint, region="us-east-1", client_options={"allow_http": True})
    first = obstore.put(store, "probe", b"one", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "probe", b"two", mode="create")
    e_tag = first["e_tag"]
    assert e_tag
    obstore.put(store, "probe", b"two", mode={"e_tag": e_tag})
    with pytest.raises(PreconditionError):
        obstore.put(store, "probe", b"three", mode={"e_tag": e_tag})


class TestS3(RegistrySuite):
    rounds = 6

    def make_store(self, folder: Path) -> RegistryStore:
        return ObjectStoreRegistry(repo_path=folder, path=f"s3://{BUCKET}{folder}/registry.db")


def test_settings_may_be_in_the_configuration(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    options = {"endpoint": endpoint, "region": "us-east-1", "access_key_id": "any", "secret_access_key": "any"}
    store = ObjectStoreRegistry(repo_path=tmp_path, path=f"s3://{BUCKET}/options", storage_options=options)
    store.swap("p.json", b"one", None)
    assert store.names() == ["p.json"]


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    store = ObjectStoreRegistry(repo_path=tmp_path, path=f"s3://{BUCKET}/x", storage_options={"regionn": "x"})
    with pytest.raises(InvalidConfigError, match="regionn"):
        store.names()


def test_a_bucket_that_is_not_there(tmp_path: Path) -> None:
    store = ObjectStoreRegistry(repo_path=tmp_path, path="s3://no-such-bucket/x")
    for call in (lambda: store.load("p.json"), lambda: store.swap("p.json", b"one", None), store.names):
        with pytest.raises(UnavailableError, match=r"s3://no-such-bucket/x: there is no such bucket\."):
            call()


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    options = {"endpoint": f"http://127.0.0.1:{_free_port()}", "region": "us-east-1", "skip_signature": True}
    store = ObjectStoreRegistry(repo_path=tmp_path, path="s3://bucket/x", storage_options=options)
    with pytest.raises(UnavailableError, match=r"Cannot read 'p\.json' in the registry s3://bucket/x"):
        store.load("p.json")
