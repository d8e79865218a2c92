"""Registries in object stores when answers are wrong, late or lost; and what the serving path asks of them."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from repast.app.registry import Registry
from repast.backends.registry import bucket
from repast.backends.registry.object_store import ObjectStoreRegistry
from repast.errors import ConflictError, UnavailableError
from repast.testing.clock import ManualClock
from server.bucket import BucketServer, run_azure, run_gcs, run_s3
from server.fault_proxy import DONE, Fault, FaultProxy, run_fault_proxy

NO_KEY = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(run_s3, id="s3"),
        pytest.param(run_gcs, id="gcs"),
        pytest.param(run_azure, id="azure", marks=pytest.mark.slow),
    ],
)
def server(request: pytest.FixtureRequest) -> Iterator[BucketServer]:
    with request.param() as running:
        yield running


@pytest.fixture
def proxy(server: BucketServer) -> Iterator[FaultProxy]:
    with run_fault_proxy(server.endpoint) as running:
        yield running


@pytest.fixture
def store(server: BucketServer, proxy: FaultProxy, tmp_path: Path) -> ObjectStoreRegistry:
    return open_store(server, tmp_path, proxy.endpoint)


def open_store(server: BucketServer, folder: Path, endpoint: str | None = None) -> ObjectStoreRegistry:
    path = f"{server.url}/{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
    options = server.by_way_of(endpoint) if endpoint else server.options
    return ObjectStoreRegistry(repo_path=folder, path=path, storage_options=options)


@pytest.mark.parametrize("status", [500, 503, 429, 0], ids=["500", "503", "429", "closed"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_failure_that_passes_is_not_seen(
    store: ObjectStoreRegistry, proxy: FaultProxy, method: str, status: int
) -> None:
    first = store.swap("p.json", b"one", None)
    assert first is not None
    proxy.faults = [Fault(method, status)]
    second = store.swap("p.json", b"two", first.version)
    assert store.load("p.json") == second


@pytest.mark.parametrize("status", [500, 503, 0], ids=["500", "503", "closed"])
@pytest.mark.parametrize("create", [True, False], ids=["create", "replace"])
def test_a_write_whose_answer_was_lost_is_known_as_ones_own(
    store: ObjectStoreRegistry, proxy: FaultProxy, status: int, create: bool
) -> None:
    """The client asks again, and the store refuses what the first request has already changed."""
    first = None if create else store.swap("p.json", b"one", None)
    proxy.faults = [Fault("PUT", status, DONE)]
    second = store.swap("p.json", b"two", first.version if first else None)
    assert second is not None
    assert store.load("p.json") == second
    third = store.swap("p.json", b"three", second.version)
    assert store.load("p.json") == third


def test_the_same_bytes_of_somebody_else_are_not_ones_own(
    store: ObjectStoreRegistry, server: BucketServer, proxy: FaultProxy, tmp_path: Path
) -> None:
    first = store.swap("p.json", b"one", None)
    assert first is not None
    theirs = open_store(server, tmp_path).swap("p.json", b"two", first.version)
    proxy.faults = [Fault("PUT", 500)]
    with pytest.raises(ConflictError):
        store.swap("p.json", b"two", first.version)
    assert store.load("p.json") == theirs


@pytest.mark.parametrize(
    ("status", "body"), [(412, b""), (404, NO_KEY)], ids=["precondition failed", "nothing there to replace"]
)
def test_a_refused_write_is_a_conflict(store: ObjectStoreRegistry, proxy: FaultProxy, status: int, body: bytes) -> None:
    first = store.swap("p.json", b"one", None)
    assert first is not None
    proxy.faults = [Fault("PUT", status, body=body)]
    with pytest.raises(ConflictError, match=r"p\.json was changed by somebody else meanwhile"):
        store.swap("p.json", b"two", first.version)
    assert store.load("p.json") == first


@pytest.mark.parametrize(("status", "reason"), [(500, "500"), (403, "permission denied"), (401, "permission denied")])
def test_a_failure_that_stays_is_explained(
    store: ObjectStoreRegistry, proxy: FaultProxy, status: int, reason: str
) -> None:
    first = store.swap("p.json", b"one", None)
    assert first is not None
    proxy.faults = [Fault(method, status, times=1000) for method in ("GET", "HEAD", "PUT", "DELETE")]
    calls = [
        lambda: store.load("p.json"),
        lambda: store.find_version("p.json"),
        lambda: store.swap("p.json", b"two", first.version),
        lambda: store.swap("p.json", None, first.version),
        store.names,
    ]
    for call in calls:
        with pytest.raises(UnavailableError, match=reason) as caught:
            call()
        assert not re.search("signature|x-goog|Debug|secret", str(caught.value), re.IGNORECASE)
    proxy.faults = []
    assert store.load("p.json") == first


@pytest.mark.parametrize("when", ["undone", DONE])
def test_a_time_out_says_so_or_finds_what_it_wrote(
    store: ObjectStoreRegistry, proxy: FaultProxy, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(bucket._CLIENT, "timeout", timedelta(seconds=1))
    monkeypatch.setitem(bucket._RETRIES, "retry_timeout", timedelta(seconds=3))
    proxy.faults = [Fault("PUT", -1, when, times=1000)]
    begun = time.monotonic()
    if when == DONE:
        written = store.swap("p.json", b"one", None)
        assert store.load("p.json") == written
    else:
        with pytest.raises(UnavailableError, match=r"Cannot write 'p\.json'"):
            store.swap("p.json", b"one", None)
        assert store.load("p.json") is None
    assert time.monotonic() - begun < 60


def test_a_removal_whose_answers_were_lost(store: ObjectStoreRegistry, proxy: FaultProxy) -> None:
    first = store.swap("p.json", b"one", None)
    assert first is not None
    proxy.faults = [Fault("PUT", 500, DONE), Fault("DELETE", 500, DONE)]
    assert store.swap("p.json", None, first.version) is None
    assert store.load("p.json") is None
    assert store.swap("p.json", b"two", None) is not None


# -- what serving asks ----------------------------------------------------------------------------


def test_serving_never_waits_for_the_registry(
    store: ObjectStoreRegistry, proxy: FaultProxy, server: BucketServer, tmp_path: Path
) -> None:
    clock = ManualClock()
    registry = Registry(store, "demo", clock=clock, ttl=timedelta(hours=1))
    assert registry.manifest().generation == 0
    asked = proxy.requests.total()
    for _ in range(1000):
        assert registry.manifest().generation == 0
    assert proxy.requests.total() == asked
    proxy.faults = [Fault("GET", -1, times=1000), Fault("HEAD", -1, times=1000)]
    clock.advance(timedelta(hours=2))
    begun = time.monotonic()
    assert [registry.manifest().generation for _ in range(1000)] == [0] * 1000
    assert time.monotonic() - begun < 1, "a reader waited for a store that does not answer"
    proxy.ended.set()
    registry.close()
