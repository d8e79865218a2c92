"""Definitions in the shapes of Feast's templates apply, train, load and serve; and come back as Feast's objects."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import feast
from feast import FeatureStore
from feast.data_source import PushMode
from repast.errors import UnsupportedError
from shapes import DEFINITIONS, YAML

NOW = datetime.now(UTC).replace(microsecond=0)
RATES = [float(np.float32(rate)) for rate in (0.1, 0.2, 0.3)]

pytestmark = pytest.mark.filterwarnings("ignore::feast.adapter.notice.FeastCompatibilityWarning")


def make_repo(folder: Path) -> Path:
    (folder / "data").mkdir()
    (folder / "feature_store.yaml").write_text(YAML)
    (folder / "definitions.py").write_text(DEFINITIONS)
    times = pa.array([NOW - timedelta(hours=1)] * 3, pa.timestamp("us", "UTC"))
    profile = pa.array([{"name": f"d{i}", "age": "30"} for i in range(3)])
    columns = {"driver_id": [1, 2, 3], "conv_rate": [0.1, 0.2, 0.3], "trips": [10, 20, 30], "profile": profile}
    pq.write_table(pa.table(columns | {"event_timestamp": times, "created": times}), folder / "data" / "stats.parquet")
    verdicts = {"driver_id": [1], "verdict": ["good"], "labeler": ["me"], "event_timestamp": times.slice(0, 1)}
    pq.write_table(pa.table(verdicts), folder / "data" / "verdicts.parquet")
    return folder


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_repo(tmp_path_factory.mktemp("shapes"))
    command = [sys.executable, "-m", "feast", "apply"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for said in ("Permission is accepted", "Kafka source 'stats_stream' is accepted", "transformation is accepted"):
        assert said in done.stderr
    store = FeatureStore(str(folder))
    store.materialize(NOW - timedelta(days=2), NOW)
    return folder


@pytest.fixture
def store(repo: Path) -> FeatureStore:
    return FeatureStore(str(repo))


def test_on_demand_views_in_every_mode_agree_in_training_and_serving(store: FeatureStore) -> None:
    spine = pd.DataFrame({"driver_id": [1, 2], "event_timestamp": [NOW] * 2, "extra": [1, 2]})
    for name in ("model_v1", "model_v2"):
        service = store.get_feature_service(name)
        trained = store.get_historical_features(spine, service).to_df()
        served = store.get_online_features(service, [{"driver_id": 1, "extra": 1}, {"driver_id": 2, "extra": 2}])
        for feature, values in served.to_dict().items():
            if feature not in ("driver_id", "profile"):
                assert trained[feature].tolist() == values, feature
    answer = served.to_dict()
    assert answer["sum_list"] == answer["sum_one"] == [RATES[0] + 1, RATES[1] + 2]
    assert answer["half"] == [float(np.float32(rate) / 2) for rate in RATES[:2]]
    assert answer["profile"][0] == {"name": "d0", "age": "30"}


def test_stream_views_read_their_batch_source_and_take_what_processors_push(store: FeatureStore) -> None:
    names = {view.name: view for view in store.list_stream_feature_views()}
    assert set(names) == {"streamed", "transformed_stream"}
    assert names["streamed"].aggregations[0].resolved_name() == "max_conv_rate_86400s"
    assert "df.trips * 2" in names["transformed_stream"].udf_string
    features = ["streamed:conv_rate", "transformed_stream:trips"]
    spine = pd.DataFrame({"driver_id": [3], "event_timestamp": [NOW]})
    assert store.get_historical_features(spine, features).to_df()["trips"].tolist() == [30]
    row = {"driver_id": [3], "conv_rate": [0.5], "trips": [60], "event_timestamp": [NOW]}
    store.push("stats_stream", pd.DataFrame(row))
    assert store.get_online_features(features, [{"driver_id": 3}]).to_dict() == {
        "driver_id": [3],
        "conv_rate": [0.5],
        "trips": [60],
    }
    store.write_to_online_store("transformed_stream", pd.DataFrame(row | {"trips": [61]}))
    live = store.get_online_features(["transformed_stream:trips"], {"driver_id": [3]}).to_dict()
    assert live["trips"] == [61]
    assert store.get_stream_feature_view("streamed").stream_source.kafka_options.topic == "drivers"


def test_pushes_and_labels(store: FeatureStore) -> None:
    row = pd.DataFrame({"driver_id": [2], "conv_rate": [0.9], "trips": [7], "event_timestamp": [NOW]})
    store.push("stats_push", row, to=PushMode.ONLINE)
    fresh = store.get_online_features(["driver_stats_fresh:trips"], [{"driver_id": 2}]).to_dict()
    assert fresh["trips"] == [7]
    assert [view.name for view in store.list_label_views()] == ["verdicts"]
    label = store.get_label_view("verdicts")
    assert (label.labeler_field, label.reference_feature_view) == ("labeler", "driver_stats")
    verdict = store.get_online_features(["verdicts:verdict"], [{"driver_id": 1}, {"driver_id": 2}]).to_dict()
    assert verdict["verdict"] == ["good", None]


def test_what_comes_back_is_feasts(store: FeatureStore) -> None:
    view = store.get_feature_view("driver_stats")
    assert isinstance(view, feast.FeatureView)
    assert view.entities == ["driver"]
    assert [column.name for column in view.entity_columns] == ["driver_id"]
    assert {f.name: str(f.dtype) for f in view.features}["profile"] == "Struct({name: String, age: String})"
    assert view.projection.name_to_use() == "driver_stats"
    assert view.batch_source.path == "data/stats.parquet"
    assert view.batch_source.created_timestamp_column == "created"
    assert view.tags == {"team": "driver_performance"}
    assert view.ttl == timedelta(days=1)
    service = store.get_feature_service("model_v1")
    assert [p.name for p in service.feature_view_projections] == ["driver_stats", "in_pandas"]
    assert [f.name for f in service.feature_view_projections[0].features] == ["conv_rate"]
    assert service.logging_config.sample_rate == 0.5
    assert service.logging_config.destination.path == "data"
    assert store.get_entity("driver").value_type is feast.ValueType.INT64
    project = store.get_project(None)
    assert (project.name, project.owner, project.tags) == ("shapes", "me@example.com", {"team": "drivers"})
    assert store.get_feature_service("model_v3").feature_view_projections[1].name_alias == "live"
    on_demand = store.get_on_demand_feature_view("in_pandas")
    assert on_demand.get_request_data_schema() == {"extra": feast.ValueType.INT64}


def test_what_came_back_can_be_applied_again(store: FeatureStore) -> None:
    before = store._repast.log(1)[0].generation
    store.apply([*store.list_entities(), *store.list_data_sources(), *store.list_all_feature_views()])
    store.apply(store.list_feature_services())
    assert store._repast.log(1)[0].generation == before


def test_objects_may_be_changed_before_they_are_applied(folder: Path) -> None:
    store = FeatureStore(str(make_repo(folder)))
    driver = feast.Entity(name="driver", join_keys=["driver_id"])
    stats = feast.FileSource(name="stats_file", path="data/stats.parquet", timestamp_field="event_timestamp")
    view = feast.FeatureView(name="stats", entities=[driver], source=stats, ttl=timedelta(hours=1))
    view.ttl = timedelta(hours=5)
    view.tags["late"] = "yes"
    store.apply([view])
    assert store.get_feature_view("stats").ttl == timedelta(hours=5)
    assert store.get_feature_view("stats").tags == {"late": "yes"}
    store.delete_feature_view("stats")
    with pytest.raises(feast.errors.FeatureViewNotFoundException, match="stats"):
        store.get_feature_view("stats")
    assert [entity.name for entity in store.list_entities()] == ["driver"]


def test_a_function_of_a_batch_view_is_refused(repo: Path) -> None:
    with pytest.raises(UnsupportedError, match="transformation of batch view 'b'"):
        feast.BatchFeatureView(name="b", udf=lambda df: df)
