"""DynamoDB that dies, comes back, is cut off and refuses: nothing is lost, nothing older wins, the load goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fault_project import KEYS, at, make_sources, online_turns, opened, views

from repast.backends.online.dynamodb import DynamoDBOnlineStore
from repast.backends.online.dynamodb_failure import explain
from repast.errors import InvalidConfigError, UnavailableError
from repast.ports.online import OnlineTable, WriteResult
from server.dynamodb import CREDENTIALS, DynamodbServer, Gate, run_dynalite
from server.port import free_port
from server.proxy import Proxy
from server.until import wait_until

TABLE = OnlineTable("fault", "view")
NAMES = [b"%03d" % number for number in range(60)]


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, given in CREDENTIALS.items():
        monkeypatch.setenv(name, given)


@pytest.fixture(scope="module")
def server() -> Iterator[DynamodbServer]:
    with run_dynalite() as server:
        yield server


@pytest.fixture
def store(server: DynamodbServer) -> Iterator[DynamoDBOnlineStore]:
    store = open_store(server.url)
    store.create([TABLE])
    yield store
    store.drop([TABLE])
    store.close()


def open_store(url: str, **options: Any) -> DynamoDBOnlineStore:
    given = {"repo_path": ".", "endpoint_url": url, "connect_timeout": 2.0, "read_timeout": 5.0, **options}
    return DynamoDBOnlineStore(**given)


def value(turn: int) -> bytes:
    return b"%06d" % turn + b"." * 50


def unavailable(call: Callable[[], object], message: str, *, retryable: bool) -> None:
    with pytest.raises(UnavailableError, match=message) as caught:
        call()
    assert caught.value.retryable is retryable
    assert caught.value.hint
    assert "not-a-secret" not in f"{caught.value} {caught.value!r} {caught.value.context}"


def calls(store: DynamoDBOnlineStore) -> list[Callable[[], object]]:
    return [
        lambda: store.read([(TABLE, [b"k"])]),
        lambda: asyncio.run(_aread(store)),
        lambda: store.write(TABLE, [b"k"], [b"v"]),
        lambda: store.create([TABLE]),
    ]


async def _aread(store: DynamoDBOnlineStore) -> object:
    return await store.aread([(TABLE, [b"k"])])


class Load:
    """One thread writes turns upwards, one downwards, one reads: what fails must say that it may pass."""

    def __init__(self, url: str, turns: int) -> None:
        self.failures = 0
        self.errors: list[BaseException] = []
        self._turns = turns
        self._done = threading.Event()
        self._stores = [open_store(url, total_max_retry_attempts=2) for _ in range(3)]
        self.write(0, 0)
        self._writers = [
            threading.Thread(target=self._guard, args=(self._write_all, which, order))
            for which, order in ((0, range(1, turns)), (1, range(turns - 2, 0, -1)))
        ]
        self._reader = threading.Thread(target=self._guard, args=(self._read_all,))
        for thread in (*self._writers, self._reader):
            thread.start()

    def wait(self) -> None:
        """Wait until all turns are written; raise what went wrong."""
        for writer in self._writers:
            writer.join()
        self._done.set()
        self._reader.join()
        for store in self._stores:
            store.close()
        assert self.errors == []

    def wait_for_failure(self, number: int) -> None:
        """Wait until writers have noticed so many failures, or are done."""
        wait_until(
            lambda: self.failures >= number or not any(writer.is_alive() for writer in self._writers),
            "a writer to notice",
        )

    def write(self, which: int, turn: int) -> WriteResult:
        """Write a turn as a load would: a failure that may pass is followed by the same batch again."""
        for _ in range(200):
            try:
                return self._stores[which].write(TABLE, NAMES, [value(turn)] * len(NAMES))
            except UnavailableError as error:
                if not error.retryable:
                    raise
                self.failures += 1
        raise AssertionError("the server did not come back")

    def _write_all(self, which: int, order: range) -> None:
        for turn in order:
            self.write(which, turn)

    def _read_all(self) -> None:
        last: list[bytes | None] = [b""] * len(NAMES)
        while not self._done.is_set():
            with suppress(UnavailableError):
                (found,) = self._stores[2].read([(TABLE, NAMES)])
                assert all(new and new >= (old or b"") for new, old in zip(found, last, strict=True)), "it went back"
                last = found

    def _guard(self, action: Callable[..., None], *arguments: Any) -> None:
        try:
            action(*arguments)
        except BaseException as error:  # noqa: BLE001 (looked at in the test's thread)
            self.errors.append(error)


@pytest.mark.slow
def test_a_server_that_is_killed_and_restarted_loses_nothing(
    server: DynamodbServer, store: DynamoDBOnlineStore
) -> None:
    load = Load(server.url, turns=20)
    for kills in range(1, 4):
        server.kill()
        load.wait_for_failure(kills)
        server.start()
    load.wait()
    assert load.failures
    assert store.read([(TABLE, NAMES)]) == [[value(19)] * len(NAMES)]
    assert store.count(TABLE) == len(NAMES)
    assert store.write(TABLE, NAMES, [value(18)] * len(NAMES)) == WriteResult(late=len(NAMES))


def test_a_batch_that_is_cut_can_be_written_again(server: DynamodbServer, store: DynamoDBOnlineStore) -> None:
    for step, left in enumerate((300, 10_000, 25_000), 1):
        proxy = Proxy(server.port)
        through = open_store(f"http://127.0.0.1:{proxy.port}", total_max_retry_attempts=1, write_concurrency=4)
        proxy.left = left
        unavailable(lambda: through.write(TABLE, NAMES, [value(step)] * 60), "cannot be reached", retryable=True)  # noqa: B023
        (found,) = store.read([(TABLE, NAMES)])
        assert set(found) <= {None, *(value(turn) for turn in range(1, step + 1))}
        proxy.left = None
        result = through.write(TABLE, NAMES, [value(step)] * 60)
        assert result.late == 0
        assert result.written + result.unchanged == 60
        assert store.read([(TABLE, NAMES)]) == [[value(step)] * 60]
        through.close()
        proxy.close()


def test_a_load_that_the_server_left_is_finished_by_the_next(
    server: DynamodbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sources(tmp_path, range(2))
    real_write, writes = DynamoDBOnlineStore.write, iter(range(100))

    def write(self: DynamoDBOnlineStore, *rows: Any) -> WriteResult:
        if next(writes) == 1:
            server.kill()
        return real_write(self, *rows)

    monkeypatch.setattr(DynamoDBOnlineStore, "write", write)
    options = {"type": "dynamodb", "endpoint_url": server.url, "total_max_retry_attempts": 1}
    with opened(tmp_path, online_store=options) as project:
        project.apply(views())
        try:
            with pytest.raises(UnavailableError, match="cannot be reached"):
                project.materialize(at(0), at(10))
        finally:
            server.start()
        project.materialize_incremental(at(10))
        for name in ("table", "parts", "text"):
            assert online_turns(project, name) == [1] * KEYS
        report = project.materialize(at(0), at(10))
        assert (report.written, report.late) == (0, 0)
        project.teardown()


# -- refused ----------------------------------------------------------------------------------------


def test_a_server_that_is_down_is_unavailable() -> None:
    store = open_store(f"http://127.0.0.1:{free_port()}", total_max_retry_attempts=2)
    for call in calls(store):
        unavailable(call, r"at http://127\.0\.0\.1:\d+ cannot be reached", retryable=True)
    store.close()


@pytest.fixture
def gate(server: DynamodbServer, request: pytest.FixtureRequest) -> Iterator[Gate]:
    gate = Gate(server.url, request.param)
    yield gate
    gate.close()


@pytest.mark.parametrize("gate", ["UnrecognizedClientException", "AccessDeniedException"], indirect=True)
def test_credentials_that_are_wrong_are_not_tried_again(gate: Gate) -> None:
    message = "refuses the credentials" if gate.code.startswith("U") else "does not permit that"
    store = open_store(gate.url, total_max_retry_attempts=50)
    for count, call in enumerate(calls(store), 1):
        gate.left = 1
        unavailable(call, message, retryable=False)
        assert gate.refused == count
    store.close()


@pytest.mark.parametrize("gate", ["ProvisionedThroughputExceededException"], indirect=True)
def test_who_is_throttled_waits_and_goes_on(gate: Gate, store: DynamoDBOnlineStore) -> None:
    patient, hasty = open_store(gate.url), open_store(gate.url, total_max_retry_attempts=1)
    gate.left = 2
    assert patient.write(TABLE, NAMES, [value(1)] * 60) == WriteResult(written=60)
    assert gate.refused == 2
    gate.left = 2
    assert asyncio.run(patient.aread([(TABLE, NAMES)])) == [[value(1)] * 60]
    gate.left = 1
    unavailable(lambda: hasty.write(TABLE, NAMES, [value(2)] * 60), "asks for fewer requests", retryable=True)
    assert store.read([(TABLE, NAMES)]) == [[value(1)] * 60]
    patient.close()
    hasty.close()


def test_credentials_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    store = open_store("http://127.0.0.1:1")
    for call in calls(store)[:2]:
        unavailable(call, "wants credentials", retryable=False)
    store.close()


def test_a_region_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    store = DynamoDBOnlineStore(repo_path=".")
    for call in calls(store)[:2]:
        with pytest.raises(InvalidConfigError, match="has no region") as caught:
            call()
        assert "online_store.region" in caught.value.hint
    store.close()


@pytest.mark.parametrize(
    ("code", "message", "retryable"),
    [
        ("ProvisionedThroughputExceededException", "asks for fewer requests", True),
        ("ThrottlingException", "asks for fewer requests", True),
        ("RequestLimitExceeded", "asks for fewer requests", True),
        ("InternalServerError", "has an error of its own", True),
        ("AccessDeniedException", "does not permit that", False),
        ("ExpiredTokenException", "refuses the credentials", False),
        ("UnrecognizedClientException", "refuses the credentials", False),
        ("SomethingNew", "cannot be used", False),
    ],
)
def test_what_aws_calls_its_errors_is_understood(code: str, message: str, *, retryable: bool) -> None:
    error = explain(ClientError({"Error": {"Code": code, "Message": "Because."}}, "PutItem"), "eu-west-1")
    assert isinstance(error, UnavailableError)
    assert f"The online store dynamodb at eu-west-1 {message}" in error.message
    assert error.retryable is retryable
    assert error.hint
