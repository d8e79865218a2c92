"""``repast migrate check``: what becomes of a Feast repo, object by object, and nothing is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from feast_repo import FEATURES, YAML, fingerprint, write_repo, write_rows

from repast.app.migration.check import check_repo
from repast.app.migration.difference import RULES
from repast.app.migration.finding import CheckedObject, CheckReport
from repast.cli.main import run
from repast.errors import NotFoundError
from server.feast import feast_python

ROOT = Path(__file__).parents[2]
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def line_of(text: str, part: str) -> int:
    return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = write_repo(tmp_path / "repo", features=FEATURES)
    write_rows(
        made / "data/trips.parquet",
        driver_id=[1],
        count=[1.0],
        city=["A"],
        event_timestamp=[NOON],
        created=[NOON],
    )
    return made


def found(report: CheckReport, name: str) -> CheckedObject:
    return next(checked for checked in report.objects if checked.name == name)


def test_a_repo_of_today_works_and_is_left_alone(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = fingerprint(repo)
    report = check_repo(repo)
    assert [checked.name for checked in report.objects] == ["driver", "trips_source", "trips", "model"]
    assert {checked.verdict for checked in report.objects} == {"works"}
    assert found(report, "trips").location is not None
    assert found(report, "trips").location.line == line_of(FEATURES, "trips = FeatureView")
    assert run(["migrate", "check", str(repo)]) == 0
    said = capsys.readouterr().out
    assert "accepted" in said
    assert "entity_key_serialization_version" in said
    assert "4 objects: 4 work as they are, 0 with a warning, 0 refused. Nothing is refused." in said
    assert fingerprint(repo) == before


def test_differences_in_value_are_told_per_object(repo: Path) -> None:
    report = check_repo(repo)
    codes = {checked.name: [f.code for f in checked.findings if f.status == "differs"] for checked in report.objects}
    assert codes == {
        "driver": ["key"],
        "trips_source": [],
        "trips": ["ttl", "lost_row", "tie", "late_row", "cast"],
        "model": [],
    }
    assert {code for some in codes.values() for code in some} == set(RULES)
    messages = {f.code: f.message for f in found(report, "trips").findings}
    assert messages["ttl"].startswith("ttl 7 days holds online too")
    assert messages["cast"] == "count: the column is double; what is no Int64 is refused, not cut"


def test_old_spellings_are_told_at_every_place(repo: Path) -> None:
    old = FEATURES.replace("entities=[driver]", 'entities=["driver"]').replace("schema=", "features=")
    (repo / "features.py").write_text(old)
    again = 'more = FeatureView(name="more", entities=["driver"], schema=[], source=trips_source)\n'
    (repo / "more.py").write_text(f"from features import FeatureView, trips_source\n{again}")
    report = check_repo(repo)
    for name in ("trips", "more"):
        assert any("entities=['driver']" in f.message for f in found(report, name).findings if f.status == "legacy")
        assert found(report, name).verdict == "warns", found(report, name).findings
    assert not report.is_refused


def refused_by_place(said: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {f["location"].rpartition("/")[2]: f for f in said if f["status"] == "refused"}


def test_refused_definitions_have_their_place_and_a_hint(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repo / "off.py").write_text(
        "from features import FeatureView, trips_source\n\n\n"
        'off = FeatureView(name="off", entities=[], schema=[], source=trips_source, enabled=False)\n'
    )
    misspelt = FEATURES.replace('name="city"', 'name="citty"')
    (repo / "features.py").write_text(misspelt)
    assert run(["migrate", "check", str(repo), "--json"]) == 5
    said = json.loads(capsys.readouterr().out)
    assert said["refused"] is True
    refused = refused_by_place(said["configuration"])
    assert list(refused) == ["off.py:4"]
    assert "enabled=False" in refused["off.py:4"]["message"]
    assert "online=False" in refused["off.py:4"]["hint"]
    [trips] = [o for o in said["objects"] if o["name"] == "trips"]
    assert trips["verdict"] == "refused"
    refused = refused_by_place(trips["findings"])
    place = f"features.py:{line_of(misspelt, 'citty')}"
    assert "did you mean 'city'" in refused[place]["hint"]


def test_one_refusal_hides_neither_the_next_nor_its_neighbours(repo: Path) -> None:
    text = """\
