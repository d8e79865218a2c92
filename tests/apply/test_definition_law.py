"""Laws of resolving, describing and diffing, on random projects."""

from __future__ import annotations

import msgspec
from definition_strategy import World, worlds
from hypothesis import given
from hypothesis import strategies as st

from repast import Entity
from repast.core.describe import describe_project, list_definitions
from repast.core.manifest import KINDS, Manifest, ProjectSpec, decode_manifest, encode_manifest
from repast.core.plan.apply import plan_changes, rebase_plan
from repast.core.resolve import resolve_definitions
from repast.types import Int64

EMPTY = Manifest(project=ProjectSpec(name="p"))


def resolve(world: World, base: Manifest = EMPTY, *, partial: bool = True) -> Manifest:
    return resolve_definitions(world.definitions, base=base, inspect=world.inspect, partial=partial)


def described(manifest: Manifest, world: World) -> World:
    definitions = [d for kind in KINDS for d in list_definitions(manifest, kind)]
    return World((describe_project(manifest.project), *definitions), world.schemas)


@given(worlds())
def test_describing_and_resolving_again_gives_the_same_specs(world: World):
    manifest = resolve(world)
    again = described(manifest, world)
    assert resolve(again) == manifest
    assert described(resolve(again), world).definitions == again.definitions


@given(worlds())
def test_a_manifest_survives_its_bytes(world: World):
    manifest = resolve(world)
    assert decode_manifest(encode_manifest(manifest), where="test") == manifest


@given(worlds())
def test_applying_again_changes_nothing(world: World):
    manifest = plan_changes(EMPTY, resolve(world)).target
    for partial in (True, False):
        again = plan_changes(manifest, resolve(world, manifest, partial=partial))
        assert again.is_empty
        assert again.target == manifest
        assert str(again) == "No changes"


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_definitions_means_nothing(world: World, random):
    shuffled = list(world.definitions)
    random.shuffle(shuffled)
    assert encode_manifest(resolve(World(tuple(shuffled), world.schemas))) == encode_manifest(resolve(world))


@given(worlds(), worlds())
def test_a_diff_applied_gives_the_target(old: World, new: World):
    base = plan_changes(EMPTY, resolve(old)).target
    plan = plan_changes(base, resolve(new, base, partial=False))
    assert plan_changes(base, plan.target).changes == plan.changes
    # The same changes made to a registry in which somebody registered one thing more.
    extra = Entity(name="somebody_elses", join_keys={"z_id": Int64})
    current = resolve_definitions([extra], base=base, inspect=lambda _: {})
    rebased = rebase_plan(plan, current)
    assert rebased.changes == plan.changes
    assert rebased.target.entities.keys() - plan.target.entities.keys() == {"somebody_elses"}
    for kind in KINDS:
        mine, others = plan.target.collection(kind), rebased.target.collection(kind)
        assert set(mine) == set(others) - {"somebody_elses"}
        for name, spec in mine.items():
            assert _without_incarnation(spec) == _without_incarnation(others[name])
    # Applied once, there is nothing left of the plan.
    assert rebase_plan(plan, rebased.target).is_empty


@given(worlds(), worlds())
def test_what_is_registered_does_not_change_what_definitions_mean(old: World, new: World):
    """Sources of unchanged definitions are not looked at again; the result is the same as if they were."""
    base = plan_changes(EMPTY, resolve(old)).target
    fresh, rebuilt = resolve(new), resolve(new, base, partial=False)
    assert rebuilt.data_sources == fresh.data_sources
    assert rebuilt.feature_views.keys() == fresh.feature_views.keys()
    for name, view in fresh.feature_views.items():
        assert _content(rebuilt.feature_views[name]) == _content(view)


@given(worlds())
def test_nothing_is_looked_at_when_everything_is_declared_and_registered(world: World):
    manifest = plan_changes(EMPTY, resolve(world)).target
    again = described(manifest, world)

    def refuse(sources):
        raise AssertionError(f"looked at {sources}")

    for partial in (True, False):
        target = resolve_definitions(again.definitions, base=manifest, inspect=refuse, partial=partial)
        assert plan_changes(manifest, target).is_empty


@given(worlds(), worlds())
def test_every_change_shows_a_property_and_every_property_a_change(old: World, new: World):
    base = plan_changes(EMPTY, resolve(old)).target
    for change in plan_changes(base, resolve(new, base, partial=False)).changes:
        assert bool(change.properties) == (change.action == "update")
        for shown in change.properties:
            assert shown.old != shown.new


@given(st.lists(worlds(), min_size=2, max_size=4))
def test_stored_rows_stay_readable_or_their_table_is_replaced(history: list[World]):
    manifest = EMPTY
    used: set[tuple[str, int]] = set()
    for world in history:
        plan = plan_changes(manifest, resolve(world, manifest, partial=False))
        assert not used & set(plan.create_tables)  # a table's name is never used again
        used |= set(plan.create_tables)
        for name, view in plan.target.feature_views.items():
            versions = [layout.version for layout in view.layouts]
            assert versions == sorted(set(versions))
            assert dict(view.layouts[-1].features) == {f.name: f.dtype for f in view.features}
            declared = {f.name: f.dtype for f in view.features}
            for layout in view.layouts:
                assert list(layout.features) == sorted(layout.features, key=lambda f: f[0])
                assert all(declared.get(feature, dtype) == dtype for feature, dtype in layout.features)
            old = manifest.feature_views.get(name)
            if old is not None and old.incarnation == view.incarnation:
                assert view.layouts[: len(old.layouts)] == old.layouts
                assert _keys(view) == _keys(old)
        manifest = plan.target


def _keys(view):
    return {key.name: key.dtype for key in view.join_keys}


def _content(view):
    return msgspec.structs.replace(view, incarnation=1, layouts=())


def _without_incarnation(spec):
    return msgspec.structs.replace(spec, incarnation=1) if hasattr(spec, "incarnation") else spec
