"""A MariaDB server of our own: on a free port of this machine, in a folder that goes away with it."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymysql

from server.port import free_port
from server.postgres import give_to, unprivileged

USER = "repast"
DATABASE = "features"

_FAST = ("--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--skip-innodb-flush-sync", "--sync-binlog=0")
_SETTINGS = ("--innodb-buffer-pool-size=64M", "--max-connections=60", "--skip-log-bin", "--innodb-log-file-size=32M")


class MariadbServer:
    """A running server with one user, who has a password, and one database."""

    def __init__(self, folder: Path, settings: tuple[str, ...]) -> None:
        self.port = free_port()
        self.password = secrets.token_hex(8)
        self._folder = folder
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._make()
        self.start()

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
        return f"mysql://{USER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    def connect(self, database: str | None = DATABASE) -> pymysql.Connection[Any]:
        """A connection of the test's own, with all rights, in autocommit mode."""
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=USER, password=self.password, database=database, autocommit=True
        )

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own."""
        connection = self.connect(None)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def start(self) -> None:
        """Start on the same port and data; return when it takes connections."""
        log = (self._folder / "log").open("ab")
        setup = self._folder / "setup.sql"
        self._process = subprocess.Popen(
            [
                *(_find_program("mariadbd"), "--no-defaults", f"--datadir={self._folder / 'data'}"),
                *("--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={self._folder / 'socket'}"),
                *(f"--pid-file={self._folder / 'pid'}", f"--init-file={setup}", *_SETTINGS, *self._settings),
            ],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **unprivileged("mysql"),
        )
        log.close()
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connect().close()
            except pymysql.Error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.02)  # a server of another process: only asking again can tell
            else:
                return

    def crash(self) -> None:
        """Stop at once, as a power cut would: nothing is flushed, connections are cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(60)
            self._process = None

    def _make(self) -> None:
        subprocess.run(
            [
                *(_find_program("mariadb-install-db"), "--no-defaults", f"--datadir={self._folder / 'data'}"),
                *("--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"),
            ],
            check=True,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            **unprivileged("mysql"),
        )
        (self._folder / "setup.sql").write_text(
            f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{self.password}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
            f"CREATE DATABASE IF NOT EXISTS {DATABASE};\n"
        )


@contextmanager
def run_mariadb(*settings: str, fast: bool = True) -> Iterator[MariadbServer]:
    """Run a server; ``fast`` ones do not wait for the disk. ``settings`` are further arguments of mariadbd."""
    folder = Path(tempfile.mkdtemp(prefix="repast-mariadb-"))
    give_to("mysql", folder)
    server = None
    try:
        server = MariadbServer(folder, (*(_FAST if fast else ()), *settings))
        yield server
    finally:
        if server is not None:
            server.crash()
        shutil.rmtree(folder, ignore_errors=True)


def _find_program(name: str) -> str:
    program = shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") or shutil.which(name)
    if program is None:
        raise RuntimeError(f"{name} is not installed; run: scripts/install_servers.sh")
    return program
