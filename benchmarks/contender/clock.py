"""What every contender shares; imports nothing that is being measured."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def arguments() -> dict[str, Any]:
    """The JSON object on the command line."""
    return dict(json.loads(sys.argv[1]))


def measure(work: Callable[[], Any], *, repeat: int = 1, warm: int = 0) -> list[float]:
    """Seconds of each repetition."""
    for _ in range(warm):
        work()
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


def finish(seconds: list[float], **facts: Any) -> None:
    """Print the result as the runner expects it."""
    print(json.dumps({"seconds": seconds, "peak_mb": round(_peak_mb()), **facts}))


def _peak_mb() -> float:
    """Peak memory of this program alone: getrusage would count what the parent held when it forked."""
    status = Path("/proc/self/status")
    if status.exists():
        (kilobytes,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(kilobytes) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
