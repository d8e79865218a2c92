"""Sends requests over some connections for some seconds, from a process of its own: wrk if it is there, else Python.

scripts/install_servers.sh installs wrk, which takes a small part of a core. Python takes as much as the server that it
asks or more: what the two say is not to be compared, and rows say which it was.

``python -m benchmarks.http_load '{"url": ..., "bodies": [...], "connections": 8, "seconds": 3}'`` prints one JSON
object: requests, seconds, p50_ms, p99_ms and which tool it was.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_SCRIPT = """
local bodies = {%s}
local i = 0
request = function()
  i = i %% #bodies + 1
  return wrk.format("POST", nil, {["Content-Type"] = "application/json"}, bodies[i])
end
done = function(summary, latency, requests)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.status + summary.errors.timeout
  io.write(string.format('\\n{"requests": %%d, "seconds": %%f, "p50_ms": %%f, "p99_ms": %%f, "bad": %%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, bad))
end
"""


def run_wrk(url: str, bodies: Sequence[str], connections: int, seconds: float) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_SCRIPT % ", ".join(f"[[{body}]]" for body in bodies))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", script.name, url]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "tool": "wrk"}


def run_python(url: str, bodies: Sequence[str], connections: int, seconds: float) -> dict[str, Any]:
    address = urlsplit(url)
    head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
    messages = [f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode() for body in bodies]
    taken: list[float] = []
    bad = 0

    async def send(until: float) -> None:
        nonlocal bad
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        while (start := time.perf_counter()) < until:
            writer.write(messages[len(taken) % len(messages)])
            answer = await reader.readuntil(b"\r\n\r\n")
            lengths = [line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(lengths[0].partition(b":")[2]))
            bad += not answer.startswith(b"HTTP/1.1 200")
            taken.append(time.perf_counter() - start)
        writer.close()

    async def send_all() -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(send(until) for _ in range(connections)))

    start = time.perf_counter()
    asyncio.run(send_all())
    elapsed = time.perf_counter() - start
    taken.sort()
    p50, p99 = (taken[int(len(taken) * q)] * 1e3 for q in (0.5, 0.99))
    return {"requests": len(taken), "seconds": elapsed, "p50_ms": p50, "p99_ms": p99, "bad": bad, "tool": "python"}


def send_load(arguments: dict[str, Any]) -> dict[str, Any]:
    """Run this module in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.http_load", json.dumps(arguments)]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps((run_wrk if shutil.which("wrk") else run_python)(**given)))
