"""Datastore's emulator goes away, hangs and cuts: errors say that it may pass, nothing older wins, the load goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from fault_project import KEYS, at, make_sources, online_turns, opened, views
from store_load import NAMES, PATIENCE, TABLE, passing, under_load, value

from repast import FeatureStore
from repast.backends.online.datastore import DatastoreOnlineStore
from repast.errors import UnavailableError
from repast.ports.online import WriteResult
from server.datastore import PROJECT, DatastoreServer, run_datastore_server
from server.proxy import Proxy


@pytest.fixture(scope="module")
def server() -> Iterator[DatastoreServer]:
    with run_datastore_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _emulator(server: DatastoreServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASTORE_EMULATOR_HOST", server.address)


def open_store(**options: Any) -> DatastoreOnlineStore:
    return DatastoreOnlineStore(**{"repo_path": ".", "project_id": PROJECT, **options})


@pytest.fixture
def store() -> Iterator[DatastoreOnlineStore]:
    store = open_store()
    store.create([TABLE])
    yield store
    store.drop([TABLE])
    store.close()


@contextmanager
def leaving(leave: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the server leave as the second view of a load is written."""
    real_write, writes = DatastoreOnlineStore.write, iter(range(100))

    def write(self: DatastoreOnlineStore, *rows: Any) -> WriteResult:
        if next(writes) == 1:
            leave()
        return real_write(self, *rows)

    with monkeypatch.context() as patch:
        patch.setattr(DatastoreOnlineStore, "write", write)
        with pytest.raises(UnavailableError, match="cannot be reached") as caught:
            yield
    assert caught.value.retryable


def wait_for_connection(project: FeatureStore) -> None:
    """Wait until the client, which asks for a lost server ever more rarely, has found it."""
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        with passing():
            online_turns(project)
            return
    raise AssertionError("the server was not found again")


@pytest.mark.slow
def test_a_load_that_the_server_left_is_finished_by_the_next(
    server: DatastoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sources(tmp_path, range(3))
    with opened(tmp_path, online_store={"type": "datastore", "project_id": PROJECT}) as project:
        project.apply(views())
        try:
            with leaving(server.stop, monkeypatch):
                project.materialize(at(0), at(10))
        finally:
            server.start()
        wait_for_connection(project)
        found = [online_turns(project, name) for name in ("table", "parts", "text")]
        assert sorted(found, key=str) == [[2] * KEYS, [None] * KEYS, [None] * KEYS]
        report = project.materialize_incremental(at(10))
        assert report.written == 2 * KEYS
        for name in ("table", "parts", "text"):
            assert online_turns(project, name) == [2] * KEYS
        report = project.materialize(at(0), at(10))
        assert (report.written, report.late) == (0, 0)
        project.teardown()


@pytest.mark.slow
def test_rows_that_the_server_lost_are_loaded_again_from_the_source(
    server: DatastoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator keeps nothing when it is killed. So this is a server whose data are gone."""
    make_sources(tmp_path, range(3))
    with opened(tmp_path, online_store={"type": "datastore", "project_id": PROJECT}) as project:
        project.apply(views())
        try:
            with leaving(server.kill, monkeypatch):
                project.materialize(at(0), at(10))
        finally:
            server.start()
        wait_for_connection(project)
        assert online_turns(project) == [None] * KEYS
        assert project.materialize(at(0), at(10)).written == 3 * KEYS
        for name in ("table", "parts", "text"):
            assert online_turns(project, name) == [2] * KEYS
        project.teardown()


@pytest.mark.slow
def test_connections_that_are_cut_during_loads_and_reads(
    server: DatastoreServer, store: DatastoreOnlineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The line heals: after each connection that fails at once, the client waits longer, up to a minute.
    proxy = Proxy(server.port, heals=True)
    monkeypatch.setenv("DATASTORE_EMULATOR_HOST", f"127.0.0.1:{proxy.port}")
    steps = iter((20_000, 50_000))

    def cut() -> int:
        if proxy.left is None:
            proxy.left = next(steps, None)
        return proxy.cuts

    under_load(open_store, cut, turns=15, disturbances=2)
    proxy.close()
    assert store.read([(TABLE, NAMES)]) == [[value(14)] * len(NAMES)]


def test_a_server_that_hangs(server: DatastoreServer, store: DatastoreOnlineStore) -> None:
    hasty = open_store(timeout=0.3)
    store.write(TABLE, [b"k"], [b"1"])
    with server.paused():
        for call in (lambda: hasty.read([(TABLE, [b"k"])]), lambda: hasty.write(TABLE, [b"k"], [b"2"])):
            with pytest.raises(UnavailableError) as caught:
                call()
            assert caught.value.retryable
            assert caught.value.hint
    assert store.write(TABLE, [b"k"], [b"3"]).late == 0
    assert store.read([(TABLE, [b"k"])]) == [[b"3"]]
    hasty.close()
