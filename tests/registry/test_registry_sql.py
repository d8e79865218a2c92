"""The registry in SQLite, and on real PostgreSQL and MariaDB servers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from repast.backends.registry.sql import SqlRegistry
from repast.ports.registry import RegistryStore
from repast.testing.registry import RegistrySuite
from server.mariadb import MariadbServer, run_mariadb
from server.postgres import PostgresServer, run_postgres

ADDRESS = "REPAST_TEST_REGISTRY"
"""Environment variable that tells the processes which a test starts where its server is."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariadbServer]:
    with run_mariadb() as server:
        yield server


def database_of(folder: Path) -> str:
    return "r" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]


class SqlRegistrySuite(RegistrySuite):
    """Closes what the rules leave open: drivers warn of connections that are forgotten."""

    rounds = 8

    @pytest.fixture(autouse=True)
    def _close(self) -> Iterator[None]:
        self.made: list[RegistryStore] = []
        yield
        for store in self.made:
            store.close()

    def make_store(self, folder: Path) -> RegistryStore:
        store = SqlRegistry(repo_path=folder, path=self.address(folder))
        if hasattr(self, "made"):  # not in the processes that a rule starts
            self.made.append(store)
        return store

    def address(self, folder: Path) -> str:
        return f"{os.environ[ADDRESS].rpartition('/')[0]}/{database_of(folder)}"


class TestSqlite(SqlRegistrySuite):
    def address(self, folder: Path) -> str:
        return "sqlite:///data/registry.db"


class TestPostgres(SqlRegistrySuite):
    @pytest.fixture(autouse=True)
    def _database(self, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        name = database_of(tmp_path)
        with postgres.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
            monkeypatch.setenv(ADDRESS, postgres.url)
            yield
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


class TestMariadb(SqlRegistrySuite):
    @pytest.fixture(autouse=True)
    def _database(self, mariadb: MariadbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        name = database_of(tmp_path)
        mariadb.execute(f"CREATE DATABASE {name}")
        monkeypatch.setenv(ADDRESS, mariadb.url)
        yield
        mariadb.execute(f"DROP DATABASE {name}")
