"""The engine suite on DuckDB, in its own form of the statements and in the portable one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from repast.backends.offline.duckdb import DuckDBEngine
from repast.core.manifest import SourceSpec
from repast.core.sql.dialect import DUCKDB, GENERIC
from repast.ports.offline import OfflineEngine
from repast.testing.engine import EngineSuite
from repast.testing.engine.base import EngineBase
from repast.testing.engine.join import JoinRules


class TestDuckDBEngine(EngineSuite):
    engine_class: type[DuckDBEngine] = DuckDBEngine

    def make_engine(self, folder: Path) -> OfflineEngine:
        return self.engine_class(repo_path=folder)

    def make_variants(self, folder: Path) -> list[OfflineEngine]:
        return [
            self.engine_class(repo_path=folder, threads=1),
            self.engine_class(repo_path=folder, threads=8, memory_limit="200MB"),
        ]

    def store_rows(self, folder: Path, name: str, rows: pa.Table) -> SourceSpec:
        # Several row groups, so that statistics have something to leave out.
        pq.write_table(rows, folder / f"{name}.parquet", row_group_size=1000)
        return SourceSpec(name=name, source_type="file", options={"path": f"{name}.parquet", "file_format": "parquet"})

    def missing_source(self, folder: Path) -> SourceSpec:
        return SourceSpec(name="gone", source_type="file", options={"path": "gone.parquet", "file_format": "parquet"})


class PortableEngine(DuckDBEngine):
    """DuckDB running what engines without ASOF JOIN run."""

    dialect = GENERIC


class TestPortableStatements(TestDuckDBEngine):
    engine_class = PortableEngine


class UnfilteredEngine(DuckDBEngine):
    """DuckDB joining as it does with spines that are not small."""

    dialect = dataclasses.replace(DUCKDB, small_spine_share=0.0)


class TestLargeSpines(JoinRules, EngineBase):
    engine_class = UnfilteredEngine

    make_engine = TestDuckDBEngine.make_engine
    make_variants = TestDuckDBEngine.make_variants
    store_rows = TestDuckDBEngine.store_rows
