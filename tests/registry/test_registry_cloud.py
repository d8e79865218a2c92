"""The registry suite on S3, Azure and Google Cloud Storage, as tests/server/bucket.py has them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import from_url

from repast.backends.registry.object_store import ObjectStoreRegistry
from repast.errors import InvalidConfigError, UnavailableError
from repast.ports.registry import RegistryStore
from repast.testing.registry import RegistrySuite
from server.bucket import BucketServer, run_azure, run_gcs, run_s3
from server.port import free_port

PLACE = "REPAST_TEST_BUCKET"
"""Environment variable that tells the processes which a test starts where its bucket is."""


@pytest.fixture(scope="module")
def s3() -> Iterator[BucketServer]:
    with run_s3() as server:
        yield server


@pytest.fixture(scope="module")
def gcs() -> Iterator[BucketServer]:
    with run_gcs() as server:
        yield server


@pytest.fixture(scope="module")
def azure() -> Iterator[BucketServer]:
    with run_azure() as server:
        yield server


def open_registry(server: BucketServer, folder: Path, **options: Any) -> ObjectStoreRegistry:
    path = f"{server.url}/{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}/registry.db"
    return ObjectStoreRegistry(repo_path=folder, path=path, storage_options={**server.options, **options})


@pytest.mark.parametrize("name", ["s3", "gcs", pytest.param("azure", marks=pytest.mark.slow)])
def test_the_server_checks_preconditions(name: str, request: pytest.FixtureRequest) -> None:
    """What the suite says about a store behind an emulator is worth nothing if this does not hold."""
    server: BucketServer = request.getfixturevalue(name)
    store = from_url(server.url, config=dict(server.options), client_options={"allow_http": True})  # type: ignore[call-overload]
    first = obstore.put(store, "probe", b"one", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "probe", b"two", mode="create")
    version: Any = {name: mark for name, mark in first.items() if mark}
    obstore.put(store, "probe", b"two", mode=version)
    with pytest.raises(PreconditionError):
        obstore.put(store, "probe", b"three", mode=version)
    obstore.delete(store, "probe")
    with pytest.raises((PreconditionError, FileNotFoundError)):
        obstore.put(store, "probe", b"three", mode=version)


class CloudSuite(RegistrySuite):
    rounds = 6

    def make_store(self, folder: Path) -> RegistryStore:
        return open_registry(BucketServer(**json.loads(os.environ[PLACE])), folder)


def announce(server: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLACE, json.dumps({**vars(server), "options": dict(server.options)}))


@pytest.mark.slow
class TestS3(CloudSuite):
    @pytest.fixture(autouse=True)
    def _server(self, s3: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
        announce(s3, monkeypatch)


@pytest.mark.slow
class TestGoogleCloudStorage(CloudSuite):
    @pytest.fixture(autouse=True)
    def _server(self, gcs: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
        announce(gcs, monkeypatch)


@pytest.mark.slow
class TestAzureBlobStorage(CloudSuite):
    @pytest.fixture(autouse=True)
    def _server(self, azure: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
        announce(azure, monkeypatch)


def test_settings_may_be_in_the_environment(s3: BucketServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    store = ObjectStoreRegistry(repo_path=tmp_path, path=f"{s3.url}/environment")
    store.swap("p.json", b"one", None)
    assert store.names() == ["p.json"]


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    store = ObjectStoreRegistry(repo_path=tmp_path, path="s3://bucket/x", storage_options={"regionn": "x"})
    with pytest.raises(InvalidConfigError, match="regionn"):
        store.names()


@pytest.mark.parametrize("name", ["s3", "gcs", pytest.param("azure", marks=pytest.mark.slow)])
def test_a_bucket_that_is_not_there(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server: BucketServer = request.getfixturevalue(name)
    url = server.url.replace("repast-tests", "no-such-bucket")
    store = ObjectStoreRegistry(repo_path=tmp_path, path=f"{url}/x", storage_options=server.options)
    for call in (lambda: store.load("p.json"), lambda: store.swap("p.json", b"one", None), store.names):
        with pytest.raises(UnavailableError, match=rf"{url}/x: there is no such bucket\."):
            call()


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    options = {"endpoint": f"http://127.0.0.1:{free_port()}", "region": "us-east-1", "skip_signature": True}
    store = ObjectStoreRegistry(repo_path=tmp_path, path="s3://bucket/x", storage_options=options)
    with pytest.raises(UnavailableError, match=r"Cannot read 'p\.json' in the registry s3://bucket/x"):
        store.load("p.json")
