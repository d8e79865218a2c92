"""The engine suite on Spark, for whichever session it runs in."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from repast.backends.offline.spark import SparkEngine
from repast.core.manifest import SourceSpec
from repast.ports.offline import OfflineEngine


class SparkSuite:
    """What a subclass of the suite provides."""

    def make_engine(self, folder: Path) -> OfflineEngine:
        return SparkEngine(repo_path=folder)

    def make_variants(self, folder: Path) -> list[OfflineEngine]:
        return [self.make_engine(folder)]

    def store_rows(self, folder: Path, name: str, rows: pa.Table) -> SourceSpec:
        pq.write_table(rows, folder / f"{name}.parquet", row_group_size=1000)
        return SourceSpec(name=name, source_type="spark", options={"path": f"{name}.parquet", "file_format": "parquet"})

    def missing_source(self, folder: Path) -> SourceSpec:
        return SourceSpec(name="gone", source_type="spark", options={"path": "gone.parquet", "file_format": "parquet"})
