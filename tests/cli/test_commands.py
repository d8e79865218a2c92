"""Every command does what its help says, on the real stack; piped output has no colours and JSON is JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import MOMENT, Repast, run_repast

from repast import __version__
from repast.cli.catalog import KINDS


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# -- init -----------------------------------------------------------------------------------------


def test_init_makes_a_project_that_applies(tmp_path: Path) -> None:
    result = run_repast("init", "my_flights", cwd=tmp_path)
    project = tmp_path / "my_flights"
    assert result.code == 0
    assert "project: my_flights" in (project / "feature_store.yaml").read_text()
    assert "data/registry/" in (project / ".gitignore").read_text()
    assert result.out.splitlines() == [
        "Made the project my_flights: .gitignore, README.md, feature_store.yaml, features.py, data/ (4 files).",
        "Next: cd my_flights && repast apply",
    ]
    assert run_repast("apply", cwd=project).code == 0


def test_init_minimal_applies_too(tmp_path: Path) -> None:
    assert run_repast("init", "shop", "-t", "minimal", cwd=tmp_path).code == 0
    applied = run_repast("apply", "--json", cwd=tmp_path / "shop")
    assert [change["name"] for change in applied.json["changes"]] == ["shop", "customer"]


def test_init_lists_its_files_as_json(tmp_path: Path) -> None:
    made = run_repast("init", "shop", "--json", cwd=tmp_path).json
    assert made["files"] == sorted(files(tmp_path / "shop"))


def test_init_uses_an_empty_folder_and_chdir(tmp_path: Path) -> None:
    (tmp_path / "there" / "shop").mkdir(parents=True)
    assert run_repast("-c", str(tmp_path / "there"), "init", "shop", cwd=tmp_path).code == 0
    assert (tmp_path / "there/shop/feature_store.yaml").exists()


def test_template_has_no_placeholder_left(fresh: Path) -> None:
    assert not [name for name, data in files(fresh).items() if b"PROJECT_NAME" in data]


# -- plan, apply, validate ------------------------------------------------------------------------


def test_plan_and_validate_touch_nothing(fresh: Path) -> None:
    before = files(fresh)
    assert run_repast("validate", cwd=fresh).code == 0
    planned = run_repast("plan", cwd=fresh)
    assert "+ feature view weather" in planned.out
    assert "10 to create" in planned.out
    assert {name: data for name, data in files(fresh).items() if "__pycache__" not in name} == before


def test_plan_says_what_apply_does(fresh: Path) -> None:
    planned = run_repast("plan", "--json", cwd=fresh).json
    applied = run_repast("apply", "--json", cwd=fresh).json
    assert applied.pop("generation") == 1
    assert planned == applied
    assert run_repast("plan", "--json", cwd=fresh).json["changes"] == []


def test_second_apply_changes_nothing(mine: Path) -> None:
    before = files(mine / "data/registry")
    result = run_repast("apply", cwd=mine)
    assert result.out == "No changes: generation 1 of flights is what the files define.\n"
    assert files(mine / "data/registry") == before


def test_apply_shows_the_property_that_changed(mine: Path) -> None:
    edit(mine, "ttl=timedelta(hours=3)", "ttl=timedelta(hours=6)")
    assert run_repast("apply", cwd=mine).out.splitlines() == [
        "~ feature view weather",
        "    ttl: 3:00:00 -> 6:00:00",
        "",
        "Applied: generation 2 of flights.",
    ]


def test_apply_asks_before_it_drops_served_values(mine: Path) -> None:
    edit(mine, 'name="arrivals", dtype=Int64', 'name="arrivals", dtype=Float64')
    refused = run_repast("apply", cwd=mine)
    assert refused.code == 5
    assert "! the served values of plane_history are dropped" in refused.out
    assert "--allow-migration" in refused.err
    agreed = run_repast("apply", "--allow-migration", cwd=mine)
    assert agreed.code == 0, agreed.err
    assert run_repast("plan", "--json", cwd=mine).json["changes"] == []


def test_validate_reports_all_problems_for_programs(fresh: Path) -> None:
    edit(fresh, '"temp", dtype=Float64', '"tempp", dtype=Float64')
    edit(fresh, '"precip", dtype=Float64', '"rain", dtype=Float64')
    result = run_repast("validate", "--json", cwd=fresh)
    assert result.code == 5
    assert result.json["valid"] is False
    assert ["tempp" in p["message"] or "rain" in p["message"] for p in result.json["problems"]] == [True, True]
    assert {Path(p["file"]).name for p in result.json["problems"]} == {"features.py"}
    assert run_repast("validate", "--json", cwd=fresh).out == result.out


def edit(project: Path, old: str, new: str) -> None:
    path = project / "features.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# -- looking around -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_is_listed_in_both_spellings(kind: str, repast: Repast) -> None:
    plain, feast = repast("list", kind), repast(kind, "list")
    assert plain.code == 0
    assert (plain.out, plain.err) == (feast.out, feast.err)
    assert isinstance(repast("list", kind, "--json").json, list)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "saved-datasets"])
def test_whatever_is_listed_is_described_in_both_spellings(kind: str, repast: Repast) -> None:
    for listed in repast("list", kind, "--json").json:
        name = listed["feature"] if kind == "features" else listed["name"]
        plain, feast = repast("describe", kind, name), repast(kind, "describe", name)
        assert plain.code == 0
        assert name in plain.out
        assert plain.out == feast.out
        assert repast("describe", kind, name, "--json").json == listed


def test_list_of_everything_has_every_object(repast: Repast) -> None:
    found = repast("list", "--json").json
    assert [view["name"] for view in found["feature-views"]] == ["plane_history", "weather"]
    assert "plane_history" in repast("list").out


def test_list_of_nothing(fresh: Path) -> None:
    everything = run_repast("list", cwd=fresh)
    assert (everything.code, everything.out) == (0, "")
    assert "repast apply" in everything.err
    assert run_repast("list", "features", "--json", cwd=fresh).json == []


def test_list_by_tag(mine: Path) -> None:
    edit(mine, 'name="weather",\n    entities', 'name="weather",\n    tags={"team": "ops"},\n    entities')
    assert run_repast("apply", cwd=mine).code == 0
    tagged = run_repast("list", "feature-views", "--tags", "team:ops", "--json", cwd=mine).json
    assert [view["name"] for view in tagged] == ["weather"]
    other = run_repast("list", "feature-views", "--tags", "team:growth", cwd=mine)
    assert (other.code, other.out, other.err) == (0, "", "There are no feature views.\n")


def test_kinds_may_be_written_as_one_of_them(repast: Repast) -> None:
    assert repast("describe", "feature_view", "weather").out == repast("describe", "feature-views", "weather").out


def test_description_of_a_view(repast: Repast) -> None:
    assert repast("describe", "feature-views", "weather").out.splitlines() == [
        "kind      feature view",
        "name      weather",
        "entities  airport",
        "schema    origin      String",
        "          temp        Float64  Temperature in degrees Fahrenheit.",
        "          wind_speed  Float64  Miles per hour.",
        "          precip      Float64  Inches of rain or snow in the hour.",
        "          visib       Float64  Visibility in miles.",
        "source    observations",
        "ttl       3h",
        "online    true",
        "offline   false",
    ]


def test_configuration_masks_secrets(mine: Path) -> None:
    path = mine / "feature_store.yaml"
    path.write_text(path.read_text().replace("path: data/online_store.db", "path: data/online_store.db\n"))
    shown = run_repast("configuration", cwd=mine)
    assert shown.code == 0
    assert "project: flights" in shown.out
    facts = run_repast("configuration", "--json", cwd=mine).json
    assert facts["file"] == str(path)
    assert facts["online_store"] == {"type": "sqlite", "path": "data/online_store.db"}


def test_version(repast: Repast) -> None:
    assert repast("--version").out.strip() == __version__
    facts = repast("version", "--json").json
    assert facts["repast"] == __version__
    assert all(name in repast("version").out for name in facts)


# -- history --------------------------------------------------------------------------------------


def test_log_and_rollback(mine: Path) -> None:
    edit(mine, "ttl=timedelta(hours=3)", "ttl=timedelta(hours=6)")
    run_repast("apply", cwd=mine)
    log = run_repast("log", "--json", cwd=mine).json
    assert [entry["generation"] for entry in log] == [2, 1]
    assert log[0]["changes"] == [{"kind": "feature view", "name": "weather", "action": "updated"}]
    assert run_repast("log", "-n", "1", cwd=mine).out.splitlines()[1:] == ["  ~ feature view weather"]

    back = run_repast("rollback", "1", cwd=mine)
    assert back.out.splitlines()[-1] == "Applied: generation 3 of flights is generation 1 again."
    assert run_repast("describe", "feature-views", "weather", "--json", cwd=mine).json["ttl_seconds"] == 3 * 3600
    again = run_repast("rollback", "1", cwd=mine)
    assert again.out == "No changes: generation 3 of flights defines the same as generation 1.\n"


def test_log_of_nothing(fresh: Path) -> None:
    result = run_repast("log", cwd=fresh)
    assert (result.code, result.out) == (0, "")
    assert "repast apply" in result.err


# -- teardown -------------------------------------------------------------------------------------


def test_teardown_needs_the_projects_name(mine: Path) -> None:
    before = files(mine)
    asked = run_repast("teardown", cwd=mine)
    wrong = run_repast("teardown", "--yes", "flight", cwd=mine)
    assert (asked.code, wrong.code) == (2, 2)
    assert "repast teardown --yes flights" in asked.err
    assert files(mine) == before


def test_teardown_removes_the_project_and_keeps_its_files(mine: Path) -> None:
    assert run_repast("teardown", "--yes", "flights", cwd=mine).out == "Removed the project flights.\n"
    assert (mine / "features.py").exists()
    assert (mine / "data/weather.parquet").exists()
    assert run_repast("list", "--json", cwd=mine).json["feature-views"] == []
    assert run_repast("apply", "--json", cwd=mine).json["generation"] >= 1


# -- loads ----------------------------------------------------------------------------------------


def test_materialize_reports_rows(fresh: Path) -> None:
    run_repast("apply", cwd=fresh)
    first = run_repast("materialize", "2013-01-01", MOMENT, cwd=fresh)
    assert first.out.splitlines() == [
        "view             read  written  unchanged  late  rejected",
        "plane_history  74,638    3,543          0     0         0",
        "weather         6,220        3          0     0         0",
    ]
    again = run_repast("materialize", "2013-01-01", MOMENT, "--json", cwd=fresh).json
    assert [(v["view"], v["written"], v["unchanged"]) for v in again["views"]] == [
        ("plane_history", 0, 3543),
        ("weather", 0, 3),
    ]


def test_materialize_one_view(fresh: Path) -> None:
    run_repast("apply", cwd=fresh)
    done = run_repast("materialize", "2013-01-01", "2013-01-02", "-v", "weather", "--json", cwd=fresh).json
    assert [view["view"] for view in done["views"]] == ["weather"]


def test_materialize_incremental_goes_on(mine: Path) -> None:
    first = run_repast("materialize-incremental", "2013-04-01", "--json", cwd=mine).json
    again = run_repast("materialize-incremental", "2013-04-01", "--json", cwd=mine).json
    assert all(view["written"] > 0 for view in first["views"])
    assert all(view["written"] == 0 for view in again["views"])


# -- how it ends ----------------------------------------------------------------------------------


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "repast.cli.main", *args]


def test_piped_output_has_no_colours(served: Path) -> None:
    for args in (["list"], ["plan"], ["describe", "feature-views", "weather"], ["log"], ["--help"], ["aply"]):
        done = subprocess.run(command(*args), cwd=served, capture_output=True, check=False)
        assert b"\x1b" not in done.stdout + done.stderr, args


def test_json_is_the_same_each_time(repast: Repast) -> None:
    for args in (["list", "--json"], ["log", "--json"], ["plan", "--json"], ["configuration", "--json"]):
        one, other = repast(*args), repast(*args)
        assert one.out == other.out
        json.loads(one.out)


def test_a_reader_that_goes_away_is_no_error(served: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$@" | true; echo ${PIPESTATUS[0]}', "bash", *command("list", "--json")],
        cwd=served,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.strip() in ("141", "0")  # 0: it was quicker than the reader


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch, served: Path) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("repast.app.store.FeatureStore.plan", interrupted)
    result = run_repast("plan", cwd=served)
    assert (result.code, result.err) == (130, "interrupted\n")


def test_a_bug_ends_with_a_sentence_and_a_file(monkeypatch: pytest.MonkeyPatch, served: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("repast.app.store.FeatureStore.plan", lambda self: {}["lost"])
    result = run_repast("plan", cwd=served)
    assert result.code == 1
    assert result.err.startswith("error: This should not have happened: KeyError: 'lost'\n")
    assert "Traceback" not in result.err
    (details,) = tmp_path.glob("repast-error-*.txt")
    assert str(details) in result.err
    assert "KeyError: 'lost'" in details.read_text()


def test_debug_adds_the_traceback(served: Path) -> None:
    quiet = run_repast("describe", "entities", "plan", cwd=served)
    loud = run_repast("--log-level", "debug", "describe", "entities", "plan", cwd=served)
    assert quiet.code == loud.code == 3
    assert "Traceback" not in quiet.err
    assert "Traceback" in loud.err


def test_other_configuration_file(mine: Path, tmp_path: Path) -> None:
    os.rename(mine / "feature_store.yaml", mine / "staging.yaml")  # noqa: PTH104
    assert run_repast("list", cwd=mine).code == 5
    assert run_repast("-f", "staging.yaml", "list", cwd=mine).code == 0
    assert run_repast("-f", str(mine / "staging.yaml"), "list", cwd=tmp_path).code == 0
    assert run_repast("-c", str(mine), "-f", "staging.yaml", "list", cwd=tmp_path).code == 0
