"""Memory stays flat in the number of rows."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from load_project import LoadProject

from repast.types import Float64

ROWS = 3_000_000
FEATURES = 10
LIMIT_MB = 256
"""What the engine may use; a load adds some batches to it."""

LOAD = """
import resource, sys
from pathlib import Path
from load_project import LoadProject

project = LoadProject(Path(sys.argv[1]), online_store="sqlite")
project.store.get_feature_view("warm")
project.store.materialize_incremental(feature_views=["warm"])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = project.store.materialize_incremental(feature_views=["stats"])
print(report.written, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def write_rows(path: Path, rows: int) -> None:
    """Write in pieces, so that this process does not need the memory either."""
    path.parent.mkdir(parents=True)
    random = np.random.default_rng(1)
    instant = pa.timestamp("us", tz="UTC")
    schema = pa.schema(
        [("driver_id", pa.int64()), ("event_timestamp", instant)] + [(f"f{i}", pa.float64()) for i in range(FEATURES)]
    )
    with pa.parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, 100_000):
            size = min(100_000, rows - start)
            columns = [
                pa.array(random.permutation(size) * 7919 % size + start),
                pa.array(np.full(size, 1_700_000_000_000_000) + np.arange(size), instant),
                *[pa.array(random.random(size)) for _ in range(FEATURES)],
            ]
            writer.write_table(pa.table(columns, schema=schema))


@pytest.mark.slow
def test_three_million_rows_need_no_more_memory_than_the_engine_is_given(tmp_path):
    features = {f"f{i}": Float64 for i in range(FEATURES)}
    write_rows(tmp_path / "rides/a.parquet", ROWS)
    write_rows(tmp_path / "warm/a.parquet", 1000)
    engine = {"type": "duckdb", "memory_limit": f"{LIMIT_MB}MB"}
    with closing(LoadProject(tmp_path, online_store="sqlite", offline_store=engine)) as project:
        project.apply(
            project.view("stats", features=features),
            project.view("warm", features=features, source={"path": "warm", "name": "warm"}),
        )
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD.replace('"sqlite"', f'"sqlite", offline_store={engine!r}'), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    written, grown_mb = map(int, loaded.stdout.split())
    assert written == ROWS
    # All values are 240 MB as bytes, and 800 MB as Python objects.
    assert grown_mb < LIMIT_MB + 400
