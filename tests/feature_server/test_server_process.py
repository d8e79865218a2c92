"""``repast serve`` as an operator meets it: workers, limits, TLS, tokens, and an end that loses no request."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from cli.command_line import run_repast
from server.feature_server import HttpServer, run_repast_server
from server.postgres import free_port

READ = {"features": ["trips:count", "trips:city"], "entities": {"driver_id": [1]}}


@pytest.fixture(scope="module")
def server(made_project: Path) -> Iterator[HttpServer]:
    with run_repast_server(made_project, "--workers", "2", "--metrics") as server:
        yield server


def test_a_server_of_two_workers_answers_and_writes_its_access_log(made_project: Path, tmp_path: Path) -> None:
    with run_repast_server(made_project, "--workers", "2") as server, httpx.Client(base_url=server.url) as client:
        for _ in range(20):
            answer = client.post("/get-online-features", json=READ)
            assert answer.json()["results"][1]["values"] == [10]
        assert len(children_of(server.process.pid)) == 2
        server.stop()
    assert server.log.count('"POST /get-online-features" 200') == 20


def test_requests_under_way_end_before_the_server_does(project: Path) -> None:
    """Told to stop while requests are computed, it answers them, and exits with 0."""
    (project / "features.py").write_text((project / "features.py").read_text() + SLOW)
    assert run_repast("apply", cwd=project).code == 0
    body = {"features": ["slow:waited"], "entities": {"seconds": [1.0]}}
    with run_repast_server(project) as server:
        started = project / "started"
        started.unlink(missing_ok=True)
        answers: list[httpx.Response] = []
        ask = partial(httpx.post, f"{server.url}/get-online-features", json=body, timeout=60)
        thread = threading.Thread(target=lambda: answers.append(ask()))
        thread.start()
        wait_until(started.exists)
        code = server.stop(signal.SIGTERM)
        thread.join(60)
    assert [answer.status_code for answer in answers] == [200]
    assert answers[0].json()["results"][-1]["values"] == [1.0]
    assert code == 0


SLOW = """

seconds = RequestSource(name="wait", schema=[Field(name="seconds", dtype=Float64)])


@on_demand_feature_view(sources=[seconds], schema=[Field(name="waited", dtype=Float64)], mode="python")
def slow(inputs):
    import time
    from pathlib import Path

    Path("started").touch()
    time.sleep(inputs["seconds"][0] or 0)
    return {"waited": inputs["seconds"]}
"""


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for another process."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_worker_that_is_killed_is_replaced(made_project: Path) -> None:
    with run_repast_server(made_project) as server:
        (worker,) = children_of(server.process.pid)
        os.kill(worker, signal.SIGKILL)
        transport = httpx.HTTPTransport(retries=8)
        with httpx.Client(transport=transport, base_url=server.url, timeout=30) as client:
            wait_until(lambda: children_of(server.process.pid) not in ([], [worker]))
            assert client.post("/get-online-features", json=READ).status_code == 200


def test_bodies_beyond_the_limit_are_refused(server: HttpServer) -> None:
    body = b'{"x": "' + b"x" * (33 << 20) + b'"}'
    with contextlib.suppress(httpx.TransportError):  # it need not wait for the rest
        assert httpx.post(f"{server.url}/push", content=body, timeout=60).status_code == 413
    assert httpx.get(f"{server.url}/health").status_code == 200


@pytest.mark.parametrize("command", ["repast", "feast"])
def test_it_serves_over_tls(made_project: Path, tmp_path: Path, command: str) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(tmp_path / "cert.pem", append=True)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    arguments = ("--key", str(tmp_path / "key.pem"), "--cert", str(tmp_path / "cert.pem"))
    with run_repast_server(made_project, *arguments, module=command) as server:
        trusted = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        answer = httpx.post(f"{server.url}/get-online-features", json=READ, verify=trusted)
        assert answer.status_code == 200
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"{server.url}/health")


def test_connections_that_say_nothing_do_not_shut_others_out(made_project: Path) -> None:
    """As many as the server takes, opened and left alone, by a browser or by somebody who means it."""
    with run_repast_server(made_project, "--worker-connections", "2", "--keep-alive-timeout", "1") as server:
        silent = [socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) for _ in range(2)]
        assert httpx.get(f"{server.url}/health", timeout=30).status_code == 200
        for connection in silent:
            connection.settimeout(30)
            assert connection.recv(1) == b""  # the server closed it
            connection.close()


def test_a_host_may_have_a_name(made_project: Path) -> None:
    with run_repast_server(made_project, "--host", "localhost") as server:
        name = server.url.replace("127.0.0.1", "localhost")
        assert httpx.get(f"{name}/health").status_code == 200


def test_a_taken_port_and_half_of_tls_are_one_sentence(server: HttpServer, made_project: Path) -> None:
    port = server.url.rpartition(":")[2]
    taken = run_repast("serve", "--port", port, cwd=made_project)
    assert (taken.code, taken.err.count("\n")) == (8, 3)
    assert f"127.0.0.1:{port}" in taken.err
    half = run_repast("serve", "--key", "key.pem", cwd=made_project)
    assert "both a key and a certificate" in half.err


def test_tls_files_that_do_not_work_are_one_sentence(made_project: Path, tmp_path: Path) -> None:
    authority = trustme.CA()
    mine, other = authority.issue_cert("127.0.0.1"), authority.issue_cert("localhost")
    mine.private_key_pem.write_to_path(tmp_path / "key.pem")
    mine.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    other.cert_chain_pems[0].write_to_path(tmp_path / "other.pem")
    (tmp_path / "garbage.pem").write_text("garbage")
    secret = load_pem_private_key(mine.private_key_pem.bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    )
    (tmp_path / "secret.pem").write_bytes(secret)
    for key, cert in [("garbage.pem", "cert.pem"), ("key.pem", "other.pem"), ("secret.pem", "cert.pem")]:
        arguments = ("--key", str(tmp_path / key), "--cert", str(tmp_path / cert))
        refused = run_repast("serve", "--port", str(free_port()), *arguments, cwd=made_project)
        assert refused.code == 5, refused.err
        assert f"error: TLS cannot be served with the certificate '{tmp_path / cert}'" in refused.err
