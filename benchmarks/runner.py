"""Runs contenders side by side: each in a process of its own, interleaved, so that drift hits all alike."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TIME_LIMIT = 900


@dataclass(frozen=True)
class Contender:
    """One way to do the work: a module of benchmarks.contender, run by ``python`` with JSON arguments.

    The module prints one JSON object: ``seconds`` (a list: one per repetition inside the process),
    ``peak_mb`` and anything else worth reporting.
    """

    name: str
    module: str
    python: str = sys.executable


@dataclass(frozen=True)
class Summary:
    """What is kept of one contender: seconds, and MB."""

    median: float
    spread: float
    p99: float | None
    """None where there are too few repetitions for one."""
    peak_mb: float
    error: str = ""
    rows: int | None = None
    """Rows that a repetition loads, where contenders may load different numbers of them."""
    tool: str = ""
    """What sent the load, where that is a program beside the contender."""

    @property
    def cost(self) -> float:
        """What contenders are compared by: seconds, per row where numbers of rows may differ."""
        return self.median / (self.rows or 1)


@dataclass
class Measured:
    """What one contender did over all rounds."""

    seconds: list[float] = field(default_factory=list)
    peak_mb: float = 0.0
    error: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(len(self.seconds) * 0.99))]

    @property
    def spread(self) -> float:
        """Half the interquartile range over the median; 0 for a single measurement."""
        if len(self.seconds) < 4:
            return (max(self.seconds) - min(self.seconds)) / 2 / self.median
        low, _, high = statistics.quantiles(self.seconds, n=4)
        return (high - low) / 2 / self.median

    def summary(self) -> Summary:
        if self.error:
            return Summary(0, 0, None, self.peak_mb, self.error)
        p99 = _rounded(self.p99) if len(self.seconds) >= 50 else None
        rows, tool = self.facts.get("written"), self.facts.get("tool", "")
        return Summary(_rounded(self.median), _rounded(self.spread), p99, self.peak_mb, rows=rows, tool=tool)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def compare(contenders: Sequence[Contender], arguments: Mapping[str, Any], *, rounds: int) -> dict[str, Measured]:
    """Run every contender once per round, in rotating order, and gather what they print."""
    _warm(arguments)
    results = {c.name: Measured() for c in contenders}
    for number in range(rounds):
        start = number % len(contenders)
        for contender in [*contenders[start:], *contenders[:start]]:
            measured = results[contender.name]
            if not measured.error:
                _run(contender, arguments, measured)
    return results


def _warm(arguments: Mapping[str, Any]) -> None:
    """Read the files that are named once, so that not the first contender alone waits for the disk."""
    for value in arguments.values():
        if isinstance(value, str) and Path(value).is_file():
            with Path(value).open("rb") as file:
                while file.read(1 << 24):
                    pass


def _run(contender: Contender, arguments: Mapping[str, Any], measured: Measured) -> None:
    command = [contender.python, "-m", f"benchmarks.contender.{contender.module}", json.dumps(dict(arguments))]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False, cwd=ROOT, env=os.environ
        )
    except subprocess.TimeoutExpired:
        measured.error = f"over {TIME_LIMIT} s"
        return
    if done.returncode:
        measured.error = (done.stderr.strip().splitlines() or ["failed"])[-1][:200]
        return
    printed = json.loads(done.stdout.strip().splitlines()[-1])
    measured.seconds += printed.pop("seconds")
    measured.peak_mb = max(measured.peak_mb, printed.pop("peak_mb", 0.0))
    measured.facts |= printed
