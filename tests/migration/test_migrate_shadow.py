"""``repast migrate shadow`` against the real Feast: each difference is found, and has its cause."""

from __future__ import annotations

import fcntl
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast_repo import YAML, fingerprint, write_repo, write_rows

from repast.app.migration.retrieval import ShadowRequest
from repast.app.migration.shadow import shadow
from repast.cli.main import run
from repast.cli.value import dump_json
from server.feast import FEAST_ENVIRONMENT, feast_python, run_feast_script

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC).replace(microsecond=0)
TIED = range(100, 160)

FEATURES = """\
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64, UnixTimestamp

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)


def make(name, *fields, ttl=None):
    source = FileSource(
        name=f"{name}_source", path=f"data/{name}.parquet", timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    schema = [Field(name=field, dtype=dtype) for field, dtype in fields]
    return FeatureView(name=name, entities=[driver], ttl=ttl, schema=schema, source=source)


same = make("same", ("rate", Float64))
stale = make("stale", ("value", Int64), ttl=timedelta(days=1))
tied = make("tied", ("value", Int64))
exact = make("exact", ("value", Int64), ("seen", UnixTimestamp))
broken = make("broken", ("value", Int64))
late = make("late", ("value", Int64))
model = FeatureService(name="model", features=[same, stale])
"""


