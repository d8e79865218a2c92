"""What is measured: each case is one amount of work, done by several contenders."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import Shape, short, source_path, spine_path
from benchmarks.runner import Contender

DAY = 86_400


@dataclass(frozen=True)
class Case:
    """One row of a table.

    ``limit`` names the raw contender that Repast's time is divided by; ``regression`` is the ratio above
    which the smoke run fails (None: only reported).
    """

    group: str
    label: str
    contenders: tuple[Contender, ...]
    arguments: Mapping[str, Any]
    limit: str
    rounds: int = 3
    regression: float | None = None


def join_case(
    folder: Path,
    shape: Shape,
    *,
    ttl: int,
    views: int = 1,
    feast: str | None = None,
    rounds: int = 3,
    regression: float | None = None,
) -> Case:
    """A point-in-time join of 10 features a view from Parquet to pandas."""
    contenders = [
        Contender("repast", "join_repast"),
        Contender("duckdb asof", "join_duckdb"),
        Contender("polars asof", "join_polars"),
    ]
    if feast:
        contenders.append(Contender("feast (duckdb)", "join_feast", feast))
    several = f", {views} views" if views > 1 else ""
    return Case(
        group="Point-in-time join",
        label=f"{shape.label}{several}, {'ttl 1 d' if ttl else 'no ttl'}",
        contenders=tuple(contenders),
        arguments={
            "source": str(source_path(folder, shape)),
            "spine": str(spine_path(folder, shape)),
            "views": views,
            "features": shape.features,
            "ttl": ttl,
            "repeat": 2,
        },
        limit="best raw",
        rounds=rounds,
        regression=regression,
    )


def online_case(
    rows: int,
    features: int,
    views: int = 1,
    *,
    repeat: int,
    form: str = "",
    feast: str | None = None,
    rounds: int = 3,
    regression: float | None = None,
) -> Case:
    """An online read of random keys from SQLite to a dict, or to columns: ``form`` "arrow" or "numpy"."""
    contenders = [Contender("repast", "online_repast"), Contender("bare sqlite loop", "online_bare")]
    if feast:
        contenders.append(Contender("feast (sqlite)", "online_feast", feast))
    return Case(
        group="Online read",
        label=f"{short(rows)} keys x {features} features"
        + (f" x {views} views" if views > 1 else "")
        + (f" to {form}" if form else ""),
        contenders=tuple(contenders),
        arguments={"rows": rows, "features": features, "views": views, "repeat": repeat, "form": form},
        limit="best raw",
        rounds=rounds,
        regression=regression,
    )


def load_case(
    folder: Path, shape: Shape, *, feast: str | None = None, rounds: int = 3, regression: float | None = None
) -> Case:
    """Newest row per key from Parquet into an empty SQLite store."""
    contenders = [Contender("repast", "load_repast"), Contender("bare upsert loop", "load_bare")]
    if feast:
        contenders.append(Contender("feast (sqlite)", "load_feast", feast))
    return Case(
        group="Load",
        label=f"{short(shape.rows)} rows, {short(shape.keys)} keys x {shape.features} features",
        contenders=tuple(contenders),
        arguments={"source": str(source_path(folder, shape)), "features": shape.features, "repeat": 1},
        limit="best raw",
        rounds=rounds,
        regression=regression,
    )


def on_demand_case(mode: str, rows: int, *, repeat: int, feast: str | None = None) -> Case:
    """An online read of two on-demand features that add and divide a stored value and one of the request."""
    contenders = [Contender("repast", "on_demand_repast")]
    if feast:
        contenders.append(Contender("feast (sqlite)", "on_demand_feast", feast))
    return Case(
        group="On-demand read",
        label=f"{mode} mode, {short(rows)} keys",
        contenders=tuple(contenders),
        arguments={"mode": mode, "rows": rows, "repeat": repeat},
        limit="none",
    )


def write_case(rows: int, *, repeat: int, feast: str | None = None, regression: float | None = None) -> Case:
    """A push of one row, or a write of many, from pandas into SQLite."""
    contenders = [Contender("repast", "write_repast"), Contender("bare upsert loop", "write_bare")]
    if feast:
        contenders.append(Contender("feast (sqlite)", "write_feast", feast))
    return Case(
        group="Write",
        label="push of 1 row" if rows == 1 else f"write of {short(rows)} rows",
        contenders=tuple(contenders),
        arguments={"rows": rows, "repeat": repeat},
        limit="best raw",
        regression=regression,
    )


def apply_case(views: int, *, first: bool, feast: str | None = None) -> Case:
    """An apply of many views of 10 features in one process, definitions made beforehand."""
    contenders = [Contender("repast", "apply_repast")]
    if feast:
        contenders.append(Contender("feast", "apply_feast", feast))
    return Case(
        group="Apply",
        label=f"{'first' if first else 'no-op'} apply of {short(views)} views",
        contenders=tuple(contenders),
        arguments={"views": views, "warm": 0 if first else 1},
        limit="none",
        rounds=2,
    )


def memory_case(folder: Path, shape: Shape, *, limit: str) -> Case:
    """A join whose source is several times larger than the memory that the engine may use."""
    return Case(
        group="Memory limit",
        label=f"{shape.label}, ttl 1 d, memory_limit {limit}",
        contenders=(Contender("repast", "join_repast"), Contender("duckdb asof", "join_duckdb")),
        arguments={
            "source": str(source_path(folder, shape)),
            "spine": str(spine_path(folder, shape)),
            "views": 1,
            "features": shape.features,
            "ttl": DAY,
            "repeat": 1,
            "memory_limit": limit,
        },
        limit="best raw",
        rounds=1,
    )


def start_case(what: str, *, feast: str | None = None, rounds: int = 5, regression: float | None = None) -> Case:
    """Starting up: ``import``, ``help`` or ``apply`` (a no-op apply of the starter project)."""
    contenders = [Contender("repast", "start_repast"), Contender("python itself", "start_bare")]
    if feast:
        contenders.append(Contender("feast", "start_feast", feast))
    labels = {"import": "import the package", "help": "command --help", "apply": "no-op apply of the starter project"}
    return Case(
        group="Start-up",
        label=labels[what],
        contenders=tuple(contenders),
        arguments={"what": what, "repeat": 1, "python": sys.executable},
        limit="best raw",
        rounds=rounds,
        regression=regression,
    )


def serve_case(rows: int, connections: int, *, seconds: int = 4, feast: str | None = None, rounds: int = 3) -> Case:
    """Seconds per online read over HTTP, one worker each, 10 features from SQLite; the load is another process."""
    contenders = [Contender("repast", "serve_repast"), Contender("bare JSON", "serve_bare")]
    if feast:
        contenders.append(Contender("feast (sqlite)", "serve_feast", feast))
    return Case(
        group="HTTP server",
        label=f"{short(rows)} keys x 10 features, {connections} connections",
        contenders=tuple(contenders),
        arguments={"rows": rows, "features": 10, "connections": connections, "seconds": seconds, "repeat": 2},
        limit="best raw",
        rounds=rounds,
    )


def smoke(folder: Path) -> Sequence[Case]:
    """Small enough for every CI run; bounds leave room for a noisy machine and still catch a real loss."""
    return [
        join_case(folder, Shape(rows=500_000, spine=5_000), ttl=DAY, regression=3.0),
        join_case(folder, Shape(rows=500_000, spine=200_000), ttl=0, regression=4.0),
        online_case(1, 10, repeat=400, regression=8.0),
        online_case(1000, 10, repeat=30, regression=4.0),
        online_case(1, 10, 5, repeat=200, regression=8.0),
        load_case(folder, Shape(rows=500_000, spine=10), regression=4.0),
    ]


def full(folder: Path, feast: str | None) -> Sequence[Case]:
    """Every local row of the targets."""
    from benchmarks.store_case import store_cases  # which is made of what is above

    million, ten = 1_000_000, 10_000_000
    joins = [
        join_case(folder, Shape(rows=rows, spine=spine), ttl=ttl, feast=feast)
        for rows, spine in ((million, 10_000), (million, 100_000), (million, million), (ten, 10_000), (ten, 100_000))
        for ttl in (DAY, 0)
    ]
    joins.append(join_case(folder, Shape(rows=ten, spine=million), ttl=DAY, feast=feast))
    joins.append(join_case(folder, Shape(rows=million, spine=100_000), ttl=DAY, views=3, feast=feast))
    online = [
        online_case(rows, features, views, repeat=repeat, feast=feast)
        for rows, features, views, repeat in (
            (1, 10, 1, 500),
            (10, 10, 1, 300),
            (100, 10, 1, 100),
            (1000, 10, 1, 30),
            (1, 50, 1, 300),
            (1000, 50, 1, 20),
            (1, 10, 5, 300),
            (100, 10, 5, 30),
            (1000, 10, 5, 10),
        )
    ]
    loads = [
        load_case(folder, Shape(rows=million, spine=10), feast=feast, rounds=2),
        load_case(folder, Shape(rows=million, spine=10, events_per_key=5), feast=feast, rounds=2),
    ]
    online += [online_case(1000, 50, repeat=20, form=form, feast=feast) for form in ("arrow", "numpy")]
    online += [
        on_demand_case(mode, rows, repeat=repeat, feast=feast)
        for mode in ("python", "pandas")
        for rows, repeat in ((1, 200), (1000, 10))
    ]
    writes = [write_case(rows, repeat=repeat, feast=feast) for rows, repeat in ((1, 50), (10_000, 3))]
    # Feast takes minutes for 2,000 views; 500 tell.
    applies = [
        apply_case(views, first=first, feast=feast if views == 500 else None)
        for views in (500, 2_000)
        for first in (True, False)
    ]
    limited = [memory_case(folder, Shape(rows=3 * ten, spine=100_000), limit="512MB")]
    starts = [start_case(what, feast=feast) for what in ("import", "help", "apply")]
    served = [serve_case(rows, c, feast=feast, rounds=2) for rows in (1, 100) for c in (1, 8, 32)]
    return [*joins, *limited, *loads, *writes, *online, *store_cases(feast=feast), *served, *applies, *starts]
