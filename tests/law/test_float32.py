"""A declared Float32 is one number everywhere, whatever width it came in: training, loads, pushes, JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repast import (
    Entity,
    FeatureStore,
    FeatureView,
    Field,
    FileSource,
    PushSource,
    RequestSource,
    on_demand_feature_view,
)
from repast.app.config import RepoConfig
from repast.errors import InvalidRequestError, InvalidValueError
from repast.types import Array, Float32, Float64, Int64

NOW = datetime(2024, 5, 1, tzinfo=UTC)
TENTH = float(np.float32(0.1))


def make_store(tmp_path, rates, **declared):
    rows = len(rates)
    times = pa.array([NOW - timedelta(hours=rows - i) for i in range(rows)], pa.timestamp("us", "UTC"))
    columns = {"driver_id": pa.array([1] * rows), "rate": pa.array(rates, pa.float64()), "at": times}
    columns["rates"] = pa.array([[r, None] for r in rates], pa.list_(pa.float64()))
    pq.write_table(pa.table(columns), tmp_path / "stats.parquet")
    driver = Entity(name="driver", join_keys={"driver_id": Int64})
    source = FileSource(name="stats", path="stats.parquet", timestamp_field="at")
    view = FeatureView(
        name="stats_view",
        entities=[driver],
        source=PushSource(name="live", batch_source=source),
        schema=[Field(name="rate", dtype=Float32), Field(name="rates", dtype=Array(Float32))],
    )
    asked = RequestSource(name="asked", schema=[Field(name="weight", dtype=Float32)])

    @on_demand_feature_view(
        sources=[view, asked], schema=[Field(name="product", dtype=Float32)], mode="python", singleton=True
    )
    def weighted(inputs):
        return {"product": inputs["rate"] * inputs["weight"]}

    store = FeatureStore(config=RepoConfig(project="width", repo_path=tmp_path), clock=lambda: NOW)
    return store, [view, weighted]


def test_training_serving_and_pushes_agree(tmp_path):
    store, definitions = make_store(tmp_path, [0.7, 0.1])
    plan = store.apply(definitions)
    assert "feature 'rate' is rounded to the nearest Float32" in str(plan)
    assert "feature 'rates' is rounded to the nearest Array(Float32)" in str(plan)
    assert plan.to_dict()["notes"] == list(plan.notes)
    assert store.apply(definitions).notes == ()  # nothing new, nothing to note

    features = ["stats_view:rate", "stats_view:rates", "weighted:product"]
    spine = pd.DataFrame({"driver_id": [1], "at": [NOW], "weight": [0.3]})
    trained = store.get_historical_features(spine, features, timestamp_column="at").to_arrow()
    assert trained.schema.field("rate").type == pa.float32()
    store.materialize(NOW - timedelta(days=1), NOW)
    served = store.get_online_features(features, [{"driver_id": 1, "weight": 0.3}]).to_dict()
    expected = {
        "rate": TENTH,
        "rates": [TENTH, None],
        "product": float(np.float32(TENTH * float(np.float32(0.3)))),
    }
    assert {name: trained.column(name).to_pylist()[0] for name in expected} == expected
    assert {name: served[name][0] for name in expected} == expected

    pushed = {"driver_id": [1], "rate": [0.1], "rates": [[0.1, None]], "at": [NOW]}
    store.push("live", pushed, "online_and_offline")
    served = store.get_online_features(features, [{"driver_id": 1, "weight": 0.3}]).to_dict()
    assert {name: served[name][0] for name in expected} == expected
    trained = store.get_historical_features(spine, features, timestamp_column="at").to_arrow()
    assert {name: trained.column(name).to_pylist()[0] for name in expected} == expected


def test_what_only_infinity_is_near_to_is_refused(tmp_path):
    store, definitions = make_store(tmp_path, [0.5, 1e39])
    store.apply(definitions)
    with pytest.raises(InvalidValueError, match=r"1e\+39"):
        store.materialize(NOW - timedelta(days=1), NOW)
    with pytest.raises(InvalidValueError, match=r"1e\+39"):
        store.push("live", {"driver_id": [1], "rate": [1e39], "rates": [None], "at": [NOW]})
    with pytest.raises(InvalidRequestError, match=r"1e\+39"):
        store.get_online_features(["weighted:product"], [{"driver_id": 1, "weight": 1e39}])


def test_an_exact_width_is_not_noted(tmp_path):
    store, definitions = make_store(tmp_path, [0.5])
    wide = FeatureView(
        name="wide",
        entities=definitions[0].entities,
        source=definitions[0].source.batch_source,
        schema=[Field(name="rate", dtype=Float64)],
    )
    assert store.apply(wide).notes == ()
