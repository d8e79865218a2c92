"""A project of real files, engine, registry and online store whose whole history is known in advance.

Turn ``t`` of the history gives every key the value ``t`` at minute ``t``. So a value that is read tells which
turn it is from, whoever wrote it, and nothing has to be remembered to know whether a state was ever right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from repast import Entity, FeatureStore, FeatureView, Field, FileSource, PushSource
from repast.app.config import RepoConfig
from repast.core.clock import Clock
from repast.types import Int64, String

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
KEYS = 100
SOURCES = {"table": "table.parquet", "parts": "parts", "text": "text.csv"}
"""Views by the way their source grows: a file that is replaced, a folder that gets one more file, a CSV file."""


def at(turn: float) -> datetime:
    """The moment of a turn."""
    return BEGIN + timedelta(minutes=turn)


NOW = at(100_000)


def rows(turns: Iterable[int], keys: Iterable[int] = range(KEYS)) -> pa.Table:
    """The rows of some turns: ``note`` says again what ``turn`` is, so that half a row can be told."""
    pairs = [(key, turn) for turn in turns for key in keys]
    return pa.table(
        {
            "key": pa.array([key for key, _ in pairs], pa.int64()),
            "turn": pa.array([turn for _, turn in pairs], pa.int64()),
            "note": pa.array([f"turn {turn} of key {key} " + "." * 40 for key, turn in pairs], pa.string()),
            "event_timestamp": pa.array([at(turn) for _, turn in pairs], pa.timestamp("us", "UTC")),
        }
    )


def view(name: str, path: str, **options: Any) -> FeatureView:
    """A view over a file, which may be pushed to as ``<name>_push``."""
    source = FileSource(
        name=f"{name}_rows",
        path=path,
        timestamp_field="event_timestamp",
        **({"file_format": "csv"} if path.endswith(".csv") else {}),
    )
    return FeatureView(
        name=name,
        entities=[Entity(name="item", join_keys={"key": Int64})],
        schema=[Field(name="turn", dtype=Int64), Field(name="note", dtype=String)],
        source=PushSource(name=f"{name}_push", batch_source=source),
        **options,
    )


def views(**options: Any) -> list[FeatureView]:
    """One view for each way that a source may grow."""
    return [view(name, path, **options) for name, path in SOURCES.items()]


def put(target: Path, table: pa.Table) -> None:
    """Put rows in a file, all at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name("_" + target.name)
    (pa_csv.write_csv if target.suffix == ".csv" else pq.write_table)(table, temporary)
    temporary.replace(target)


def make_sources(folder: Path, turns: Iterable[int] = (0,)) -> None:
    """Give every source the same rows."""
    table = rows(turns)
    put(folder / "table.parquet", table)
    put(folder / "parts" / "first.parquet", table)
    put(folder / "text.csv", table)


@contextmanager
def opened(
    folder: Path, *, clock: Clock = lambda: NOW, registry: str = "data/registry", **config: Any
) -> Iterator[FeatureStore]:
    """The project's store, as one process opens it."""
    store = FeatureStore(config=RepoConfig(project="fault", repo_path=folder, registry=registry, **config), clock=clock)
    try:
        yield store
    finally:
        store.close()


def online_turns(store: FeatureStore, name: str = "table", keys: Iterable[int] = range(KEYS)) -> list[int | None]:
    """The turn that each key is at online. Every row that is served must be one of the history, whole."""
    wanted = list(keys)
    answer = store.get_online_features([f"{name}:turn", f"{name}:note"], {"key": wanted}).to_dict()
    for key, turn, note in zip(wanted, answer["turn"], answer["note"], strict=True):
        assert note == (None if turn is None else f"turn {turn} of key {key} " + "." * 40)
    found: list[int | None] = answer["turn"]
    return found


def source_turns(folder: Path, name: str) -> dict[int, int]:
    """How many rows of each turn a source has, read with the format's own reader; each row must be whole."""
    path = folder / SOURCES[name]
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if not file.name.startswith((".", "_"))]
        table = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    else:
        table = pa_csv.read_csv(path) if path.suffix == ".csv" else pq.ParquetFile(path).read()
    counts: dict[int, int] = {}
    for key, turn, note in zip(*(table.column(c).to_pylist() for c in ("key", "turn", "note")), strict=True):
        assert note == f"turn {turn} of key {key} " + "." * 40
        counts[turn] = counts.get(turn, 0) + 1
    return counts


def historical_turns(store: FeatureStore, name: str, turn: int) -> list[int | None]:
    """What a point-in-time join at a turn finds for each key."""
    spine = rows([turn]).select(["key", "event_timestamp"])
    found: list[int | None] = (
        store.get_historical_features(spine, [f"{name}:turn"]).to_arrow().column("turn").to_pylist()
    )
    return found


def contents(folder: Path) -> Mapping[str, bytes]:
    """Every file below a folder, by relative path."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
