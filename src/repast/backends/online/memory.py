"""The in-memory online store: for tests, notebooks and one process that serves what it loads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from repast.errors import ClosedError, InvalidRequestError, NotFoundError
from repast.ports.online import OnlineStore, OnlineTable, Reads, Values, WriteResult

_Database: TypeAlias = dict[OnlineTable, dict[bytes, bytes]]

_databases: dict[str, _Database] = {}
_lock = Lock()


class MemoryOnlineStore(OnlineStore):
    """Keeps rows in this process, under the repo's path: every store opened on one repo sees the same rows.

    So one FeatureStore may load and another serve, as with any store. Rows last until their tables are
    dropped or the process ends; ``close`` closes this store only. A forked process starts with a copy.

    Args:
        repo_path: Folder of the repo.

    """

    def __init__(self, *, repo_path: str | Path) -> None:
        self._path = os.path.realpath(repo_path)
        self._open: _Database | None = None
        self._closed = False

    def create(self, tables: Sequence[OnlineTable]) -> None:
        """Make tables ready for reading and writing. Does nothing for tables that exist."""
        database = self._database()
        with _lock:
            for table in tables:
                database.setdefault(table, {})

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        """Remove tables with all their rows. Does nothing for tables that do not exist."""
        database = self._database()
        with _lock:
            for table in tables:
                database.pop(table, None)

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        """Write a batch: each key keeps the greater of its value and the new one; see the port.

        Raises:
            NotFoundError: The table was not created.

        """
        database = self._database()
        if len(keys) != len(values):
            raise InvalidRequestError(f"{len(keys)} keys cannot have {len(values)} values.")
        written, late = set(), 0
        with _lock:
            rows = database.get(table)
            if rows is None:
                raise NotFoundError(
                    f"There is no online table for view {table.view!r} of project {table.project!r}.",
                    hint="run: repast apply",
                )
            for key, value in zip(keys, values, strict=True):
                found = rows.get(key)
                if found is None or value > found:
                    rows[key] = value
                    written.add(key)
            late = sum(value < rows[key] for key, value in zip(keys, values, strict=True))
        return WriteResult(written=len(written), unchanged=len(keys) - len(written) - late, late=late)

    def read(self, reads: Reads) -> Values:
        """Return the values for the keys of each table, in order, None where there is no row."""
        database = self._database()
        nothing: dict[bytes, bytes] = {}
        return [list(map(database.get(table, nothing).get, keys)) for table, keys in reads]

    async def aread(self, reads: Reads) -> Values:
        """Like :meth:`read`, which never waits."""
        return self.read(reads)

    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        """Remove the rows of these keys; return how many there were."""
        database = self._database()
        with _lock:
            rows = database.get(table, {})
            return sum(rows.pop(key, None) is not None for key in keys)

    def count(self, table: OnlineTable) -> int:
        """Return the number of rows, exactly."""
        return len(self._database().get(table, ()))

    def close(self) -> None:
        """Close this store. The rows stay for others on the same repo. Idempotent."""
        self._closed = True

    def _database(self) -> _Database:
        if self._closed:
            raise ClosedError("The online store is closed.", hint="open a new FeatureStore")
        if self._open is None:
            with _lock:
                self._open = _databases.setdefault(self._path, {})
        return self._open
