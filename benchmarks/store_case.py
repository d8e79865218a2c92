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
RIVALS = ("redis", "postgres", "mysql")
"""Stores that Feast has too."""
_REPEAT = {1: 300, 10: 200, 100: 60, 1000: 50}
_LIMIT = {"read": 4.0, "load": 4.0, "read during a load": 8.0}
"""Seconds after which a contender begins no other repetition: a slow one says less, but does not take for ever."""


def store_case(
    store: str, what: str, rows: int, views: int = 1, *, repeat: int, rounds: int = 2, feast: str | None = None
) -> Case:
    """One amount of work on one store: ``what`` is "read", "load" or "read during a load"."""
    amount = f"{short(rows)} rows" if what == "load" else f"{short(rows)} keys x 10 features"
    contenders = [Contender("repast", "store_repast"), Contender(STORES[store], "store_bare")]
    if feast and store in RIVALS:
        contenders.append(Contender("feast", "store_feast", feast))
    return Case(
        group="Online stores",
        label=f"{store}: {what}, {amount}" + (f" x {views} views" if views > 1 else ""),
        contenders=tuple(contenders),
        arguments={
            "store": store,
            "what": what,
            "rows": rows,
            "views": views,
            "features": 10,
            "repeat": repeat,
            "limit": _LIMIT[what],
        },
        limit="best raw",
        rounds=rounds,
    )


def store_cases(*, tiny: bool = False, feast: str | None = None) -> Sequence[Case]:
    """Every store: 1 to 1000 keys of one and of five views, a load, and reads during one."""
    if tiny:
        return [store_case(s, what, 10, repeat=3, rounds=1, feast=feast) for s in STORES for what in ("read", "load")]
    return [
        case
        for store in STORES
        for case in (
            *(
                store_case(store, "read", rows, views, repeat=_REPEAT[rows], feast=feast)
                for views in (1, 5)
                for rows in _REPEAT
            ),
            store_case(store, "load", 50_000, repeat=2, feast=feast),
            *(store_case(store, "read during a load", rows, repeat=300, feast=feast) for rows in (1, 100)),
        )
    ]
