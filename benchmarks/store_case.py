"""The online stores with a server of their own: reads, loads, and reads while a load goes on."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.case import Case
from benchmarks.data import short
from benchmarks.runner import Contender

STORES = {
    "redis": "redis-py pipeline",
    "postgres": "psycopg loop",
    "mysql": "PyMySQL loop",
    "lmdb": "lmdb loop",
}
"""Stores and what the bare loop over the same server is made of. An emulator's speed would say nothing."""
_REPEAT = {1: 300, 10: 200, 100: 60, 1000: 20}


def store_case(store: str, what: str, rows: int, views: int = 1, *, repeat: int, rounds: int = 2) -> Case:
    """One amount of work on one store: ``what`` is "read", "load" or "read during a load"."""
    amount = f"{short(rows)} rows" if what == "load" else f"{short(rows)} keys x 10 features"
    return Case(
        group="Online stores",
        label=f"{store}: {what}, {amount}" + (f" x {views} views" if views > 1 else ""),
        contenders=(Contender("repast", "store_repast"), Contender(STORES[store], "store_bare")),
        arguments={"store": store, "what": what, "rows": rows, "views": views, "features": 10, "repeat": repeat},
        limit="best raw",
        rounds=rounds,
    )


def store_cases(*, tiny: bool = False) -> Sequence[Case]:
    """Every store: 1 to 1000 keys of one and of five views, a load, and reads during one."""
    if tiny:
        return [store_case(s, what, 10, repeat=3, rounds=1) for s in STORES for what in ("read", "load")]
    cases = []
    for store in STORES:
        cases += [store_case(store, "read", rows, views, repeat=_REPEAT[rows]) for views in (1, 5) for rows in _REPEAT]
        cases.append(store_case(store, "load", 50_000, repeat=2))
        cases += [store_case(store, "read during a load", rows, repeat=300) for rows in (1, 100)]
    return cases
