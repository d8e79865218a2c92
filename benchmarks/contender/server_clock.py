"""What contenders that are servers share: start one, load it from another process, look at its memory, stop it."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.http_load import send_load


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def measure_server(command: Sequence[str], url: str, refs: Sequence[str], keys: int, args: dict[str, Any]) -> None:
    """Measure a server and print what the runner expects: seconds per request, of each repetition."""
    pick = random.Random(11)
    bodies = [
        json.dumps({"features": list(refs), "entities": {"key": [pick.randrange(keys) for _ in range(args["rows"])]}})
        for _ in range(64)
    ]
    load = {"url": f"{url}/get-online-features", "bodies": bodies, "connections": args["connections"]}
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _await(process, url)
            began = time.perf_counter() - start
            send_load({**load, "seconds": 1})
            runs = [send_load({**load, "seconds": args["seconds"]}) for _ in range(args["repeat"])]
            memory = _memory_mb(process.pid)
        finally:
            process.terminate()
            process.wait(60)
    if any(run["bad"] for run in runs):
        raise SystemExit(f"{sum(run['bad'] for run in runs)} requests failed")
    facts = {name: round(max(run[name] for run in runs), 2) for name in ("p50_ms", "p99_ms")}
    print(
        json.dumps(
            {
                "seconds": [run["seconds"] / run["requests"] for run in runs],
                "peak_mb": round(memory),
                "start_s": round(began, 2),
                "tool": runs[0]["tool"],
                **facts,
            }
        )
    )


def _await(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
        except (urllib.error.URLError, OSError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the server did not start") from None
            time.sleep(0.02)
        else:
            return


def _memory_mb(pid: int) -> float:
    """Resident memory of a process and its children, as the system counts it: shared pages once for each."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (kilobytes,) = (int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    return kilobytes / 1024 + sum(_memory_mb(int(child)) for child in children)