from datetime import timedelta

from feast import FeatureView, FeatureService, Field
from feast.permissions.permission import Permission
from feast.types import Int64
from features import driver, trips_source

before = FeatureView(name="before", entities=[driver], source=trips_source)
off = FeatureView(name="off", source=trips_source, enabled=False)
uses_it = FeatureService(name="uses_it", features=[off])
uses_that = [uses_it]
pinned = FeatureView(name="pinned", source=trips_source, version="v2")
after = FeatureService(name="after", features=[before])
print(undefined)
"""
    (repo / "more.py").write_text(text)
    (repo / "uses.py").write_text(
        "from more import before\nfrom more import off\n\nfrom feast import FeatureService\n\n"
        'last = FeatureService(name="last", features=[before])\n'
    )
    report = check_repo(repo)
    lines = {f.location.line: f.message for f in report.findings if f.status == "refused" and f.location}
    assert set(lines) == {line_of(text, "off ="), line_of(text, "pinned ="), line_of(text, "print")}
    assert "enabled=False" in lines[line_of(text, "off =")]
    assert "name 'undefined'" in lines[line_of(text, "print")]
    assert {"before", "after", "trips", "last"} <= {checked.name for checked in report.objects}


def test_refused_configuration_has_its_lines(repo: Path) -> None:
    (repo / "feature_store.yaml").write_text(YAML + "auth:\n  type: kubernetes\nregistri: x\n")
    report = check_repo(repo)
    lines = YAML.count("\n")
    refused = [f for f in report.others if f.status == "refused"]
    assert [f.location.line for f in refused if f.location] == [lines + 1, lines + 3]
    assert "did you mean 'registry'" in refused[1].hint
    assert len(report.objects) == 4  # the definitions are looked at all the same


def test_sources_that_are_elsewhere_are_not_called_wrong(repo: Path) -> None:
    (repo / "data/trips.parquet").unlink()
    assert check_repo(repo).is_refused  # apply would not find the file either
    report = check_repo(repo, look=False)
    assert not report.is_refused
    assert "was not looked at" in next(f.message for f in found(report, "trips_source").findings)


def test_a_source_that_the_engine_cannot_read_is_refused(repo: Path) -> None:
    (repo / "warehouse.py").write_text(
        "from datetime import timedelta\n\nfrom feast import Entity, FeatureView, Field, SnowflakeSource\n"
        "from feast.types import Float64\n\n"
        'far = SnowflakeSource(name="far", table="T", timestamp_field="ts")\n'
        'view = FeatureView(name="far_view", schema=[Field(name="x", dtype=Float64)], source=far)\n'
    )
    [finding] = [f for f in found(check_repo(repo), "far").findings if f.status == "refused"]
    assert "snowflake" in finding.message
    assert "offline_store" in finding.hint


def test_what_is_no_repo_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no feature_store\.yaml"):
        check_repo(tmp_path)


SCRIPT = "import sys; from repast.cli.main import run; sys.exit(run(sys.argv[1:]))"


def test_the_real_feast_in_the_way_is_named_and_not_imported(repo: Path, tmp_path: Path) -> None:
    real = next((Path(feast_python()).parents[1] / "lib").glob("python*/site-packages/feast"))
    (tmp_path / "path").mkdir()
    (tmp_path / "path/feast").symlink_to(real)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", SCRIPT, "migrate", "check", str(repo)],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "path")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 10
    assert "is Feast itself" in done.stderr
    assert "pip install repast-feast" in done.stderr
    assert "| feast" not in done.stderr


def test_without_the_package_the_command_that_installs_it_is_told(repo: Path) -> None:
    site = next(path for path in sys.path if path.endswith("site-packages"))
    done = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT, "migrate", "check", str(repo)],  # -S: no .pth, so no editable installs
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{site}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 10, done.stderr
    assert "needs the package repast-feast" in done.stderr
    assert "hint: pip install repast-feast" in done.stderr
