"""The engine suite on DuckDB."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from repast.backends.offline.duckdb import DuckDBEngine
from repast.core.manifest import SourceSpec
from repast.ports.offline import OfflineEngine
from repast.testing.engine import EngineSuite


class DuckDBSuite:
    """What a subclass of the suite provides, for any form of the engine."""

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


class TestDuckDBEngine(DuckDBSuite, EngineSuite):
    pass
