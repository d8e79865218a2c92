"""Tables of results: text for a terminal, Markdown for docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from benchmarks.case import Case
from benchmarks.runner import Measured


@dataclass(frozen=True)
class Outcome:
    """A case and what its contenders did."""

    case: Case
    results: Mapping[str, Measured]

    @property
    def repast(self) -> Measured:
        return self.results["repast"]

    def raw(self) -> Measured | None:
        """The fastest contender that is neither Repast nor the rival."""
        others = [m for n, m in self.results.items() if n != "repast" and not n.startswith("feast") and not m.error]
        return min(others, key=lambda m: m.median, default=None)

    def rival(self) -> Measured | None:
        return next((m for n, m in self.results.items() if n.startswith("feast") and not m.error), None)

    @property
    def ratio_to_limit(self) -> float | None:
        raw = self.raw()
        return None if raw is None or self.repast.error else self.repast.median / raw.median

    @property
    def regressed(self) -> bool:
        bound, ratio = self.case.regression, self.ratio_to_limit
        return bool(self.repast.error) or (bound is not None and (ratio is None or ratio > bound))


def seconds(value: float) -> str:
    """0.0000123 -> '12.3 us'."""
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.0f} ns"


MEMORY = ("Point-in-time join", "Memory limit", "Load")
"""Groups whose memory says something: start-up measures other processes, online reads hold their own data."""


def cell(measured: Measured, group: str) -> str:
    if measured.error:
        return f"failed: {measured.error}"
    tail = f", p99 {seconds(measured.p99)}" if len(measured.seconds) >= 50 else ""
    memory = f" ({measured.peak_mb:.0f} MB)" if group in MEMORY else ""
    return f"{seconds(measured.median)} ±{measured.spread:.0%}{tail}{memory}"


def line(outcome: Outcome) -> list[str]:
    ratio, rival = outcome.ratio_to_limit, outcome.rival()
    against = "" if rival is None or outcome.repast.error else f"{rival.median / outcome.repast.median:.3g}x"
    return [
        outcome.case.label,
        cell(outcome.repast, outcome.case.group),
        *(f"{name}: {cell(m, outcome.case.group)}" for name, m in outcome.results.items() if name != "repast"),
        "" if ratio is None else f"{ratio:.2f}x",
        against,
    ]


def text(outcome: Outcome) -> str:
    *cells, ratio, against = line(outcome)
    verdict = f"  {ratio} of the best raw" + (f", {against} faster than feast" if against else "")
    flag = "  REGRESSED" if outcome.regressed else ""
    return f"{cells[0]}\n    repast: {cells[1]}\n" + "".join(f"    {c}\n" for c in cells[2:]) + verdict + flag


def machine() -> str:
    packages = ", ".join(f"{p} {version(p)}" for p in ("duckdb", "pyarrow", "numpy", "pandas", "polars"))
    system = f"{platform.system()} {platform.machine()}, CPython {platform.python_version()}"
    return f"{os.cpu_count()} cores, {system}, {packages}"


def markdown(outcomes: Sequence[Outcome], *, command: str, rival: str) -> str:
    """The whole page, wins and losses alike."""
    lines = [
        "# Benchmarks",
        "",
        f"Written by `{command}`; do not edit. {machine()}{', ' + rival if rival else ''}.",
        "",
        "Contenders of one row run interleaved, each in a process of its own. Figures are medians with half the",
        "interquartile range and peak memory. *of the best raw* is Repast's median over that of the fastest raw loop",
        "(1.0x is the limit; raw as-of joins leave ties to chance, Repast does not); *against Feast* says how many",
        "times faster Repast is (below 1 it is slower).",
    ]
    for group in dict.fromkeys(o.case.group for o in outcomes):
        members = [o for o in outcomes if o.case.group == group]
        others = max((len(o.results) - 1 for o in members), default=0)
        head = ["", "repast", *["contender"] * others, "of the best raw", "against Feast"]
        lines += ["", f"## {group}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        for outcome in members:
            *cells, ratio, against = line(outcome)
            cells += [""] * (len(head) - 2 - len(cells))
            lines.append("| " + " | ".join([*cells, ratio, against]) + " |")
    return "\n".join(lines) + "\n"
