"""python -m benchmarks.scale_plan: what a day costs at a size that no one machine has, by arithmetic and simulation.

The figures per row and per key are measured on small runs (see Figures; ``--growth`` and ``--load`` take the JSON
that benchmarks.spark_growth and benchmarks.spark_load write); everything else is multiplication. The simulation puts
the tasks of each stage on the cores one after the other, with a key that has more rows than others and executors
that die, and says when the last one ends. ``--write`` puts the result into docs/scale.md.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.runner import ROOT

GB, TB = 1e9, 1e12
TARGET_BYTES = 128e6
"""Of shuffled data in one task."""
_MARKS = "<!-- made by benchmarks.scale_plan -->", "<!-- end -->"


@dataclass(frozen=True)
class Figures:
    """What one core, one row and one key cost.

    Bytes are measured, at 4 x 10^5 rows of one key, two times and three features. Rows and keys per second are
    assumed, on the low side, until runs on the machines in question replace them.
    """

    row_bytes: float = 50.0
    """Written to shuffles per source row of a join: 20 for key and times, 30 for the features."""
    asked_bytes: float = 80.0
    """The same per spine row and view."""
    load_bytes: float = 45.0
    """Written to shuffles per source row of a load, assumed: less where few rows per key are left in a partition."""
    join_rows: float = 250_000.0
    """Source rows that a core joins in a second, spine included."""
    load_rows: float = 400_000.0
    """Source rows that a core reduces to the newest per key in a second."""
    written_keys: float = 40_000.0
    """Keys that a core encodes and writes to Redis in a second, Redis's own work included."""
    stored_bytes: float = 105.0
    """Memory of Redis per view and key, its own overhead included."""
    start_s: float = 4.0
    """Seconds of a load in which no core works: files listed, the plan made and compiled, the registry written."""
    expansion: float = 4.0
    """Bytes in an executor's memory per byte of a shuffle: compressed there, rows and sort buffers here."""


@dataclass(frozen=True)
class Workload:
    """A day."""

    rows: float = 1e9
    keys: float = 1e8
    views: int = 1000
    views_of_key: float = 10.0
    """Views that have a row of a key, on average."""
    hot_share: float = 0.001
    """Of a view's rows, that its most frequent key has."""
    window_s: float = 7200.0
    """In which the load of a day shall be done."""
    training_views: int = 100
    training_rows: float = 1e8
    training_days: int = 90
    training_window_s: float = 4 * 3600.0

    @property
    def stored(self) -> float:
        return self.keys * min(self.views_of_key, self.views)

    @property
    def written(self) -> float:
        """Keys whose newest row changes in a day: rows spread over them at random, so some are hit more than once."""
        return self.stored * -math.expm1(-self.rows / self.stored)


@dataclass(frozen=True)
class Stage:
    """Tasks of one kind: their number, and seconds of each on one core."""

    name: str
    tasks: int
    seconds: float
    shuffled: float
    longest: float = 0.0
    """Seconds of the task that has the most frequent key, if longer."""

    @property
    def work(self) -> float:
        return self.tasks * self.seconds

    def durations(self) -> list[float]:
        return [max(self.longest, self.seconds), *[self.seconds] * (self.tasks - 1)]


@dataclass(frozen=True)
class Plan:
    """Stages that run one after the other, and the cores that finish them in time."""

    title: str
    stages: list[Stage]
    window_s: float
    notes: list[str] = field(default_factory=list)

    @property
    def cores(self) -> int:
        """A third more than the work asks for: stages end with idle cores, and machines die."""
        return max(1, math.ceil(sum(stage.work for stage in self.stages) / self.window_s * 4 / 3))

    @property
    def task_bytes(self) -> float:
        return max(stage.shuffled / stage.tasks for stage in self.stages)


def tasks_of(shuffled: float) -> int:
    return max(1, math.ceil(shuffled / TARGET_BYTES))


def plan_load(work: Workload, figures: Figures) -> Plan:
    """All views' daily loads, as one: views are loaded one after the other, each by all cores."""
    shuffled = work.rows * figures.load_bytes
    parts = max(work.views, tasks_of(shuffled))  # no view has less than one
    hot = work.rows / work.views * work.hot_share / figures.load_rows
    reduce = Stage("newest row per key", parts, work.rows / figures.load_rows / parts, shuffled, hot)
    write = Stage("encode and write", parts, work.written / figures.written_keys / parts, 0.0)
    rate, idle = work.written / work.window_s, work.views * figures.start_s
    lanes = max(1, math.ceil(idle / (work.window_s / 5)))
    notes = [
        f"online: {work.stored:.2g} rows in {work.stored * figures.stored_bytes / TB:.2g} TB of Redis, "
        f"{math.ceil(work.stored * figures.stored_bytes / (50 * GB))} shards of 50 GB",
        f"{work.written:.3g} keys are written in {work.window_s / 3600:g} h: {rate:,.0f}/s, "
        f"{rate / math.ceil(work.stored * figures.stored_bytes / (50 * GB)):,.0f}/s per shard",
        f"{work.views:,} loads that begin with {figures.start_s:g} s of planning each are {idle / 3600:.1f} h of it: "
        f"{lanes} processes, each with its share of the views, keep that under a fifth of the time",
    ]
    return Plan("The daily load", [reduce, write], work.window_s, notes)


