"""Applying to a real project: DuckDB, SQLite, a registry in a folder."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import pyarrow as pa
import pytest
from apply_repo import DEFINITIONS, driver, existing_tables, table_exists, view, write_file, write_repo, write_source

from repast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, Project
from repast.core.manifest import ViewState
from repast.errors import ConflictError, InvalidDefinitionError, InvalidRequestError, NotFoundError
from repast.ports.online import OnlineTable
from repast.types import Float32, Float64, Int32, Int64, String


@pytest.fixture
def store(tmp_path):
    with FeatureStore(write_repo(tmp_path / "repo", features=DEFINITIONS)) as store:
        yield store


def test_plan_shows_what_apply_does_and_changes_nothing(store, tmp_path):
    plan = store.plan()
    assert str(plan).splitlines() == [
        "Created project demo",
        "Created entity driver",
        "Created data source stats",
        "Created feature view stats",
        "Created feature service model",
        "Created online table stats",
    ]
    assert not (tmp_path / "repo" / "data").exists()
    done = store.apply()
    assert done.to_dict() == plan.to_dict()
    assert json.loads(json.dumps(plan.to_dict())) == plan.to_dict()
    assert existing_tables(store) == {("stats", 1)}


def test_applying_again_says_no_changes_and_writes_nothing(store):
    store.apply()
    version = store._workspace.registry.load_manifest()
    for again in (store.apply, store.plan, store.apply):
        plan = again()
        assert str(plan) == "No changes"
        assert plan.is_empty
    assert store._workspace.registry.load_manifest() == version
    assert len(store.log()) == 1


def test_updates_show_old_and_new(store):
    store.apply()
    plan = store.plan(view(ttl=timedelta(hours=2), tags={"team": "x"}, description="Trips of a driver"))
    assert str(plan).splitlines() == [
        "Updated feature view stats",
        "\tdescription: (none) -> Trips of a driver",
        "\ttags.team: (none) -> x",
        "\tttl: 1 day, 0:00:00 -> 2:00:00",
    ]
    (change,) = plan.to_dict()["changes"]
    assert change["properties"][-1] == {"property": "ttl", "old": "1 day, 0:00:00", "new": "2:00:00"}


def test_files_that_no_longer_define_something_delete_it(store, tmp_path):
    store.apply()
    store.apply(view("other"))
    (tmp_path / "repo" / "features.py").unlink()
    write_file(tmp_path / "repo" / "kept.py", DEFINITIONS.split("stats = ")[0])
    assert str(store.apply()).splitlines() == [
        "Deleted feature view other",
        "Deleted feature view stats",
        "Deleted feature service model",
        "Deleted online table other",
        "Deleted online table stats",
    ]
    assert existing_tables(store) == set()


def test_a_list_deletes_nothing_unless_told_to(store):
    store.apply()
    assert "Deleted" not in str(store.plan(view("other")))
    assert "Deleted feature service model" in str(store.plan([view("other")], partial=False))


def test_features_come_and_go_without_losing_served_values(store):
    store.apply()
    more = [Field(name=n, dtype=t) for n, t in (("trips", Int64), ("rate", Float64), ("driver_id", Int64))]
    plan = store.apply(view(schema=more[:1]))
    assert "\tfeatures.rate: Float64 -> (none)" in str(plan)
    assert not plan.migrations
    store.apply(view(schema=more))
    spec = store._workspace.registry.manifest().feature_views["stats"]
    assert [layout.version for layout in spec.layouts] == [1, 2, 3]
    assert existing_tables(store) == {("stats", 1)}


def test_a_type_change_is_a_migration_that_has_to_be_agreed_to(store, tmp_path):
    store.apply()
    write_source(tmp_path / "repo" / "stats.parquet", trips=pa.array([1, 2], pa.int32()))
    changed = view(trips=Int32)
    plan = store.plan(changed)
    assert "drops its served values, because feature 'trips' changes from Int64 to Int32" in str(plan)
    for objects in (changed, plan):
        with pytest.raises(InvalidDefinitionError, match="served values would be dropped") as caught:
            store.apply(objects)
        assert "allow_migration=True" in caught.value.hint
    assert store.plan(view(ttl=timedelta(days=1))).is_empty
    done = store.apply(plan, allow_migration=True)
    assert done.create_tables == (("stats", 2),)
    assert done.drop_tables == (("stats", 1),)
    assert existing_tables(store) == {("stats", 2)}


def test_a_feature_that_comes_back_with_another_type_is_a_migration_too(store):
    store.apply(view())
    store.apply(view(schema=[Field(name="trips", dtype=Int64)]))
    changed = view(schema=[Field(name="trips", dtype=Int64), Field(name="rate", dtype=Float32)])
    with pytest.raises(InvalidDefinitionError, match="'rate' changes from Float64 to Float32"):
        store.apply(changed)  # rows of the first layout may still be there


def test_a_view_that_is_no_longer_served_needs_no_migration(store):
    store.apply(view())
    plan = store.apply(view(trips=Float64, online=False))
    assert plan.migrations == ()
    assert plan.drop_tables == (("stats", 1),)


def test_offline_views_have_no_table_and_migrate_freely(store):
    assert store.apply(view("off", online=False)).create_tables == ()
    store.apply(view("off", online=False, trips=Float64))
    assert store.apply(view("off", trips=Float64)).create_tables == (("off", 3),)
    assert store.apply(view("off", online=False, trips=Float64)).drop_tables == (("off", 3),)
    assert store.apply(view("off", trips=Float64)).create_tables == (("off", 5),)


def test_a_view_that_was_deleted_starts_anew_with_what_loads_know(store):
    store.apply(view())
    registry = store._workspace.registry
    registry.update_state(lambda s: msgspec.structs.replace(s, views={"stats": ViewState(incarnation=1)}))
    store.apply(driver(), partial=False)
    assert registry.state().views == {}
    assert registry.state().retired == ()
    assert store.apply(view()).create_tables == (("stats", 3),)


def test_what_a_killed_apply_left_behind_is_dropped_by_the_next(store):
    store.apply(view())
    registry = store._workspace.registry
    registry.update_state(lambda s: msgspec.structs.replace(s, retired=(("stats", 1), ("gone", 1))))
    assert store.apply(view()).is_empty
    assert registry.state().retired == (("stats", 1),)  # live: a later generation may retire it
    assert existing_tables(store) == {("stats", 1)}


def test_an_online_store_that_was_deleted_comes_back(store, tmp_path):
    store.apply()
    store.close()
    for file in (tmp_path / "repo" / "data").glob("online.db*"):
        file.unlink()
    with FeatureStore(tmp_path / "repo") as again:
        assert again.apply().is_empty
        assert existing_tables(again) == {("stats", 1)}


def test_a_project_without_online_store_has_no_tables(tmp_path):
    repo = write_repo(tmp_path / "repo", features=DEFINITIONS)
    (repo / "feature_store.yaml").write_text("project: demo\nregistry: data/registry.db\nonline_store: null\n")
    with FeatureStore(repo) as store:
        plan = store.apply()
        assert plan.create_tables == ()
        assert "online table" not in str(plan)
        assert store.apply().is_empty
        store.teardown()


def test_a_source_that_changed_under_unchanged_definitions_is_found_when_asked(store, tmp_path):
    store.apply()
    write_source(tmp_path / "repo" / "stats.parquet", rate=pa.array(["a", "b"]))
    assert store.plan().is_empty
    with pytest.raises(InvalidDefinitionError, match="declared Float64, but its column in source 'stats' is string"):
        store.plan(inspect_all=True)
    with pytest.raises(InvalidDefinitionError, match="declared Float64"):
        store.plan(view(tags={"a": "b"}, schema=[Field(name="rate", dtype=Float64)]))


# -- plans as values ------------------------------------------------------------------------------


def test_a_plan_can_be_applied_later_and_once(store):
    plan = store.plan(view())
    assert not store.apply(plan).is_empty
    assert store.apply(plan).is_empty


def test_a_plan_is_rebased_on_what_others_did(store):
    plan = store.plan(view("mine"))
    store.apply(view("others"))
    done = store.apply(plan)
    assert [c.name for c in done.changes] == ["mine"]
    assert [v.name for v in store.list_feature_views()] == ["mine", "others"]
    assert store._workspace.registry.manifest().feature_views["mine"].incarnation == 2
    assert existing_tables(store) == {("mine", 2), ("others", 1)}


def test_tables_of_attempts_that_somebody_overtook_are_dropped(store, tmp_path):
    registry = store._workspace.registry
    swap, overtaken = registry.swap_manifest, []

    def overtake_once(manifest, version):
        if not overtaken:
            overtaken.append(manifest)
            with FeatureStore(tmp_path / "repo") as other:
                other.apply(view("others"))
        swap(manifest, version)

    registry.swap_manifest = overtake_once
    assert store.apply(view("mine")).create_tables == (("mine", 2),)
    assert [v.name for v in store.list_feature_views()] == ["mine", "others"]
    assert not table_exists(store, OnlineTable(store.project, "mine", 1))
    assert existing_tables(store) == {("mine", 2), ("others", 1)}


def test_a_plan_whose_object_was_changed_conflicts_and_loses_nothing(store):
    store.apply(view())
    plan = store.plan(view(ttl=timedelta(days=2)))
    store.apply(view(ttl=timedelta(days=3)))
    with pytest.raises(ConflictError, match="Feature view 'stats' was changed by somebody else") as caught:
        store.apply(plan)
    assert "repast plan" in caught.value.hint
    assert store.get_feature_view("stats").ttl == timedelta(days=3)


def test_a_plan_that_deletes_what_others_now_use_conflicts(store):
    store.apply(Entity(name="driver", join_keys={"driver_id": Int64}))
    plan = store.plan([Project(name="demo")], partial=False)
    store.apply(view())
    with pytest.raises(ConflictError, match="there is no entity 'driver'"):
        store.apply(plan)
    assert store.get_feature_view("stats").join_keys == ["driver_id"]


def test_a_plan_for_a_source_that_reads_other_rows_now_conflicts(store, tmp_path):
    store.apply(view("first"))
    plan = store.plan(view("mine"))
    write_source(tmp_path / "repo" / "moved.parquet")
    moved = FileSource(name="stats", path="moved.parquet", timestamp_field="ts")
    store.apply(moved)
    with pytest.raises(ConflictError, match="Data source 'stats', which feature view 'mine' reads, was changed"):
        store.apply(plan)
    described = FileSource(name="stats", path="moved.parquet", timestamp_field="ts", description="only words")
    plan = store.plan(view("mine", source=moved))
    store.apply(described)
    assert [c.name for c in store.apply(plan).changes] == ["mine"]


def test_a_service_goes_with_the_view_that_somebody_changed(store):
    store.apply(view())
    plan = store.plan(FeatureService(name="s", features=[view()[["trips"]]]))
    store.apply(view(ttl=timedelta(days=9)))
    store.apply(plan)
    assert store.get_feature_view("stats").ttl == timedelta(days=9)
    plan = store.plan(FeatureService(name="t", features=[view(ttl=timedelta(days=9))[["rate"]]]))
    store.apply(view(schema=[Field(name="trips", dtype=Int64)]))
    with pytest.raises(ConflictError, match="has no feature 'rate'"):
        store.apply(plan)


def test_a_plan_of_another_project_is_refused(store, tmp_path):
    with FeatureStore(write_repo(tmp_path / "other", project="other")) as other:
        plan = other.plan(view())
        with pytest.raises(InvalidRequestError, match="The plan is for project 'other'"):
            store.apply(plan)


# -- rollback, teardown, several projects -----------------------------------------------------------


def test_rollback_applies_an_earlier_generation_as_a_new_one(store):
    store.apply(view())
    store.apply(view(ttl=timedelta(days=2)))
    store.apply(view("other"))
    done = store.rollback(1)
    assert str(done).splitlines() == [
        "Deleted feature view other",
        "Updated feature view stats",
        "\tttl: 2 days, 0:00:00 -> (none)",
        "Deleted online table other",
    ]
    assert [v.name for v in store.list_feature_views()] == ["stats"]
    assert store.get_feature_view("stats").ttl is None
    assert [entry.generation for entry in store.log()] == [4, 3, 2, 1]
    assert store.rollback(4).is_empty


def test_rollback_never_goes_back_in_layouts_or_tables(store):
    store.apply(view())
    store.apply(view(schema=[Field(name="trips", dtype=Int64)]))
    store.rollback(1)
    spec = store._workspace.registry.manifest().feature_views["stats"]
    assert [layout.version for layout in spec.layouts] == [1, 2, 3]
    assert spec.layouts[0].features == spec.layouts[2].features
    store.apply(view(trips=Float64), allow_migration=True)
    with pytest.raises(InvalidDefinitionError, match="from Float64 to Int64"):
        store.rollback(1)
    assert store.rollback(1, allow_migration=True).create_tables == (("stats", 5),)
    assert existing_tables(store) == {("stats", 5)}


def test_rollback_to_nowhere_says_what_there_is(store):
    store.apply(view())
    with pytest.raises(NotFoundError, match="no generation 7"):
        store.rollback(7)


def test_projects_in_one_registry_and_store_do_not_touch_each_other(tmp_path):
    shared = {"registry": str(tmp_path / "registry"), "online": str(tmp_path / "online.db")}
    repos = [write_repo(tmp_path / name, project=name, features=DEFINITIONS, **shared) for name in ("one", "two")]
    with FeatureStore(repos[0]) as one, FeatureStore(repos[1]) as two:
        one.apply()
        two.apply()
        one.apply([driver()], partial=False)
        assert [v.name for v in two.list_feature_views()] == ["stats"]
        assert existing_tables(two) == {("stats", 1)}
        assert [p.name for p in two.list_projects()] == ["one", "two"]
        one.teardown()
        one.teardown()
        assert [p.name for p in two.list_projects()] == ["two"]
        assert two.apply().is_empty
        assert existing_tables(two) == {("stats", 1)}
        assert str(one.plan()).startswith("Created project one")
        two.teardown()
        assert two.list_projects() == []


def test_the_project_is_described_by_the_configuration_or_a_definition(tmp_path):
    repo = write_repo(tmp_path / "repo")
    with (repo / "feature_store.yaml").open("a") as file:
        file.write("project_description: Rides\n")
    with FeatureStore(repo) as store:
        store.apply(view())
        assert store.list_projects()[0].description == "Rides"
        assert "\tdescription: Rides -> Trips" in str(store.apply(Project(name="demo", description="Trips")))
        assert store.apply(view()).is_empty


# -- problems ---------------------------------------------------------------------------------------


def test_nothing_is_applied_when_anything_is_wrong(store):
    wrong = view("wrong", schema=[Field(name="trps", dtype=String)])
    for objects in ([view(), wrong], [view(), wrong][::-1]):
        with pytest.raises(InvalidDefinitionError, match="did you mean 'trips'"):
            store.apply(objects)
    assert store.list_feature_views() == []
    assert store.log() == []


def test_a_missing_source_is_a_problem_of_its_definition(store):
    missing = FileSource(path="data/stat.parquet", timestamp_field="ts")
    with pytest.raises(InvalidDefinitionError) as caught:
        store.apply(FeatureView(name="v", source=missing))
    (problem,) = caught.value.problems
    assert problem.subject == "data source 'stat'"
    assert problem.location is not None


@pytest.mark.parametrize("objects", ["stats", [3], 3, [None]])
def test_what_is_no_definition_is_refused(store, objects):
    with pytest.raises(InvalidDefinitionError, match="is not a definition"):
        store.apply(objects)
