"""python -m benchmarks.soak [--minutes 10]: reads, pushes and loads from four processes at once, for long.

Two processes read, one pushes, one appends to the sources and loads them. Every value tells the turn it is
from, so each read is checked: whole rows, never older than one seen before, and never older than what had
been acknowledged before the read began (the stated bound of staleness is none: SQLite commits are seen at
once). Memory is sampled in each process; it may not grow. Prints one summary; the exit code is 1 if anything
was wrong.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path
from time import monotonic, perf_counter, sleep

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from repast import Entity, FeatureStore, FeatureView, Field, FileSource, PushSource
from repast.app.config import RepoConfig
from repast.types import Int64

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
KEYS = 2_000
KEEP_PARTS = 20
"""Files that the loaded source has at most: what is older is compacted away, as in a real source."""
MOST_TURNS = 200_000
WARM = 0.3
"""Memory is judged after this part of the time: caches fill up first."""
SLOPE_LIMIT = 0.5
"""MiB of growth per minute that is allowed; measurement noise of short runs is allowed for separately."""
NOISE = 6.0
"""MiB that memory may be larger at the end than after warming up, whatever the slope."""
CONTEXT = multiprocessing.get_context("spawn")


@dataclass
class Shared:
    """What all processes see."""

    folder: Path
    stop_at: float
    acknowledged: SynchronizedArray[int]
    """Per view, the last turn whose write returned."""


@dataclass
class Outcome:
    """What one process did."""

    name: str
    done: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)

    def milliseconds(self, percent: float) -> float:
        return float(np.percentile(self.seconds, percent)) * 1e3 if self.seconds else 0.0

    def slope(self) -> tuple[float, float]:
        """MiB per minute after warming up, and the growth from there to the end."""
        began, ended = self.memory[0][0], self.memory[-1][0]
        late = [(at, mib) for at, mib in self.memory if at >= began + WARM * (ended - began)]
        times, mib = np.array(late).T
        if len(late) < 3:
            return 0.0, 0.0
        half = max(1, len(mib) // 4)
        return float(np.polyfit(times, mib, 1)[0] * 60), float(np.median(mib[-half:]) - np.median(mib[:half]))

    def grows(self) -> bool:
        per_minute, growth = self.slope()
        return per_minute > SLOPE_LIMIT and growth > NOISE


def at(turn: int) -> datetime:
    return BEGIN + timedelta(seconds=turn)


def rows(turn: int, keys: np.ndarray) -> pa.Table:
    count = len(keys)
    turns = np.full(count, turn)
    times = pa.array([at(turn)] * count, pa.timestamp("us", "UTC"))
    return pa.table({"key": keys, "turn": turns, "check": turns * 31 + keys, "event_timestamp": times})


def view(name: str) -> FeatureView:
    source = FileSource(name=f"{name}_rows", path=name, timestamp_field="event_timestamp")
    return FeatureView(
        name=name,
        entities=[Entity(name="item", join_keys={"key": Int64})],
        schema=[Field(name="turn", dtype=Int64), Field(name="check", dtype=Int64)],
        source=PushSource(name=f"{name}_push", batch_source=source),
    )


@contextmanager
def opened(folder: Path) -> Iterator[FeatureStore]:
    config = RepoConfig(
        project="soak",
        repo_path=folder,
        registry="registry",
        offline_store={"type": "duckdb", "threads": 1, "memory_limit": "256MB"},
    )
    with FeatureStore(config=config) as store:
        yield store


# -- the processes ------------------------------------------------------------------------------------------


@dataclass
class Worker:
    """One process: what it is given, and what it remembers."""

    shared: Shared
    store: FeatureStore
    outcome: Outcome
    chance: random.Random
    seen: dict[tuple[str, int], int] = field(default_factory=dict)

    @contextmanager
    def timed(self) -> Iterator[None]:
        began = perf_counter()
        yield
        self.outcome.seconds.append(perf_counter() - began)


def read(worker: Worker) -> None:
    keys = worker.chance.sample(range(KEYS), 20)
    acknowledged = list(worker.shared.acknowledged)
    names = ["loaded:turn", "loaded:check", "pushed:turn", "pushed:check"]
    with worker.timed():
        answer = worker.store.get_online_features(names, {"key": keys}, full_feature_names=True).to_dict()
    for name, oldest in zip(("loaded", "pushed"), acknowledged, strict=True):
        turns, checks = answer[f"{name}__turn"], answer[f"{name}__check"]
        for key, turn, check in zip(keys, turns, checks, strict=True):
            before = worker.seen.get((name, key), 0)
            if turn is None or check != turn * 31 + key:
                worker.outcome.problems.append(f"{name}: key {key} has turn {turn} with check {check}")
            elif turn < max(before, oldest):
                worker.outcome.problems.append(f"{name}: key {key} is at {turn}, was at {before}, written {oldest}")
            worker.seen[name, key] = turn or 0


def push(worker: Worker) -> None:
    turn = worker.shared.acknowledged[1] + 1
    with worker.timed():
        worker.store.push("pushed_push", rows(turn, np.arange(KEYS)))
    worker.shared.acknowledged[1] = turn
    late = max(0, turn - worker.chance.randrange(1, 50))
    worker.store.push("pushed_push", rows(late, np.arange(0, KEYS, 3)))


def load(worker: Worker) -> None:
    turn = worker.shared.acknowledged[0] + 1
    folder = worker.shared.folder / "loaded"
    hidden = folder / "_next"
    pq.write_table(rows(turn, np.arange(KEYS)), hidden)
    hidden.replace(folder / f"part{turn:09}.parquet")
    with worker.timed():
        if turn % 10:
            worker.store.materialize_incremental(feature_views=["loaded"])
        else:
            worker.store.materialize(at(turn - 5), at(turn), ["loaded"])
    worker.shared.acknowledged[0] = turn
    for old in sorted(folder.glob("part*.parquet"))[:-KEEP_PARTS]:
        old.unlink()


TASKS: dict[str, Callable[[Worker], None]] = {
    "reader 1": read,
    "reader 2": read,
    "pusher": push,
    "loader": load,
}


def work(name: str, shared: Shared, results: multiprocessing.Queue) -> None:
    outcome = Outcome(name)
    sampled = 0.0
    with opened(shared.folder) as store:
        worker = Worker(shared, store, outcome, random.Random(name))
        while (now := monotonic()) < shared.stop_at and outcome.done < MOST_TURNS:
            try:
                TASKS[name](worker)
            except Exception as error:  # noqa: BLE001 - counted, and shown
                outcome.problems.append(repr(error))
            outcome.done += 1
            if now - sampled > 0.25:
                sampled = now
                outcome.memory.append((now, resident()))
            if len(outcome.seconds) > 20_000:  # bounded, and even over time
                del outcome.seconds[::2]
            del outcome.problems[100:]
            sleep(0.001)
    results.put(outcome)


def resident() -> float:
    """MiB of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