def plan_training(work: Workload, figures: Figures) -> Plan:
    """One training set: a spine joined with views, a view at a time."""
    per_view = work.rows / work.views * work.training_days
    shuffled = per_view * figures.row_bytes + work.training_rows * figures.asked_bytes
    parts = tasks_of(shuffled)
    rows = per_view + work.training_rows
    hot = per_view * work.hot_share / figures.join_rows
    one = Stage("join of a view", parts, rows / figures.join_rows / parts, shuffled, hot)
    notes = [
        f"{per_view:.3g} rows of each view are read, {shuffled / GB:,.0f} GB shuffled per view, "
        f"{shuffled * work.training_views / TB:,.1f} TB in all"
    ]
    stages = [replace(one, name=f"{one.name} ({i + 1})") for i in range(work.training_views)]
    return Plan("A training set", stages, work.training_window_s, notes)


def simulate(plan: Plan, cores: int, *, deaths_per_core_hour: float = 0.01, seed: int = 0) -> tuple[float, int]:
    """Return when the last task ends, and how many ran again because their core died."""
    draw = random.Random(seed)
    clock, again = 0.0, 0
    for stage in plan.stages:
        free = [clock] * cores
        for seconds in sorted(stage.durations(), reverse=True):
            start = heapq.heappop(free)
            lost = 0.0
            while draw.random() < -math.expm1(-seconds * deaths_per_core_hour / 3600):
                lost += seconds * draw.random() + 30.0  # a new executor takes that long
                again += 1
            heapq.heappush(free, start + lost + seconds)
        clock = max(free)
    return clock, again


def measured(figures: Figures, growth: Path | None, load: Path | None) -> Figures:
    """Return figures with those that runs measured."""
    if growth is not None:
        runs = [run for run in json.loads(growth.read_text()) if run["way"] == "Repast" and not run["case"]["skew"]]
        done = [run for run in runs if run["case"]["views"] == 1 and run["seconds"] is not None]
        spine = max((run["case"]["spine"] for run in done), default=0)
        ones = sorted((run for run in done if run["case"]["spine"] == spine), key=lambda run: run["case"]["rows"])
        if len({run["case"]["rows"] for run in ones}) < 2:
            raise SystemExit(f"{growth} has no two sizes of one view: run benchmarks.spark_growth with two --rows")
        small, large = ones[0], ones[-1]
        rows = large["case"]["rows"] - small["case"]["rows"]
        per_row = (large["shuffled"] - small["shuffled"]) / rows
        rate = large["case"]["rows"] / large["seconds"] / large.get("cores", 2)
        figures = replace(figures, row_bytes=per_row, join_rows=rate)
        asked = (large["shuffled"] - per_row * large["case"]["rows"]) / spine
        figures = replace(figures, asked_bytes=asked)
    if load is not None:
        found = json.loads(load.read_text())
        figures = replace(
            figures,
            written_keys=found["keys"] / found["seconds"] / found["workers"],
            stored_bytes=found["redis_bytes_per_key"],
        )
    return figures


def render(work: Workload, figures: Figures) -> str:
    lines = ["| figure | value |", "|---|---|"]
    lines += [f"| {name} | {value:,.0f} |" for name, value in _named(figures)]
    for plan in (plan_load(work, figures), plan_training(work, figures)):
        seconds, again = simulate(plan, plan.cores)
        shuffled = sum(stage.shuffled for stage in plan.stages)
        partitions = max(stage.tasks for stage in plan.stages)
        memory = plan.task_bytes * figures.expansion
        longest = max(stage.longest for stage in plan.stages)
        lines += [
            f"\n**{plan.title}**\n",
            f"- {shuffled / TB:.2f} TB shuffled; {partitions:,} partitions of {plan.task_bytes / 1e6:.0f} MB",
            f"- {sum(stage.work for stage in plan.stages) / 3600:,.0f} core hours: {plan.cores:,} cores to be done in "
            f"{plan.window_s / 3600:g} h",
            f"- {memory / GB:.1f} GB of an executor's memory per core, and 1 GB for its Python",
            f"- the most frequent key keeps one core busy for {longest:,.0f} s",
            f"- simulated, with deaths of executors: done after {seconds / 3600:.2f} h, {again:,} tasks ran again",
            *(f"- {note}" for note in plan.notes),
        ]
    return "\n".join(lines) + "\n"


def _named(figures: Figures) -> list[tuple[str, float]]:
    return [
        ("bytes shuffled per source row of a join", figures.row_bytes),
        ("bytes shuffled per spine row and view", figures.asked_bytes),
        ("bytes shuffled per source row of a load", figures.load_bytes),
        ("source rows joined per core and second", figures.join_rows),
        ("source rows reduced per core and second", figures.load_rows),
        ("keys encoded and written per core and second", figures.written_keys),
        ("bytes of Redis per view and key", figures.stored_bytes),
        ("seconds of planning per load", figures.start_s),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--growth", type=Path, help="spark-growth.json")
    parser.add_argument("--load", type=Path, help="what benchmarks.spark_load --out wrote")
    parser.add_argument("--rows", type=float, default=1e9)
    parser.add_argument("--keys", type=float, default=1e8)
    parser.add_argument("--views", type=int, default=1000)
    parser.add_argument("--hot-share", type=float, default=0.001)
    parser.add_argument("--write", action="store_true", help="into docs/scale.md")
    args = parser.parse_args()
    work = Workload(rows=args.rows, keys=args.keys, views=args.views, hot_share=args.hot_share)
    text = render(work, measured(Figures(), args.growth, args.load))
    print(text)
    if args.write:
        page = ROOT / "docs" / "scale.md"
        before, rest = page.read_text().split(_MARKS[0])
        after = rest.split(_MARKS[1])[1]
        page.write_text(f"{before}{_MARKS[0]}\n\n{text}\n{_MARKS[1]}{after}")


if __name__ == "__main__":
    main()
