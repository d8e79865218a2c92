"""Redis goes wrong while rows are loaded and read: nothing is lost, nothing older wins, the error says what to do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from repast.backends.online.redis import RedisOnlineStore
from repast.errors import NotFoundError, UnavailableError
from repast.ports.online import OnlineTable, WriteResult
from server.pause import paused
from server.port import free_port
from server.proxy import Proxy
from server.redis import RedisServer, run_redis, run_redis_cluster, run_redis_sentinel, wait_until

TABLE = OnlineTable("project", "view")
KEYS = [b"%05d" % number for number in range(2000)]


def row(step: int) -> list[bytes]:
    return [b"%06d" % step + key for key in KEYS]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with run_redis() as server:
        yield server


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisOnlineStore]:
    with server.client() as client:
        client.flushall()
    store = make_store(server)
    store.create([TABLE])
    yield store
    store.close()


def make_store(*servers: RedisServer, **options: Any) -> RedisOnlineStore:
    address = ",".join(server.address for server in servers)
    return RedisOnlineStore(**{"repo_path": ".", "connection_string": address, "timeout": 2.0, "retries": 1, **options})


def unavailable(call: Callable[[], object], message: str, *, retryable: bool) -> UnavailableError:
    with pytest.raises(UnavailableError, match=message) as caught:
        call()
    assert caught.value.retryable is retryable
    assert caught.value.hint
    assert "secret" not in str(caught.value)
    return caught.value


def calls(store: RedisOnlineStore) -> list[Callable[[], object]]:
    return [
        lambda: store.read([(TABLE, [b"k"])]),
        lambda: asyncio.run(store.aread([(TABLE, [b"k"])])),
        lambda: store.write(TABLE, [b"k"], [b"v"]),
        lambda: store.create([TABLE]),
    ]


class Loader:
    """Writes ever newer rows, again and again when it fails, and reads back what it was told is there."""

    def __init__(self, store: RedisOnlineStore, table: OnlineTable = TABLE) -> None:
        self.store, self.table = store, table
        self.confirmed, self.failures = 0, 0
        self.errors: list[BaseException] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._guard, args=(work,)) for work in (self._write, self._read)]

    def __enter__(self) -> Loader:
        for thread in self._threads:
            thread.start()
        self.wait_for_progress()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self.errors:
            raise self.errors[0]

    def wait_for_progress(self) -> None:
        goal = self.confirmed + 3
        wait_until(lambda: self.confirmed >= goal or bool(self.errors), "writes to go on")

    def wait_for_failure(self) -> None:
        goal = self.failures + 1
        wait_until(lambda: self.failures >= goal or bool(self.errors), "a call to fail")

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            while not self._stop.is_set():
                try:
                    work()
                except UnavailableError as error:
                    if not error.retryable:
                        raise
                    self.failures += 1
        except BaseException as error:  # noqa: BLE001 (raised in the test's thread)
            self.errors.append(error)

    def _write(self) -> None:
        step = self.confirmed + 1
        result = self.store.write(self.table, KEYS, row(step))
        assert result.late == 0
        self.confirmed = step

    def _read(self) -> None:
        confirmed = self.confirmed
        if confirmed:
            (found,) = self.store.read([(self.table, KEYS)])
            assert all(value is not None and value[6:] == key for key, value in zip(KEYS, found, strict=True))
            assert min(int(value[:6]) for value in found if value) >= confirmed


# -- killed, cut, moved -----------------------------------------------------------------------------


def test_a_server_that_is_killed_and_restarted_loses_nothing() -> None:
    with run_redis(appendonly="yes", appendfsync="always") as server:
        store = make_store(server)
        store.create([TABLE])
        with Loader(store) as loader:
            for _ in range(3):
                server.kill()
                loader.wait_for_failure()
                server.start()
                loader.wait_for_progress()
            confirmed = loader.confirmed
        assert store.count(TABLE) == len(KEYS)
        assert store.write(TABLE, KEYS, row(confirmed - 1)).written == 0
        store.close()


def test_connections_that_are_cut_are_made_again(server: RedisServer, store: RedisOnlineStore) -> None:
    with Loader(store) as loader, server.client() as client:
        for _ in range(20):
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            loader.wait_for_progress()
    assert store.count(TABLE) == len(KEYS)


def test_a_batch_that_is_cut_can_be_written_again(server: RedisServer, store: RedisOnlineStore) -> None:
    proxy = Proxy(server.port)
    through = RedisOnlineStore(repo_path=".", connection_string=f"127.0.0.1:{proxy.port}", retries=0)
    for step, left in enumerate((100, 30_000, 60_000), 1):
        proxy.left = left
        unavailable(lambda step=step: through.write(TABLE, KEYS, row(step)), "cannot be reached", retryable=True)
        (found,) = store.read([(TABLE, KEYS)])
        assert {value and value[:6] for value in found} <= {None, *(b"%06d" % number for number in range(step + 1))}
        proxy.left = None
        assert through.write(TABLE, KEYS, row(step)).late == 0
        assert store.read([(TABLE, KEYS)]) == [row(step)]
    through.close()
    proxy.close()


@pytest.mark.slow
def test_a_failover_in_a_cluster_loses_nothing() -> None:
    with run_redis_cluster() as servers:
        store = make_store(*servers[:2], redis_type="redis_cluster", wait_replicas=1, retries=3)
        store.create([TABLE])
        with Loader(store) as loader:
            servers[0].kill()
            wait_until(lambda: sum(map(is_master, servers[1:])) == 3, "a replica to take over")
            servers[0].start()  # as the replica of who took over: until then no row of theirs is confirmed
            loader.wait_for_progress()
            confirmed = loader.confirmed
        assert loader.failures
        assert asyncio.run(store.aread([(TABLE, KEYS)])) == store.read([(TABLE, KEYS)])
        assert store.write(TABLE, KEYS, row(confirmed)).written == 0
        assert store.count(TABLE) == len(KEYS)
        store.close()


@pytest.mark.slow
def test_slots_may_move_during_loads() -> None:
    with run_redis_cluster(replicas=0) as servers:
        store = make_store(servers[0], redis_type="redis_cluster", retries=5)
        store.create([TABLE])
        with Loader(store) as loader:
            move_slots(servers[0], servers[1], range(0, 3000, 128))
            loader.wait_for_progress()
        assert store.count(TABLE) == len(KEYS)
        assert store.read([(TABLE, KEYS)]) == [row(loader.confirmed)] or loader.failures
        store.close()


def move_slots(source: RedisServer, target: RedisServer, slots: range) -> None:
    with source.client(decode_responses=True) as one, target.client(decode_responses=True) as other:
        source_id, target_id = one.execute_command("CLUSTER MYID"), other.execute_command("CLUSTER MYID")
        for slot in slots:
            other.execute_command(f"CLUSTER SETSLOT {slot} IMPORTING {source_id}")
            one.execute_command(f"CLUSTER SETSLOT {slot} MIGRATING {target_id}")
            for key in one.execute_command(f"CLUSTER GETKEYSINSLOT {slot} 100"):
                one.execute_command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
            for client in (other, one):
                client.execute_command(f"CLUSTER SETSLOT {slot} NODE {target_id}")


@pytest.mark.slow
def test_a_failover_by_sentinels_loses_nothing() -> None:
    with run_redis_sentinel() as (servers, sentinels):
        store = make_store(*sentinels, redis_type="redis_sentinel", wait_replicas=1, retries=3)
        store.create([TABLE])
        with Loader(store) as loader:
            servers[0].kill()
            wait_until(lambda: is_master(servers[1]), "the replica to take over")
        last = loader.confirmed
        after = make_store(*sentinels, redis_type="redis_sentinel", retries=5)
        assert all(int(value[:6]) >= last for value in after.read([(TABLE, KEYS)])[0] if value)
        assert after.count(TABLE) == len(KEYS)
        assert after.write(TABLE, KEYS, row(last + 2)).written == len(KEYS)
        assert asyncio.run(after.aread([(TABLE, KEYS)])) == [row(last + 2)]
        after.close()
        store.close()


def is_master(server: RedisServer) -> bool:
    with server.client() as client:
        return bool(client.info("replication")["role"] == "master")


# -- refused ----------------------------------------------------------------------------------------


def test_a_server_that_is_down_is_unavailable() -> None:
    port = free_port()
    for redis_type in ("redis", "redis_cluster", "redis_sentinel"):
        store = RedisOnlineStore(repo_path=".", connection_string=f"127.0.0.1:{port}", redis_type=redis_type, retries=1)
        for call in calls(store):
            error = unavailable(call, rf"127\.0\.0\.1:{port} cannot be reached", retryable=True)
            assert error.context["address"] == f"127.0.0.1:{port}"
            assert len(error.message) < 300
        store.close()


def test_a_server_that_does_not_answer_times_out(server: RedisServer, store: RedisOnlineStore) -> None:
    assert server.process is not None
    hasty = make_store(server, timeout=0.05, retries=0)
    with paused(server.process):
        for call in calls(hasty):
            unavailable(call, "did not answer in time", retryable=True)
    assert store.read([(TABLE, [b"k"])]) in ([[None]], [[b"v"]])
    hasty.close()


def test_credentials_that_are_wrong_are_not_tried_again() -> None:
    with run_redis(requirepass="right-secret") as server:
        for options in ({}, {"password": "wrong-secret"}, {"username": "nobody", "password": "wrong-secret"}):
            store = make_store(server, retries=50, **options)
            for call in calls(store):
                unavailable(call, "refuses the credentials|wants credentials", retryable=False)
            store.close()
        with server.client(password="right-secret") as client:
            client.execute_command(
                "ACL", "SETUSER", "features", "on", ">user-secret", "~repast:*", "+hmget", "+hlen", "+@connection"
            )
        reader = make_store(server, username="features", password="user-secret", retries=50)
        assert reader.read([(TABLE, [b"k"])]) == [[None]]
        unavailable(lambda: reader.write(TABLE, [b"k"], [b"v"]), "does not permit that", retryable=False)
        reader.close()


def test_the_rule_in_the_docs_is_enough() -> None:
    docs = (Path(__file__).parents[2] / "docs/how-to/redis.md").read_text()
    rule = next(line for line in docs.splitlines() if line.startswith("ACL SETUSER features "))
    with run_redis() as server:
        with server.client() as client:
            client.execute_command(*rule.replace("PASSWORD", "secret").split())
        store = make_store(server, username="features", password="secret")
        store.create([TABLE])
        assert store.write(TABLE, [b"k"], [b"v"]) == WriteResult(written=1)
        assert store.read([(TABLE, [b"k"])]) == [[b"v"]]
        assert store.count(TABLE) == store.erase(TABLE, [b"k"]) == 1
        store.drop([TABLE])
        store.close()


def test_a_replica_can_be_read_but_not_written(server: RedisServer, store: RedisOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"v"])
    with run_redis(replicaof=f"127.0.0.1 {server.port}") as replica:
        there = make_store(replica)
        wait_until(lambda: replicates(there), "the replica to catch up")
        unavailable(lambda: there.write(TABLE, [b"k"], [b"w"]), "is a read-only replica", retryable=False)
        there.close()


def replicates(store: RedisOnlineStore) -> bool:
    with contextlib.suppress(UnavailableError):
        return store.read([(TABLE, [b"k"])]) == [[b"v"]]
    return False


def test_rows_that_too_few_replicas_have_are_not_confirmed(server: RedisServer, store: RedisOnlineStore) -> None:
    careful = make_store(server, wait_replicas=1, timeout=1.0)
    message = "0 of 1 Redis replicas confirmed"
    unavailable(lambda: careful.write(TABLE, [b"k"], [b"v"]), message, retryable=True)
    assert careful.read([(TABLE, [b"k"])]) == [[b"v"]]
    careful.close()


def test_a_full_server_says_so_and_goes_on_when_it_has_room(server: RedisServer, store: RedisOnlineStore) -> None:
    store.write(TABLE, KEYS, row(1))
    with server.client() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 100_000)
        try:
            large = [value + b"x" * 1000 for value in row(2)]
            unavailable(lambda: store.write(TABLE, KEYS, large), "is out of memory", retryable=True)
            (found,) = store.read([(TABLE, KEYS)])
            assert all(value in (old, new) for value, old, new in zip(found, row(1), large, strict=True))
        finally:
            client.config_set("maxmemory", 0)
    assert store.write(TABLE, KEYS, large).late == 0
    assert store.read([(TABLE, KEYS)]) == [large]


def test_a_table_that_the_server_evicted_is_made_and_loaded_again(server: RedisServer, store: RedisOnlineStore) -> None:
    store.write(TABLE, KEYS, row(1))
    with server.client() as client:
        client.unlink("repast:project/view/1")
    assert store.count(TABLE) == 0
    with pytest.raises(NotFoundError):
        store.write(TABLE, KEYS, row(1))
    store.create([TABLE])
    assert store.write(TABLE, KEYS, row(1)) == WriteResult(written=len(KEYS))


def test_something_else_under_our_key_is_left_alone(server: RedisServer, store: RedisOnlineStore) -> None:
    with server.client() as client:
        client.set("repast:project/other/1", "theirs")
        other = OnlineTable("project", "other")
        for call in (
            lambda: store.read([(other, [b"k"]), (TABLE, [b"k"])]),
            lambda: store.create([other]),
            lambda: store.write(other, [b"k"], [b"v"]),
        ):
            unavailable(call, "cannot be used: .*wrong kind of value", retryable=False)
        assert client.get("repast:project/other/1") == b"theirs"
    assert store.read([(TABLE, [b"k"])]) == [[None]]


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_fork_does_not_share_connections(server: RedisServer, store: RedisOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"1"])
    child = os.fork()
    if child == 0:
        ok = store.read([(TABLE, [b"k"])]) == [[b"1"]] and store.write(TABLE, [b"k"], [b"2"]) == WriteResult(written=1)
        ok = ok and asyncio.run(store.aread([(TABLE, [b"k"])])) == [[b"2"]]
        store.close()
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.read([(TABLE, [b"k"])]) == [[b"2"]]
    assert store.write(TABLE, [b"k"], [b"3"]) == WriteResult(written=1)
