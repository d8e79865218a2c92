"""One Spark session for all tests of a process, and few random examples: each is several jobs of a second.

``SPARK_TEST_EXAMPLES`` asks for more of them.

``SPARK_TEST_PLACE`` says where it is: ``local`` (the default), ``standalone`` (a master and two workers) or
``connect`` (a Spark Connect server).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from server.spark import FEW_ROWS, PLAIN, Cluster, cluster_conf, connect_server, local_conf, standalone_cluster

PLACE = os.environ.get("SPARK_TEST_PLACE", "local")
EXAMPLES = int(os.environ.get("SPARK_TEST_EXAMPLES", "2"))
settings.register_profile("spark", settings.get_profile("default"), max_examples=EXAMPLES)


@pytest.fixture(autouse=True)
def _few_examples() -> Iterator[None]:
    settings.load_profile("spark")
    yield
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster | str | None]:
    folder: Path = tmp_path_factory.mktemp("place")
    if PLACE == "standalone":
        with standalone_cluster(folder) as cluster:
            yield cluster
    elif PLACE == "connect":
        with connect_server(folder, FEW_ROWS | PLAIN) as remote, pytest.MonkeyPatch.context() as patch:
            patch.setenv("SPARK_REMOTE", remote)
            yield remote
    else:
        yield None


@pytest.fixture(scope="session", autouse=True)
def session(tmp_path_factory: pytest.TempPathFactory, place: Cluster | str | None) -> Iterator[Any]:
    from repast.backends.offline.spark.session import open_session

    folder = tmp_path_factory.mktemp("spark")
    if isinstance(place, str):
        session = open_session({}, place)
    else:
        conf = cluster_conf(folder, place) | PLAIN if place else local_conf(folder)
        session = open_session(conf | FEW_ROWS, None)
    yield session
    session.stop()
