"""Saved datasets: a whole file, a definition that says what it was made from, nothing overwritten by accident."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from historical_project import BIG, DRIVER_FEATURES, Shop, at, driver_rows

import repast.app.dataset as dataset
from repast import FeatureService, FeatureStore
from repast.errors import (
    ConflictError,
    CorruptDataError,
    InvalidDefinitionError,
    InvalidRequestError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)

ASKED = pa.table({"driver_id": [2, 1, 9], "event_timestamp": [at(1), at(5), at(1)], "label": ["x", None, "z"]})


@pytest.fixture
def drivers(shop):
    stats = shop.view("stats", driver_rows(), features=DRIVER_FEATURES, ttl=timedelta(hours=3))
    return shop.apply(stats, FeatureService(name="model", features=[stats[["trips"]]]))


def save(shop, name="train", path="out/train.parquet", features="model", **options):
    full = options.pop("full_feature_names", False)
    return shop.store.create_saved_dataset(shop.get(ASKED, features, full_feature_names=full), name, path, **options)


def test_a_saved_dataset_is_what_was_retrieved(drivers):
    saved = save(drivers, tags={"team": "x"})
    found = drivers.store.get_saved_dataset("train")
    assert found.to_arrow().equals(drivers.get(ASKED, "model").to_arrow())
    assert saved.path == found.path == drivers.path / "out" / "train.parquet"
    assert saved.to_arrow().equals(found.to_arrow())
    assert str(found.to_df().dtypes["trips"]) == "Int64"
    assert found.to_polars()["trips"].to_list() == [BIG, 50, None]
    assert found.to_pandas().equals(found.to_df())


def test_its_definition_says_what_it_was_made_from(drivers):
    save(drivers, tags={"team": "x"}, full_feature_names=True)
    (found,) = drivers.store.list_saved_datasets()
    assert (found.name, found.path, found.rows) == ("train", "out/train.parquet", 3)
    assert (found.features, found.join_keys) == (("stats:trips",), ("driver_id",))
    assert (found.feature_service, found.full_feature_names, found.tags) == ("model", True, {"team": "x"})
    save(drivers, name="other", path="out/other.parquet", features=["stats:rating", "stats:trips"])
    other = drivers.store.get_saved_dataset("other").definition
    assert (other.features, other.feature_service) == (("stats:rating", "stats:trips"), None)


def test_a_service_may_be_named_when_saving(drivers):
    service = drivers.store.get_feature_service("model")
    saved = save(drivers, features=["stats:trips"], feature_service=service)
    assert saved.definition.feature_service == "model"


def test_other_processes_see_it(drivers):
    save(drivers)
    with FeatureStore(config=drivers.store.config) as other:
        assert other.get_saved_dataset("train").to_arrow().num_rows == 3
        assert [entry.changes[0].name for entry in other.log(1)] == ["train"]


def test_applying_definitions_does_not_forget_it(drivers):
    save(drivers)
    drivers.apply(drivers.view("later", driver_rows()))
    assert drivers.store.get_saved_dataset("train").definition.rows == 3


@pytest.mark.parametrize(("name", "path"), [("train", "out/other.parquet"), ("other", "out/train.parquet")])
def test_what_is_there_is_kept_unless_told_otherwise(drivers, name, path):
    save(drivers)
    before = (drivers.path / "out" / "train.parquet").read_bytes()
    with pytest.raises(ConflictError, match="already") as caught:
        save(drivers, name=name, path=path, features=["stats:rating"])
    assert "allow_overwrite=True" in caught.value.hint
    assert (drivers.path / "out" / "train.parquet").read_bytes() == before
    assert [p.name for p in (drivers.path / "out").iterdir()] == ["train.parquet"]
    assert drivers.store.get_saved_dataset("train").definition.features == ("stats:trips",)
    assert len(drivers.store.list_saved_datasets()) == 1


def test_overwriting_replaces_file_and_definition(drivers):
    save(drivers)
    save(drivers, features=["stats:rating"], allow_overwrite=True)
    found = drivers.store.get_saved_dataset("train")
    assert found.to_arrow().column_names[-1] == "rating"
    assert found.definition.features == ("stats:rating",)
    assert [p.name for p in (drivers.path / "out").iterdir()] == ["train.parquet"]


def test_of_two_at_once_one_wins_and_the_other_hears_of_it(drivers):
    start, outcomes = Barrier(2), []

    def attempt(features):
        with FeatureStore(config=drivers.store.config) as store:
            job = store.get_historical_features(ASKED, features)
            job.to_arrow()
            start.wait()
            try:
                outcomes.append(store.create_saved_dataset(job, "train", "out/train.parquet").definition.features)
            except ConflictError as error:
                outcomes.append(error)

    threads = [Thread(target=attempt, args=(f,)) for f in (["stats:trips"], ["stats:rating"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = next(o for o in outcomes if isinstance(o, tuple))
    assert sum(isinstance(o, ConflictError) for o in outcomes) == 1
    drivers.store.refresh_registry()
    found = drivers.store.get_saved_dataset("train")
    assert found.definition.features == winner
    assert found.to_arrow().column_names[-1] == winner[0].partition(":")[2]


def test_a_failed_registration_leaves_no_file(drivers, monkeypatch):
    def away(*_):
        raise UnavailableError("the registry is away")

    monkeypatch.setattr(drivers.store._workspace.registry, "swap_manifest", away)
    with pytest.raises(UnavailableError, match="registry is away"):
        save(drivers)
    assert list((drivers.path / "out").iterdir()) == []


def test_file_systems_without_links_will_do(drivers, monkeypatch):
    def no_links(*_):
        raise PermissionError("no links here")

    monkeypatch.setattr(dataset.Path, "hardlink_to", no_links)
    save(drivers)
    assert [p.name for p in (drivers.path / "out").iterdir()] == ["train.parquet"]
    target = drivers.path / "out" / "train.parquet"
    with pytest.raises(ConflictError):
        dataset._place_new("other", target, target)


def test_paths_may_be_absolute(drivers, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "train.parquet"
    save(drivers, path=path)
    assert drivers.store.get_saved_dataset("train").path == path


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"path": "s3://bucket/train.parquet"}, UnsupportedError, "not on a file system"),
        ({"path": "."}, InvalidRequestError, "is a folder"),
        ({"name": "no good"}, InvalidDefinitionError, "'no good' is not a valid name"),
    ],
)
def test_what_cannot_be_saved_says_why(drivers, options, error, message):
    with pytest.raises(error, match=message):
        save(drivers, **options)
    assert drivers.store.list_saved_datasets() == []
    assert not (drivers.path / "out").exists()


def test_a_file_that_is_gone_or_broken_says_so(drivers):
    save(drivers)
    path = drivers.path / "out" / "train.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CorruptDataError, match=r"Saved dataset 'train'.*cannot be read"):
        drivers.store.get_saved_dataset("train").to_arrow()
    path.unlink()
    with pytest.raises(NotFoundError, match="there is no file"):
        drivers.store.get_saved_dataset("train").to_df()
    with pytest.raises(NotFoundError) as caught:
        drivers.store.get_saved_dataset("trian")
    assert caught.value.hint == "did you mean 'train'?"


def test_a_dataset_can_be_a_source_again(drivers: Shop):
    save(drivers)
    assert pq.read_schema(drivers.path / "out" / "train.parquet").names == [*ASKED.column_names, "trips"]
    assert drivers.values("SELECT driver_id, event_timestamp FROM 'out/train.parquet'", ["stats:trips"]) == [
        BIG,
        50,
        None,
    ]
