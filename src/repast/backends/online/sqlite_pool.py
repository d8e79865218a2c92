"""Connections to one SQLite file: opened when needed, lent to one thread at a time, never shared by a fork."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from repast.errors import ClosedError, CorruptDataError, InvalidRequestError, RepastError, UnavailableError

_STATEMENTS = 512
"""Compiled statements kept by each connection."""
_CHECKPOINT_PAGES = 4000
"""A write-ahead log of 16 MiB is folded back: four times the default, for fewer interruptions of a load."""

_CACHE_KIB = 32 * 1024
"""Pages that each connection may keep; memory is taken as pages are read."""
_TRUST_SECONDS = 1.0
"""How long reads go on without looking whether the file was deleted or replaced."""

EXPLAINED = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What :meth:`SqlitePool.explain` explains. The last: the sqlite3 module stumbles over a damaged schema's own words."""

_abandoned: list[sqlite3.Connection] = []
"""Connections inherited by a fork. SQLite forbids even to close them there, so they are kept for ever."""


class PooledConnection(sqlite3.Connection):
    """A connection that knows which file it opened."""

    file: tuple[int, int] | None = None


class SqlitePool:
    """Lends connections; as many are open as were ever in use at once.

    Args:
        path: The database file.
        busy_timeout: Seconds to wait for another writer.
        monotonic: Returns seconds from any beginning.

    """

    def __init__(self, path: Path, busy_timeout: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self._monotonic = monotonic
        self._trusted_until = 0.0
        self._busy_timeout = busy_timeout
        self._idle: list[PooledConnection] = []
        self._pid = os.getpid()
        self._closed = False

    @contextmanager
    def lend(self, *, create: bool = False) -> Iterator[PooledConnection | None]:
        """Lend a connection, or None if there is no file and ``create`` does not ask for one.

        Raises:
            UnavailableError, CorruptDataError, InvalidRequestError: What SQLite raises inside, explained.
            ClosedError: The pool is closed.

        """
        connection = None
        try:
            connection = self.take(create=create)
            yield connection
        except EXPLAINED as error:
            raise self.explain(error) from error
        finally:
            self.give(connection)

    def take(self, *, create: bool = False) -> PooledConnection | None:
        """Take an idle connection or open one; the caller gives it back.

        A file that was deleted or replaced meanwhile is let go of, whoever did it.
        """
        self._check_open()
        file = self._identity()
        self._trusted_until = self._monotonic() + _TRUST_SECONDS
        while (connection := self._pop()) is not None:
            if connection.file == file:
                return connection
            connection.close()
        return self._connect(create) if create or file else None

    def take_for_read(self) -> PooledConnection | None:
        """Like :meth:`take`, but looks at the file at most once a second: looking takes as long as reading."""
        if self._pid == os.getpid() and self._monotonic() < self._trusted_until:
            return self._pop() or self.take()
        return self.take()

    def _pop(self) -> PooledConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _check_open(self) -> None:
        if self._pid != os.getpid():
            _abandoned.extend(self._idle)
            self._idle = []
            self._pid = os.getpid()
        if self._closed:
            raise ClosedError("The online store is closed.", hint="open a new FeatureStore")

    def give(self, connection: PooledConnection | None) -> None:
        """Give a connection back. A transaction that is still open is undone, and the connection closed."""
        if connection is None:
            return
        if connection.in_transaction:
            connection.close()
            return
        self._idle.append(connection)
        if self._closed:
            self.close()

    def flush_log(self) -> None:
        """Have the system write the log to the disk; nothing to do if there is none.

        Never do this to the database file: closing it would drop the locks that SQLite has on it. The log has none.

        Raises:
            UnavailableError: The disk refuses.
            ClosedError: The pool is closed.

        """
        self._check_open()
        try:
            log = os.open(f"{self.path}-wal", os.O_RDWR)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self.explain(error) from error
        try:
            os.fsync(log)
        except OSError as error:
            raise self.explain(error) from error
        finally:
            os.close(log)

    def close(self) -> None:
        """Close idle connections now and others when they are given back. Idempotent."""
        self._closed = True
        if self._pid == os.getpid():
            while (connection := self._pop()) is not None:
                connection.close()

    def explain(self, error: sqlite3.Error | OSError | UnicodeDecodeError) -> RepastError:
        """Return what an error of SQLite or of the file system means for the user."""
        return _explain(error, self.path, self._busy_timeout)

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _connect(self, create: bool) -> PooledConnection:
        if create:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={'rwc' if create else 'rw'}",
            uri=True,
            timeout=self._busy_timeout,
            isolation_level=None,  # transactions are begun and ended by name
            check_same_thread=False,  # lent to one thread at a time
            cached_statements=_STATEMENTS,
            factory=PooledConnection,
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        connection.file = self._identity()
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # In WAL mode NORMAL survives a killed process; a power cut may undo what was not flushed but breaks nothing.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        deadline = self._monotonic() + self._busy_timeout
        while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if _primary_code(error) != sqlite3.SQLITE_BUSY or self._monotonic() > deadline:
                    raise
                # The switch does not wait for other connections; taking the write lock does.
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")


def _primary_code(error: sqlite3.Error) -> int:
    # Errors of the sqlite3 module itself carry no code.
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _explain(error: sqlite3.Error | OSError | UnicodeDecodeError, path: Path, busy_timeout: float) -> RepastError:
    context = {"path": str(path)}
    if isinstance(error, UnicodeDecodeError):
        return _damaged("its schema is no text", path, context)
    if isinstance(error, OSError):
        return _lasting(f"The online store {path} cannot be opened: {error.strerror or error}.", context)
    code = _primary_code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return UnavailableError(
            f"The online store {path} is locked by another writer for more than {busy_timeout:g} s.",
            hint="try again, or raise online_store.busy_timeout in feature_store.yaml",
            context=context,
        )
    if code == sqlite3.SQLITE_FULL:
        return UnavailableError(
            f"The disk of the online store {path} is full; nothing of this batch was written.",
            hint="free some space and write the batch again",
            context=context,
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _damaged(str(error), path, context)
    if code == sqlite3.SQLITE_TOOBIG or isinstance(error, sqlite3.DataError):
        return InvalidRequestError(
            f"A key or value is too long for the online store {path}: {error}.",
            hint="SQLite holds values of up to a billion bytes",
            context=context,
        )
    return _lasting(f"The online store {path} cannot be used: {error}.", context)


def _damaged(how: str, path: Path, context: dict[str, str]) -> CorruptDataError:
    return CorruptDataError(
        f"The online store {path} is damaged or no SQLite database: {how}.",
        hint="it was left untouched; move it away, then run: repast apply, and load the views again",
        context=context,
    )


def _lasting(message: str, context: dict[str, str]) -> UnavailableError:
    hint = "check online_store.path in feature_store.yaml, and that the file and its folder can be written"
    error = UnavailableError(message, hint=hint, context=context)
    error.retryable = False
    return error
