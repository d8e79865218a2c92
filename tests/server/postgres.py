"""A PostgreSQL server of our own: on a free port of this machine, in a folder that goes away with it."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from server.port import free_port

USER = "repast"
DATABASE = "features"

_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
_SETTINGS = {"max_connections": "60", "shared_buffers": "64MB", "listen_addresses": "127.0.0.1"}


class PostgresServer:
    """A running server with one user, who has a password, and one database."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.port = free_port()
        self.password = secrets.token_hex(8)
        self.folder = folder
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._make()
        self.start()
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")

    @property
    def options(self) -> dict[str, Any]:
        """What feature_store.yaml would say."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": USER,
            "password": self.password,
            "database": DATABASE,
        }

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    def connect(self, database: str = DATABASE) -> psycopg.Connection[Any]:
        """A connection of the test's own, as superuser, in autocommit mode."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password, dbname=database, autocommit=True
        )

    def start(self) -> None:
        """Start on the same port and data; return when it takes connections."""
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("ab")
        self._process = self._run("postgres", "-D", str(self.folder / "data"), "-p", str(self.port), *settings, log=log)
        log.close()
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.02)  # a server of another process: only asking again can tell
            else:
                return

    def crash(self) -> None:
        """Stop at once, as a power cut would: nothing is flushed, connections are cut."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """Stop in order, cutting connections."""
        self._end(signal.SIGINT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def _make(self) -> None:
        password = self.folder / "password"
        password.write_text(self.password)
        initdb = self._run(
            *("initdb", "-D", str(self.folder / "data"), "-U", USER, "--pwfile", str(password)),
            *("-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"),
        )
        if initdb.wait(120):
            raise RuntimeError("initdb failed")

    def _run(self, program: str, *arguments: str, log: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [find_program(program), *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log if log is not subprocess.DEVNULL else None,
            **unprivileged("postgres"),
        )


@contextmanager
def run_postgres(*, fast: bool = True, **settings: str) -> Iterator[PostgresServer]:
    """Run a server; ``fast`` ones do not wait for the disk. ``settings`` are those of postgresql.conf."""
    # Not pytest's folder: that one is closed to other users, and PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="repast-postgres-"))
    give_to("postgres", folder)
    server = None
    try:
        sockets = {"unix_socket_directories": ""}
        server = PostgresServer(folder, {**_SETTINGS, **sockets, **(_FAST if fast else {}), **settings})
        yield server
    finally:
        if server is not None:
            server.crash()
        shutil.rmtree(folder, ignore_errors=True)


def find_program(name: str) -> str:
    """Debian keeps the server's programs of each version apart; the newest is taken."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    program = str(found[-1]) if found else shutil.which(name)
    if program is None:
        raise RuntimeError(f"{name} is not installed; run: scripts/install_servers.sh")
    return program


def unprivileged(user: str) -> dict[str, Any]:
    """Arguments of Popen that leave root behind for a user; nothing for who is not root."""
    if os.getuid() != 0:
        return {}
    found = pwd.getpwnam(user)
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}


def give_to(user: str, folder: Path) -> None:
    if os.getuid() == 0:
        found = pwd.getpwnam(user)
        os.chown(folder, found.pw_uid, found.pw_gid)
