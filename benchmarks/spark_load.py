"""python -m benchmarks.spark_load: a load by two Spark workers into Redis, one of which is killed half-way.

Starts a standalone master with two workers and a Redis server on the loopback, writes ``--rows`` rows (a fifth of
them of one key), loads them, kills one worker when a third of the keys are online (``--no-kill`` leaves it), and
compares every key with the newest row, found by a sort of all rows. Prints one JSON object; ``--out FILE`` keeps it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.runner import ROOT

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "spark")]

from spark_project import HISTORY, check_newest, history_view, loaded, open_store, write_history  # noqa: E402

from server.redis import run_redis, wait_until  # noqa: E402  # found by the line above
from server.spark import cluster_conf, standalone_cluster  # noqa: E402


def run(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    from repast.backends.offline.spark.session import open_session

    keys = max(1, args.rows // 5)
    write_history(folder, rows=args.rows, keys=keys, files=16)
    with standalone_cluster(folder / "cluster", memory="2g") as cluster, run_redis() as server:
        conf = cluster_conf(folder, cluster) | {"spark.executor.memory": "1500m", "spark.sql.shuffle.partitions": "32"}
        session = open_session(conf, None)
        engine = {"type": "spark.engine", "partitions": args.partitions}
        online = {"type": "redis", "connection_string": server.address, "timeout": 60}
        store = open_store(folder, [history_view()], batch_engine=engine, online_store=online)
        seen = 0
        start = time.perf_counter()
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(store.materialize, *HISTORY)
            if args.kill:
                wait_until(lambda: load.done() or loaded(store) > keys // 3, "a third of the keys", 1800)
                seen = loaded(store)
                cluster.workers[0].kill()
            report = load.result(3600).views[0]
        seconds = time.perf_counter() - start
        complete = (report.read, report.written + report.unchanged, report.late, loaded(store))
        if complete != (args.rows, keys, 0, keys):
            raise SystemExit(f"the report does not add up: {report}")
        check_newest(store, folder, range(0, keys, args.check_every))
        memory = server.client().info("memory")["used_memory"]
        session.stop()
    return {
        "rows": args.rows,
        "keys": keys,
        "workers": 2,
        "online_when_killed": seen,
        "seconds": round(seconds, 1),
        "written": report.written,
        "unchanged": report.unchanged,
        "keys_per_second": round(keys / seconds),
        "redis_bytes_per_key": round(memory / keys),
        "checked": len(range(0, keys, args.check_every)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--partitions", type=int, default=64)
    parser.add_argument("--no-kill", dest="kill", action="store_false")
    parser.add_argument("--check-every", type=int, default=20, help="compare every n-th key")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        found = run(Path(temporary), args)
    text = json.dumps(found, indent=1)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
