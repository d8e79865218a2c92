"""One project for all tests of the feature server, and a client of its application in this process."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from feature_server.server_project import make_project
from repast.app.config import load_config
from repast.server.application import Application
from repast.server.settings import ServerSettings


@pytest.fixture(scope="session")
def made_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("shop") / "repo")


@pytest.fixture
def project(made_project: Path, tmp_path: Path) -> Path:
    """A copy that the test may change."""
    return Path(shutil.copytree(made_project, tmp_path / "repo"))


class Client:
    """Sends requests to an application, without a network."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._application)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
                return await client.request(method, path, **options)

        return asyncio.run(send())

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.request("POST", path, json=body)

    def read(self, features: list[str], *, full: bool = False, **entities: list[Any]) -> httpx.Response:
        return self.post(
            "/get-online-features", {"features": features, "entities": entities, "full_feature_names": full}
        )


@pytest.fixture
def open_client(project: Path) -> Iterator[Callable[..., Client]]:
    opened: list[Application] = []

    def open_it(**settings: Any) -> Client:
        opened.append(Application(load_config(project), ServerSettings(**{"access_log": False, **settings})))
        return Client(opened[-1])

    yield open_it
    for application in opened:
        application.close()


@pytest.fixture
def client(open_client: Callable[..., Client]) -> Client:
    return open_client()
