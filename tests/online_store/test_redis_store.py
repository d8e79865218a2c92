"""The Redis store on real servers: the shipped suite, and what only this store does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from repast.backends.online.redis import RedisOnlineStore
from repast.ports.online import OnlineStore
from repast.testing.online import OnlineStoreSuite
from server.redis import RedisServer, run_redis, run_redis_cluster


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with run_redis() as server:
        yield server


@pytest.fixture(scope="module")
def cluster() -> Iterator[list[RedisServer]]:
    with run_redis_cluster() as servers:
        yield servers


class TestRedisOnlineStore(OnlineStoreSuite):
    @pytest.fixture(autouse=True)
    def _server(self, server: RedisServer) -> None:
        with server.client() as client:
            client.flushall()
        self.server = server

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return RedisOnlineStore(repo_path=tmp_path, connection_string=self.server.address)


class TestRedisClusterOnlineStore(OnlineStoreSuite):
    @pytest.fixture(autouse=True)
    def _cluster(self, cluster: list[RedisServer]) -> None:
        for server in cluster[:3]:
            with server.client() as client:
                client.flushall()
        self.nodes = ",".join(server.address for server in cluster[:2])

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return RedisOnlineStore(repo_path=tmp_path, connection_string=self.nodes, redis_type="redis_cluster")
