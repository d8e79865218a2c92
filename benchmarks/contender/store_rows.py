"""The rows that every contender loads into an online store and reads from it: the same keys, values and turns."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.contender.clock import measure

KEYS = 10_000
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
_CHECKED = 3


def make_rows(view: int, keys: int, features: int, turn: int = 0) -> pa.Table:
    """Return one row per key, a second later every turn. Views have the same values."""
    rng = np.random.default_rng(7 + turn)
    event = pa.array([BEGIN + timedelta(seconds=turn)] * keys, pa.timestamp("us", tz="UTC"))
    columns = {"key": pa.array(range(keys)), "event_timestamp": event}
    return pa.table(columns | {f"f{view}_{j}": pa.array(rng.random(keys)) for j in range(features)})


def later_rows(keys: int, features: int) -> Iterator[pa.Table]:
    """Yield the rows of turn after turn, for ever; two of them are made, so that a load is not kept waiting."""
    tables = [make_rows(0, keys, features, turn) for turn in range(1, 3)]
    turn = 0
    while True:
        turn += 1
        event = pa.array([BEGIN + timedelta(seconds=turn)] * keys, pa.timestamp("us", tz="UTC"))
        yield tables[turn % 2].set_column(1, "event_timestamp", event)


def draw_keys(rows: int, keys: int) -> Iterator[list[int]]:
    """Yield different keys to read, for ever. A key twice would favour whoever reads it once."""
    pick = random.Random(11)
    while True:
        yield pick.sample(range(keys), rows)


def check(read: Callable[[Sequence[int]], Mapping[str, Sequence[Any]]], args: Mapping[str, Any], keys: int) -> None:
    """Fail if a contender does not answer what was loaded: its speed would mean nothing."""
    some = list(range(0, keys, keys // _CHECKED))
    found = read(some)
    for view in range(args["views"]):
        expected = make_rows(view, keys, args["features"]).take(some)
        for name in expected.column_names[2:]:
            if list(found[name]) != expected[name].to_pylist():
                raise RuntimeError(f"{name} of keys {some} is {found[name]}, not {expected[name].to_pylist()}")


def measure_some(work: Callable[[], Any], *, repeat: int, limit: float, warm: int = 0) -> list[float]:
    """Seconds of each repetition; after ``limit`` seconds no other begins."""
    measure(work, repeat=0, warm=warm)
    end = time.perf_counter() + limit
    seconds = measure(work)
    while len(seconds) < repeat and time.perf_counter() < end:
        seconds += measure(work)
    return seconds
