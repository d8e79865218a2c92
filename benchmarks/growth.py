"""python -m benchmarks.growth: how time grows with rows, spine, features, keys and views; into docs/growth.md.

Each line is Repast alone over two decades, the median of a few repetitions; the exponent is the slope of a
straight line through the logarithms: 0 does not grow, 1 grows in proportion.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data import Shape, short, source_path, spine_path
from benchmarks.runner import ROOT
from repast import Entity, FeatureStore, FeatureView, Field, FileSource
from repast.types import Float64, Int64

NOW = datetime(2024, 1, 1, tzinfo=UTC)
ENTITY = Entity(name="key", join_keys={"key": Int64})


@dataclass(frozen=True)
class Line:
    """One measured line: seconds at each size."""

    title: str
    unit: str
    sizes: Sequence[int]
    seconds: Sequence[float]

    @property
    def exponent(self) -> float:
        slope: float = np.polyfit(np.log(self.sizes), np.log(self.seconds), 1)[0]
        return slope


def median(work: Callable[[], object], repeat: int = 3) -> float:
    work()  # imports, plans and caches are not what grows
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def project(folder: Path) -> FeatureStore:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "feature_store.yaml").write_text("project: bench\nprovider: local\nregistry: data/registry\n")
    return FeatureStore(folder)


def view(name: str, source: Path | str, features: int) -> FeatureView:
    return FeatureView(
        name=name,
        entities=[ENTITY],
        schema=[Field(name=f"f{i}", dtype=Float64) for i in range(features)],
        source=FileSource(name=f"{name}_source", path=str(source), timestamp_field="event_timestamp"),
    )


def join_seconds(folder: Path, data: Path, shape: Shape) -> float:
    store = project(folder / f"join_{shape.rows}_{shape.spine}_{shape.features}")
    store.apply(view("v", source_path(data, shape), shape.features))
    spine = pd.read_parquet(spine_path(data, shape))
    refs = [f"v:f{i}" for i in range(shape.features)]
    return median(lambda: store.get_historical_features(spine, refs).to_df())


def online_seconds(folder: Path, keys: int, features: int) -> float:
    store = project(folder / f"online_{features}")
    table = pa.table(
        {
            "key": pa.array(range(10_000)),
            "event_timestamp": pa.array([NOW] * 10_000, pa.timestamp("us", "UTC")),
            **{f"f{i}": pa.array(np.random.default_rng(i).random(10_000)) for i in range(features)},
        }
    )
    path = folder / f"online_{features}.parquet"
    if not path.exists():
        pq.write_table(table, path)
        store.apply(view("v", path, features))
        store.write_to_online_store("v", table)
    refs = [f"v:f{i}" for i in range(features)]
    rows = [{"key": key} for key in np.random.default_rng(1).integers(0, 10_000, keys).tolist()]
    return median(lambda: store.get_online_features(refs, rows).to_dict(), repeat=25)


def apply_seconds(folder: Path, views: int) -> float:
    path = folder / "apply.parquet"
    if not path.exists():
        instant = pa.array([NOW], pa.timestamp("us", "UTC"))
        pq.write_table(pa.table({"key": [1], "event_timestamp": instant, "f0": [1.0]}), path)
    store = project(folder / f"apply_{views}")
    objects = [view(f"view{i}", path, 1) for i in range(views)]
    store.apply(objects)
    return median(lambda: store.apply(objects))


def load_seconds(folder: Path, data: Path, rows: int) -> float:
    source = source_path(data, Shape(rows=rows, spine=1, events_per_key=5))

    def work() -> float:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            store = project(Path(own))
            store.apply(view("v", source, 10))
            start = time.perf_counter()
            store.materialize(datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
            return time.perf_counter() - start

    return statistics.median(work() for _ in range(3))


def lines(folder: Path, data: Path) -> list[Line]:
    def line(title: str, unit: str, sizes: Sequence[int], seconds: Callable[[int], float]) -> Line:
        found = Line(title, unit, sizes, [seconds(size) for size in sizes])
        print(
            f"{title} by {unit}: exponent {found.exponent:.2f}; "
            + ", ".join(f"{short(n)} {s * 1000:.3g} ms" for n, s in zip(sizes, found.seconds, strict=True)),
            flush=True,
        )
        return found

    decades = [100_000, 300_000, 1_000_000, 3_000_000, 10_000_000]
    small = [1, 3, 10, 30, 100]
    return [
        line(
            "point-in-time join",
            "source rows",
            decades,
            lambda n: join_seconds(folder, data, Shape(rows=n, spine=10_000)),
        ),
        line(
            "point-in-time join",
            "spine rows",
            [10_000, 30_000, 100_000, 300_000, 1_000_000],
            lambda n: join_seconds(folder, data, Shape(rows=1_000_000, spine=n)),
        ),
        line(
            "point-in-time join",
            "features",
            small,
            lambda n: join_seconds(folder, data, Shape(rows=300_000, spine=30_000, features=n)),
        ),
        line("online read", "keys", [10, 30, 100, 300, 1_000], lambda n: online_seconds(folder, n, 10)),
        line("online read of 100 keys", "features", small, lambda n: online_seconds(folder, 100, n)),
        line(
            "load",
            "source rows",
            [30_000, 100_000, 300_000, 1_000_000, 3_000_000],
            lambda n: load_seconds(folder, data, n),
        ),
        line("apply, nothing changed", "views", [20, 60, 200, 600, 2_000], lambda n: apply_seconds(folder, n)),
    ]


def draw(found: Sequence[Line], path: Path) -> None:
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "repast"
    import matplotlib.pyplot as plt

    columns = 4
    figure, axes = plt.subplots(math.ceil(len(found) / columns), columns, figsize=(14, 6), layout="constrained")
    for axis, line in zip(axes.flat, found, strict=False):
        axis.loglog(line.sizes, line.seconds, marker="o", color="#0b6e4f")
        axis.set_title(f"{line.title}\nexponent {line.exponent:.2f}", fontsize=10)
        axis.set_xlabel(line.unit)
        axis.set_ylabel("seconds")
        axis.grid(visible=True, which="both", alpha=0.2)
    for axis in list(axes.flat)[len(found) :]:
        axis.remove()
    figure.savefig(path, metadata={"Date": None})


def page(found: Sequence[Line]) -> str:
    """The same figures as text."""
    rows = [
        f"| {line.title} | {line.unit} | "
        + ", ".join(f"{short(n)}: {s * 1000:.3g} ms" for n, s in zip(line.sizes, line.seconds, strict=True))
        + f" | {line.exponent:.2f} |"
        for line in found
    ]
    head = ["| what | by | median time | exponent |", "|---|---|---|---|"]
    intro = "Written by `python -m benchmarks.growth`; do not edit. Repast alone; an exponent of 1 is in proportion."
    return "\n".join(["# How time grows", "", intro, "", "![plots](growth.svg)", "", *head, *rows]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--data", help="folder that keeps the generated data between runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(options.data or temporary).resolve()
        found = lines(Path(temporary) / "projects", data)
        draw(found, ROOT / "docs" / "growth.svg")
        (ROOT / "docs" / "growth.md").write_text(page(found))


main()
