"""Seeded data: the same arguments give the same bytes on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START_US = 1_700_000_000_000_000
SPAN_US = 30 * 86_400_000_000


@dataclass(frozen=True)
class Shape:
    """A source and a spine over it.

    ``events_per_key`` rows for each key on average, spread over 30 days, in random file order; one row in
    ``tie_every`` (0: none) repeats the key and time of the row before it, with another created time.
    """

    rows: int
    spine: int
    features: int = 10
    events_per_key: int = 50
    tie_every: int = 100
    seed: int = 7

    @property
    def keys(self) -> int:
        return max(1, self.rows // self.events_per_key)

    @property
    def label(self) -> str:
        return f"{short(self.rows)} x {short(self.spine)}"


def short(count: int) -> str:
    """10_000 -> '10k'."""
    for size, suffix in ((1_000_000, "M"), (1_000, "k")):
        if count >= size and count % size == 0:
            return f"{count // size}{suffix}"
    return str(count)


def source_path(folder: Path, shape: Shape) -> Path:
    """Write the source once and return its path."""
    tag = f"{shape.rows}_{shape.features}_{shape.events_per_key}_{shape.tie_every}_{shape.seed}"
    path = folder / f"source_{tag}.parquet"
    if not path.exists():
        rng = np.random.default_rng(shape.seed)
        key = rng.integers(0, shape.keys, shape.rows)
        event = START_US + rng.integers(0, SPAN_US, shape.rows)
        created = event + rng.integers(0, 3_600_000_000, shape.rows)
        if shape.tie_every:
            tied = np.arange(shape.tie_every, shape.rows, shape.tie_every)
            key[tied], event[tied] = key[tied - 1], event[tied - 1]
        instant = pa.timestamp("us", tz="UTC")
        columns = {"key": pa.array(key), "event_timestamp": pa.array(event, instant)}
        columns["created"] = pa.array(created, instant)
        columns |= {f"f{i}": pa.array(rng.random(shape.rows)) for i in range(shape.features)}
        _write(pa.table(columns), path)
    return path


def spine_path(folder: Path, shape: Shape) -> Path:
    """Write the spine once and return its path."""
    path = folder / f"spine_{shape.spine}_{shape.keys}_{shape.seed}.parquet"
    if not path.exists():
        rng = np.random.default_rng(shape.seed + 1)
        event = START_US + rng.integers(0, SPAN_US, shape.spine)
        table = {
            "key": pa.array(rng.integers(0, shape.keys, shape.spine)),
            "event_timestamp": pa.array(event, pa.timestamp("us", tz="UTC")),
            "label": pa.array(rng.random(shape.spine)),
        }
        _write(pa.table(table), path)
    return path


def _write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    pq.write_table(table, unfinished)
    unfinished.rename(path)
