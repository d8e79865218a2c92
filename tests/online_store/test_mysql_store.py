"""The MySQL store on a real MariaDB server: the suite, and what is MySQL's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from repast.backends.online.mysql import MySQLOnlineStore
from repast.ports.online import OnlineStore
from repast.testing.online import OnlineStoreSuite
from server.mariadb import MariadbServer, run_mariadb


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    with run_mariadb() as server:
        yield server


class TestMysqlOnlineStore(OnlineStoreSuite):
    @pytest.fixture(autouse=True)
    def _database(self, server: MariadbServer, tmp_path: Path) -> Iterator[None]:
        """A database that belongs to the test."""
        name = "d" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]
        server.execute(f"CREATE DATABASE {name}")
        self.options = {**server.options, "database": name}
        yield
        server.execute(f"DROP DATABASE {name}")

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return MySQLOnlineStore(repo_path=tmp_path, **self.options)
