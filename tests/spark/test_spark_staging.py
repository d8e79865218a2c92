"""What a retrieval keeps between its steps is removed: when its answer is done with, when it fails, and on close."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from spark_project import open_store, rides, spine, view, write

from repast.app.store import FeatureStore
from repast.errors import InvalidValueError

FEATURES = ["stats:trips"]


@pytest.fixture
def store(tmp_path: Path, session: Any) -> Iterator[FeatureStore]:
    write(rides(100, 5), tmp_path)
    open_store(tmp_path, [view()]).close()
    with open_store(tmp_path, offline_store={"type": "spark", "staging_location": "staged"}) as store:
        yield store


def staged(folder: Path) -> int:
    return len(list((folder / "staged").glob("*")))


def test_staged_spines_live_as_long_as_their_answers(tmp_path: Path, session: Any, store: FeatureStore) -> None:
    """One folder per answer, which is read as often as one likes; it goes with the last that can read it."""
    frame = session.createDataFrame(spine(20, 5))
    job: Any = store.get_historical_features(frame, FEATURES)
    expected = job.to_arrow()
    assert staged(tmp_path) == 1
    parts = job.to_batches(batch_size=7)
    first = next(parts)
    del job
    gc.collect()
    assert staged(tmp_path) == 1  # the batches are still read
    assert pa.Table.from_batches([first, *parts]).to_pylist() == expected.to_pylist()
    del parts
    gc.collect()
    assert staged(tmp_path) == 0


def test_data_frames_that_are_given_away_are_good_until_the_store_is_closed(
    tmp_path: Path, session: Any, store: FeatureStore
) -> None:
    """Nobody can tell what reads them; close removes what they read, and closing again is no error."""
    frame = session.createDataFrame(spine(20, 5))
    derived = store.get_historical_features(frame, FEATURES).to_spark_df().select("trips")
    gc.collect()
    assert derived.count() == 20
    assert staged(tmp_path) == 1
    store.close()
    assert staged(tmp_path) == 0
    store.close()


def test_nothing_is_left_of_retrievals_that_fail(tmp_path: Path, session: Any, store: FeatureStore) -> None:
    """While the spine is bound and staged, and after that, when the source turns out to be gone."""
    frame = session.createDataFrame(spine(20, 5))
    refused = frame.selectExpr("CAST(driver_id AS DOUBLE) + 0.5 AS driver_id", "event_timestamp", "label")
    with pytest.raises(InvalidValueError, match="join key"):
        store.get_historical_features(refused, FEATURES).to_arrow()
    assert staged(tmp_path) == 0
    job: Any = store.get_historical_features(frame, FEATURES)
    (tmp_path / "rides" / "0.parquet").unlink()
    with pytest.raises(Exception, match="rides"):
        job.to_arrow()
    assert staged(tmp_path) == 0
