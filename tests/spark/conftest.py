"""One Spark session for all tests of a process, and fewer random examples: each is several jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from server.spark import local_conf

settings.register_profile("spark", settings.get_profile("default"), max_examples=6)


@pytest.fixture(autouse=True)
def _few_examples() -> Iterator[None]:
    settings.load_profile("spark")
    yield
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session", autouse=True)
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from repast.backends.offline.spark.session import open_session

    folder: Path = tmp_path_factory.mktemp("spark")
    session = open_session(local_conf(folder), None)
    yield session
    session.stop()
