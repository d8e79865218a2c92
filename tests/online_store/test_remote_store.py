"""The shipped suite over a remote store: a real feature server on this machine, SQLite behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from repast.backends.online.remote import RemoteOnlineStore
from repast.ports.online import OnlineStore
from repast.testing.online import OnlineStoreSuite
from server.feature_server import HttpServer
from server.place import run_places


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    with run_places(tmp_path_factory.mktemp("places")) as server:
        yield server


_ONE_PROJECT = "a feature server hands out the tables of its own project, and no others"


class TestRemoteOnlineStore(OnlineStoreSuite):
    server: ClassVar[HttpServer]
    gaps: ClassVar[Mapping[str, str]] = {
        "test_tables_do_not_see_each_other": _ONE_PROJECT,
        "test_drop_and_erase_leave_other_tables_alone": _ONE_PROJECT,
    }

    @pytest.fixture(autouse=True)
    def _find_server(self, places: HttpServer) -> None:
        type(self).server = places

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return RemoteOnlineStore(repo_path=tmp_path, path=f"{self.server.url}{tmp_path}")
