"""Run the application in worker processes of granian, a server in Rust."""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

from repast.app.config import RepoConfig
from repast.errors import InvalidConfigError, UnavailableError, require
from repast.server.metric import FOLDER_VARIABLE
from repast.server.settings import ServerSettings

_PURPOSE = "The feature server"


def serve(config: RepoConfig, settings: ServerSettings) -> None:
    """Serve until told to stop (SIGTERM, SIGINT); then requests under way end first.

    Raises:
        InvalidConfigError: A TLS file is missing or wrong.
        UnavailableError: The port is taken, or a worker failed.
        MissingDependencyError: granian is not installed.

    """
    granian: Any = require("granian", extra="server", purpose=_PURPOSE)
    address = find_address(settings)
    # A worker is forked with its parent's handlers: told to stop before it has its own, it would not notice.
    os.register_at_fork(after_in_child=_end_on_sigterm)
    server = granian.Granian(
        "repast.server.serve",  # only named in logs: the loader below makes the application
        address=address,
        port=settings.port,
        interface="asgi",
        # To learn whether HTTP/2 is meant it would wait for a first byte, for ever: silence would shut others out.
        http="1",
        workers=worker_count(settings.workers),
        backpressure=settings.worker_connections,
        websockets=False,
        log_access=False,
        log_level="warning",
        respawn_failed_workers=True,
        workers_kill_timeout=max(1, round(settings.grace)),
        http1_settings=_http1(settings),
        **_tls(settings),
    )
    with _metrics_folder(settings):
        _run(server, config, settings)


def _end_on_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _run(server: Any, config: RepoConfig, settings: ServerSettings) -> None:
    try:
        server.serve(target_loader=partial(load_application, config, settings), wrap_loader=False)
    except SystemExit as error:
        if error.code:
            raise UnavailableError("A worker of the server failed.", hint="its reason is in the log above") from None


@contextmanager
def _metrics_folder(settings: ServerSettings) -> Iterator[None]:
    """Give workers a folder to share their metrics in; it is there before they start."""
    if not settings.has_metrics:
        yield
        return
    with TemporaryDirectory(prefix="repast-metrics-") as folder:
        os.environ[FOLDER_VARIABLE] = folder  # before anybody imports the package, which looks for it then
        try:
            require("prometheus_client", extra="server", purpose="--metrics")
            yield
        finally:
            del os.environ[FOLDER_VARIABLE]


def load_application(config: RepoConfig, settings: ServerSettings) -> Any:
    """Make the application in a worker."""
    from repast.server.application import Application

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if settings.verbose:  # ours only: some clients of clouds and stores write credentials at this level
        logging.getLogger("repast").setLevel(logging.DEBUG)
    return Application(config, settings)


def worker_count(asked: int) -> int:
    """Return the number of workers; -1 means one per processor."""
    return asked if asked > 0 else len(os.sched_getaffinity(0))


def find_address(settings: ServerSettings) -> str:
    """Return the number of the host to listen at, and say now what would otherwise end a worker.

    Raises:
        UnavailableError: The address cannot be listened at.

    """
    failure: OSError = OSError("it has no address")
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        found, failure = [], error
    # One socket has one address: of a name that has several, the one that every client can reach.
    for family, kind, protocol, _, address in sorted(found, key=lambda info: info[0] != socket.AF_INET):
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as error:  # a machine may know of IPv6 and not have it
            failure = error
        else:
            return str(address[0])
    raise UnavailableError(
        f"Nothing can listen at {settings.host}:{settings.port}: {failure.strerror or failure}.",
        hint="stop what listens there, or choose another with --port",
    ) from failure


def _http1(settings: ServerSettings) -> Any:
    from granian.http import HTTP1Settings

    # The time that a connection may wait for its next request's head.
    milliseconds = min(60_000, max(1, round(settings.keep_alive * 1000)))
    return HTTP1Settings(header_read_timeout=milliseconds)


def _tls(settings: ServerSettings) -> dict[str, Any]:
    if not settings.cert:
        return {}
    cert, key = settings.file(settings.cert), settings.file(settings.key)
    try:
        # Without a password: openssl would ask for one at the terminal, and workers have none.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=b"")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise InvalidConfigError(
            f"TLS cannot be served with the certificate {str(cert)!r} and the key {str(key)!r}: {error}.",
            hint="key and cert are PEM files that belong together; the key has no passphrase (PKCS #8)",
        ) from error
    return {
        "ssl_cert": cert,
        "ssl_key": key,
        "ssl_protocol_min": "tls1.2",
    }
