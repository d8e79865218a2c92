"""With the real Feast on the other side: its SDK reads from our server, and our store from its server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from repast.app.config import load_config
from repast.app.store import FeatureStore
from server.feast import run_feast_script, run_feast_server
from server.feature_server import HttpServer, run_repast_server

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).with_name("feast_script.py")
FEATURES = ["trips:count", "trips:rate", "trips:city", "every:flag", "every:blob", "every:seen", "every:scores"]
KEYS = [1, 2, 9]


@pytest.fixture(scope="module")
def ours(made_project: Path) -> Iterator[HttpServer]:
    with run_repast_server(made_project, "--no-access-log") as server:
        yield server


@pytest.fixture(scope="module")
def feasts(made_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpServer]:
    repo = tmp_path_factory.mktemp("feast") / "repo"
    run_feast_script(SCRIPT, "make", str(repo), "sqlite", "data/online.db", str(made_project / "data"))
    with run_feast_server(repo) as server:
        yield server


@pytest.fixture(scope="module")
def client_repo(ours: HttpServer, made_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Feast repo whose online store is our server."""
    repo = tmp_path_factory.mktemp("client") / "repo"
    run_feast_script(SCRIPT, "make", str(repo), "remote", ours.url, str(made_project / "data"))
    return repo


def test_feasts_sdk_reads_from_our_server(client_repo: Path, made_project: Path) -> None:
    found = run_feast_script(SCRIPT, "read", str(client_repo))
    with FeatureStore(made_project) as store:
        rows = {"driver_id": KEYS}
        expected = store.get_online_features(FEATURES, rows).to_dict()
        assert found["features"]["count"] == expected["count"] == [10, None, None]
        for name in ("driver_id", "rate", "city", "flag"):
            assert found["features"][name] == expected[name]
        assert found["features"]["seen"][0] == expected["seen"][0].timestamp()
        assert found["service"] == store.get_online_features(["trips:rate", "trips:count"], rows).to_dict()
        assert found["full"] == store.get_online_features(["trips:count"], rows, True).to_dict()
    kind, message = found["unknown"]
    assert kind == "FeatureViewNotFoundException"
    assert "tirps" in message


def test_feasts_sdk_writes_through_our_server(client_repo: Path) -> None:
    assert run_feast_script(SCRIPT, "write", str(client_repo)) == {
        "driver_id": [7],
        "count": [70],
        "rate": [pytest.approx(0.1)],
    }


def test_both_servers_send_the_same(ours: HttpServer, feasts: HttpServer) -> None:
    """The same fields, values and shapes. But Feast calls a stored null PRESENT, makes NaN of a null in a list of
    floats, cuts instants to whole seconds, and puts features in no particular order."""
    body = {"features": FEATURES, "entities": {"driver_id": KEYS}, "include_feature_view_version_metadata": True}
    mine, theirs = (httpx.post(f"{url}/get-online-features", json=body) for url in (ours.url, feasts.url))
    assert mine.headers["content-type"] == theirs.headers["content-type"]
    assert list(mine.json()) == list(theirs.json())
    assert list(mine.json()["metadata"]) == list(theirs.json()["metadata"])
    left, right = _by_name(mine.json()), _by_name(theirs.json())
    assert left.keys() == right.keys()
    for name, column in left.items():
        assert list(column) == list(right[name])
        if name not in ("seen", "scores"):
            assert column["values"] == right[name]["values"], name
        assert column["event_timestamps"] == right[name]["event_timestamps"], name
        statuses = ["PRESENT" if status == "NULL_VALUE" else status for status in column["statuses"]]
        assert statuses == right[name]["statuses"], name


def _by_name(answer: dict[str, Any]) -> dict[str, Any]:
    return dict(zip(answer["metadata"]["feature_names"], answer["results"], strict=True))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/get-online-features", {"features": ["nope:count"], "entities": {"driver_id": [1]}}),
        ("POST", "/get-online-features", {"feature_service": "nope", "entities": {"driver_id": [1]}}),
        ("POST", "/get-online-features", {"features": "trips:count", "entities": {"driver_id": [1]}}),
        ("POST", "/get-online-features", {"entities": {"driver_id": 1}}),
        ("POST", "/push", {"push_source_name": "trips_push"}),
        ("GET", "/push", None),
        ("GET", "/nowhere", None),
    ],
)
def test_errors_have_the_same_status_and_shape(
    ours: HttpServer, feasts: HttpServer, method: str, path: str, body: Any
) -> None:
    mine, theirs = (httpx.request(method, f"{url}{path}", json=body) for url in (ours.url, feasts.url))
    assert mine.status_code == theirs.status_code
    left, right = mine.json(), theirs.json()
    assert type(left) is type(right)
    if isinstance(right, dict):
        assert left.keys() == right.keys()
        if isinstance(right["detail"], list):
            # Feast names the place down to the value, msgspec the object or column that holds it.
            found, place = left["detail"][0]["loc"], right["detail"][0]["loc"]
            assert found == place[: len(found)]


def test_health_and_writes_answer_alike(ours: HttpServer, feasts: HttpServer) -> None:
    row = {"driver_id": [8], "count": [1], "rate": [0.5], "city": ["A"]}
    row |= {name: ["2026-01-01T00:00:00"] for name in ("event_timestamp", "created")}
    requests = [
        ("GET", "/health", None),
        ("POST", "/push", {"push_source_name": "trips_push", "df": row}),
        ("POST", "/write-to-online-store", {"feature_view_name": "trips", "df": row}),
        ("POST", "/materialize-incremental", {"end_ts": "2026-01-01T00:00:00"}),
    ]
    for method, path, body in requests:
        mine, theirs = (httpx.request(method, f"{s.url}{path}", json=body, timeout=60) for s in (ours, feasts))
        assert (mine.status_code, mine.content) == (theirs.status_code, theirs.content), path


def test_our_store_reads_from_feasts_server(feasts: HttpServer, project: Path) -> None:
    """Values come from Feast; statuses and ttl are ours."""
    with FeatureStore(project) as store:
        local = store.get_online_features(FEATURES, {"driver_id": [1, 2, 3, 9, None, 1]})
        expected = (local.to_dict(), local.statuses)
    yaml = project / "feature_store.yaml"
    yaml.write_text(
        yaml.read_text().split("online_store:")[0] + f"online_store: {{type: remote, path: {feasts.url}}}\n"
    )
    with FeatureStore(config=load_config(project)) as store:
        remote = store.get_online_features(FEATURES, {"driver_id": [1, 2, 3, 9, None, 1]})
        found = remote.to_dict()
        assert {name: found[name] for name in ("driver_id", "count", "rate", "city", "flag", "blob")} == {
            name: expected[0][name] for name in ("driver_id", "count", "rate", "city", "flag", "blob")
        }
        assert remote.statuses["city"] == expected[1]["city"]
        assert remote.statuses["count"] == expected[1]["count"]
