"""What only a cluster can show. Run by test_spark_place.py, with SPARK_TEST_PLACE=standalone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from spark_project import HISTORY, check_newest, history_view, loaded, open_store, write_history

from server.redis import run_redis, wait_until
from server.spark import Cluster

ROWS, KEYS = 200_000, 40_000


@pytest.fixture
def cluster(place: Any) -> Cluster:
    assert isinstance(place, Cluster)
    return place


def test_a_worker_dies_half_way(tmp_path: Path, session: Any, cluster: Cluster) -> None:
    """One of two workers is killed when some keys are online: the load completes, and its report adds up."""
    write_history(tmp_path, rows=ROWS, keys=KEYS, files=8)
    with run_redis() as server:
        engine = {"type": "spark.engine", "partitions": 16}
        online = {"type": "redis", "connection_string": server.address}
        store = open_store(tmp_path, [history_view()], batch_engine=engine, online_store=online)
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(store.materialize, *HISTORY)
            wait_until(lambda: load.done() or loaded(store) > 0, "the first rows to be online", 120)
            cluster.workers[0].kill()
            assert not load.done()
            assert loaded(store) < KEYS
            report = load.result(240).views[0]
        assert (report.read, report.rejected, report.late) == (ROWS, 0, 0)
        assert report.written + report.unchanged == KEYS
        assert loaded(store) == KEYS
        check_newest(store, tmp_path, range(KEYS))
