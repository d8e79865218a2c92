"""What the child processes of the concurrency tests run; a module of its own so that they can import it."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from apply_repo import view

from repast import FeatureStore
from repast.errors import RepastError

STEPS = ("create", "retire", "swap", "drop", "forget")
"""The writes of an apply that replaces a table, in their order."""


def apply_own_views(repo: Path, number: int, count: int, barrier: Barrier, results: Queue[str]) -> None:
    """Apply views of this process's own, one by one, as fast as it goes."""
    with FeatureStore(repo) as store:
        barrier.wait()
        for n in range(count):
            try:
                store.apply(view(f"v_{number}_{n}"))
                results.put("done")
            except RepastError as error:
                results.put(repr(error))


def apply_same_view(repo: Path, number: int, barrier: Barrier, results: Queue[str]) -> None:
    """Plan a change of the same view as the other processes, then apply it when they do."""
    with FeatureStore(repo) as store:
        plan = store.plan(view(ttl=timedelta(days=number + 1)))
        barrier.wait()
        try:
            store.apply(plan)
            results.put(f"done {number + 1}")
        except RepastError as error:
            results.put(type(error).__name__)


def apply_until(repo: Path, plan: Path, step: str, moment: str) -> None:
    """Execute a pickled plan and be killed right before or after one of its writes."""
    with FeatureStore(repo) as store:
        _kill_at(store, step, moment)
        store.apply(pickle.loads(plan.read_bytes()), allow_migration=True)


def _kill_at(store: FeatureStore, step: str, moment: str) -> None:
    workspace = store._workspace
    updates = iter(("retire", "forget"))

    def wrap(target: object, method: str, name: Callable[[], str]) -> None:
        original = getattr(target, method)

        def wrapped(*args: Any) -> Any:
            here = name() == step
            if here and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(*args)
            if here:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        object.__setattr__(target, method, wrapped)

    wrap(workspace.online, "create", lambda: "create")
    wrap(workspace.online, "drop", lambda: "drop")
    wrap(workspace.registry, "swap_manifest", lambda: "swap")
    wrap(workspace.registry, "update_state", lambda: next(updates))
