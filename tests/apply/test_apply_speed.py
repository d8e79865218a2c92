"""Cost grows with the number of views, not with its square. Prints CPU seconds as measured (pytest -s)."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pyarrow as pa
from apply_repo import write_repo, write_source

from repast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource
from repast.core.definitions import Definition
from repast.core.manifest import Manifest, ProjectSpec
from repast.core.plan.apply import plan_changes
from repast.core.resolve import resolve_definitions
from repast.types import Float64

FEATURES = [f"f{n}" for n in range(10)]
SCHEMA = pa.schema(
    [("driver_id", pa.int64()), ("ts", pa.timestamp("us")), *((name, pa.float64()) for name in FEATURES)]
)
_T = TypeVar("_T")


def project(count: int) -> list[Definition]:
    """Many views of as many entities and sources, each in a service of its own."""
    services = []
    for n in range(count):
        view = FeatureView(
            name=f"v{n}",
            entities=[Entity(name=f"e{n}", join_keys=["driver_id"])],
            source=FileSource(name=f"s{n}", path="stats.parquet", timestamp_field="ts"),
            schema=[Field(name=name, dtype=Float64) for name in FEATURES],
            ttl=timedelta(days=1),
        )
        services.append(FeatureService(name=f"m{n}", features=[view]))
    return services


def seconds(action: Callable[[], _T]) -> tuple[float, _T]:
    gc.collect()
    gc.disable()  # its pauses depend on what else the process holds
    try:
        start = time.process_time()
        result = action()
        return time.process_time() - start, result
    finally:
        gc.enable()


def test_planning_is_linear_in_views():
    base = Manifest(project=ProjectSpec(name="p"))

    def plan(definitions: list[Definition], registered: Manifest) -> Manifest:
        target = resolve_definitions(
            definitions, base=registered, inspect=lambda sources: dict.fromkeys((s.name for s in sources), SCHEMA)
        )
        return plan_changes(registered, target).target

    costs: dict[int, float] = {}
    for count in (50, 1000):
        definitions = project(count)
        first, registered = seconds(lambda d=definitions: plan(d, base))
        again = min(seconds(lambda d=definitions, r=registered: plan(d, r))[0] for _ in range(3))
        print(f"\n{count} views: first plan {first * 1e3:.0f} ms, no-op plan {again * 1e3:.0f} ms", end="")
        costs[count] = again / count
    assert costs[1000] < 6 * costs[50]  # were it quadratic, it would be 20


def test_five_hundred_views_on_a_real_project(tmp_path):
    repo = write_repo(tmp_path / "repo")
    write_source(repo / "stats.parquet", **{name: pa.array([0.5, None]) for name in FEATURES})
    defining, definitions = seconds(lambda: project(500))
    with FeatureStore(repo) as store:
        planning, plan = seconds(lambda: store.plan(definitions))
        applying, _ = seconds(lambda: store.apply(plan))
        nothing, again = seconds(lambda: store.apply(definitions, partial=False))
        listing, views = seconds(store.list_feature_views)
    print(
        f"\n500 views: define {defining:.2f} s, first plan {planning:.2f} s, execute it {applying:.2f} s, "
        f"no-op apply {nothing:.2f} s, list {listing:.2f} s",
        end="",
    )
    assert again.is_empty
    assert len(views) == 500
    assert len(plan.create_tables) == 500
