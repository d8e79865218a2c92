"""The 2022 tutorial from its first command to its last cell, in its spellings, in a fresh folder."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feast import BigQuerySource, FeatureStore
from feast.adapter.notice import FeastCompatibilityWarning
from tutorial_2022 import EXAMPLE, LOCATIONS

APRIL = datetime(2021, 4, 12, 7, tzinfo=UTC)


def feast(*args: str, cwd: Path) -> str:
    command = [sys.executable, "-W", "error::DeprecationWarning", "-m", "feast", *args]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout + done.stderr


def write(path: Path, columns: dict[str, Sequence[object]]) -> None:
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def repo(folder: Path) -> Path:
    """What ``feast init feature_repo`` makes, with the definitions of 2022 and the litter of notebooks."""
    feast("init", "feature_repo", cwd=folder)
    made = folder / "feature_repo"
    (made / "example.py").write_text(EXAMPLE)
    (made / "locations.py").write_text(LOCATIONS)
    times = pa.array([APRIL] * 3, pa.timestamp("us", "UTC"))
    write(
        made / "data" / "location_stats.parquet",
        {"location_id": [1, 2, 3], "temperature": pa.array([10, 20, 30], pa.int32()), "event_timestamp": times},
    )
    write(
        made / "data" / "global_stats.parquet",
        {"num_rides": pa.array([7], pa.int32()), "event_timestamp": times.slice(0, 1)},
    )
    for litter in (made, made / "data"):
        (litter / ".ipynb_checkpoints").mkdir()
        (litter / ".ipynb_checkpoints" / "example-checkpoint.py").write_text("raise SystemExit('an old copy')\n")
    return made


def test_init_writes_the_files_of_the_tutorial(folder: Path) -> None:
    feast("init", "feature_repo", cwd=folder)
    files = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert {
        "feature_repo/feature_store.yaml",
        "feature_repo/example.py",
        "feature_repo/__init__.py",
        "feature_repo/data/driver_stats.parquet",
    } <= files
    frame = pd.read_parquet(folder / "feature_repo" / "data" / "driver_stats.parquet")
    assert list(frame.columns) == [
        "event_timestamp",
        "driver_id",
        "conv_rate",
        "acc_rate",
        "avg_daily_trips",
        "created",
    ]
    assert set(frame["driver_id"]) == {1001, 1002, 1003, 1004, 1005}
    feast("apply", cwd=folder / "feature_repo")


def test_the_whole_tutorial(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = feast("apply", cwd=repo)
    assert "driver_hourly_stats" in said
    for spelling in (
        "Feature(name=",
        "entities=['driver']",
        "features=[Feature(",
        "batch_source=",
        "join_key='x'",
        "event_timestamp_column='x'",
        "Duration(seconds=",
    ):
        told = [line for line in said.splitlines() if "is an old spelling" in line and spelling in line]
        assert len(told) == 1, (spelling, said)  # each once, however often it is written

    monkeypatch.chdir(repo)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FeastCompatibilityWarning)
        store = FeatureStore(".")
    frame = pd.read_parquet("data/driver_stats.parquet")
    entity_df = pd.DataFrame(
        {
            "driver_id": [1001, 1002, 1003],
            "label": [1, 0, 1],
            "event_timestamp": [APRIL + timedelta(hours=1), APRIL + timedelta(minutes=1), APRIL - timedelta(days=9)],
        }
    )
    training = store.get_historical_features(
        entity_df=entity_df,
        features=["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips"],
    ).to_df()
    april = frame[frame.event_timestamp == APRIL].set_index("driver_id")
    assert training["label"].tolist() == [1, 0, 1]
    assert training["avg_daily_trips"].tolist()[:2] == april.loc[[1001, 1002], "avg_daily_trips"].tolist()
    assert training["avg_daily_trips"].isna().tolist() == [False, False, True]

    feast("materialize-incremental", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"), cwd=repo)
    service = store.get_feature_service("driver_ranking_fv_svc")
    with pytest.warns(FeastCompatibilityWarning, match="join key: {'driver_id'"):
        by_name = store.get_online_features(
            features=service, entity_rows=[{"driver": 1004}, {"driver": 1005}]
        ).to_dict()
    by_key = store.get_online_features(
        features=service, entity_rows=[{"driver_id": 1004}, {"driver_id": 1005}]
    ).to_dict()
    newest = frame.sort_values("event_timestamp").groupby("driver_id").last()
    assert by_name == by_key
    assert by_key["driver_id"] == [1004, 1005]
    assert by_key["conv_rate"] == newest.loc[[1004, 1005], "conv_rate"].tolist()

    assert [view.name for view in store.list_feature_views()] == [
        "driver_hourly_stats",
        "global_stats",
        "location_stats",
    ]
    view = store.get_feature_view("driver_hourly_stats")
    assert view.entities == ["driver"]
    assert view.join_keys == ["driver_id"]
    assert view.ttl == timedelta(days=1)
    assert [feature.name for feature in view.features] == ["acc_rate", "avg_daily_trips", "conv_rate"] or [
        feature.name for feature in view.features
    ] == ["conv_rate", "acc_rate", "avg_daily_trips"]
    assert view.tags == {"team": "driver_performance"}
    assert view.batch_source.path == "data/driver_stats.parquet"


def test_aliases_and_views_without_entities(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    feast("apply", cwd=repo)
    monkeypatch.chdir(repo)
    store = FeatureStore(".")
    now = datetime.now(UTC)
    rides = pd.DataFrame({"origin_id": [1, 3], "destination_id": [2, 9], "event_timestamp": [now, now]})
    service = store.get_feature_service("trip")
    trained = store.get_historical_features(rides, service, full_feature_names=True).to_df()
    assert trained["origin_stats__temperature"].tolist() == [10, 30]
    assert trained["destination_stats__temperature"].isna().tolist() == [False, True]
    assert trained["global_stats__num_rides"].tolist() == [7, 7]

    store.materialize(APRIL - timedelta(days=1), now)
    served = store.get_online_features(
        features=service, entity_rows=[{"origin_id": 1, "destination_id": 2}], full_feature_names=True
    ).to_dict()
    assert served["origin_stats__temperature"] == [10]
    assert served["destination_stats__temperature"] == [20]
    assert served["global_stats__num_rides"] == [7]


def test_problems_name_the_users_line(repo: Path) -> None:
    lines = EXAMPLE.splitlines()
    at = next(i for i, line in enumerate(lines, 1) if line.startswith("driver_hourly_stats_view"))
    (repo / "example.py").write_text(EXAMPLE.replace('"conv_rate"', '"conv_rat"'))
    command = [sys.executable, "-W", "ignore", "-m", "feast", "apply"]
    done = subprocess.run(command, cwd=repo, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert f"example.py:{at}: feature view" in done.stderr, done.stderr
    assert "did you mean 'conv_rate'" in done.stderr


def test_bigquery_by_its_old_name() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        source = BigQuerySource(table_ref="project.dataset.driver_stats", event_timestamp_column="event_timestamp")
    assert source.table == "project.dataset.driver_stats"
    assert source.timestamp_field == "event_timestamp"
    assert len(said) == 2
    assert all(w.filename == __file__ and w.category is FeastCompatibilityWarning for w in said)
    assert "write table='project.dataset.table'" in str(said[0].message)
