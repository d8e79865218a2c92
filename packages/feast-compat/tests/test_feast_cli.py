"""The ``feast`` command: what it prints, where it looks, and what it says when something is wrong."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml

from cli_conformance import END, prepare, run
from feast.adapter.notice import FeastCompatibilityWarning
from feast.cli import cli
from repast.errors import InvalidConfigError, NotFoundError, UnsupportedError

pytestmark = pytest.mark.filterwarnings("ignore::feast.adapter.notice.FeastCompatibilityWarning")


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feast_cli")
    prepare(folder)
    return folder


@pytest.fixture
def fresh(folder: Path) -> Path:
    prepare(folder)
    return folder


def command(*args: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "feast", *args],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environ,
    )


LISTS = {
    "entities": "NAME    DESCRIPTION    TYPE\ndriver                 ValueType.INT64\n",
    "data-sources": "NAME    CLASS\n"
    "live    <class 'feast.data_source.PushSource'>\n"
    "stats   <class 'feast.infra.offline_stores.file_source.FileSource'>\n",
    "feature-views": "NAME        ENTITIES    TYPE                 ENABLED    STATE\n"
    "stats_view  {'driver'}  FeatureView          Yes        STATE_UNSPECIFIED\n"
    "halves      {'driver'}  OnDemandFeatureView  Yes        STATE_UNSPECIFIED\n",
    "feature-services": "NAME    FEATURES\nunused  stats_view:rate\n",
    "label-views": "NAME    ENTITIES    CONFLICT_POLICY\nlabels  driver      last_write_wins\n",
    "on-demand-feature-views": "NAME\nhalves\n",
    "stream-feature-views": "NAME\nstreamed\n",
    "saved-datasets": "NAME\nkept\n",
    "projects": "NAME    DESCRIPTION    TAGS    OWNER\np                      {}\n",
    "features": "Feature    Feature View    Data Type\n"
    "rate       stats_view      Float32\nhalf       halves          Float64\nrate       streamed        Float32\n",
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_look_like_feasts(repo: Path, kind: str) -> None:
    assert run(repo, kind, "list") == LISTS[kind]


def test_only_what_has_all_tags_is_listed(repo: Path) -> None:
    assert "driver" in run(repo, "entities", "list", "--tags", "a:b, a : b")
    assert "driver" not in run(repo, "entities", "list", "--tags", "a:b, c:d")
    assert "driver" not in run(repo, "entities", "list", "--tags", "a:b", "--tags", "c:d")


def test_descriptions_are_feasts_documents(repo: Path) -> None:
    view = yaml.safe_load(run(repo, "feature-views", "describe", "stats_view"))
    assert view["spec"]["batchSource"] == {
        "type": "BATCH_FILE",
        "timestampField": "event_timestamp",
        "fileOptions": {"uri": "data/stats.parquet"},
        "name": "stats",
    }
    assert view["spec"]["ttl"] == "777600s"
    assert view["spec"]["features"] == [{"name": "rate", "valueType": "FLOAT"}]
    assert (view["enabled"], view["state"]) == (True, "STATE_UNSPECIFIED")
    entity = yaml.safe_load(run(repo, "entities", "describe", "driver"))
    assert entity == {"spec": {"name": "driver", "valueType": "INT64", "joinKey": "driver_id", "tags": {"a": "b"}}}
    [feature, *_] = json.loads(run(repo, "features", "describe", "rate"))
    assert (feature["Feature View"], feature["Data Type"], feature["Online Store"]) == ("stats_view", "Float32", True)
    with pytest.raises(NotFoundError, match="nobody"):
        run(repo, "entities", "describe", "nobody")


def test_the_registry_as_json(repo: Path) -> None:
    dumped = json.loads(run(repo, "registry-dump"))
    assert dumped["project"] == "p"
    assert [view["spec"]["name"] for view in dumped["streamFeatureViews"]] == ["streamed"]
    [on_demand] = dumped["onDemandFeatureViews"]
    assert "def halves" in on_demand["spec"]["featureTransformation"]["userDefinedFunction"]["bodyText"]
    assert json.loads(run(repo, "features", "list", "--output", "json"))[0] == {
        "feature_name": "rate",
        "feature_view": "stats_view",
        "dtype": "Float32",
    }


def test_values_are_json(repo: Path) -> None:
    asked = ("-e", "driver_id=1", "-e", "driver_id=2", "-f", "stats_view:rate", "-f", "halves:half")
    assert json.loads(run(repo, "get-online-features", *asked)) == {
        "driver_id": [1, 2],
        "rate": [0.25, None],
        "half": [0.125, None],
    }
    rows = json.dumps([{"event_timestamp": END, "driver_id": 1}, {"event_timestamp": "2021-04-12", "driver_id": 1}])
    answer = json.loads(run(repo, "get-historical-features", "-d", rows, "-f", "stats_view:rate"))
    assert [row["rate"] for row in answer] == [0.25, None]
    assert answer[1] == {"event_timestamp": 1618185600000, "driver_id": 1, "rate": None}


def test_plan_apply_and_apply_again(folder: Path) -> None:
    prepare(folder)
    assert run(folder, "apply") == (
        "Applying changes for project p\nNo changes to registry\nNo changes to infrastructure\n"
    )
    file = folder / "definitions.py"
    file.write_text(file.read_text().replace("unused", "renamed").replace("days=9", "days=3").replace("streamed", "st"))
    planned = run(folder, "plan")
    assert "Created feature service renamed\n" in planned
    assert "Deleted feature service unused\n" in planned
    assert "Created stream feature view st\n" in planned
    assert "Updated feature view stats_view\n\tttl" in planned
    assert planned.endswith("\n\nDeleted sqlite table p_streamed\nCreated sqlite table p_st\n")
    assert run(folder, "apply") == f"Applying changes for project p\n{planned}"
    assert "Deleted FeatureService renamed from p." in run(folder, "delete", "renamed")
    assert run(folder, "delete", "renamed") == "Object not found. Deletion skipped.\n"
    assert run(folder, "teardown") == ""
    assert "driver" not in run(folder, "entities", "list")


def test_a_change_that_drops_served_values_is_applied_and_said(fresh: Path) -> None:
    file = fresh / "definitions.py"
    file.write_text(file.read_text().replace("dtype=Float32)", "dtype=Float64)"))
    done = command("apply", cwd=fresh)
    assert done.returncode == 0, done.stderr
    assert "warning: the served values of stats_view are dropped" in done.stderr
    asked = ("get-online-features", "-e", "driver_id=1", "-f", "stats_view:rate")
    assert json.loads(run(fresh, *asked))["rate"] == [None]
    assert "1 rows read, 1 written" in run(fresh, "materialize-incremental", END, "-v", "stats_view")
    assert json.loads(run(fresh, *asked))["rate"] == [0.25]


def test_loads_take_the_times_that_people_write(fresh: Path) -> None:
    said = run(fresh, "materialize", "April 1, 2021 10:00", END, "--views", "stats_view", "--views", "labels")
    assert said.startswith("Materializing 2 feature views from 2021-04-01 10:00:00+00:00 to ")
    assert "into the sqlite online store." in said
    everything = run(fresh, "materialize", "--disable-event-timestamp")
    assert "from 1970-01-01 00:00:00+00:00" in everything
    for wrong in (("materialize",), ("materialize", "2021-01-01"), ("materialize", "x", "y")):
        assert cli.run(["-c", str(fresh), *wrong]) == 2
    assert cli.run(["-c", str(fresh), "materialize", "2021-01-01", "2022-01-01", "--disable-event-timestamp"]) == 2


def test_the_repo_is_where_it_is_said_to_be(
    repo: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InvalidConfigError, match=r"no feature_store\.yaml"):
        run(folder, "entities", "list")
    assert run(folder, "-c", str(repo), "entities", "list") == LISTS["entities"]
    monkeypatch.setenv("FEATURE_REPO_DIR_ENV_VAR", str(repo))
    assert run(folder, "entities", "list") == LISTS["entities"]
    monkeypatch.delenv("FEATURE_REPO_DIR_ENV_VAR")
    other = folder / "other.yaml"
    other.write_text((repo / "feature_store.yaml").read_text())
    assert run(repo, "-f", str(other), "entities", "list") == LISTS["entities"]
    monkeypatch.setenv("FEATURE_STORE_YAML_BASE64", base64.b64encode(other.read_bytes()).decode())
    other.unlink()
    (folder / "data").symlink_to(repo / "data")
    assert run(folder, "entities", "list") == LISTS["entities"]
    monkeypatch.setenv("FEATURE_STORE_YAML_BASE64", "no base64")
    assert cli.run(["entities", "list"]) == 5
    assert "FEATURE_STORE_YAML_BASE64 is not base64" in capsys.readouterr().err


def test_what_is_not_supported_says_so_whatever_follows(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in (["ui", "-p", "80"], ["permissions", "list", "-v"], ["dbt", "import", "-m", "x"], ["listen"]):
        with pytest.raises(UnsupportedError, match="is not supported by Repast"):
            run(repo, *line)
    assert cli.run(["ui"]) == 7
    assert capsys.readouterr().err.startswith("error: feast ui is not supported by Repast.\nhint: ")
    assert cli.run(["entitys", "list"]) == 2
    assert "entities" in capsys.readouterr().err
    with pytest.raises(UnsupportedError, match=r"type .grpc. is not supported"):
        run(repo, "serve", "--type", "grpc")


def test_warnings_are_one_line_with_the_place_in_the_file(folder: Path) -> None:
    run(folder, "init", "made")
    repo = folder / "made" / "feature_repo"
    silent = command("entities", "list", cwd=repo)
    assert (silent.returncode, silent.stderr) == (0, "")  # what every repo of Feast's has is not worth a word
    yaml = repo / "feature_store.yaml"
    yaml.write_text(yaml.read_text() + "flags: {alpha: true}\n")
    line_of_flags = len(yaml.read_text().splitlines())
    done = command("plan", "--skip-source-validation", cwd=repo)
    assert done.returncode == 0, done.stderr
    said = done.stderr.splitlines()
    assert [
        line for line in said if f"feature_store.yaml:{line_of_flags}: warning: feature_store.yaml: flags is" in line
    ]
    assert [line for line in said if line.startswith("warning: --skip-source-validation is accepted without")]


def test_the_command_is_also_a_script(repo: Path) -> None:
    """Feast's own tests start the module as a file."""
    done = subprocess.run(
        [sys.executable, cli.__file__, "entities", "list"],
        cwd=repo,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == LISTS["entities"], done.stderr


def test_serving_with_feasts_options(repo: Path, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    options = ["-h", "127.0.0.1", "-p", port, "--no-access-log", "-w", "1", "--worker-connections", "9", "-m"]
    options += ["--max-requests", "5", "--keep-alive-timeout", "3", "-r", "2", "-t", "http"]
    with (tmp_path / "said").open("w+") as said:
        server = subprocess.Popen([sys.executable, "-m", "feast", "serve", *options], cwd=repo, stderr=said)
        try:
            body = {"features": ["stats_view:rate"], "entities": {"driver_id": [1]}}
            answer = _ask(f"http://127.0.0.1:{port}/get-online-features", body, server)
            assert answer["metadata"] == {"feature_names": ["driver_id", "rate"]}
            assert [result["values"] for result in answer["results"]] == [[1], [0.25]]
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(60) == 0
        said.seek(0)
        text = said.read()
    assert f"serving p at http://127.0.0.1:{port}" in text
    assert "warning: --max-requests is accepted without the effect" in text


def _ask(url: str, body: object, server: subprocess.Popen[bytes]) -> dict[str, object]:
    """Ask until the server listens; it ends, or answers within its time."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    while server.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                answer: dict[str, object] = json.load(response)
                return answer
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
    raise AssertionError(f"the server ended with {server.returncode}")


def test_a_warning_is_told_to_programs_as_well(repo: Path) -> None:
    with pytest.warns(FeastCompatibilityWarning, match="--skip-feature-view-validation"):
        run(repo, "plan", "--skip-feature-view-validation")
