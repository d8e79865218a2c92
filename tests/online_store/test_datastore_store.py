"""The Datastore store with Google's client on Google's emulator: the shipped suite, and what only this store does."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions as google

from repast.backends.online.datastore import DatastoreOnlineStore
from repast.backends.online.datastore_failure import explain
from repast.backends.online.stripe import Stripes
from repast.errors import InvalidConfigError, InvalidRequestError, UnavailableError
from repast.ports.online import OnlineStore, OnlineTable, WriteResult
from repast.testing.online import OnlineStoreSuite
from repast.testing.online.base import run_together
from server.datastore import run_datastore
from server.port import free_port

TABLE = OnlineTable("project", "view")
OTHER = OnlineTable("project", "other")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with run_datastore() as address:
        yield address


@pytest.fixture(autouse=True)
def _emulator(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASTORE_EMULATOR_HOST", server)


def open_store(folder: Path, **options: Any) -> DatastoreOnlineStore:
    """A store in a namespace that belongs to the folder."""
    namespace = "n" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return DatastoreOnlineStore(**{"repo_path": folder, "project_id": "tests", "namespace": namespace, **options})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DatastoreOnlineStore]:
    store = open_store(tmp_path)
    store.create([TABLE])
    yield store
    store.close()


class TestDatastoreOnlineStore(OnlineStoreSuite):
    def make_store(self, tmp_path: Path) -> OnlineStore:
        return open_store(tmp_path)

    # These ask an emulator for thousands of things; the others of the suite run every time.

    @pytest.mark.slow
    def test_batches_in_any_key_order_do_not_block_each_other(self, store: OnlineStore) -> None:
        super().test_batches_in_any_key_order_do_not_block_each_other(store)

    @pytest.mark.slow
    def test_drop_and_erase_leave_other_tables_alone(self, store: OnlineStore) -> None:
        super().test_drop_and_erase_leave_other_tables_alone(store)

    @pytest.mark.slow
    def test_a_read_may_be_larger_than_any_limit(self, store: OnlineStore) -> None:
        super().test_a_read_may_be_larger_than_any_limit(store)

    @pytest.mark.slow
    def test_concurrent_writers_converge_to_the_maximum(self, store: OnlineStore) -> None:
        super().test_concurrent_writers_converge_to_the_maximum(store)


# -- calls ----------------------------------------------------------------------------------------


def listen(store: DatastoreOnlineStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods that the store calls from now on; they are called all the same."""
    called: list[str] = []
    client = store._link._opened()
    for name in ("lookup", "begin_transaction", "commit", "rollback", "run_query"):
        method = getattr(client, name)

        def call(*args: Any, _name: str = name, _method: Callable[..., Any] = method, **options: Any) -> Any:
            called.append(_name)
            return _method(*args, **options)

        monkeypatch.setattr(client, name, call)
    return called


