"""Many processes that apply at once, and processes that are killed while they do."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from datetime import timedelta

import pytest
from apply_repo import existing_tables, table_exists, view, write_repo
from apply_worker import STEPS, apply_own_views, apply_same_view, apply_until

from repast import FeatureStore, Field
from repast.core.plan.apply import online_tables
from repast.ports.online import OnlineTable
from repast.types import Float64

SPAWN = multiprocessing.get_context("spawn")


def run(target, count: int, *args) -> list[str]:
    """Run a worker in several processes that start together; return what they report."""
    barrier, results = SPAWN.Barrier(count), SPAWN.Queue()
    workers = [SPAWN.Process(target=target, args=(args[0], n, *args[1:], barrier, results)) for n in range(count)]
    for worker in workers:
        worker.start()
    reports = [results.get(timeout=120) for _ in range(count * (args[1] if len(args) > 1 else 1))]
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    return reports


def test_sixty_four_applies_of_eight_processes_survive(tmp_path):
    repo = write_repo(tmp_path / "repo")
    assert run(apply_own_views, 8, repo, 8) == ["done"] * 64
    with FeatureStore(repo) as store:
        expected = [f"v_{p}_{n}" for p in range(8) for n in range(8)]
        assert [v.name for v in store.list_feature_views()] == expected
        manifest = store._workspace.registry.manifest()
        assert manifest.generation == 64
        assert [entry.generation for entry in store.log(100)] == list(range(64, 0, -1))
        assert existing_tables(store) == online_tables(manifest)
        assert store.apply([view(name) for name in expected], partial=False).is_empty


def test_of_two_applies_of_one_object_one_conflicts_and_loses_nothing(tmp_path):
    repo = write_repo(tmp_path / "repo")
    with FeatureStore(repo) as store:
        store.apply([view(), view("other")])
        reports = sorted(run(apply_same_view, 4, repo), reverse=True)
        assert reports[1:] == ["ConflictError"] * 3
        winner = int(reports[0].removeprefix("done "))
        store.refresh_registry()
        assert store.get_feature_view("stats").ttl == timedelta(days=winner)
        assert [v.name for v in store.list_feature_views()] == ["other", "stats"]
        assert [entry.generation for entry in store.log()] == [2, 1]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_killed_apply_leaves_the_old_registry_or_the_new_one(tmp_path, step, moment):
    repo = write_repo(tmp_path / "repo")
    changed = [view(schema=[Field(name="trips", dtype=Float64), Field(name="rate", dtype=Float64)]), view("more")]
    with FeatureStore(repo) as store:
        store.apply([view(), view("gone")])
        plan = store.plan(changed, partial=False)
        before, after = plan.base, plan.target
        (tmp_path / "plan").write_bytes(pickle.dumps(plan))
    child = SPAWN.Process(target=apply_until, args=(repo, tmp_path / "plan", step, moment))
    child.start()
    child.join(timeout=60)
    assert child.exitcode == -signal.SIGKILL

    with FeatureStore(repo) as store:
        swapped = STEPS.index(step) > STEPS.index("swap") or (step, moment) == ("swap", "after")
        manifest = store._workspace.registry.manifest()
        assert manifest == (after if swapped else before)
        assert online_tables(manifest) <= existing_tables(store)  # what is registered can be read and written
        assert store.apply(changed, partial=False, allow_migration=True).is_empty == swapped
        assert store._workspace.registry.manifest() == after
        assert existing_tables(store) == online_tables(after)
        assert store._workspace.registry.state().retired == ()
        assert store.apply(changed, partial=False).is_empty


def test_a_view_is_never_without_its_table(tmp_path):
    """A reader that sees a new manifest finds its tables: they are made before the swap."""
    with FeatureStore(write_repo(tmp_path / "repo")) as store:
        registry = store._workspace.registry
        swap = registry.swap_manifest

        def check_and_swap(manifest, version):
            assert all(table_exists(store, OnlineTable(store.project, *table)) for table in online_tables(manifest))
            swap(manifest, version)

        registry.swap_manifest = check_and_swap
        store.apply([view(), view("other")])
        store.apply(view(trips=Float64), allow_migration=True)
