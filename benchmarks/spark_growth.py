"""python -m benchmarks.spark_growth: time and shuffled bytes of point-in-time joins on Spark; docs/spark-growth.md.

Three ways to the same answer, in sessions of the same settings: Repast; the SQL that one would write by hand
(union and window, a view at a time); and, with ``--feast PYTHON`` (an interpreter with ``feast[spark]``), Feast's
Spark offline store. The answer is computed whole on the executors and thrown away there. Repast's and the
hand-written answers are compared by their sums.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.data import SPAN_US, START_US, short
from benchmarks.runner import ROOT
from benchmarks.spark_log import shuffled_bytes
from repast import Entity, FeatureStore, FeatureView, Field
from repast import SparkSource as Source
from repast.types import Float64, Int64

TTL = timedelta(days=7)
FEATURES = 3


@dataclass(frozen=True)
class Case:
    """A size: views, each with a source of its own, and the share of all rows that one key has."""

    rows: int
    views: int
    skew: float = 0.0

    @property
    def label(self) -> str:
        skew = f", one key with {self.skew:.0%}" if self.skew else ""
        return f"{short(self.rows)} rows x {self.views} view{'s' * (self.views > 1)}{skew}"


@dataclass(frozen=True)
class Measured:
    """What one way took."""

    way: str
    case: Case
    seconds: float
    shuffled: int


class Bench:
    """A session, its data and its event log."""

    def __init__(self, folder: Path, args: argparse.Namespace) -> None:
        self.folder = folder
        self.spine_rows: int = args.spine
        self.log = folder / "log"
        self.log.mkdir(exist_ok=True)
        self.conf = session_conf(self.log, args.master, args.memory, folder)
        from repast.backends.offline.spark.session import open_session

        self.session = open_session(self.conf, None)

    def source(self, case: Case, view: int) -> str:
        """Write a source once; times do not tie, so that every way has the same answer."""
        path = self.folder / f"source_{case.rows}_{view}_{case.skew}"
        if not path.exists():
            keys = max(1, case.rows // 50)
            hot = f"pmod(xxhash64(id, 1), 1000) < {round(case.skew * 1000)}"
            event = f"{START_US} + pmod(xxhash64(id, {view}, 2), {SPAN_US} DIV {case.rows}) "
            event += f"+ pmod(id * 7919, {case.rows}) * ({SPAN_US} DIV {case.rows})"
            frame = self.session.range(0, case.rows, 1, 4).selectExpr(
                f"CASE WHEN {hot} THEN 0 ELSE pmod(xxhash64(id, {view}), {keys}) END AS key",
                f"timestamp_micros({event}) AS event_timestamp",
                *(f"CAST(pmod(xxhash64(id, {view}, {i + 3}), 1000) AS DOUBLE) AS f{i}" for i in range(FEATURES)),
            )
            frame.write.parquet(f"file://{path}")
        return str(path)

    def spine(self, case: Case) -> str:
        path = self.folder / f"spine_{case.rows}_{self.spine_rows}_{case.skew}"
        if not path.exists():
            keys = max(1, case.rows // 50)
            hot = f"pmod(xxhash64(id, 91), 1000) < {round(case.skew * 1000)}"
            frame = self.session.range(0, self.spine_rows, 1, 4).selectExpr(
                "id AS row",
                f"CASE WHEN {hot} THEN 0 ELSE pmod(xxhash64(id, 92), {keys}) END AS key",
                f"timestamp_micros({START_US} + pmod(xxhash64(id, 93), {SPAN_US})) AS event_timestamp",
            )
            frame.write.parquet(f"file://{path}")
        return str(path)


def session_conf(log: Path, master: str, memory: str, folder: Path) -> dict[str, str]:
    """Return the settings that all ways share."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    return {
        "spark.master": master,
        "spark.driver.memory": memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder / "scratch"),
        "spark.eventLog.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.dir": f"file://{log}",
    }


