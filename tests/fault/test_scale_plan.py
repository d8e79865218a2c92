"""The cost model of docs/scale.md: its arithmetic, its simulation, and the figures that it takes from measured runs."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from benchmarks.scale_plan import (  # found by the line above
    Figures,
    Plan,
    Stage,
    Workload,
    measured,
    plan_load,
    plan_training,
    render,
    simulate,
)
from benchmarks.spark_log import shuffled_bytes


def test_plans_are_proportional() -> None:
    """Twice the rows are twice the bytes, and about twice the cores; keys are written at most once each."""
    once, twice = (plan_load(Workload(rows=rows), Figures()) for rows in (1e9, 2e9))
    assert twice.stages[0].shuffled == 2 * once.stages[0].shuffled
    assert once.cores <= twice.cores <= 2 * once.cores + 1
    work = Workload(rows=1e12)
    assert work.written == pytest.approx(work.stored)
    assert Workload(rows=1e3).written == pytest.approx(1e3)
    hot = plan_training(replace(Workload(), hot_share=0.2), Figures())
    assert hot.stages[0].longest == pytest.approx(0.2 * 90e6 / Figures().join_rows)


def test_simulation_is_between_the_bounds() -> None:
    """No deaths: the work divided by the cores, or the longest task. Deaths only add, and are the same each time."""
    plan = Plan("x", [Stage("a", 100, 10.0, 1e9), Stage("b", 10, 1.0, 1e6, longest=50.0)], 3600.0)
    assert simulate(plan, 10, deaths_per_core_hour=0) == (150.0, 0)
    seconds, again = simulate(plan, 10, deaths_per_core_hour=20)
    assert seconds > 150.0
    assert again > 0
    assert simulate(plan, 10, deaths_per_core_hour=20) == (seconds, again)


def test_measured_figures_take_their_place(tmp_path: Path) -> None:
    """Bytes per row are the slope between two sizes, bytes per spine row what is left; smaller spines say nothing."""
    case = {"views": 1, "skew": 0.0, "spine": 100}
    runs = [
        {"way": "Repast", "case": case | {"rows": rows}, "seconds": 10.0, "shuffled": 70 * rows + 5000}
        for rows in (1000, 10_000)
    ]
    runs.append(runs[-1] | {"case": case | {"rows": 10_000, "spine": 5}, "shuffled": 300})
    growth, load = tmp_path / "growth.json", tmp_path / "load.json"
    growth.write_text(json.dumps([*runs, {"way": "Feast", "case": case, "seconds": 1, "shuffled": 0}]))
    load.write_text(json.dumps({"keys": 1000, "seconds": 5.0, "workers": 2, "redis_bytes_per_key": 113}))
    figures = measured(Figures(), growth, load)
    assert (figures.row_bytes, figures.asked_bytes, figures.join_rows) == (70.0, 50.0, 500.0)
    assert (figures.written_keys, figures.stored_bytes) == (100.0, 113)
    assert "| bytes shuffled per source row of a join | 70 |" in render(Workload(), figures)


def test_shuffles_are_counted_by_job_group(tmp_path: Path) -> None:
    """Tasks of a stage count for the group of the job that began it; stages of no group do not."""
    events = [
        {"Event": "SparkListenerJobStart", "Stage IDs": [1, 2], "Properties": {"spark.jobGroup.id": "x"}},
        {"Event": "SparkListenerJobStart", "Stage IDs": [3], "Properties": {}},
        *(
            {
                "Event": "SparkListenerTaskEnd",
                "Stage ID": stage,
                "Task Metrics": {"Shuffle Write Metrics": {"Shuffle Bytes Written": 10}},
            }
            for stage in (1, 1, 2, 3)
        ),
    ]
    (tmp_path / "log").write_text("\n".join(json.dumps(event) for event in events))
    assert shuffled_bytes(tmp_path) == {"x": 30}
