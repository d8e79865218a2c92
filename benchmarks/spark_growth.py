"""python -m benchmarks.spark_growth: time and shuffled bytes of point-in-time joins on Spark; docs/spark-growth.md.

Three ways to the same answer, in sessions of the same settings: Repast; the SQL that one would write by hand
(union and window, a view at a time); and, with ``--feast PYTHON``, Feast's Spark offline store. The answer is computed
whole on the executors and thrown away there; sums of its columns, taken on the way, show whether the ways agree.

Page and JSON are written after each case, so that whoever stops it keeps what was measured. No way gets longer than
``--limit`` seconds for a case, and nothing begins after ``--minutes``: the largest case comes last.

PYTHON is an interpreter with Feast and the pyspark of this one, for example, beside the Feast that
scripts/install_servers.sh installs::

    python3.11 -m venv --without-pip fs
    packages=$(echo fs/lib/python3*/site-packages)
    echo "$PWD/.servers/feast/lib/python3.11/site-packages" > $packages/feast.pth
    ln -s $PWD/.venv/lib/python3.11/site-packages/{pyspark,py4j} $packages/
    python -m benchmarks.spark_growth --feast fs/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from benchmarks.data import SPAN_US, START_US, short
from benchmarks.runner import ROOT
from benchmarks.spark_log import shuffled_bytes
from repast import Entity, FeatureStore, FeatureView, Field
from repast import SparkSource as Source
from repast.types import Float64, Int64

TTL = timedelta(days=7)
FEATURES = 3
_LEAST_SECONDS = 30.0
"""Each way gets at least these, in a case that has begun."""
_START_SECONDS = 240.0
"""In which Feast's process starts Spark and answers on few rows."""


@dataclass(frozen=True)
class Case:
    """A size: views, each with a source of its own, what is asked, and the share of all rows that one key has."""

    rows: int
    views: int
    spine: int
    skew: float = 0.0

    @property
    def label(self) -> str:
        skew = f", one key with {self.skew:.0%}" if self.skew else ""
        views = f"{self.views} view{'s' * (self.views > 1)}"
        return f"{short(self.rows)} rows x {views}, a spine of {short(self.spine)}{skew}"


@dataclass(frozen=True)
class Measured:
    """What one way took."""

    way: str
    case: Case
    seconds: float | None
    shuffled: int
    sums: tuple[Any, ...] = ()
    why: str = ""
    """Said where there are no seconds."""


class OutOfTimeError(Exception):
    """A way took longer than it may."""