def test_a_read_of_many_views_is_one_call(store: DatastoreOnlineStore, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = [OnlineTable("project", f"view{number}") for number in range(20)]
    store.create(tables)
    for table in tables:
        store.write(table, [b"a", b"b"], [table.view.encode()] * 2)
    called = listen(store, monkeypatch)
    assert store.read([(table, [b"a", b"?", b"b"]) for table in tables]) == [
        [table.view.encode(), None, table.view.encode()] for table in tables
    ]
    assert called == ["lookup"]


def test_rows_that_do_not_change_are_not_written(store: DatastoreOnlineStore, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [b"%d" % number for number in range(300)]
    store.write(TABLE, keys, [b"5"] * 300)
    called = listen(store, monkeypatch)
    assert store.write(TABLE, keys, [b"5"] * 300) == WriteResult(unchanged=300)
    assert store.write(TABLE, keys, [b"4"] * 300) == WriteResult(late=300)
    assert called == ["begin_transaction", "lookup", "rollback"] * 2


def test_a_table_is_dropped_in_parts(store: DatastoreOnlineStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create([OTHER])
    store.write(OTHER, [b"k"], [b"v"])
    keys = [b"%d" % number for number in range(1100)]
    store.write(TABLE, keys, keys)
    called = listen(store, monkeypatch)
    store.drop([TABLE])
    assert called == ["commit", *["run_query", "commit"] * 3, "run_query"]
    assert store.count(TABLE) == 0
    assert store.read([(OTHER, [b"k"])]) == [[b"v"]]


def test_long_keys_are_told_apart(store: DatastoreOnlineStore) -> None:
    start = bytes(range(256)) * 40
    keys = [start[:999], start[:1000], start[:1001], start, start + b"a", start + b"b"]
    values = [b"%d" % number for number in range(len(keys))]
    assert store.write(TABLE, keys, values) == WriteResult(written=len(keys))
    assert store.read([(TABLE, keys)]) == [values]
    assert store.erase(TABLE, keys[2:]) == 4
    assert store.read([(TABLE, keys)]) == [[*values[:2], None, None, None, None]]


# -- several stores -------------------------------------------------------------------------------


def test_two_stores_that_race_end_in_one_state(store: DatastoreOnlineStore, tmp_path: Path) -> None:
    """As two processes would: they know nothing of each other and meet in transactions only."""
    other = open_store(tmp_path)
    keys = [b"%d" % number for number in range(5)]
    histories = [[b"%02d" % ((step * 7 + writer * 3) % 20) for step in range(6)] for writer in range(2)]

    def write(which: DatastoreOnlineStore, history: list[bytes]) -> None:
        for value in history:
            which.write(TABLE, keys, [value] * 5)

    run_together([partial(write, store, histories[0]), partial(write, other, histories[1])])
    assert store.read([(TABLE, keys)]) == [[max(*histories[0], *histories[1])] * 5]
    other.close()


def test_locks_are_taken_in_one_order() -> None:
    stripes, turns = Stripes(), [0]
    keys = [b"%d" % number for number in range(500)]

    def work(turned: int) -> None:
        for _ in range(50):
            with stripes.hold(keys[::turned]):
                before = turns[0]
                turns[0] = before + 1

    run_together([partial(work, turned) for turned in (1, -1, 1, -1)])
    assert turns == [200]


def test_another_process_reads_and_writes(store: DatastoreOnlineStore, tmp_path: Path) -> None:
    store.write(TABLE, [b"k"], [b"1"])
    process = multiprocessing.get_context("spawn").Process(target=_write_two, args=(tmp_path,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert store.read([(TABLE, [b"k"])]) == [[b"2"]]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_fork_does_not_share_connections(store: DatastoreOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"1"])
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        ok = store.read([(TABLE, [b"k"])]) == [[b"1"]] and store.write(TABLE, [b"k"], [b"2"]) == WriteResult(written=1)
        store.close()
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.read([(TABLE, [b"k"])]) == [[b"2"]]


def _write_two(folder: Path) -> None:
    store = open_store(folder)
    assert store.read([(TABLE, [b"k"])]) == [[b"1"]]
    assert store.write(TABLE, [b"k"], [b"2"]) == WriteResult(written=1)
    store.close()


# -- what goes wrong ------------------------------------------------------------------------------


def failure(call: Callable[[], object]) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        call()
    return caught.value


def test_a_value_that_is_too_large_is_refused(store: DatastoreOnlineStore) -> None:
    with pytest.raises(InvalidRequestError, match="cannot keep a value this large"):
        store.write(TABLE, [b"k"], [b"x" * 1_100_000])
    assert store.read([(TABLE, [b"k"])]) == [[None]]


def test_a_server_that_is_down_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATASTORE_EMULATOR_HOST", f"127.0.0.1:{free_port()}")
    store = open_store(tmp_path)
    for call in (lambda: store.read([(TABLE, [b"k"])]), lambda: asyncio.run(_aread(store))):
        error = failure(call)
        assert "cannot be reached" in error.message
        assert error.retryable
    store.close()


async def _aread(store: DatastoreOnlineStore) -> object:
    return await store.aread([(TABLE, [b"k"])])


def test_credentials_that_are_not_there_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATASTORE_EMULATOR_HOST")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    store = open_store(tmp_path)
    error = failure(lambda: store.read([(TABLE, [b"k"])]))
    assert "refuses the credentials" in error.message
    assert "GOOGLE_APPLICATION_CREDENTIALS" in error.hint
    assert not error.retryable
    store.close()


def test_a_project_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATASTORE_PROJECT_ID", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    store = open_store(tmp_path, project_id=None)
    with pytest.raises(InvalidConfigError, match="has no project") as caught:
        store.read([(TABLE, [b"k"])])
    assert "project_id" in caught.value.hint
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "tests")
    assert store.read([(TABLE, [b"k"])]) == [[None]]
    store.close()


@pytest.mark.parametrize(
    ("error", "message", "retryable"),
    [
        (google.Aborted("locked"), "has the rows locked for somebody else", True),
        (google.ResourceExhausted("quota"), "asks for fewer requests", True),
        (google.PermissionDenied("no"), "does not permit that", False),
        (google.Unauthenticated("who"), "refuses the credentials", False),
        (google.NotFound("database"), "has no such database", False),
        (google.DeadlineExceeded("late"), "did not answer in time", True),
        (google.InternalServerError("oops"), "has an error of its own", True),
        (google.FailedPrecondition("x"), "cannot be used", False),
    ],
)
def test_errors_are_told_apart(error: Exception, message: str, *, retryable: bool) -> None:
    found = explain(error, "here")
    assert message in str(found)
    assert isinstance(found, UnavailableError)
    assert found.retryable is retryable
    assert found.hint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"write_batch_size": 501}, "online_store.write_batch_size must be 1 to 500, not 501"),
        ({"write_concurrency": 0}, "online_store.write_concurrency must be 1 to 1000, not 0"),
        ({"timeout": 0}, "online_store.timeout must be 0.001 to 3600, not 0"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        DatastoreOnlineStore(repo_path=".", **options)
