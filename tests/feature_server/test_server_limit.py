"""What a server does not let happen: large bodies, many keys, strangers, slow senders; and what it counts."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from feature_server.conftest import Client
from repast.app.config import RepoConfig, load_config
from repast.app.workspace import Workspace
from repast.errors import InvalidConfigError, UnavailableError
from repast.server.application import Application
from repast.server.settings import ServerSettings, read_settings
from repast.server.worker import Worker
from server.feature_server import run_repast_server

OpenClient = Callable[..., Client]


def test_a_large_body_is_refused(open_client: OpenClient) -> None:
    response = open_client(max_body_mib=0.001).post("/push", {"df": "x" * 2000})
    assert (response.status_code, response.json()) == (413, {"detail": "The body is larger than 1049 bytes."})


def test_too_many_keys_are_refused(open_client: OpenClient) -> None:
    response = open_client(max_rows=2).read(["trips:count"], driver_id=[1, 2, 3])
    assert response.status_code == 422
    assert "at most 2" in response.text


def test_a_token_is_asked_for(open_client: OpenClient) -> None:
    client = open_client(token="secret")
    body = {"features": ["trips:count"], "entities": {"driver_id": [1]}}
    for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}):
        response = client.request("POST", "/get-online-features", json=body, headers=header)
        assert response.status_code == 401
        assert "secret" not in response.text
    right = {"authorization": "Bearer secret"}
    assert client.request("POST", "/get-online-features", json=body, headers=right).status_code == 200
    assert client.request("GET", "/health").status_code == 200
    assert client.request("GET", "/metrics").status_code == 401


def test_a_sender_that_stops_is_not_waited_for(project: Path) -> None:
    """The body comes in pieces, and one does not come."""

    async def ask() -> int:
        application = Application(load_config(project), ServerSettings(access_log=False, timeout=0.05))
        pieces = [{"type": "http.request", "body": b"{", "more_body": True}]
        statuses: list[int] = []

        async def receive() -> Any:
            if pieces:
                return pieces.pop()
            return await asyncio.Event().wait()

        async def send(message: Any) -> None:
            statuses.extend(message[key] for key in ("status",) if key in message)

        scope = {"type": "http", "path": "/push", "method": "POST", "query_string": b"", "headers": []}
        await application(scope, receive, send)
        application.close()
        return statuses[0]

    assert asyncio.run(ask()) == 504


def test_a_body_that_breaks_off_is_a_bad_request(project: Path) -> None:
    """Servers tell of a body that they cannot make sense of as if the client had gone; it may be there still."""

    async def ask() -> list[Any]:
        application = Application(load_config(project), ServerSettings(access_log=False))
        messages = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"{", "more_body": True}]
        sent: list[Any] = []

        async def receive() -> Any:
            return messages.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "path": "/push", "method": "POST", "query_string": b"", "headers": []}
        await application(scope, receive, send)
        application.close()
        return sent

    start, body = asyncio.run(ask())
    assert start["status"] == 400
    assert json.loads(body["body"]) == {"detail": "The body ended before it was whole."}


def test_what_cannot_start_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that got out would be taken for an application that knows of no lifespan, and be served on."""

    class Broken:
        def manifest(self) -> object:
            raise RuntimeError("pw=secret")

    async def start() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            sent.append(message)

        await Application(load_config(project), ServerSettings())({"type": "lifespan"}, receive, send)
        return sent

    monkeypatch.setattr(Workspace, "registry", Broken())
    (message,) = asyncio.run(start())
    assert message == {"type": "lifespan.startup.failed", "message": "an unexpected error, see above"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnavailableError("redis://user:pw@host is away"), 503),
        (RuntimeError("pw=secret"), 500),
        (TimeoutError("pw=secret"), 500),
        (ConnectionResetError("pw=secret"), 500),
    ],
)
def test_a_store_that_fails_is_no_secret_told(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    class Broken:
        async def aread(self, reads: object) -> object:
            raise error

    monkeypatch.setattr(Workspace, "online", Broken())
    response = client.read(["trips:count"], driver_id=[1])
    assert response.status_code == status
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    assert ("retry-after" in response.headers) is (status == 503)


def test_the_log_says_why_requests_fail_and_does_not_say_it_each_time(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        async def aread(self, reads: object) -> object:
            raise UnavailableError("The store at host 7 is away.")

    monkeypatch.setattr(Workspace, "online", Broken())
    for _ in range(5):
        assert client.read(["trips:count"], driver_id=[1]).status_code == 503
    assert caplog.text.count("The store at host 7 is away.") == 1
    with caplog.at_level(logging.DEBUG, "repast"):
        client.read(["tripz:count"], driver_id=[1])
    assert "POST '/get-online-features': 404" in caplog.text
    assert "did you mean 'trips'?" in caplog.text


VERBOSE = """
import logging, sys
from repast.app.config import load_config
from repast.server.serve import load_application
from repast.server.settings import ServerSettings
load_application(load_config(sys.argv[1]), ServerSettings(verbose=True)).close()
print([logging.getLogger(name).isEnabledFor(logging.DEBUG) for name in ("repast.server", "botocore.auth", "urllib3")])
"""


def test_logging_more_is_about_this_server_only(project: Path) -> None:
    """boto3, for one, writes the credentials of each request at the level of debugging."""
    command = [sys.executable, "-c", VERBOSE, str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[True, False, False]\n"


def test_a_registry_that_is_away_makes_health_say_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def manifest(self) -> object:
            raise UnavailableError("away")

    monkeypatch.setattr(Workspace, "registry", Away())
    assert client.request("GET", "/health").status_code == 503


def test_health_says_no_while_nothing_is_registered(
    client: Client, project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.request("GET", "/health").status_code == 200
    shutil.rmtree(project / "data/registry")
    assert client.request("GET", "/health").status_code == 503
    worker = Worker(load_config(project), ServerSettings())
    worker.open()
    worker.close()
    assert "nothing is registered for project 'shop' yet" in caplog.text


DEEP = b"[" * 100_000 + b"]" * 100_000


def test_malformed_bodies_name_the_place(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for body, kind, place in [
        (b"{", "json_invalid", ["body"]),
        (b"[]", "value_error", ["body"]),
        (b'{"entities": {"driver_id": 1}}', "value_error", ["body", "entities"]),
        (b'{"entities": {}, "features": [1]}', "value_error", ["body", "features", "0"]),
        (b"\xff", "json_invalid", ["body"]),
        (b'{"entities": {}, "features": ["\xff"]}', "json_invalid", ["body"]),
        (b'{"entities": {"\xff": []}}', "json_invalid", ["body"]),
        (b'{"entities": {"driver_id": [' + DEEP + b"]}}", "json_invalid", ["body"]),
        (b'{"nobody_asked": ' + DEEP + b', "entities": {}}', "json_invalid", ["body"]),
        (b'{"entities": {"driver_id": [NaN]}}', "json_invalid", ["body"]),
    ]:
        response = client.request("POST", "/get-online-features", content=body)
        assert response.status_code == 422
        (wrong,) = response.json()["detail"]
        assert (wrong["type"], wrong["loc"]) == (kind, place), wrong
    broken = client.request("POST", "/v1/online/count", content=b"\x93\xa4shop\xa1\xff\x01")
    assert broken.status_code == 422
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


LONG = "x" * 1025


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/get-online-features", {"features": [LONG], "entities": {}}),
        ("/get-online-features", {"feature_service": LONG, "entities": {}}),
        ("/get-online-features", {"features": ["trips:count"], "entities": {LONG: [1]}}),
        ("/push", {"push_source_name": LONG, "df": {}}),
        ("/write-to-online-store", {"feature_view_name": LONG, "df": {}}),
        ("/materialize-incremental", {"end_ts": "2026-01-01", "feature_views": [LONG]}),
    ],
)
def test_what_is_too_long_to_be_a_name_is_not_looked_for(client: Client, path: str, body: Any) -> None:
    response = client.post(path, body)
    assert response.status_code == 422
    assert "length <= 1024" in response.text
    assert LONG not in response.text


def test_an_error_does_not_send_back_all_that_was_sent(client: Client) -> None:
    many = {f"{i:01000}": [1] for i in range(100)}
    response = client.read(["trips:count"], **many)
    assert response.status_code == 422
    assert "lacks 'driver_id'" in response.text
    assert len(response.content) < 5000
    more = client.read(["trips:count"], **{f"c{i}": [1] for i in range(10_001)})
    assert (more.status_code, more.json()["detail"][0]["loc"]) == (422, ["body", "entities"])


def test_an_error_is_json_in_json_as_feasts_sdk_reads_it(client: Client) -> None:
    response = client.read(["tripz:count"], driver_id=[1])
    assert response.status_code == 404
    error = json.loads(response.json())
    assert (error["module"], error["class"]) == ("feast.errors", "FeatureViewNotFoundException")
    assert "trips" in error["hint"]


def test_metrics_count_what_all_workers_did(made_project: Path) -> None:
    import httpx

    with run_repast_server(made_project, "--workers", "2", "--metrics", "--no-access-log") as server:
        body = {"features": ["trips:count"], "entities": {"driver_id": [1, 2, 3, 9]}}
        # A connection each, so that both workers get some.
        with httpx.Client(base_url=server.url, limits=httpx.Limits(max_keepalive_connections=0)) as client:
            for _ in range(30):
                assert client.post("/get-online-features", json=body).status_code == 200
            client.get("/nowhere")
            text = client.get("/metrics").text
    assert 'feast_feature_server_request_total{endpoint="/get-online-features",status="200"} 30.0' in text
    assert 'feast_feature_server_request_total{endpoint="other",status="404"} 1.0' in text
    assert 'feast_online_features_status_total{feature_view="trips",status="PRESENT"} 60.0' in text
    assert 'feast_online_features_status_total{feature_view="trips",status="NOT_FOUND"} 30.0' in text
    assert "feast_online_features_entity_count_sum 120.0" in text


def test_the_file_says_how_the_server_is_started(project: Path) -> None:
    yaml = project / "feature_store.yaml"
    yaml.write_text(
        yaml.read_text() + "feature_server: {port: 7000, workers: 3, metrics: {enabled: true}, token: abc}\n"
    )
    settings = read_settings(load_config(project), port=7001)
    assert (settings.port, settings.workers, settings.has_metrics, settings.token) == (7001, 3, True, "abc")
    assert "abc" not in repr(settings)
    for wrong in ({"prot": 1}, {"port": 0}, {"port": "x"}, {"remote_store": "all"}, {"key": "k.pem"}):
        with pytest.raises(InvalidConfigError, match=next(iter(wrong))):
            read_settings(RepoConfig(project="shop", feature_server=wrong))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"token": ""}, "token is empty"),
        ({"token": "abc\n"}, "no header can bring"),
        ({"token": "schlüssel"}, "no header can bring"),
        ({"host": ""}, "host is empty"),
        ({"metrics": {"enabled": "no"}}, "true or false"),
    ],
)
def test_what_would_leave_a_door_open_or_shut_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidConfigError, match=says) as refused:
        read_settings(RepoConfig(project="shop", feature_server=options))
    assert "abc" not in str(refused.value)
    assert "schl" not in str(refused.value)