def through_repast(bench: Bench, case: Case) -> Callable[[], Any]:
    """The retrieval as a user writes it."""
    folder = bench.folder / f"repast_{case.rows}_{case.views}_{case.skew}"
    folder.mkdir(exist_ok=True)
    (folder / "feature_store.yaml").write_text(
        "project: bench\nprovider: local\nregistry: data/registry\noffline_store: {type: spark}\n"
    )
    store = FeatureStore(folder)
    entity = Entity(name="key", join_keys={"key": Int64})
    views = [
        FeatureView(
            name=f"view{i}",
            entities=[entity],
            ttl=TTL,
            schema=[Field(name=f"f{j}", dtype=Float64) for j in range(FEATURES)],
            source=Source(
                name=f"s{i}", path=bench.source(case, i), file_format="parquet", timestamp_field="event_timestamp"
            ),
        )
        for i in range(case.views)
    ]
    store.apply(views)
    spine = bench.session.read.parquet(f"file://{bench.spine(case)}")
    references = [f"view{i}:f{j}" for i in range(case.views) for j in range(FEATURES)]
    return lambda: store.get_historical_features(spine, references, full_feature_names=True).to_spark_df()


def by_hand(bench: Bench, case: Case) -> Callable[[], Any]:
    """Union and window, each view's answer carried to the next: one shuffle of spine and source per view."""
    session = bench.session
    session.read.parquet(f"file://{bench.spine(case)}").createOrReplaceTempView("asked0")
    statements = []
    for i in range(case.views):
        session.read.parquet(f"file://{bench.source(case, i)}").createOrReplaceTempView(f"source{i}")
        before = "".join(f", view{v}" for v in range(i))
        nothing = "".join(f", NULL AS view{v}" for v in range(i))
        features = ", ".join(f"f{j}" for j in range(FEATURES))
        statements.append(f"""
            SELECT row, key, event_timestamp{before},
                   IF(found.at >= event_timestamp - INTERVAL 7 DAYS, found, NULL) AS view{i}
            FROM (SELECT *, last_value(own) IGNORE NULLS OVER (
                      PARTITION BY key ORDER BY event_timestamp, side
                      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS found
                  FROM (SELECT row, key, event_timestamp, 1 AS side, NULL AS own{before} FROM asked{i}
                        UNION ALL
                        SELECT NULL, key, event_timestamp, 0, struct(event_timestamp AS at, {features}){nothing}
                        FROM source{i}))
            WHERE side = 1""")

    def answer() -> Any:
        for i, statement in enumerate(statements):
            session.sql(statement).createOrReplaceTempView(f"asked{i + 1}")
        names = ", ".join(f"view{i}.f{j} AS view{i}__f{j}" for i in range(case.views) for j in range(FEATURES))
        return session.sql(f"SELECT key, event_timestamp, {names} FROM asked{case.views}")

    return answer


WAYS: dict[str, Callable[[Bench, Case], Callable[[], Any]]] = {"Repast": through_repast, "SQL by hand": by_hand}


def compute(answer: Any) -> None:
    """Have the executors compute every row and column, and keep nothing."""
    answer.write.format("noop").mode("overwrite").save()


def checksum(answer: Any, case: Case) -> list[Any]:
    names = [f"view{i}__f{j}" for i in range(case.views) for j in range(FEATURES)]
    sums = [part for name in names for part in (f"count({name})", f"sum({name})")]
    return list(answer.selectExpr("count(*)", *sums).collect()[0])


def measure(bench: Bench, case: Case) -> Iterator[tuple[str, float]]:
    """Yield the ways and what they take; they are the groups of their jobs in the log."""
    sums = []
    for way, prepare in WAYS.items():
        answer = prepare(bench, case)
        sums.append(checksum(answer(), case))  # and what is compiled, and in the page cache, is so for each
        with job_group(bench.session, f"{way}|{case.label}"):
            start = time.perf_counter()
            compute(answer())
            seconds = time.perf_counter() - start
        yield way, seconds
    if any(one != sums[0] for one in sums):
        raise SystemExit(f"{case.label}: the answers differ: {sums}")


