"""Packages made from the plugin templates: installed, found by entry points, held to the shipped suites."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from repast.cli.project import create_project

ROOT = Path(__file__).parents[2]
FEATURES = """
from repast import Entity, FeatureView, Field, {source}
from repast.types import Float64, Int64

shop = Entity(name="shop", join_keys={{"shop_id": Int64}})
sales = FeatureView(
    name="sales", entities=[shop], schema=[Field(name="amount", dtype=Float64)],
    source={source}({where}, timestamp_field="sold_at"),
)
"""
ROWS = """
import duckdb
duckdb.sql("CREATE TABLE sales AS SELECT 7 AS shop_id, 2.5 AS amount, TIMESTAMPTZ '2024-01-01 12:00:00Z' AS sold_at")
duckdb.sql("COPY sales TO 'sales.parquet'")
with duckdb.connect("warehouse.duckdb") as connection:
    connection.execute("CREATE TABLE sales AS FROM 'sales.parquet'")
"""
PROJECT = """
from datetime import datetime, timezone
from repast import FeatureStore
with FeatureStore(".") as store:
    store.apply()
    store.materialize_incremental()
    print(store.get_online_features(["sales:amount"], [{"shop_id": 7}]).to_dict())
    spine = {"shop_id": [7, 8], "event_timestamp": [datetime(2024, 1, 2, tzinfo=timezone.utc)] * 2}
    print(store.get_historical_features(spine, ["sales:amount"]).to_arrow()["amount"].to_pylist())
    store.teardown()
"""


CONFIGS = {
    "online-store": "online_store: {type: our-plugin}",
    "offline-store": "offline_store: {type: our-plugin}",
    "registry": "registry: {registry_type: our-plugin}",
    "provider": "provider: our-plugin",
}
FEW_EXAMPLES = """
from hypothesis import settings
settings.register_profile("few", max_examples=10, derandomize=True)
settings.load_profile("few")
"""
"""That the suite is run and passes is what is shown here; what its rules find, other tests show with many examples."""


@dataclass(frozen=True)
class Plugin:
    kind: str
    folder: Path
    """Where the package was made."""
    site: Path
    """Where it is installed, for those who have it on their path."""


@pytest.fixture(scope="module", params=list(CONFIGS))
def plugin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Plugin:
    """A package made of a template, and installed into a folder of its own."""
    folder = tmp_path_factory.mktemp("plugin")
    create_project("our-plugin", f"plugin-{request.param}", parent=folder)
    made = Plugin(request.param, folder / "our-plugin", folder / "site")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    run([*command, "--disable-pip-version-check", "--target", str(made.site), str(made.folder)], folder)
    return made


def run(command: list[str], folder: Path, site: Path | None = None) -> str:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_templates_are_part_of_the_wheel(tmp_path: Path) -> None:
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], ROOT)
    [wheel] = tmp_path.glob("*.whl")
    shipped = set(zipfile.ZipFile(wheel).namelist())
    templates = ROOT / "src" / "repast" / "templates"
    wanted = {path.relative_to(ROOT / "src").as_posix() for path in templates.rglob("*") if path.is_file()}
    assert {path for path in wanted if "__pycache__" not in path} <= shipped


@pytest.mark.slow
def test_a_plugin_passes_the_suite_that_ships(plugin: Plugin) -> None:
    (plugin.folder / "conftest.py").write_text(FEW_EXAMPLES)
    told = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], plugin.folder, plugin.site)
    assert " passed" in told
    assert "skipped" not in told


def test_a_project_runs_on_a_plugin(plugin: Plugin, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "feature_store.yaml").write_text(f"project: shop\n{CONFIGS[plugin.kind]}\n")
    source, where = ("FileSource", 'path="sales.parquet"')
    features = FEATURES.format(source=source, where=where)
    if plugin.kind == "offline-store":
        features = FEATURES.format(source="Source", where='table="sales"').replace(", Source", "")
        features = "from our_plugin import Source\n" + features
    (repo / "features.py").write_text(features)
    run([sys.executable, "-c", ROWS], repo)
    told = run([sys.executable, "-c", PROJECT], repo, plugin.site)
    assert told == "{'shop_id': [7], 'amount': [2.5]}\n[2.5, None]\n"
