"""Loads on Spark's executors: what is online afterwards is what the oracle says, however they went."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from spark_project import HOUR, NOW, open_store, rides, view, write

from repast.app.store import FeatureStore
from repast.errors import InvalidValueError, UnavailableError

SPARK = {"offline_store": {"type": "spark"}}
BATCH = {"batch_engine": {"type": "spark.engine", "partitions": 3}}


def online(store: FeatureStore, keys: int) -> str:
    """Return what is served for each key, to the bit."""
    rows = [{"driver_id": key} for key in range(keys)]
    features = ["stats:trips", "stats:rate", "stats:city"]
    return repr(store.get_online_features(features, rows).to_dict(include_event_timestamps=True))


@pytest.mark.parametrize("config", [SPARK, BATCH], ids=["offline store", "batch engine"])
def test_executors_write_what_one_process_writes(tmp_path: Path, session: Any, config: dict[str, Any]) -> None:
    """Ties, nulls and all; a second load finds everything unchanged; a late row is picked up; counts are right."""
    rows = rides(500, 20)
    write(rows, tmp_path, files=2)
    expected = open_store(tmp_path, [view()], online_store={"type": "sqlite", "path": "other.db"})
    said = expected.materialize(NOW - 99 * HOUR, NOW).views[0]
    store = open_store(tmp_path, [view()], registry="data/other", **config)
    report = store.materialize(NOW - 99 * HOUR, NOW).views[0]
    assert online(store, 20) == online(expected, 20)
    assert (report.read, report.written, report.rejected) == (said.read, said.written, said.rejected)
    again = store.materialize(NOW - 99 * HOUR, NOW).views[0]
    assert (again.written, again.unchanged) == (0, report.written)
    late = rides(5, 1, seed=9).set_column(1, "event_timestamp", pa.array([NOW] * 5, pa.timestamp("us", "UTC")))
    write(pa.concat_tables([rows, late]), tmp_path, files=3)
    for one in (expected, store):
        one.materialize(NOW - 99 * HOUR, NOW)
    assert online(store, 20) == online(expected, 20)


def test_values_that_do_not_fit_are_told_from_executors(tmp_path: Path, session: Any) -> None:
    """A cast that would lose fails on an executor and is our error here; a batch engine may be told to stay local."""
    rows = rides(50, 5)
    write(rows.set_column(3, "trips", pa.array([1.5] * 50)), tmp_path)
    store = open_store(tmp_path, [view()], **SPARK)
    with pytest.raises(InvalidValueError, match=r"feature 'trips' of feature view 'stats'.*1\.5") as caught:
        store.materialize(NOW - 99 * HOUR, NOW)
    assert "Traceback" not in str(caught.value)
    write(rows, tmp_path)
    here = open_store(tmp_path, batch_engine="local", **SPARK)
    assert here.materialize(NOW - 99 * HOUR, NOW).views[0].written == 5


def test_a_store_that_executors_do_not_share_is_told(tmp_path: Path, session: Any, monkeypatch: Any) -> None:
    """What executors keep in their own memory is not online: the load fails and remembers nothing."""
    from repast.app import worker_load

    monkeypatch.setattr(worker_load, "_SEEN_WITHIN", 0.0)
    write(rides(50, 5), tmp_path)
    store = open_store(tmp_path, [view()], **SPARK, online_store="memory")
    with pytest.raises(UnavailableError, match="'memory'"):
        store.materialize(NOW - 99 * HOUR, NOW)
    assert not store._workspace.registry.state().views