@contextmanager
def job_group(session: Any, name: str) -> Iterator[None]:
    session.sparkContext.setJobGroup(name, name)
    yield
    session.sparkContext.setLocalProperty("spark.jobGroup.id", None)


def through_feast(python: str, bench: Bench, case: Case) -> Measured:
    """Run Feast's Spark offline store in its own interpreter, with the same settings, data and end."""
    with tempfile.TemporaryDirectory() as log:
        given = {
            "conf": {**bench.conf, "spark.eventLog.dir": f"file://{log}"},
            "sources": [bench.source(case, i) for i in range(case.views)],
            "spine": bench.spine(case),
            "features": FEATURES,
            "ttl": TTL.total_seconds(),
            "start": datetime.fromtimestamp(START_US / 1e6).isoformat(),  # noqa: DTZ006  # Feast takes it so
        }
        command = [python, "-W", "ignore", str(ROOT / "benchmarks" / "contender" / "spark_feast.py"), json.dumps(given)]
        environ = os.environ | {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": python, "FEAST_USAGE": "False"}
        done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=3600)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        seconds = float(done.stdout.strip().splitlines()[-1])
        return Measured("Feast", case, seconds, shuffled_bytes(Path(log)).get("measured", 0))


def cases(args: argparse.Namespace) -> list[Case]:
    plain = [Case(rows, views) for rows in args.rows for views in args.views]
    return [*plain, Case(max(args.rows), 1, 0.2)]


def run(folder: Path, args: argparse.Namespace) -> list[Measured]:
    bench = Bench(folder, args)
    timed = []
    try:
        for case in cases(args):
            for way, seconds in measure(bench, case):
                print(f"{case.label}: {way} {seconds:.1f} s", flush=True)
                timed.append((way, case, seconds))
    finally:
        bench.session.stop()
    shuffled = shuffled_bytes(bench.log)
    found = [Measured(way, case, seconds, shuffled.get(f"{way}|{case.label}", 0)) for way, case, seconds in timed]
    if args.feast:
        for case in cases(args):
            found.append(through_feast(args.feast, bench, case))
            print(f"{case.label}: Feast {found[-1].seconds:.1f} s", flush=True)
    return found


def report(found: list[Measured], args: argparse.Namespace) -> str:
    ways = list(dict.fromkeys(one.way for one in found))
    by = {(one.case, one.way): one for one in found}
    lines = [
        "# Spark: how time and shuffles grow\n",
        "Written by `python -m benchmarks.spark_growth`; do not edit.",
        f"{args.master}, {os.cpu_count()} cores, a spine of {short(args.spine)} rows, {FEATURES} features per view, "
        "50 rows per key, a ttl of a week.",
        "Each cell: seconds, and MB written to shuffles. One run each, after one that is not measured.\n",
        "| | " + " | ".join(ways) + " |",
        "|---" * (len(ways) + 1) + "|",
    ]
    for case in dict.fromkeys(one.case for one in found):
        cells = [by[case, way] for way in ways]
        shown = " | ".join(f"{cell.seconds:.1f} s, {cell.shuffled / 1e6:,.0f} MB" for cell in cells)
        lines.append(f"| {case.label} | {shown} |")
    if "Feast" not in ways:
        lines.append("\nFeast was not run: give `--feast PYTHON`, an interpreter that has `feast[spark]`.")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--views", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--spine", type=int, default=1_000_000)
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--memory", default="6g", help="of the driver, which in local mode does the work")
    parser.add_argument("--feast", help="an interpreter with feast[spark]")
    parser.add_argument("--folder", type=Path, help="where data is kept for the next run; default: thrown away")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "spark-growth.md", help="and .json beside it")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, and nothing is written")
    args = parser.parse_args()
    if args.smoke:
        args.rows, args.views, args.spine = [2_000], [1, 2], 500
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = run(folder, args)
    text = report(found, args)
    print(text)
    if not args.smoke:
        args.out.write_text(text)
        cores = len(os.sched_getaffinity(0))
        figures = [asdict(one) | {"spine": args.spine, "cores": cores} for one in found]
        args.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
