"""The engine suite on ClickHouse, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from repast.backends.offline.clickhouse import ClickHouseEngine, ClickHouseSession
from repast.core.manifest import SourceSpec
from repast.ports.offline import OfflineEngine
from repast.testing.engine import EngineSuite, TableRules
from repast.testing.strategy import NESTED, ZONES
from repast.types import Int64, String, Struct

_TYPES = ("test_features_come_back_as_they_are", "test_tables_hold_features_as_they_are")
_NO_NULL = "arrays and maps of ClickHouse cannot be null"
_NO_WALL = "times in ClickHouse are instants: there are none in a zone that the source declares"


_TUPLE = Struct({"a": Int64, "b": String})


class TestClickHouseEngine(TableRules, EngineSuite):
    examples = 10
    gaps: ClassVar[dict[str, str]] = {
        **{f"{rule}[{dtype}]": _NO_NULL for rule in _TYPES for dtype in NESTED if dtype != _TUPLE},
        **{
            f"{rule}[{zone}]": _NO_WALL
            for rule in ("test_wall_times_where_clocks_change", "test_joins_compare_instants")
            for zone in ZONES
            if zone != "UTC"
        },
        "test_windows_compare_instants": _NO_WALL,
        "test_keys_of_unrelated_types_are_refused[binary-String]": "ClickHouse has one type for text and bytes",
    }

    def make_engine(self, folder: Path) -> OfflineEngine:
        return ClickHouseEngine(repo_path=folder)

    def make_variants(self, folder: Path) -> list[OfflineEngine]:
        return [ClickHouseEngine(repo_path=folder, threads=1), ClickHouseEngine(repo_path=folder, threads=8)]

    def store_rows(self, folder: Path, name: str, rows: pa.Table) -> SourceSpec:
        engine = ClickHouseEngine(repo_path=folder)
        session = engine.connect()
        assert isinstance(session, ClickHouseSession)
        session.load(f'CREATE OR REPLACE TABLE "{name}" ENGINE = MergeTree ORDER BY tuple() AS', rows)
        session.close()
        return SourceSpec(name=name, source_type="clickhouse", options={"table": name})

    def missing_source(self, folder: Path) -> SourceSpec:
        return SourceSpec(name="gone", source_type="clickhouse", options={"table": "gone"})
