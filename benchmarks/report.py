"""Rows of results, kept in docs/benchmarks.json; as text for a terminal and as Markdown for docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from benchmarks.case import Case
from benchmarks.data import short
from benchmarks.runner import ROOT, Measured, Summary

RECORD = ROOT / "docs" / "benchmarks.json"
PAGE = ROOT / "docs" / "benchmarks.md"
LOSSES = Path(__file__).with_name("losses.md")
"""What is known of the targets that are missed, written by hand; it ends the page."""


@dataclass(frozen=True)
class Row:
    """A case and what its contenders did, on which machine."""

    group: str
    label: str
    made: str
    results: Mapping[str, Summary]

    @property
    def repast(self) -> Summary:
        return self.results["repast"]

    def raw(self) -> Summary | None:
        """The fastest contender that is neither Repast nor the rival."""
        others = [m for n, m in self.results.items() if n != "repast" and not n.startswith("feast") and not m.error]
        return min(others, key=lambda m: m.cost, default=None)

    def rival(self) -> Summary | None:
        return next((m for n, m in self.results.items() if n.startswith("feast") and not m.error), None)

    @property
    def ratio_to_limit(self) -> float | None:
        raw = self.raw()
        return None if raw is None or self.repast.error else self.repast.cost / raw.cost

    def regressed(self, case: Case) -> bool:
        bound, ratio = case.regression, self.ratio_to_limit
        return bool(self.repast.error) or (bound is not None and (ratio is None or ratio > bound))


def row_of(case: Case, results: Mapping[str, Measured], *, made: str) -> Row:
    return Row(case.group, case.label, made, {name: measured.summary() for name, measured in results.items()})


# -- the record -----------------------------------------------------------------------------------


def load_rows() -> list[Row]:
    """Return what full runs have measured so far."""
    return msgspec.json.decode(RECORD.read_bytes(), type=list[Row]) if RECORD.exists() else []


def save_row(row: Row, order: Sequence[Case]) -> None:
    """Put a row in the place of an older one of its case, and write the page anew. Rows of no case any more go."""
    known = {(old.group, old.label): old for old in load_rows()} | {(row.group, row.label): row}
    rows = [known[key] for case in order if (key := (case.group, case.label)) in known]
    RECORD.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n")
    PAGE.write_text(markdown(rows))


# -- text -----------------------------------------------------------------------------------------


def seconds(value: float) -> str:
    """0.0000123 -> '12.3 us'."""
    for size, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.0f} ns"


MEMORY = ("Point-in-time join", "Memory limit", "Load")
"""Groups whose memory says something: start-up measures other processes, online reads hold their own data."""


def cell(measured: Summary, group: str) -> str:
    if measured.error:
        return f"failed: {measured.error}"
    tail = "" if measured.p99 is None else f", p99 {seconds(measured.p99)}"
    if measured.rows:
        tail += f", {measured.rows / measured.median:,.0f} rows/s over {short(measured.rows)}"
    memory = f" ({measured.peak_mb:.0f} MB)" if group in MEMORY else ""
    return f"{seconds(measured.median)} ±{measured.spread:.0%}{tail}{memory}"


def line(row: Row) -> list[str]:
    ratio, rival = row.ratio_to_limit, row.rival()
    against = "" if rival is None or row.repast.error else f"{rival.cost / row.repast.cost:.3g}x"
    tools = sorted({m.tool for m in row.results.values() if m.tool})
    return [
        ", ".join([row.label, *(f"load by {tool}" for tool in tools)]),
        cell(row.repast, row.group),
        *(f"{name}: {cell(m, row.group)}" for name, m in row.results.items() if name != "repast"),
        "" if ratio is None else f"{ratio:.2f}x",
        against,
    ]


def text(row: Row, *, regressed: bool) -> str:
    *cells, ratio, against = line(row)
    verdict = f"  {ratio} of the best raw" + (f", {against} faster than feast" if against else "")
    flag = "  REGRESSED" if regressed else ""
    return f"{cells[0]}\n    repast: {cells[1]}\n" + "".join(f"    {c}\n" for c in cells[2:]) + verdict + flag


def machine() -> str:
    packages = ", ".join(f"{p} {version(p)}" for p in ("duckdb", "pyarrow", "numpy", "pandas", "polars"))
    system = f"{platform.system()} {platform.machine()}, CPython {platform.python_version()}"
    return f"{os.cpu_count()} cores, {system}, {packages}"


def markdown(rows: Sequence[Row]) -> str:
    """The whole page, wins and losses alike."""
    made = list(dict.fromkeys(row.made for row in rows))
    lines = [
        "# Benchmarks",
        "",
        "Written by `python -m benchmarks full --feast PYTHON`, all at once or a group at a time (`--only`); do not",
        "edit.",
        *(f"{'On ' if at == 0 else 'Some rows on '}{one}." for at, one in enumerate(made)),
        "",
        "Contenders of one row run interleaved, each in a process of its own. Figures are medians with half the",
        "interquartile range and peak memory. *of the best raw* is Repast's median over that of the fastest raw loop",
        "(1.0x is the limit; raw as-of joins leave ties to chance, Repast does not); *against Feast* says how many",
        "times faster Repast is (below 1 it is slower). Contenders that load different numbers of rows are compared by",
        "rows per second. p99 is given from 50 repetitions on.",
    ]
    for group in dict.fromkeys(row.group for row in rows):
        members = [row for row in rows if row.group == group]
        others = max((len(row.results) - 1 for row in members), default=0)
        head = ["", "repast", *["contender"] * others, "of the best raw", "against Feast"]
        lines += ["", f"## {group}", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        for row in members:
            *cells, ratio, against = line(row)
            cells += [""] * (len(head) - 2 - len(cells))
            lines.append("| " + " | ".join([*cells, ratio, against]) + " |")
    return "\n".join(lines) + "\n" + ("\n" + LOSSES.read_text() if LOSSES.exists() else "")
