"""The Redis store on real servers: the shipped suite, and what only this store does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from repast.backends.online.redis import RedisOnlineStore
from repast.errors import UnsupportedError
from repast.ports.online import OnlineStore, OnlineTable, WriteResult
from repast.testing.online import OnlineStoreSuite
from server.redis import RedisServer, run_redis, run_redis_cluster, wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with run_redis() as server:
        yield server


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[RedisServer]]:
    with run_redis_cluster() as servers:
        yield servers


@pytest.fixture(scope="module")
def valkey() -> Iterator[RedisServer]:
    """A server whose fields can expire."""
    with run_redis("valkey-server") as server:
        yield server


@pytest.fixture(scope="module")
def valkey_cluster() -> Iterator[RedisServer]:
    """A cluster of one node whose fields can expire."""
    with run_redis("valkey-server", cluster_enabled="yes") as server, server.client(decode_responses=True) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        wait_until(lambda: client.cluster("INFO")["cluster_state"] == "ok", "the cluster to settle")
        yield server


class TestRedisOnlineStore(OnlineStoreSuite):
    @pytest.fixture(autouse=True)
    def _server(self, server: RedisServer, valkey: RedisServer) -> None:
        for one in (server, valkey):
            with one.client() as client:
                client.flushall()
        self.server, self.valkey = server, valkey

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return RedisOnlineStore(repo_path=tmp_path, connection_string=self.server.address)

    def make_expiring_store(self, tmp_path: Path) -> OnlineStore:
        return RedisOnlineStore(repo_path=tmp_path, connection_string=self.valkey.address, expire_rows=True)

    def ends_us(self, store: OnlineStore, table: OnlineTable, keys: Sequence[bytes]) -> list[int | None]:
        return [None if end < 0 else end * 1000 for end in ends(self.valkey, *keys)]


class TestRedisClusterOnlineStore(OnlineStoreSuite):
    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: list[RedisServer], valkey_cluster: RedisServer) -> None:
        for server in (*cluster[:3], valkey_cluster):
            with server.client() as client:
                client.flushall()
        self.valkey = valkey_cluster
        self.nodes = ",".join(server.address for server in cluster[:2])

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return RedisOnlineStore(repo_path=tmp_path, connection_string=self.nodes, redis_type="redis_cluster")

    def make_expiring_store(self, tmp_path: Path) -> OnlineStore:
        return RedisOnlineStore(
            repo_path=tmp_path, connection_string=self.valkey.address, redis_type="redis_cluster", expire_rows=True
        )


# -- rows that go by themselves -------------------------------------------------------------------

TABLE = OnlineTable("project", "view")
FAR_US = 4_000_000_000_000_000


@pytest.fixture
def expiring(valkey: RedisServer) -> Iterator[RedisOnlineStore]:
    with valkey.client() as client:
        client.flushall()
    store = RedisOnlineStore(repo_path=".", connection_string=valkey.address, expire_rows=True)
    store.create([TABLE])
    yield store
    store.close()


def ends(valkey: RedisServer, *keys: bytes) -> list[int]:
    """The millisecond after the last one of each row; -1: none."""
    with valkey.client() as client:
        found: list[int] = client.execute_command("HPEXPIRETIME", "repast:project/view/1", "FIELDS", len(keys), *keys)
    return found


def test_rows_are_told_when_they_go(valkey: RedisServer, expiring: RedisOnlineStore) -> None:
    keys = [b"a", b"b", b"c"]
    assert expiring.expires
    assert expiring.write_until(TABLE, keys, [b"5"] * 3, [FAR_US, FAR_US + 999, FAR_US + 1000]).written == 3
    assert ends(valkey, *keys) == [FAR_US // 1000 + 1, FAR_US // 1000 + 1, FAR_US // 1000 + 2]
    again = expiring.write_until(TABLE, keys, [b"4", b"5", b"6"], [2 * FAR_US] * 3)
    assert again == WriteResult(written=1, unchanged=1, late=1)
    assert ends(valkey, *keys) == [FAR_US // 1000 + 1, *[2 * FAR_US // 1000 + 1] * 2]
    assert expiring.write(TABLE, [b"a"], [b"6"]) == WriteResult(written=1)
    assert ends(valkey, b"a") == [-1]
    assert expiring.read([(TABLE, keys)]) == [[b"6", b"5", b"6"]]


def test_a_row_whose_moment_has_passed_is_gone(expiring: RedisOnlineStore) -> None:
    assert expiring.write_until(TABLE, [b"a", b"b"], [b"9", b"9"], [1, FAR_US]) == WriteResult(written=2)
    assert expiring.read([(TABLE, [b"a", b"b"])]) == [[None, b"9"]]
    assert expiring.write(TABLE, [b"a"], [b"1"]) == WriteResult(written=1)
    assert expiring.read([(TABLE, [b"a"])]) == [[b"1"]]


def test_rows_may_go_so_long_after_they_were_written(valkey: RedisServer, expiring: RedisOnlineStore) -> None:
    store = RedisOnlineStore(repo_path=".", connection_string=valkey.address, key_ttl_seconds=3600)
    before = time.time_ns() // 1_000_000
    store.write(TABLE, [b"a"], [b"1"])
    (end,) = ends(valkey, b"a")
    assert before + 3_600_000 <= end <= before + 3_660_000
    store.close()


@pytest.mark.parametrize("options", [{"expire_rows": True}, {"key_ttl_seconds": 60}], ids=["rows", "key"])
def test_a_server_that_is_too_old_for_that_says_so(server: RedisServer, options: dict[str, Any]) -> None:
    store = RedisOnlineStore(repo_path=".", connection_string=server.address, **options)
    with pytest.raises(UnsupportedError, match=r"Redis 7\.4 or Valkey 9") as caught:
        store.create([TABLE])
    assert "expire_rows" in caught.value.hint
    store.close()


def test_a_read_of_many_views_is_one_round_trip(server: RedisServer) -> None:
    store = RedisOnlineStore(repo_path=".", connection_string=server.address)
    tables = [OnlineTable("project", f"view{number}") for number in range(40)]
    store.create(tables)
    with server.client() as client:
        before = client.info("stats")
        assert store.read([(table, [b"a", b"b"]) for table in tables]) == [[None, None]] * 40
        after = client.info("stats")
    assert after["total_commands_processed"] - before["total_commands_processed"] == 41  # and one that asked
    assert after["total_reads_processed"] - before["total_reads_processed"] <= 2
    store.close()
