"""What code of Feast's users does with store.registry, and asks views about their loads."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

import feast
from feast import errors
from feast.adapter.elsewhere import elsewhere
from feast.adapter.notice import FeastCompatibilityWarning
from feast.types import Float64, Int64
from feast.utils import make_tzaware, to_naive_utc

NOW = datetime.now(UTC).replace(microsecond=0)

driver = feast.Entity(name="driver", join_keys=["driver_id"], value_type=feast.ValueType.INT64)
stats_file = feast.FileSource(name="stats_file", path="stats.parquet", timestamp_field="event_timestamp")


def view(name: str = "stats", **options: object) -> feast.FeatureView:
    schema = [feast.Field(name="trips", dtype=Int64), feast.Field(name="rating", dtype=Float64)]
    return feast.FeatureView(
        **{"name": name, "entities": [driver], "schema": schema, "source": stats_file, "ttl": timedelta(days=1)}
        | options
    )


@pytest.fixture
def store(folder: Path) -> feast.FeatureStore:
    (folder / "feature_store.yaml").write_text("project: shop\nregistry: data/registry.db\nonline_store: sqlite\n")
    rows = {"driver_id": [1, 2], "event_timestamp": NOW - timedelta(hours=1), "trips": [3, 4], "rating": [4.5, 5.0]}
    pd.DataFrame(rows).to_parquet(folder / "stats.parquet")
    made = feast.FeatureStore(str(folder))
    made.apply([driver, stats_file, view(), feast.FeatureService(name="model", features=[view()])])
    return made


def test_a_view_tells_what_loads_have_read(store: feast.FeatureStore) -> None:
    known = store.get_feature_view("stats")
    assert (known.materialization_intervals, known.most_recent_end_time) == ([], None)
    start = NOW - timedelta(days=2)
    store.materialize(start, NOW)
    assert known.materialization_intervals == [(start, NOW)]
    anew = store.get_feature_view("stats"), store.list_feature_views()[0], store.registry.get_feature_view("stats", "p")
    for again in anew:
        assert again.most_recent_end_time == NOW
    assert view().most_recent_end_time is None
    pickled = pickle.loads(pickle.dumps(known))
    assert pickled == known == copy.copy(known)
    assert pickled.materialization_intervals == []


def test_a_first_incremental_load_reads_as_far_back_as_values_hold(store: feast.FeatureStore) -> None:
    store.apply(view("always", ttl=None))
    store.materialize_incremental(NOW)
    assert store.get_feature_view("stats").materialization_intervals == [(NOW - timedelta(days=1), NOW)]
    assert store.get_feature_view("always").materialization_intervals == [(datetime(1970, 1, 1, tzinfo=UTC), NOW)]


def test_a_view_whose_types_changed_was_not_loaded(store: feast.FeatureStore) -> None:
    store.materialize(NOW - timedelta(days=2), NOW)
    store._repast.apply([view(schema=[feast.Field(name="trips", dtype=Float64)])], allow_migration=True)
    assert store.get_feature_view("stats").most_recent_end_time is None


def test_what_a_store_returns_equals_what_was_applied(store: feast.FeatureStore) -> None:
    assert store.get_feature_view("stats") == view()
    assert len({store.get_feature_view("stats"), view()}) == 1
    for other in (
        view(ttl=timedelta(days=2)),
        view(online=False),
        view(tags={"a": "b"}),
        view(schema=[feast.Field(name="trips", dtype=Int64)]),
        view(name="other"),
    ):
        assert store.get_feature_view("stats") != other


def test_the_registry_is_changed_through_its_methods(store: feast.FeatureStore) -> None:
    registry = store.registry
    registry.apply_entity(feast.Entity(name="car", value_type=feast.ValueType.STRING), "shop")
    registry.apply_feature_view(view("second"), project="shop")
    with pytest.warns(FeastCompatibilityWarning, match="written at once"):
        registry.apply_feature_service(
            feast.FeatureService(name="other", features=[view("second")]), "shop", commit=False
        )
    registry.commit()
    again = feast.FeatureStore(str(store.repo_path))
    assert [one.name for one in again.list_entities()] == ["car", "driver"]
    assert [one.name for one in again.list_feature_services()] == ["model", "other"]

    registry.delete_feature_service("other", "shop")
    registry.delete_feature_view("second", project="shop")
    registry.delete_entity(name="car", project="shop")
    assert [one.name for one in again.list_entities()] == ["driver"]
    assert [one.name for one in again.list_feature_views()] == ["stats"]
    assert [one.name for one in again.list_feature_services()] == ["model"]
    with pytest.raises(errors.EntityNotFoundException, match="nope"):
        registry.delete_entity("nope", "shop")
    with pytest.raises(errors.FeatureViewNotFoundException, match="nope"):
        registry.delete_feature_view("nope", "shop")


def test_the_registry_as_a_dict(store: feast.FeatureStore) -> None:
    found = store.registry.to_dict("shop")
    assert found["project"] == "shop"
    assert [one["spec"]["name"] for one in found["featureViews"]] == ["stats"]
    assert [one["spec"]["name"] for one in found["featureServices"]] == ["model"]


def test_features_of_one_name_are_feasts_error(store: feast.FeatureStore) -> None:
    store.apply(view("second"))
    both = ["stats:trips", "second:trips"]
    spine = pd.DataFrame({"driver_id": [1], "event_timestamp": [NOW]})
    with pytest.raises(errors.FeatureNameCollisionError, match="full_feature_names=True"):
        store.get_historical_features(spine, both)
    with pytest.raises(errors.FeatureNameCollisionError, match="full_feature_names=True"):
        store.get_online_features(both, [{"driver_id": 1}])
    named = store.get_historical_features(spine, both, full_feature_names=True).to_df()
    assert list(named.columns[2:]) == ["stats__trips", "second__trips"]


def test_times_of_feasts_helpers() -> None:
    aware = datetime(2024, 6, 1, 12, tzinfo=UTC)
    assert make_tzaware(aware.replace(tzinfo=None)) == aware
    assert make_tzaware(aware) is aware
    assert to_naive_utc(aware) == aware.replace(tzinfo=None)


def test_inner_modules_of_feast_say_what_there_is_instead() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"feast\.protos is an inner module of Feast.*registry-dump"):
        import feast.protos.feast.types.Value_pb2
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'feast\.nothing'"):
        import feast.nothing  # noqa: F401


def test_editors_know_every_name_that_has_code() -> None:
    text = Path(feast.__file__).read_text(encoding="utf-8")
    known = text.partition("if TYPE_CHECKING:")[2].partition("hide_frames")[0]
    told = {name for name in feast.__all__ if f" as {name}\n" in known}
    assert told == {name for name in feast.__all__ if feast._HOME[name] not in elsewhere()}
    assert Path(feast.__file__).with_name("py.typed").exists()