# -- the run ------------------------------------------------------------------------------------------------


def soak(folder: Path, seconds: float) -> list[Outcome]:
    """Run all processes for so long; return what they did."""
    with opened(folder) as store:
        for name in ("loaded", "pushed"):
            (folder / name).mkdir(parents=True)
            pq.write_table(rows(1, np.arange(KEYS)), folder / name / "part000000001.parquet")
        store.apply([view("loaded"), view("pushed")])
        store.materialize_incremental()
    shared = Shared(folder, monotonic() + seconds, CONTEXT.Array("q", [1, 1]))
    results = CONTEXT.Queue()
    processes = [CONTEXT.Process(target=work, args=(name, shared, results), daemon=True) for name in TASKS]
    for process in processes:
        process.start()
    outcomes = [results.get(timeout=seconds + 120) for _ in processes]
    for process in processes:
        process.join()
    return sorted(outcomes, key=lambda outcome: outcome.name)


def summary(outcomes: list[Outcome], seconds: float) -> str:
    lines = [f"soak of {seconds:.0f} s, {len(outcomes)} processes"]
    for outcome in outcomes:
        slope, growth = outcome.slope()
        lines.append(
            f"  {outcome.name:9} {outcome.done:>8,} turns, p50 {outcome.milliseconds(50):.2f} ms, "
            f"p99 {outcome.milliseconds(99):.2f} ms; memory {outcome.memory[-1][1]:.0f} MiB, "
            f"{slope:+.2f} MiB/min ({growth:+.1f} MiB{', GROWS' if outcome.grows() else ''}); "
            f"{len(outcome.problems)} problems"
        )
        lines += [f"    {problem}" for problem in outcome.problems[:5]]
    return "\n".join(lines)


def passed(outcomes: list[Outcome]) -> bool:
    return all(outcome.done and not outcome.problems and not outcome.grows() for outcome in outcomes)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcomes = soak(Path(folder), options.minutes * 60)
    print(summary(outcomes, options.minutes * 60))
    print("passed" if passed(outcomes) else "FAILED")
    return 0 if passed(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
