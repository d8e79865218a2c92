"""Packages made from the plugin templates: installed, found by entry points, held to the shipped suites."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
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


def install(folder: Path, template: str, name: str) -> Path:
    """Make a package of a template and install it into a folder of its own; return that folder."""
    create_project(name, template, parent=folder)
    site = folder / "site"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    run([*command, "--disable-pip-version-check", "--target", str(site), str(folder / name)], folder)
    return site


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
@pytest.mark.parametrize("kind", ["online-store", "offline-store", "registry", "provider"])
def test_a_plugin_passes_the_suite_that_ships(tmp_path: Path, kind: str) -> None:
    site = install(tmp_path, f"plugin-{kind}", "our-plugin")
    told = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], tmp_path / "our-plugin", site)
    assert " passed" in told
    assert "skipped" not in told


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("online-store", "online_store: {type: our-plugin}"),
        ("offline-store", "offline_store: {type: our-plugin}"),
        ("registry", "registry: {registry_type: our-plugin}"),
        ("provider", "provider: our-plugin"),
    ],
    ids=["online-store", "offline-store", "registry", "provider"],
)
def test_a_project_runs_on_a_plugin(tmp_path: Path, kind: str, config: str) -> None:
    site = install(tmp_path, f"plugin-{kind}", "our-plugin")
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "feature_store.yaml").write_text(f"project: shop\n{config}\n")
    source, where = ("FileSource", 'path="sales.parquet"')
    features = FEATURES.format(source=source, where=where)
    if kind == "offline-store":
        features = FEATURES.format(source="Source", where='table="sales"').replace(", Source", "")
        features = "from our_plugin import Source\n" + features
    (repo / "features.py").write_text(features)
    run([sys.executable, "-c", ROWS], repo)
    told = run([sys.executable, "-c", PROJECT], repo, site)
    assert told == "{'shop_id': [7], 'amount': [2.5]}\n[2.5, None]\n"
