"""Templates: ours on the real Feast and here, with the same answers; the real Feast's own, unchanged, here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from cli_conformance import run
from feast.cli.template import MISSING, TEMPLATES
from repast.app.config import load_config
from repast.app.loading import load_repo
from repast.app.plugin import check_backends
from repast.errors import ConflictError, UnsupportedError
from server.feast import feast_python, run_feast_script

pytestmark = pytest.mark.filterwarnings("ignore::feast.adapter.notice.FeastCompatibilityWarning")

KINDS = ("data-sources", "feature-views", "label-views", "on-demand-feature-views", "feature-services", "projects")
LISTS = [[kind, "list"] for kind in (*KINDS, "features", "saved-datasets", "stream-feature-views", "entities")]
LATEST = "2031-01-01T00:00:00"
ONLINE = ["get-online-features", "-e", "driver_id=1001", "-e", "driver_id=1004"]
ONLINE += ["-f", "driver_hourly_stats:conv_rate", "-f", "driver_hourly_stats:avg_daily_trips"]
ROWS = '[{"event_timestamp": "2021-04-12T10:59:42", "driver_id": 1001}]'
PAST = ["get-historical-features", "-d", ROWS, "-f", "driver_hourly_stats:acc_rate"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_loads_and_its_configuration_is_right(name: str, folder: Path) -> None:
    variables = dict.fromkeys(("DB_HOST", "DB_NAME", "DB_USERNAME", "DB_PASSWORD"), "value")
    variables |= {f"SNOWFLAKE_{key}": "v" for key in ("ACCOUNT", "USER", "PASSWORD", "ROLE", "WAREHOUSE", "DATABASE")}
    run(folder, "init", "made", "--template", name)
    repo = folder / "made" / "feature_repo"
    assert check_backends(load_config(repo, environ=variables)) == []
    loaded = load_repo(repo)
    assert loaded.problems == ()
    assert {"driver_hourly_stats", "driver_hourly_stats_fresh", "driver_activity_v1"} <= {
        definition.name for definition in loaded.definitions
    }
    assert (repo / "data" / "driver_stats.parquet").exists()


@pytest.mark.parametrize("name", MISSING)
def test_templates_of_what_is_not_there_are_refused(name: str, folder: Path) -> None:
    with pytest.raises(UnsupportedError, match=f"--template {name}"):
        run(folder, "init", "made", "-t", name)
    assert not (folder / "made").exists()


def test_where_a_repo_is_made(folder: Path) -> None:
    run(folder, "init", "made", "--minimal")
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert files == ["made/.gitignore", "made/feature_repo/__init__.py", "made/feature_repo/feature_store.yaml"]
    assert load_config(folder / "made" / "feature_repo").project == "made"
    with pytest.raises(ConflictError, match=r"feature_store\.yaml already"):
        run(folder, "init", "made")
    run(folder, "init", "other", "--repo-path", "place")
    assert load_config(folder / "place" / "feature_repo").project == "other"
    run(folder, "init")
    assert list(folder.glob("feature_repo_*/feature_repo/feature_store.yaml"))


def run_workflow(repo: Path) -> str:
    """Run the script of a template, which calls ``feast`` itself."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "test_workflow.py"],
        cwd=repo,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env=os.environ | {"PATH": path},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_workflow_of_the_template(folder: Path) -> None:
    run(folder, "init", "made")
    assert "--- push, and serve again" in run_workflow(folder / "made" / "feature_repo")


@pytest.mark.slow
def test_what_feast_init_makes_runs_unchanged_to_its_end(folder: Path) -> None:
    """The real Feast's repo, its data and its own script, which trains, loads, serves, pushes and tears down."""
    run_feast_script(Path(__file__).with_name("feast_commands.py"), str(folder), json.dumps([["init", "theirs"]]))
    said = run_workflow(folder / "theirs" / "feature_repo")
    after_push = said.partition("updated values from a stream push")[2]
    assert "conv_rate  :  [1.0, " in after_push
    assert "'driver_1001_updated'" in after_push


@pytest.mark.slow
def test_the_command_answers_as_the_real_one_does(folder: Path) -> None:
    """The same repo, the same commands: the real Feast in a copy, and here."""
    run(folder, "init", "made")
    repo, copy = folder / "made" / "feature_repo", folder / "copy"
    shutil.copytree(repo, copy)
    lines = [["apply"], ["apply"], *LISTS, ["features", "describe", "conv_rate"]]
    lines += [["feature-views", "describe", "driver_hourly_stats"], ["materialize-incremental", LATEST], ONLINE, PAST]
    theirs: list[str] = run_feast_script(Path(__file__).with_name("feast_commands.py"), str(copy), json.dumps(lines))
    ours = [run(repo, *line) for line in lines]
    assert _applied(ours[0]) >= _applied(theirs[0])  # data sources are told as well
    assert ours[1] == theirs[1]
    for line, our, their in zip(LISTS, ours[2:], theirs[2:], strict=False):
        assert sorted(our.splitlines()) == sorted(their.splitlines()), line
    features, view, _, online, past = range(len(lines) - 5, len(lines))
    their_features = _without_times(json.loads(theirs[features]))  # in an order that changes with the hash seed
    assert _by_view(json.loads(ours[features])) == _by_view(their_features)
    spec, their_spec = (_spec(said) for said in (ours[view], theirs[view]))
    assert spec.items() <= their_spec.items()
    assert json.loads(ours[online]) == json.loads(theirs[online])
    [our_row], [their_row] = json.loads(ours[past]), json.loads(theirs[past])
    assert our_row | {"acc_rate": 0} == their_row | {"acc_rate": 0}
    assert our_row["acc_rate"] == pytest.approx(their_row["acc_rate"], abs=1e-9)  # pandas rounds to ten digits


def _applied(text: str) -> set[str]:
    return {line for line in text.splitlines() if line}


def _by_view(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(features, key=lambda feature: str(feature["Feature View"]))


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(member) for key, member in value.items() if key != "meta"}
    return [_without_times(member) for member in value] if isinstance(value, list) else value


def _spec(text: str) -> dict[str, Any]:
    import yaml

    spec: dict[str, Any] = _without_times(yaml.safe_load(text))["spec"]
    for dropped in ("features", "batchSource"):  # a struct's fields are a tag there; the class is named there
        spec.pop(dropped)
    return spec


REAL = ("aws", "cassandra", "couchbase", "gcp", "hazelcast", "hbase", "local", "milvus", "postgres", "snowflake")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed file", "ignore::pytest.PytestUnraisableExceptionWarning")  # theirs
@pytest.mark.parametrize("name", [*REAL, "spark"])
def test_feasts_own_templates_define_what_they_define_there(name: str, folder: Path) -> None:
    """Their definitions are Repast's, to the last; the backends without code are refused when the store opens."""
    [package] = Path(feast_python()).parents[1].glob("lib/python*/site-packages/feast")
    repo = Path(shutil.copytree(package / "templates" / name / "feature_repo", folder / "repo"))
    for file in [*repo.rglob("*.py"), *repo.rglob("*.yaml")]:
        text = file.read_text().replace("%PROJECT_NAME%", "p")
        file.write_text(re.sub(r"%[A-Z_]+%", "data/rows.parquet", text))
    with chdir(repo):
        loaded = load_repo(repo)
    assert loaded.problems == ()
    assert len(loaded.definitions) >= 7
