"""The shipped suite over our own stores."""

from __future__ import annotations

from pathlib import Path

from repast.backends.online.memory import MemoryOnlineStore
from repast.backends.online.sqlite import SqliteOnlineStore
from repast.ports.online import OnlineStore
from repast.testing.online import OnlineStoreSuite


class TestMemoryOnlineStore(OnlineStoreSuite):
    def make_store(self, tmp_path: Path) -> OnlineStore:
        return MemoryOnlineStore(repo_path=tmp_path)


class TestSqliteOnlineStore(OnlineStoreSuite):
    def make_store(self, tmp_path: Path) -> OnlineStore:
        return SqliteOnlineStore(repo_path=tmp_path)
