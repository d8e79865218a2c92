"""Training sets that Feast's names write to tables of the offline store."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from feast import Entity, FeatureStore, FeatureView, Field, ValueType
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.infra.offline_stores.bigquery_source import SavedDatasetBigQueryStorage
from feast.infra.offline_stores.contrib.clickhouse_offline_store.clickhouse_source import (
    ClickhouseSource,
    SavedDatasetClickhouseStorage,
)
from feast.types import Int64
from repast.backends.offline.clickhouse import ClickHouseEngine, ClickHouseSession
from repast.errors import UnsupportedError

NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    session = ClickHouseEngine(repo_path=tmp_path).connect()
    assert isinstance(session, ClickHouseSession)
    times = pa.array([NOON], pa.timestamp("us", "UTC"))
    rows = pa.table({"driver_id": [1], "t": times, "trips": [7]})
    session.load("CREATE TABLE trips ENGINE = MergeTree ORDER BY tuple() AS", rows)
    session.close()
    yaml = {"project": "p", "registry": "data/registry", "provider": "local", "offline_store": {"type": "clickhouse"}}
    (tmp_path / "feature_store.yaml").write_text(json.dumps(yaml))
    made = FeatureStore(repo_path=str(tmp_path))
    source = ClickhouseSource(name="trips", table="trips", timestamp_field="t")
    driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    view = FeatureView(name="trips", entities=[driver], schema=[Field(name="trips", dtype=Int64)], source=source)
    made.apply([driver, view])
    return made


def test_persist_and_saved_datasets(store: FeatureStore) -> None:
    spine = pd.DataFrame({"driver_id": [1, 2], "event_timestamp": [NOON, NOON]})
    job = store.get_historical_features(spine, ["trips:trips"])
    storage = SavedDatasetClickhouseStorage(table_ref="sets")
    job.persist(storage)
    with pytest.raises(SavedDatasetLocationAlreadyExists, match="sets"):
        job.persist(storage)
    with pytest.raises(SavedDatasetLocationAlreadyExists, match="sets"):
        store.create_saved_dataset(job, "training", storage)
    store.create_saved_dataset(job, "training", storage, allow_overwrite=True)
    found = store.get_saved_dataset("training")
    assert found.storage.table == "sets"
    assert sorted(found.to_df()["trips"].fillna(-1)) == [-1, 7]
    assert storage.to_data_source().table == "sets"
    assert not job.supports_remote_storage_export()
    with pytest.raises(UnsupportedError, match="BigQuery"):
        job.to_remote_storage()


def test_a_storage_names_its_source() -> None:
    assert SavedDatasetBigQueryStorage(table="p.d.sets").to_data_source().table == "p.d.sets"
