"""The PostgreSQL store on a real server: the suite, and what is PostgreSQL's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from repast.backends.online.postgres import PostgresOnlineStore
from repast.ports.online import OnlineStore
from repast.testing.online import OnlineStoreSuite
from server.postgres import PostgresServer, run_postgres


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with run_postgres() as server:
        yield server


def open_store(server: PostgresServer, folder: Path, **options: object) -> PostgresOnlineStore:
    """A store in a schema that belongs to the folder."""
    schema = "s" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return PostgresOnlineStore(repo_path=folder, db_schema=schema, **{**server.options, **options})  # type: ignore[arg-type]


class TestPostgresOnlineStore(OnlineStoreSuite):
    @pytest.fixture(autouse=True)
    def _server(self, server: PostgresServer) -> None:
        self.server = server

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return open_store(self.server, tmp_path)
