"""Small projects for the tests of serving: specs by hand, a real store, a registry that stands still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa

from repast.app.online import OnlineReader
from repast.app.workspace import Workspace
from repast.backends.online.memory import MemoryOnlineStore
from repast.core.manifest import FeatureViewSpec, FieldSpec, LayoutSpec, Manifest, ProjectSpec, SourceSpec
from repast.ports.online import OnlineStore, OnlineTable, Reads, Values, WriteResult
from repast.testing.clock import ManualClock
from repast.types import DataType, Float64, Int64, String

_SHOPS = count()
NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)


def fields(types: Mapping[str, DataType]) -> tuple[FieldSpec, ...]:
    return tuple(FieldSpec(name=name, dtype=dtype.to_json()) for name, dtype in types.items())


def layout(types: Mapping[str, DataType], version: int = 1) -> LayoutSpec:
    return LayoutSpec(version=version, features=tuple((name, types[name].to_json()) for name in sorted(types)))


def view_spec(
    name: str = "driver_stats",
    *,
    keys: Mapping[str, DataType] | None = None,
    features: Mapping[str, DataType] | None = None,
    layouts: Sequence[LayoutSpec] = (),
    **options: Any,
) -> FeatureViewSpec:
    features = {"trips": Int64, "rating": Float64, "city": String} if features is None else features
    keys = {"driver_id": Int64} if keys is None else keys
    return FeatureViewSpec(
        name=name,
        entities=tuple(keys),
        join_keys=tuple(sorted(fields(keys), key=lambda key: key.name)),
        features=fields(features),
        layouts=tuple(layouts) or (layout(features),),
        **{"source": "events", **options},
    )


def source_spec(name: str = "events", **options: Any) -> SourceSpec:
    defaults = {"timestamp_field": "event_timestamp", "created_timestamp_column": "created", "source_type": "file"}
    return SourceSpec(name=name, **{**defaults, **options})


def push_source(name: str = "events_push", batch_source: str = "events") -> SourceSpec:
    return SourceSpec(name=name, source_type="push", batch_source=batch_source)


def manifest(*objects: Any, generation: int = 1) -> Manifest:
    kinds = {
        "FeatureViewSpec": "feature_views",
        "SourceSpec": "data_sources",
        "FeatureServiceSpec": "feature_services",
        "OnDemandFeatureViewSpec": "on_demand_feature_views",
    }
    collections: dict[str, dict[str, Any]] = {kind: {} for kind in kinds.values()}
    for spec in objects:
        collections[kinds[type(spec).__name__]][spec.name] = spec
    collections["data_sources"].setdefault("events", source_spec())
    return Manifest(project=ProjectSpec(name="shop"), generation=generation, **collections)


@dataclass
class StillRegistry:
    """Answers with what it was given; a refresh brings what somebody else has applied meanwhile."""

    current: Manifest
    applied: Manifest | None = None
    refreshed: int = 0

    def manifest(self) -> Manifest:
        return self.current

    def peek(self) -> Manifest:
        return self.current

    def refresh(self) -> None:
        self.refreshed += 1
        self.current = self.applied or self.current


class CountingStore(MemoryOnlineStore):
    """The store in memory, counting how often it is asked."""

    def __init__(self) -> None:
        super().__init__(repo_path=Path(f"shop-{next(_SHOPS)}"))  # stores of one path share their rows
        self.asked: list[list[tuple[OnlineTable, list[bytes]]]] = []
        self.written: list[int] = []

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        self.written.append(len(keys))
        return super().write(table, keys, values)

    def read(self, reads: Reads) -> Values:
        self.asked.append([(table, list(keys)) for table, keys in reads])
        return super().read(reads)


class TableEngine:
    """A source in memory: what an engine's ``inspect`` and ``append`` do, and nothing else of it."""

    def __init__(self, schema: pa.Schema) -> None:
        self.rows = schema.empty_table()

    def inspect(self, source: SourceSpec) -> pa.Schema:
        return self.rows.schema

    def append(self, source: SourceSpec, rows: pa.Table) -> None:
        assert rows.schema == self.rows.schema
        self.rows = pa.concat_tables([self.rows, rows])


@dataclass
class Shop:
    """A project whose parts a test can reach."""

    workspace: Workspace
    registry: StillRegistry
    store: OnlineStore
    clock: ManualClock
    reader: OnlineReader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = OnlineReader(self.workspace)

    def table(self, view: str) -> OnlineTable:
        return OnlineTable("shop", view, self.registry.current.feature_views[view].incarnation)


def open_shop(*objects: Any, store: OnlineStore | None = None, engine: Any = None, functions: Any = None) -> Shop:
    registry = StillRegistry(manifest(*objects))
    clock = ManualClock(NOW)
    store = store or CountingStore()
    workspace = SimpleNamespace(
        project="shop", registry=registry, online=store, engine=engine, functions=functions, clock=clock
    )
    store.create([OnlineTable("shop", view.name, view.incarnation) for view in registry.current.feature_views.values()])
    return Shop(cast(Workspace, workspace), registry, store, clock)


def at(hours: float = 0.0) -> datetime:
    """Return a moment ``hours`` after NOW (before, if negative)."""
    return datetime.fromtimestamp(NOW.timestamp() + hours * 3600, UTC)
