"""A project in a folder for the tests of loads: real files, engine, registry and online store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from repast.app import load
from repast.app.config import RepoConfig
from repast.app.load_report import LoadReport
from repast.app.store import FeatureStore
from repast.core.clock import to_us
from repast.core.codec.key import KeyCodec
from repast.core.codec.row import RowCodec
from repast.core.definitions import Entity, FeatureView, Field, FileSource
from repast.core.manifest import FeatureViewSpec
from repast.errors import UnavailableError
from repast.ports.online import OnlineStore, OnlineTable, Reads, Values, WriteResult
from repast.testing.clock import ManualClock
from repast.types import DataType, Int64, UnixTimestamp

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


def at(hours: float) -> datetime:
    """The moment so many hours after NOW."""
    return NOW + timedelta(hours=hours)


class LoadProject:
    """One project whose parts a test can reach."""

    def __init__(self, path: Path, *, online_store: Any = "memory", **config: Any) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.clock = ManualClock(NOW)
        self.config = RepoConfig(
            project="shop", repo_path=path, online_store=online_store, **{"registry": "data/registry", **config}
        )
        self.store = FeatureStore(config=self.config, clock=self.clock)

    def close(self) -> None:
        self.store.close()

    # -- definitions ----------------------------------------------------------------------------------------

    def view(
        self,
        name: str = "stats",
        *,
        keys: Mapping[str, DataType] | None = None,
        features: Mapping[str, DataType] | None = None,
        source: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> FeatureView:
        keys = {"driver_id": Int64} if keys is None else keys
        features = {"trips": Int64} if features is None else features
        file = {"path": "rides", "timestamp_field": "event_timestamp", "name": "rides", **(source or {})}
        return FeatureView(
            name=name,
            entities=[Entity(name="_".join(keys) + "_entity", join_keys=keys)] if keys else [],
            schema=[Field(name=feature, dtype=dtype) for feature, dtype in features.items()],
            source=FileSource(**file),
            **options,
        )

    def apply(self, *views: FeatureView) -> None:
        self.store.apply(list(views))

    def spec(self, view: str = "stats") -> FeatureViewSpec:
        self.store.refresh_registry()
        return self.store._workspace.registry.manifest().feature_views[view]

    # -- rows -----------------------------------------------------------------------------------------------

    def write(self, rows: pa.Table, file: str = "rides/a.parquet") -> None:
        """Put rows in a file, all at once, in the place of what was there."""
        target = self.path / file
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name("_" + target.name)
        write = pa.csv.write_csv if file.endswith(".csv") else pa.parquet.write_table
        write(rows, temporary)
        temporary.replace(target)

    # -- what is online -------------------------------------------------------------------------------------

    @property
    def online(self) -> OnlineStore:
        return self.store._workspace.online

    def table(self, view: str = "stats") -> OnlineTable:
        return OnlineTable("shop", view, self.spec(view).incarnation)

    def values(self, rows: pa.Table, view: str = "stats", *, end: datetime | None = None) -> dict[bytes, bytes]:
        """The oracle: per key the greatest row with event time <= end, as it is stored."""
        spec = self.spec(view)
        greatest: dict[bytes, bytes] = {}
        for key, value, event in encoded(spec, rows):
            if (end is None or event <= to_us(end)) and value > greatest.get(key, b""):
                greatest[key] = value
        return greatest

    def stored(self, keys: Sequence[bytes], view: str = "stats") -> dict[bytes, bytes]:
        (values,) = self.online.read([(self.table(view), list(keys))])
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def check(self, rows: pa.Table, view: str = "stats", *, end: datetime | None = None) -> None:
        """Assert that exactly the greatest rows are online."""
        expected = self.values(rows, view, end=end)
        everything = list(self.values(rows, view))
        assert self.stored(everything, view) == expected
        assert self.online.count(self.table(view)) == len(expected)

    @contextmanager
    def online_through(self, wrap: Callable[[OnlineStore], OnlineStore]) -> Iterator[OnlineStore]:
        """Put a store before the real one for a while."""
        workspace = self.store._workspace
        real = workspace.online
        workspace.__dict__["online"] = wrap(real)
        try:
            yield real
        finally:
            workspace.__dict__["online"] = real


def encoded(spec: FeatureViewSpec, rows: pa.Table) -> Iterator[tuple[bytes, bytes, int]]:
    """Key, value and event time of each row that has a key and an event time."""
    keys, values = KeyCodec(spec.join_keys), RowCodec(spec.layouts[-1])
    names = [feature.name for feature in sorted(spec.features, key=lambda f: f.name)]
    created = "created" in rows.column_names
    for i in range(rows.num_rows):
        row = rows.slice(i, 1).combine_chunks()
        key = [row.column(name)[0].as_py() for name in keys.names]
        event = row.column("event_timestamp")[0].as_py()
        if event is None or None in key:
            continue
        event_us = to_us(event)
        created_at = row.column("created")[0].as_py() if created else None
        value = values.encode(
            [one_chunk(row, name) for name in names],
            pa.array([event_us], pa.int64()),
            pa.array([None if created_at is None else to_us(created_at)], pa.int64()),
        )[0]
        yield keys.encode_row(key), value, event_us


def one_chunk(rows: pa.Table, name: str) -> pa.Array:
    return rows.column(name).combine_chunks() if rows.num_rows > 1 else rows.column(name).chunk(0)


def rides(*rows: tuple[Any, ...], created: bool = False) -> pa.Table:
    """Rows of (driver, hours after NOW, trips), and with ``created`` hours of recording."""
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    instant = UnixTimestamp.arrow
    times = [None if hours is None else at(hours) for hours in columns[1]]
    table = {
        "driver_id": pa.array(columns[0], pa.int64()),
        "event_timestamp": pa.array(times, instant),
        "trips": pa.array(columns[2], pa.int64()),
    }
    if created:
        table["created"] = pa.array([None if h is None else at(h) for h in columns[3]], instant)
    return pa.table(table)


class PassingStore(OnlineStore):
    """Hands everything on; tests override what they watch or break."""

    def __init__(self, real: OnlineStore) -> None:
        self.real = real

    def create(self, tables: Sequence[OnlineTable]) -> None:
        self.real.create(tables)

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        self.real.drop(tables)

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        return self.real.write(table, keys, values)

    def read(self, reads: Reads) -> Values:
        return self.real.read(reads)

    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        return self.real.erase(table, keys)

    def count(self, table: OnlineTable) -> int:
        return self.real.count(table)

    def close(self) -> None:
        self.real.close()


class BreakingStore(PassingStore):
    """Takes some batches, then is gone."""

    def __init__(self, real: OnlineStore, batches: int) -> None:
        super().__init__(real)
        self.left = batches

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        if not self.left:
            raise UnavailableError("The store went away.")
        self.left -= 1
        return self.real.write(table, keys, values)


@contextmanager
def small_batches(rows: int = 1) -> Iterator[None]:
    with patch.multiple(load, BATCH_ROWS=rows, SORTED_BYTES=1):
        yield


def counts(report: LoadReport) -> dict[str, int]:
    """The totals that are not zero."""
    names = ("read", "written", "unchanged", "late", "rejected")
    return {name: getattr(report, name) for name in names if getattr(report, name)}
