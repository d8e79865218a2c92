"""Projects that read through a feature server: the same answers; and what happens when there is none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from feature_server.server_project import NOW
from repast.app.config import RepoConfig
from repast.app.store import FeatureStore
from repast.backends.online.remote import RemoteOnlineStore
from repast.errors import InvalidConfigError, RepastError, UnavailableError
from repast.ports.online import OnlineTable
from server.feature_server import HttpServer, run_repast_server
from server.postgres import free_port

FEATURES = ["trips:count", "trips:city", "every:scores", "scaled:scaled"]
ROWS: dict[str, list[Any]] = {"driver_id": [1, 2, 3, 9, None], "factor": [1.0, 2.0, 3.0, 4.0, 5.0]}
TABLE = OnlineTable("shop", "trips")


@pytest.fixture(scope="module")
def server(made_project: Path) -> Iterator[HttpServer]:
    with run_repast_server(made_project, "--no-access-log") as server:
        yield server


@contextmanager
def through(server: HttpServer, repo: Path, **options: Any) -> Iterator[FeatureStore]:
    online = {"type": "remote", "path": server.url, **options}
    with FeatureStore(
        config=RepoConfig(project="shop", registry="data/registry", repo_path=repo, online_store=online)
    ) as store:
        yield store


def test_a_project_reads_through_the_server_what_it_reads_itself(server: HttpServer, made_project: Path) -> None:
    with FeatureStore(made_project) as store:
        near = store.get_online_features(FEATURES, ROWS, now=NOW)
    with through(server, made_project) as store:
        far = store.get_online_features(FEATURES, ROWS, now=NOW)
        also = asyncio.run(store.get_online_features_async(FEATURES, ROWS, now=NOW))
    assert near.to_json() == far.to_json() == also.to_json()


def test_writing_has_to_be_allowed(server: HttpServer, project: Path) -> None:
    row = {"driver_id": [6], "count": [6], "rate": [0.5], "city": ["F"], "event_timestamp": [NOW], "created": [NOW]}
    with through(server, project) as store, pytest.raises(UnavailableError, match="does not let remote stores write"):
        store.push("trips_push", row)
    with run_repast_server(project, "--remote-store", "write") as writable, through(writable, project) as store:
        store.push("trips_push", row)
        assert store.get_online_features(["trips:count"], {"driver_id": [6]}).to_dict()["count"] == [6]
    with FeatureStore(project) as store:
        assert store.get_online_features(["trips:count"], {"driver_id": [6]}).to_dict()["count"] == [6]


def test_a_server_may_let_nobody_read_its_rows(project: Path) -> None:
    with (
        run_repast_server(project, "--remote-store", "off") as server,
        through(server, project) as store,
        pytest.raises(UnavailableError, match="does not let remote stores read"),
    ):
        store.get_online_features(["trips:count"], {"driver_id": [6]})


def test_tls_and_tokens(project: Path, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    yaml = project / "feature_store.yaml"
    yaml.write_text(yaml.read_text() + "feature_server: {token: s3cret-token}\n")
    both = str(tmp_path / "both.pem")
    with run_repast_server(project, "--key", both, "--cert", both) as server:
        ask: Any = (["trips:count"], {"driver_id": [1]})
        with through(server, project, cert=str(tmp_path / "ca.pem"), token="s3cret-token") as store:
            assert store.get_online_features(*ask).to_dict()["count"] == [10]
            assert "s3cret" not in repr(store.config)
        with through(server, project, cert=str(tmp_path / "ca.pem"), token="wr0ng") as store:
            with pytest.raises(UnavailableError, match="A token is needed") as refused:
                store.get_online_features(*ask)
            assert not refused.value.retryable
            assert "wr0ng" not in str(refused.value)
        with (
            through(server, project, token="s3cret-token") as store,
            pytest.raises(UnavailableError, match="not trusted"),
        ):
            store.get_online_features(*ask)


class Moody(BaseHTTPRequestHandler):
    """Is busy twice, then answers; says always no under /never."""

    asked = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        self.rfile.read(int(self.headers["content-length"]))
        status = 503 if type(self).asked < 3 or self.path.startswith("/never") else 200
        body = b"\x91\x91\xc0" if status == 200 else b'{"detail": "busy"}'
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def moody() -> Iterator[str]:
    Moody.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_busy_server_is_asked_again(moody: str, tmp_path: Path) -> None:
    store = RemoteOnlineStore(repo_path=tmp_path, path=moody)
    assert store.read([(TABLE, [b"k"])]) == [[None]]
    assert Moody.asked == 3
    store.close()


def test_but_not_forever(moody: str, tmp_path: Path) -> None:
    store = RemoteOnlineStore(repo_path=tmp_path, path=f"{moody}/never", connection_retries=2)
    with pytest.raises(UnavailableError, match="busy") as error:
        store.read([(TABLE, [b"k"])])
    assert error.value.retryable
    assert Moody.asked == 3
    store.close()


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = f"http://127.0.0.1:{free_port()}"
    store = RemoteOnlineStore(repo_path=tmp_path, path=path, connection_retries=1)
    with pytest.raises(UnavailableError, match=f"{path} cannot be reached"):
        store.read([(TABLE, [b"k"])])
    with pytest.raises(UnavailableError, match=f"{path} cannot be reached"):
        asyncio.run(store.aread([(TABLE, [b"k"])]))
    store.close()


@pytest.mark.parametrize(
    "wrong", [{"path": "redis://x"}, {"timeout": 0}, {"connection_retries": -1}, {"cert": "nowhere.pem"}]
)
def test_wrong_options_are_refused_at_once(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfigError) as error:
        RemoteOnlineStore(repo_path=tmp_path, **wrong)
    assert isinstance(error.value, RepastError)