class Bench:
    """A session, its data and its event log."""

    def __init__(self, folder: Path, args: argparse.Namespace) -> None:
        self.folder = folder
        # One per run: a folder that is kept has logs of runs before.
        self.log = Path(tempfile.mkdtemp(prefix="log", dir=folder))
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
        path = self.folder / f"spine_{case.rows}_{case.spine}_{case.skew}"
        if not path.exists():
            keys = max(1, case.rows // 50)
            hot = f"pmod(xxhash64(id, 91), 1000) < {round(case.skew * 1000)}"
            frame = self.session.range(0, case.spine, 1, 4).selectExpr(
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


def compute(answer: Any, case: Case) -> tuple[Any, ...]:
    """Have the executors compute every row and column, and keep nothing but sums."""
    from pyspark.sql import Observation
    from pyspark.sql.functions import expr

    names = [f"view{i}__f{j}" for i in range(case.views) for j in range(FEATURES)]
    sums = [part for name in names for part in (f"count({name}) AS n_{name}", f"sum({name}) AS s_{name}")]
    seen = Observation()
    answer.observe(seen, expr("count(*) AS n"), *map(expr, sums)).write.format("noop").mode("overwrite").save()
    return tuple(seen.get.values())


def measure(bench: Bench, way: str, case: Case, limit: float) -> Measured:
    """Time one way; its name and the case's are the group of its jobs in the log."""
    answer, group = WAYS[way](bench, case), f"{way}|{case.label}"
    try:
        with stopped_after(limit, bench.session, group):
            start = time.perf_counter()
            sums = compute(answer(), case)
            return Measured(way, case, time.perf_counter() - start, 0, sums)
    except OutOfTimeError:
        return Measured(way, case, None, 0, why=f"stopped at {limit:.0f} s")


@contextmanager
def stopped_after(limit: float, session: Any, group: str) -> Iterator[None]:
    """Cancel the jobs of a group when its time is up, and those that it begins after that."""
    context, late, done = session.sparkContext, threading.Event(), threading.Event()

    def stop() -> None:
        if done.wait(limit):
            return
        late.set()
        context.cancelJobGroup(group)
        while not done.wait(0.5):
            context.cancelJobGroup(group)

    context.setJobGroup(group, group)
    watch = threading.Thread(target=stop, daemon=True)
    watch.start()
    try:
        yield
    except Exception as error:
        if late.is_set():
            raise OutOfTimeError from error
        raise
    finally:
        done.set()
        watch.join()
        context.setLocalProperty("spark.jobGroup.id", None)


def through_feast(python: str, bench: Bench, case: Case, limit: float) -> Measured:
    """Run Feast's Spark offline store in its own interpreter, with the same settings, data and end."""
    with tempfile.TemporaryDirectory() as log:
        runs = [
            {"sources": [bench.source(one, i) for i in range(one.views)], "spine": bench.spine(one)}
            for one in (warm_up(case), case)
        ]
        given = {
            "conf": {**bench.conf, "spark.eventLog.dir": f"file://{log}"},
            "runs": runs,
            "features": FEATURES,
            "ttl": TTL.total_seconds(),
        }
        command = [python, "-W", "ignore", str(ROOT / "benchmarks" / "contender" / "spark_feast.py"), json.dumps(given)]
        environ = os.environ | {"PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": python, "FEAST_USAGE": "False"}
        with tempfile.TemporaryFile("w+") as complained:
            # In a session of its own: its Java is ended with it.
            child = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=complained, text=True, env=environ, start_new_session=True
            )
            try:
                if line_of(child, "warm", _START_SECONDS) is None and child.poll() is None:
                    return Measured("Feast", case, None, 0, why=f"not ready after {_START_SECONDS:.0f} s")
                answer = line_of(child, "{", limit)
                if answer is None and child.poll() is None:
                    return Measured("Feast", case, None, 0, why=f"stopped at {limit:.0f} s")
                child.wait()
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
            if answer is None:
                complained.seek(0)
                print(f"Feast failed:\n{complained.read()[-3000:]}", file=sys.stderr)
                return Measured("Feast", case, None, 0, why="failed")
        found = json.loads(answer)
        shuffled = shuffled_bytes(Path(log)).get("measured", 0)
    return Measured("Feast", case, found["seconds"], shuffled, tuple(found["sums"]))


def line_of(child: subprocess.Popen[str], start: str, limit: float) -> str | None:
    """Return the next line that begins so; None: it did not come in time, or the process ended without it."""
    assert child.stdout is not None
    lines: queue.Queue[str] = queue.Queue()

    def read(out: IO[str]) -> None:
        for line in iter(out.readline, ""):
            lines.put(line)
            if line.startswith(start):
                return
        lines.put("")

    threading.Thread(target=read, args=(child.stdout,), daemon=True).start()
    end = time.monotonic() + limit
    try:
        while line := lines.get(timeout=max(0.0, end - time.monotonic())):
            if line.startswith(start):
                return line
        child.wait()
    except queue.Empty:
        pass
    return None


def warm_up(case: Case) -> Case:
    """Return the case on few rows: what is compiled, and Python on the executors, is there when one is timed."""
    return replace(case, rows=min(case.rows, 20_000))


def cases(args: argparse.Namespace) -> list[Case]:
    """Return the cases, the most expensive last."""
    plain = [Case(rows, views, args.spine) for rows in args.rows for views in args.views]
    last = plain.pop() if len(plain) > 1 else None
    few = [Case(max(args.rows), 1, args.few)] if args.few else []
    hot = [Case(max(args.rows), 1, args.spine, args.hot)] if args.hot else []
    return [*plain, *few, *hot, *([last] if last else [])]


def run(folder: Path, args: argparse.Namespace, keep: Callable[[list[Measured], list[Case]], None]) -> None:
    """Measure case after case; ``keep`` gets what was measured so far, and the cases that time did not suffice for."""
    end = time.monotonic() + args.minutes * 60
    bench = Bench(folder, args)
    found: list[Measured] = []
    skipped: list[Case] = []
    try:
        for case in cases(args):
            if end - time.monotonic() < least_seconds(case):
                skipped.append(case)
                continue
            for way in (*WAYS, *(["Feast"] if args.feast else [])):
                # At least something for each way: a case is shown whole.
                limit = max(_LEAST_SECONDS, min(args.limit, end - time.monotonic()))
                if way == "Feast":
                    one = through_feast(args.feast, bench, case, limit)
                else:
                    measure(bench, way, warm_up(case), args.limit)
                    one = measure(bench, way, case, limit)
                found.append(one)
                took = f"{one.seconds:.1f} s" if one.seconds is not None else f"{one.why} (limit {limit:.0f} s)"
                print(f"{case.label}: {way} {took}", flush=True)
            check([one for one in found if one.case == case])
            keep(with_shuffles(found, bench.log), skipped)
    finally:
        bench.session.stop()
    keep(with_shuffles(found, bench.log), skipped)


def least_seconds(case: Case) -> float:
    """Return what has to be left for a case to begin: its data has to be written as well, at 10^6 rows in 2 s."""
    return _LEAST_SECONDS + 2e-6 * case.rows * case.views


def with_shuffles(found: list[Measured], log: Path) -> list[Measured]:
    """Return figures with what the log says of ours; Feast's is another log."""
    shuffled = shuffled_bytes(log)
    return [replace(one, shuffled=shuffled.get(f"{one.way}|{one.case.label}", one.shuffled)) for one in found]


def check(found: list[Measured]) -> None:
    """Refuse to go on where Repast and SQL by hand, which are meant to be one answer, are two."""
    own = {one.sums for one in found if one.sums and one.way in WAYS}
    if len(own) > 1:
        raise SystemExit(f"{found[0].case.label}: the answers differ: {own}")


def report(found: list[Measured], skipped: list[Case], args: argparse.Namespace) -> str:
    ways = list(dict.fromkeys(one.way for one in found))
    by = {(one.case, one.way): one for one in found}
    lines = [
        "# Spark: how time and shuffles grow\n",
        "Written by `python -m benchmarks.spark_growth`; do not edit.",
        f"{args.master}, {os.cpu_count()} cores, {FEATURES} features per view, 50 rows per key, a ttl of a week.",
        "Each cell: seconds, and MB written to shuffles. One run each, after one on few rows that is not measured.",
        "A way is stopped when its time is up. Not ready: the few rows alone took longer than that.\n",
        "| | " + " | ".join(ways) + " |",
        "|---" * (len(ways) + 1) + "|",
    ]
    for case in sorted({one.case for one in found}, key=lambda case: (case.rows, case.views, case.skew, -case.spine)):
        cells = [by.get((case, way)) for way in ways]
        sums = next((cell.sums for cell in cells if cell and cell.sums), ())
        lines.append(f"| {case.label} | " + " | ".join(shown(cell, sums) for cell in cells) + " |")
    if skipped:
        lines.append("\nNot run, for the time was up: " + "; ".join(case.label for case in skipped) + ".")
    if "Feast" not in ways:
        lines.append("\nFeast was not run: give `--feast PYTHON`, an interpreter that has it and pyspark.")
    return "\n".join(lines) + "\n"


def shown(one: Measured | None, sums: tuple[Any, ...]) -> str:
    """Return a cell; an answer that is not the first way's is not compared in silence."""
    if one is None:
        return "not run"
    if one.seconds is None:
        return one.why
    other = "" if one.sums == sums else ", **another answer**"
    return f"{one.seconds:.1f} s, {one.shuffled / 1e6:,.0f} MB{other}"


def load(record: Path) -> list[Measured]:
    """Return what earlier runs have kept."""
    return [
        Measured(one["way"], Case(**one["case"]), one["seconds"], one["shuffled"], tuple(one["sums"]), one["why"])
        for one in json.loads(record.read_text())
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--views", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--hot", type=float, default=0.2, help="one key's share of all rows in a case more; 0: no such")
    parser.add_argument("--spine", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=10_000, help="rows of the spine in a case more; 0: no such")
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--memory", default="6g", help="of the driver, which in local mode does the work")
    parser.add_argument("--feast", help="an interpreter with Feast and pyspark; see above")
    parser.add_argument("--minutes", type=float, default=26, help="after which no way begins but the rest of a case")
    parser.add_argument("--limit", type=float, default=180, help="seconds for one way in one case")
    parser.add_argument("--folder", type=Path, help="where data is kept for the next run; default: thrown away")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "spark-growth.md", help="and .json beside it")
    parser.add_argument(
        "--add", action="store_true", help="keep the cases of earlier runs that this one does not measure"
    )
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, and nothing is written")
    args = parser.parse_args()
    if args.smoke:
        args.rows, args.views, args.spine, args.few = [2_000], [1, 2], 500, 50
    cores = len(os.sched_getaffinity(0))

    record = args.out.with_suffix(".json")
    earlier = load(record) if args.add and record.exists() else []

    def keep(found: list[Measured], skipped: list[Case]) -> None:
        if args.smoke:
            return
        measured = {one.case for one in found}
        found = [*(one for one in earlier if one.case not in measured), *found]
        args.out.write_text(report(found, [case for case in skipped if case not in {o.case for o in found}], args))
        figures = [asdict(one) | {"cores": cores} for one in found]
        record.write_text(json.dumps(figures, indent=1) + "\n")

    # Ended from outside, it still ends Feast and Java.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        run(folder, args, keep)


if __name__ == "__main__":
    main()
