"""PostgreSQL as Redshift's connector can talk to it: by a proxy that leaves out what only Redshift takes at login."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from server.postgres import DATABASE, PostgresServer, run_postgres

_KNOWN = (b"user", b"database", b"application_name")
_VERSION = b"server_version\0"
_PASSWORD = "open sesame"


@contextmanager
def run_redshift() -> Iterator[tuple[PostgresServer, dict[str, Any]]]:
    """Run a server; yield it and what feature_store.yaml would say."""
    with run_postgres() as server:
        # Of PostgreSQL's ways to ask for a password, the connector knows this one.
        access = server.folder / "data" / "pg_hba.conf"
        access.write_text(access.read_text().replace("scram-sha-256", "md5"))
        with server.connect() as connection:
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("SET password_encryption = 'md5'")
            connection.execute(f"CREATE ROLE shift LOGIN SUPERUSER PASSWORD '{_PASSWORD}'")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=_accept, args=(listener, server.port), daemon=True).start()
            place = {"host": "127.0.0.1", "port": listener.getsockname()[1], "database": DATABASE, "ssl": False}
            yield server, {**place, "user": "shift", "password": _PASSWORD}
            # Only this wakes a thread that waits for connections.
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, port: int) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=_serve, args=(client, server), daemon=True).start()


def _serve(client: socket.socket, server: socket.socket) -> None:
    with client, server, suppress(OSError):
        server.sendall(_login(client))
        back = threading.Thread(target=_pipe, args=(server, client), daemon=True)
        back.start()
        _pipe(client, server)
        back.join()


def _login(client: socket.socket) -> bytes:
    """Read the first message; return it without the parameters that PostgreSQL does not know."""
    (length,) = struct.unpack("!I", client.recv(4, socket.MSG_WAITALL))
    body = client.recv(length - 4, socket.MSG_WAITALL)
    words = body[4:].rstrip(b"\0").split(b"\0")
    pairs = zip(words[::2], words[1::2], strict=False)
    kept = b"".join(b"%s\0%s\0" % pair for pair in pairs if pair[0] in _KNOWN) + b"\0"
    return struct.pack("!I", len(kept) + 8) + body[:4] + kept


def _plain_version(data: bytes) -> bytes:
    """Take the words out of a version as Debian writes it, which the connector cannot read."""
    start = data.index(_VERSION) - 5
    (length,) = struct.unpack("!I", data[start + 1 : start + 5])
    value = data[start + 5 : start + 1 + length].removeprefix(_VERSION).rstrip(b"\0").split(b" ")[0]
    message = _VERSION + value + b"\0"
    return data[: start + 1] + struct.pack("!I", len(message) + 4) + message + data[start + 1 + length :]


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(_plain_version(data) if _VERSION in data else data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
