"""What a notebook shows of an object is short, and what somebody would write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from repast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, on_demand_feature_view
from repast.types import Float64, Int64

NOW = datetime(2024, 6, 1, tzinfo=UTC)
driver = Entity(name="driver", join_keys={"driver_id": Int64})
stats = FeatureView(
    name="stats",
    entities=[driver],
    source=FileSource(path="trips.parquet", timestamp_field="at"),
    schema=[Field(name="trips", dtype=Int64, description="Since midnight.")],
    ttl=timedelta(days=2),
)


@on_demand_feature_view(
    sources=[stats[["trips"]]], schema=[Field(name="share", dtype=Float64)], mode="python", singleton=True
)
def share(row: dict[str, int]) -> dict[str, float]:
    return {"share": row["trips"] / 24}


def test_definitions_show_what_is_not_a_default() -> None:
    assert repr(driver) == "Entity(name='driver', join_keys=[JoinKey(name='driver_id', dtype=Int64)])"
    assert repr(stats) == (
        f"FeatureView(name='stats', entities=[{driver!r}], "
        "schema=[Field(name='trips', dtype=Int64, description='Since midnight.')], "
        "source=FileSource(name='trips', timestamp_field='at', path='trips.parquet'), "
        "ttl=datetime.timedelta(days=2))"
    )


def test_what_a_view_is_part_of_does_not_repeat_it() -> None:
    renamed = stats[["trips"]].with_name("second").with_join_key_map({"driver_id": "other_id"})
    assert repr(FeatureService(name="model", features=[stats, renamed])) == (
        "FeatureService(name='model', features=[<feature view stats>, "
        "<feature view stats>[['trips']].with_name('second').with_join_key_map({'driver_id': 'other_id'})])"
    )
    assert f"sources=[<feature view stats>[['trips']]], schema=[{share.schema[0]!r}]" in repr(share)
    assert f"function=<function {__name__}:share>" in repr(share)


def test_plans_and_reports_show_what_they_print(tmp_path: Path) -> None:
    (tmp_path / "feature_store.yaml").write_text("project: shop\n")
    pq.write_table(pa.table({"driver_id": [1], "at": [NOW], "trips": [5]}), tmp_path / "trips.parquet")
    with FeatureStore(tmp_path) as store:
        plan = store.apply([stats])
        load = store.materialize(NOW, NOW)
        pushed = store.write_to_online_store("stats", [{"driver_id": 1, "at": NOW, "trips": 5}])
        nothing = store.materialize(NOW, NOW, [])
    assert [repr(plan), repr(load), repr(pushed)] == [str(plan), str(load), str(pushed)]
    assert "Created feature view stats" in repr(plan).splitlines()
    assert repr(load).startswith("stats: 1 read, 1 written")
    assert repr(pushed) == "stats: 1 read, 0 written, 1 unchanged"
    assert repr(nothing) == "Nothing was loaded: no view was named, or none is online."
