"""The defects that no other test is about; the numbers are those of the index."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from packaging.requirements import Requirement

from repast import Entity, FeatureStore, FeatureView, Field, FileSource, PushSource
from repast.app.config import RepoConfig, load_config
from repast.app.plugin import check_backends
from repast.cli.main import run
from repast.errors import InvalidRequestError
from repast.types import Float32, Int32, Int64

NOW = datetime.now(UTC).replace(microsecond=0)
INSTANT = pa.timestamp("us", "UTC")


def open_store(folder: Path) -> FeatureStore:
    return FeatureStore(
        config=RepoConfig(project="pains", repo_path=folder, registry="registry", online_store="memory")
    )


# -- 9 --------------------------------------------------------------------------------------------

VIEWS, FEATURES, ROWS = 20, 50, 9_500

WIDE = """
import resource, sys, time
from repast import FeatureStore
import pyarrow as pa

store = FeatureStore(sys.argv[1])
views = [view for view in store.list_feature_views()]
refs = [f"{view.name}:{field.name}" for view in views for field in view.features]
now = views[0].tags["now"]
spine = pa.table({
    "driver_id": pa.array(range(5000), pa.int64()),
    "event_timestamp": pa.array([int(now)] * 5000, pa.timestamp("us", "UTC")),
})
started = time.perf_counter()
table = store.get_historical_features(spine, refs).to_arrow()
took = time.perf_counter() - started
assert not any(column.null_count for column in table.columns)
print(table.num_rows, table.num_columns, took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_09_a_thousand_features(tmp_path: Path) -> None:
    """37 MB of Parquet, 1,000 features in 20 views, 5,000 rows."""
    moment = int(NOW.timestamp() * 1_000_000)
    rng = np.random.default_rng(9)
    entity = Entity(name="driver", join_keys={"driver_id": Int64})
    views = []
    for v in range(VIEWS):
        names = [f"f{v}_{n}" for n in range(FEATURES)]
        columns: dict[str, Any] = {
            "driver_id": pa.array(np.arange(ROWS), pa.int64()),
            "event_timestamp": pa.array(np.full(ROWS, moment - 1), INSTANT),
            **{name: rng.random(ROWS, np.float32) for name in names},
        }
        pq.write_table(pa.table(columns), tmp_path / f"v{v}.parquet", compression="none", use_dictionary=False)
        views.append(
            FeatureView(
                name=f"v{v}",
                entities=[entity],
                schema=[Field(name=name, dtype=Float32) for name in names],
                source=FileSource(path=f"v{v}.parquet", timestamp_field="event_timestamp"),
                tags={"now": str(moment)},
            )
        )
    assert sum(file.stat().st_size for file in tmp_path.glob("*.parquet")) > 37e6
    (tmp_path / "feature_store.yaml").write_text("project: pains\nregistry: registry\nonline_store: null\n")
    with FeatureStore(tmp_path) as store:
        store.apply(views)
    done = subprocess.run(
        [sys.executable, "-c", WIDE, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    rows, columns_found, seconds, megabytes = done.stdout.split()
    assert (int(rows), int(columns_found)) == (5000, 2 + VIEWS * FEATURES)
    assert float(seconds) < 60
    assert int(megabytes) < 1500


def test_09_a_view_without_entities_is_no_cross_join(tmp_path: Path) -> None:
    """200,000 rows of the view for each of 100,000 rows of the spine would be 2 * 10^10 pairs."""
    times = np.arange(200_000) * 1_000_000
    pq.write_table(
        pa.table({"event_timestamp": pa.array(times, INSTANT), "level": np.arange(200_000)}), tmp_path / "r.parquet"
    )
    view = FeatureView(
        name="world",
        entities=[],
        schema=[Field(name="level", dtype=Int64)],
        source=FileSource(path="r.parquet", timestamp_field="event_timestamp"),
    )
    asked = pa.table({"event_timestamp": pa.array(np.arange(100_000) * 2_000_000 + 999_999, INSTANT)})
    with open_store(tmp_path) as store:
        store.apply(view)
        started = time.perf_counter()
        found = store.get_historical_features(asked, ["world:level"]).to_arrow()
        assert time.perf_counter() - started < 60
    assert found["level"].to_pylist() == list(range(0, 200_000, 2))


# -- 16 -------------------------------------------------------------------------------------------


@pytest.fixture
def keyed(tmp_path: Path) -> Path:
    (tmp_path / "feature_store.yaml").write_text(
        "project: pains\nregistry: registry\nonline_store: {type: sqlite, path: online.db}\n"
    )
    pq.write_table(
        pa.table({"driver_id": pa.array([1], pa.int32()), "n": [10], "event_timestamp": pa.array([NOW], INSTANT)}),
        tmp_path / "rows.parquet",
    )
    source = FileSource(name="rows", path="rows.parquet", timestamp_field="event_timestamp")
    view = FeatureView(
        name="stats",
        entities=[Entity(name="driver", join_keys={"driver_id": Int32})],
        schema=[Field(name="n", dtype=Int64)],
        source=PushSource(name="rows_push", batch_source=source),
    )
    with FeatureStore(tmp_path) as store:
        store.apply(view)
        store.materialize(NOW - timedelta(days=1), NOW)
    return tmp_path


@pytest.mark.parametrize("key", [1.9, True, "1", float("nan"), 2**31, b"1"], ids=repr)
def test_16_a_wrong_key_is_refused_in_training_serving_and_pushes_alike(keyed: Path, key: Any) -> None:
    with FeatureStore(keyed) as store:
        spine = [{"driver_id": key, "event_timestamp": NOW}]
        for ask in (
            lambda: store.get_historical_features(spine, ["stats:n"]).to_arrow(),
            lambda: store.get_online_features(["stats:n"], [{"driver_id": key}]).to_dict(),
            lambda: store.push("rows_push", [{"driver_id": key, "n": 1, "event_timestamp": NOW}]),
        ):
            with pytest.raises(InvalidRequestError, match="driver_id"):
                ask()


@pytest.mark.parametrize("key", [1, 1.0, np.int64(1), np.float32(1)], ids=repr)
def test_16_a_key_of_another_number_type_finds_its_row_in_both(keyed: Path, key: Any) -> None:
    with FeatureStore(keyed) as store:
        spine = [{"driver_id": key, "event_timestamp": NOW}]
        assert store.get_historical_features(spine, ["stats:n"]).to_arrow()["n"].to_pylist() == [10]
        assert store.get_online_features(["stats:n"], [{"driver_id": key}]).to_dict()["n"] == [10]


def test_16_a_narrow_key_over_http(keyed: Path) -> None:
    """JSON knows no 32 bits: a number that fits is a key, and one that does not is refused."""
    import asyncio

    import httpx

    from repast.server.application import Application
    from repast.server.settings import ServerSettings

    application = Application(load_config(keyed), ServerSettings(access_log=False))

    async def ask(key: object) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://server") as client:
            body = {"features": ["stats:n"], "entities": {"driver_id": [key]}}
            return await client.post("/get-online-features", json=body)

    try:
        found = asyncio.run(ask(1))
        assert found.status_code == 200
        assert found.json()["results"][1]["values"] == [10]
        for wrong in (2**31, 1.9, True, "1"):
            refused = asyncio.run(ask(wrong))
            assert 400 <= refused.status_code < 500, refused.text
            assert "driver_id" in refused.text
    finally:
        application.close()


# -- 30 -------------------------------------------------------------------------------------------


def test_30_a_new_project_may_be_moved_and_commits_no_data(tmp_path: Path) -> None:
    assert run(["-c", str(tmp_path), "init", "first"]) == 0
    made = tmp_path / "first"
    made_first = [str(file.relative_to(made)) for file in made.rglob("*") if file.is_file()]
    for file in made.rglob("*"):
        if file.suffix in (".py", ".yaml", ".md"):
            assert str(tmp_path) not in file.read_text()
    assert run(["-c", str(made), "apply"]) == 0
    moved = Path(shutil.move(made, tmp_path / "elsewhere"))
    assert run(["-c", str(moved), "plan"]) == 0
    assert run(["-c", str(moved), "apply"]) == 0
    subprocess.run(["git", "init", "-q", str(moved)], check=True, timeout=60)
    listing = ["git", "-C", str(moved), "ls-files", "--others", "--exclude-standard"]
    committed = subprocess.run(listing, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert sorted(committed) == sorted(made_first)


# -- 32 -------------------------------------------------------------------------------------------


def installed_size(name: str, seen: dict[str, int]) -> None:
    """Add a distribution and what it needs, without extras: canonical name -> bytes."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return
    found = importlib.metadata.distribution(name)
    files = [Path(str(file.locate())) for file in found.files or () if file.suffix != ".pyc"]
    seen[key] = sum(file.stat().st_size for file in files if file.exists())
    for text in found.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            installed_size(requirement.name, seen)


def test_32_an_installation_is_small() -> None:
    seen: dict[str, int] = {}
    installed_size("repast", seen)
    assert len(seen) <= 16, sorted(seen)
    assert sum(seen.values()) < 400e6, seen


# -- 33 -------------------------------------------------------------------------------------------

READS = """
import sys
from pathlib import Path
from repast import FeatureStore

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

store = FeatureStore(sys.argv[1])
rows = [{"driver_id": key} for key in range(20)]
def read(times):
    for _ in range(times):
        store.get_online_features(["stats:n"], rows).to_dict(include_statuses=True)
read(2000)
before = resident()
read(8000)
print(resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the resident memory is read from /proc")
def test_33_memory_stays_flat(keyed: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READS, str(keyed)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2_000_000  # 250 bytes a request would be seen


# -- 34 -------------------------------------------------------------------------------------------


def test_34_a_misspelt_option_is_refused_and_the_right_one_taken(tmp_path: Path) -> None:
    def problems(option: str) -> list[str]:
        file = tmp_path / "feature_store.yaml"
        file.write_text(f"project: pains\nonline_store:\n  type: mysql\n  database: shop\n  {option}: 100\n")
        return [str(problem) for problem in check_backends(load_config(tmp_path))]

    [problem] = problems("bacth_size")
    assert "feature_store.yaml:5" in problem
    assert "did you mean 'batch_size'" in problem
    assert problems("batch_size") == []