@pytest.fixture(scope="module", autouse=True)
def _quick_feast() -> Iterator[None]:
    """Give what the command starts the environment of all Feasts of the tests, in which they start quickly."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FEAST_ENVIRONMENT.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of this run share: Feast takes long to start."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "migrate-shadow"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def first(place: Path, what: str) -> Iterator[bool]:
    """Tell whether nobody has made something yet; others wait until it is made."""
    with (place / f"{what}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = place / f"{what}.made"
        yield not made.exists()
        made.touch()


@pytest.fixture(scope="module")
def repo(place: Path) -> Path:
    """A repo in which every cause occurs, and what Feast made of it."""
    with first(place, "repo") as is_first:
        return make_repo(place / "repo") if is_first else place / "repo"


def make_repo(folder: Path) -> Path:
    made = write_repo(folder, yaml=YAML, features=FEATURES)
    hour = NOW - timedelta(hours=2)

    def rows(name: str, times: list[datetime], created: list[datetime], **columns: Any) -> None:
        write_rows(made / f"data/{name}.parquet", **columns, event_timestamp=times, created=created)

    rows("same", [hour, hour], [hour, hour], driver_id=[1, 2], rate=[0.5, 0.25])
    rows("stale", [hour, NOW - timedelta(days=3)], [hour, hour], driver_id=[1, 2], value=[10, 20])
    keys = [key for key in TIED for _ in range(2)]
    recorded = [hour + timedelta(minutes=1 - i % 2) for i in range(len(keys))]  # the newest comes first
    rows("tied", [hour] * len(keys), recorded, driver_id=keys, value=list(range(len(keys))))
    seen = pa.array([hour + timedelta(microseconds=123_456)] * 2, pa.timestamp("us", "UTC"))
    rows(
        "exact", [hour, hour], [hour, hour], driver_id=[1, 2], value=pa.array([2**53 + 1, None], pa.int64()), seen=seen
    )
    rows("broken", [hour], [hour], driver_id=[1], value=[1.75])
    rows("late", [NOW - timedelta(days=2)] * 2, [NOW - timedelta(days=2)] * 2, driver_id=[1, 2], value=[1, 2])
    run_feast_script(Path(__file__).with_name("feast_state.py"), str(made))
    return made


@pytest.fixture(scope="module")
def report(repo: Path, place: Path) -> dict[str, Any]:
    """Both sides of every view, loaded anew; the repo is afterwards what it was before."""
    file = place / "report.json"
    with first(place, "report") as is_first:
        if is_first:
            before = fingerprint(repo)
            file.write_text(dump_json(shadow(ShadowRequest(repo=repo, python=feast_python())).to_dict()))
            assert fingerprint(repo) == before
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def feature(report: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    features = [f for r in report["retrievals"] if r["kind"] == kind for f in r["features"] if f["name"] == name]
    return features[0]


def test_equal_values_are_called_equal(report: dict[str, Any]) -> None:
    assert report["feast"].startswith("0.")
    assert report["parity"] is False
    online = feature(report, "online", "same__rate")
    assert (online["rows"], online["equal"], online["causes"]) == (2, 2, {})


def test_lost_rows(report: dict[str, Any]) -> None:
    [stale] = [r for r in report["retrievals"] if (r["kind"], r["name"]) == ("historical", "stale")]
    assert stale["lost_rows"] == 4  # before the first value and after the ttl, of both keys
    assert stale["features"][0]["causes"] == {"lost_row": 4}


def test_ttl_online(report: dict[str, Any]) -> None:
    found = feature(report, "online", "stale__value")
    assert found["causes"] == {"ttl": 1}
    [example] = found["examples"]
    assert (example["asked"], example["feast"], example["repast"]) == ({"driver_id": 2}, 20, None)


def test_ties(report: dict[str, Any]) -> None:
    found = feature(report, "online", "tied__value")
    assert found["rows"] == len(TIED)
    assert found["causes"].get("tie", 0) == found["different"]
    history = feature(report, "historical", "tied__value")
    assert history["causes"]["tie"] + found["different"] > 0
    assert set(history["causes"]) == {"tie", "lost_row"}


def test_casts(report: dict[str, Any]) -> None:
    assert feature(report, "historical", "exact__value")["causes"]["cast"] >= 1  # 2^53 + 1 became a float
    assert feature(report, "historical", "exact__value")["feast_dtype"] == "float64"
    assert feature(report, "online", "exact__seen")["causes"] == {"cast": 2}  # cut to whole seconds


def test_what_one_side_refuses_is_told(report: dict[str, Any]) -> None:
    [historical, online] = [r for r in report["retrievals"] if r["name"] == "broken"]
    for retrieval in (historical, online):
        assert "1.75" in retrieval["repast_error"]
        assert not retrieval["same"]


def test_late_rows_in_what_feast_has_loaded(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = fingerprint(repo)
    command = ["migrate", "shadow", str(repo), "--feast", feast_python(), "--loaded", "-f", "late:value"]
    assert run([*command, "--json"]) == 12
    said = json.loads(capsys.readouterr().out)
    [history] = [r for r in said["retrievals"] if r["kind"] == "historical"]
    assert history["recorded_later"] == 2  # the late rows, at the moments they tell about
    found = feature(said, "online", "late__value")
    assert found["causes"] == {"late_row": 2}  # a newer row of a known key, and a key that is new
    examples = {e["asked"]["driver_id"]: (e["feast"], e["repast"]) for e in found["examples"]}
    assert examples == {1: (1, 11), 9: (None, 99)}
    assert fingerprint(repo) == before


def test_a_service_for_the_users_rows_and_keys(repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is within every ttl is the same on both sides, and the exit code says so."""
    spine = pa.table({"driver_id": [1, 1], "label": [0, 1], "event_timestamp": [NOW - timedelta(hours=1), NOW]})
    pq.write_table(spine, tmp_path / "spine.parquet")
    pq.write_table(pa.table({"driver_id": [1]}), tmp_path / "keys.parquet")
    command = ["migrate", "shadow", str(repo), "--feast", feast_python(), "-s", "model"]
    code = run([*command, "--spine", str(tmp_path / "spine.parquet"), "--keys", str(tmp_path / "keys.parquet")])
    said = capsys.readouterr().out
    assert code == 0, said
    assert "Both give the same." in said
    assert said.count("same__rate") == said.count("stale__value") == 2


def test_both_live_side_by_side_in_one_repo(repo: Path, tmp_path: Path) -> None:
    """What the guide says: Repast applies, loads and is torn down beside Feast, whose files and tables stay."""
    shared = Path(shutil.copytree(repo, tmp_path / "shared"))
    (shared / "data/broken.parquet").unlink()
    shutil.copyfile(shared / "data/late.parquet", shared / "data/broken.parquet")
    registry, tables = (shared / "data/registry.db").read_bytes(), feast_tables(shared)
    assert tables
    for command in (["apply"], ["materialize-incremental"], ["teardown", "--yes", "shop"]):
        assert run(["-c", str(shared), *command]) == 0
        assert (shared / "data/registry.db").read_bytes() == registry
        assert {name: rows for name, rows in feast_tables(shared).items() if name in tables} == tables
    assert feast_tables(shared) == tables


def feast_tables(repo: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(repo / "data/online_store.db")) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
