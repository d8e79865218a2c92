"""What the processes of the tests with many writers run; a module of its own so that they can import it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

from repast import Entity, FeatureStore
from repast.app.config import RepoConfig
from repast.errors import ConflictError
from repast.types import Int64


def open_project(folder: Path, registry: Mapping[str, Any], **options: Any) -> FeatureStore:
    """Open the project of a registry; it has no online store, so that applies are about the registry alone."""
    return FeatureStore(
        config=RepoConfig(project="demo", repo_path=folder, registry=registry, online_store=None, **options)
    )


def apply_many(folder: Path, registry: Mapping[str, Any], writers: range, times: int) -> None:
    """Apply entities of one's own, one by one, from a thread per writer."""

    def work(writer: int) -> None:
        with open_project(folder, registry) as store:
            for turn in range(times):
                _apply(store, Entity(name=f"e{writer}_{turn}", join_keys={"id": Int64}))

    with ThreadPoolExecutor(len(writers)) as pool:
        list(pool.map(work, writers))


def _apply(store: FeatureStore, entity: Entity) -> None:
    """Apply, and again when others were always faster, as a person would."""
    for attempt in range(20):
        try:
            store.apply(entity)
        except ConflictError:
            time.sleep(random.uniform(0, 0.05 * attempt))
        else:
            return
    raise AssertionError(f"{entity.name} never came through")


def watch(folder: Path, registry: Mapping[str, Any], done: Event) -> list[int]:
    """Look at the registry until all is done; return the generations that were seen.

    Every apply adds one entity, so that a manifest of two applies' halves would be seen.
    """
    seen: list[int] = []
    known: set[str] = set()
    with open_project(folder, registry) as store:
        last = False
        while not last:
            last = done.wait(0.05)
            store.refresh_registry()
            manifest = store._workspace.registry.manifest()
            entities = set(manifest.entities)
            assert len(entities) == manifest.generation, "a state that no apply made"
            assert known <= entities, "an entity is gone"
            known = entities
            seen.append(manifest.generation)
    return seen


def apply_for_ever(folder: Path, registry: Mapping[str, Any]) -> None:
    """Apply one entity after the other until killed; print what was confirmed."""
    with open_project(folder, registry) as store:
        turn = store._workspace.registry.load_manifest()[0].generation
        while True:
            store.apply(Entity(name=f"e_{turn}", join_keys={"id": Int64}))
            turn += 1
            print(turn, flush=True)
