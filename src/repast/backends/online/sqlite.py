"""The SQLite online store: one file, no server, one packed row per view and key."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from repast.backends.online.sqlite_pool import EXPLAINED, SqlitePool
from repast.errors import InvalidConfigError, InvalidRequestError, NotFoundError
from repast.ports.online import OnlineStore, OnlineTable, Reads, SupportsFlush, Values, WriteResult

_CHUNKS = (64, 32, 16, 8, 4, 2, 1)
"""Keys per statement: few statements to compile and keep, and no key is ever padded."""
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-.")
_TABLES = 100
"""Tables of which one statement looks up a key each."""
_LOOKUPS = 1000
"""Such statements that are kept."""
_INLINE_KEYS = 256
"""Reads of so few keys take less time than handing them to a thread."""


class SqliteOnlineStore(OnlineStore, SupportsFlush):
    """Keeps rows in a SQLite file in WAL mode: readers and a writer never wait for each other.

    Several threads and processes of one machine may share the file. A batch is one transaction, and a
    read of several tables sees one moment. The file and its folder are made by the first ``create``.
    Rows survive a killed process, and those of a finished load a power cut too; it may lose newer pushed ones.

    Args:
        repo_path: Folder of the repo, where a relative ``path`` starts.
        path: The database file.
        busy_timeout: Seconds that a write waits for another process's write.

    Raises:
        InvalidConfigError: ``path`` is no file path, or ``busy_timeout`` is negative.

    """

    def __init__(
        self, *, repo_path: str | Path, path: str | Path = "data/online_store.db", busy_timeout: float = 30.0
    ) -> None:
        if str(path) in ("", ":memory:") or str(path).startswith("file:"):
            raise InvalidConfigError(
                f"online_store.path cannot be {str(path)!r}; expected the path of a file.",
                hint="for a store in memory: online_store: {type: memory}",
            )
        if not 0 <= busy_timeout <= 86_400:
            raise InvalidConfigError(f"online_store.busy_timeout must be 0 to 86400 seconds, not {busy_timeout}.")
        self._pool = SqlitePool((Path(repo_path) / Path(path).expanduser()).absolute(), busy_timeout)
        self._names: dict[OnlineTable, str] = {}
        self._selects: dict[tuple[OnlineTable, int], str] = {}
        self._lookups: dict[tuple[OnlineTable, ...], str] = {}

    @property
    def path(self) -> Path:
        """The database file."""
        return self._pool.path

    def create(self, tables: Sequence[OnlineTable]) -> None:
        """Make tables ready for reading and writing, in one transaction. Does nothing for tables that exist."""
        with self._pool.lend(create=True) as connection:
            assert connection is not None
            existing = _table_names(connection)
            missing = [table for table in tables if self._name(table)[1:-1] not in existing]
            if missing:
                connection.execute("BEGIN IMMEDIATE")
                for table in missing:
                    connection.execute(
                        f"CREATE TABLE IF NOT EXISTS {self._name(table)}"
                        " (key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
                    )
                connection.execute("COMMIT")

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        """Remove tables with all their rows, in one transaction. Does nothing for tables that do not exist."""
        with self._pool.lend() as connection:
            if connection is None:
                return
            existing = _table_names(connection)
            found = [table for table in tables if self._name(table)[1:-1] in existing]
            if found:
                connection.execute("BEGIN IMMEDIATE")
                for table in found:
                    connection.execute(f"DROP TABLE IF EXISTS {self._name(table)}")
                connection.execute("COMMIT")

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        """Write a batch in one transaction: all of it or, if an error is raised, nothing; see the port.

        Raises:
            NotFoundError: The table was not created.
            UnavailableError: Another process kept the file locked, or the disk is full.

        """
        if len(keys) != len(values):
            raise InvalidRequestError(f"{len(keys)} keys cannot have {len(values)} values.")
        # In key order neighbours share pages; of a repeated key the greatest value comes last and wins.
        rows = sorted(zip(keys, values, strict=True))
        best = dict(rows)
        with self._pool.lend() as connection:
            if connection is None or not self._exists(connection, table):
                raise NotFoundError(
                    f"There is no online table for view {table.view!r} of project {table.project!r} in {self.path}.",
                    hint="run: repast apply",
                )
            name = self._name(table)
            connection.execute("BEGIN IMMEDIATE")
            before = connection.total_changes
            connection.executemany(
                f"INSERT INTO {name} (key, value) VALUES (?, ?) ON CONFLICT (key)"  # noqa: S608 (the name is quoted)
                " DO UPDATE SET value = excluded.value WHERE excluded.value > value",
                best.items(),
            )
            written = connection.total_changes - before
            if written == len(rows):
                late = 0
            else:
                kept = dict(zip(best, self._read_table(connection, table, list(best)), strict=True))
                late = sum(value != kept[key] for key, value in rows)
            connection.execute("COMMIT")
        return WriteResult(written=written, unchanged=len(rows) - written - late, late=late)

    def read(self, reads: Reads) -> Values:
        """Return the values for the keys of each table, in order, None where there is no row.

        All tables are seen at one moment. No read waits for a write.
        """
        pool, connection = self._pool, None
        try:  # by hand: pool.lend() would be a tenth of the time of a read of one key
            connection = pool.take_for_read()
            if connection is None:
                return [[None] * len(keys) for _, keys in reads]
            found = self._read_one_each(connection, reads)
            if found is not None:
                return found
            connection.execute("BEGIN")
            values = [self._read_table(connection, table, keys) for table, keys in reads]
            connection.execute("COMMIT")
            return values
        except EXPLAINED as error:
            raise pool.explain(error) from error
        finally:
            pool.give(connection)

    async def aread(self, reads: Reads) -> Values:
        """Like :meth:`read`; reads of many keys run in a thread."""
        if sum(len(keys) for _, keys in reads) <= _INLINE_KEYS:
            return self.read(reads)
        return await super().aread(reads)

    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        """Remove the rows of these keys in one transaction; return how many there were."""
        with self._pool.lend() as connection:
            if connection is None or not self._exists(connection, table):
                return 0
            connection.execute("BEGIN IMMEDIATE")
            statement = f"DELETE FROM {self._name(table)} WHERE key = ?"  # noqa: S608 (the name is quoted)
            before = connection.total_changes
            connection.executemany(statement, [(key,) for key in keys])
            erased = connection.total_changes - before
            connection.execute("COMMIT")
        return erased

    def count(self, table: OnlineTable) -> int:
        """Return the number of rows, exactly, by a scan."""
        with self._pool.lend() as connection:
            if connection is None or not self._exists(connection, table):
                return 0
            (rows,) = connection.execute(f"SELECT count(*) FROM {self._name(table)}").fetchone()  # noqa: S608
            return int(rows)

    def flush(self) -> None:
        """Write the log through to the disk. What is in it no more was written through when it was folded back."""
        self._pool.flush_log()

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._pool.close()

    def _name(self, table: OnlineTable) -> str:
        """Return the quoted name of the SQL table."""
        if table not in self._names:
            # SQLite takes names that differ only in case for one, so capitals are escaped like signs are.
            parts = [_escape(table.project), _escape(table.view), str(table.incarnation)]
            self._names[table] = '"repast/' + "/".join(parts) + '"'
        return self._names[table]

    def _exists(self, connection: sqlite3.Connection, table: OnlineTable) -> bool:
        name = self._name(table)[1:-1]
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,))
        return found.fetchone() is not None

    def _read_one_each(self, connection: sqlite3.Connection, reads: Reads) -> Values | None:
        """Read one key of each table by one statement, which is a transaction of its own; None: it cannot be done."""
        keys = [keys[0] for _, keys in reads if len(keys) == 1]
        if not 0 < len(keys) == len(reads) <= _TABLES:
            return None
        tables = tuple([table for table, _ in reads])
        try:
            row = connection.execute(self._lookups.get(tables) or self._lookup(tables), keys).fetchone()
        except sqlite3.OperationalError:  # a table is missing; if it is anything else, it will be raised again
            return None
        return [[value] for value in row]

    def _lookup(self, tables: tuple[OnlineTable, ...]) -> str:
        """Return the statement that finds one key of each table: one row of values, null where there is none."""
        if len(self._lookups) >= _LOOKUPS:
            self._lookups.clear()
        values = (f"(SELECT value FROM {self._name(table)} WHERE key = ?)" for table in tables)  # noqa: S608
        self._lookups[tables] = "SELECT " + ", ".join(values)
        return self._lookups[tables]

    def _read_table(
        self, connection: sqlite3.Connection, table: OnlineTable, keys: Sequence[bytes]
    ) -> list[bytes | None]:
        values: list[bytes | None] = [None] * len(keys)
        start, left = 0, len(keys)
        try:
            for size in _CHUNKS[-left.bit_length() :]:
                while left >= size:
                    select = self._selects.get((table, size)) or self._select(table, size)
                    for position, value in connection.execute(select, keys[start : start + size]):
                        values[start + position] = value
                    start += size
                    left -= size
        except sqlite3.OperationalError as error:  # not asked once more: somebody may have made it anew by then
            if not str(error).startswith("no such table"):
                raise
        return values

    def _select(self, table: OnlineTable, size: int) -> str:
        """Return the statement that finds ``size`` keys: (position, value) of those that are there."""
        name = self._name(table)
        if size == 1:
            select = f"SELECT 0, value FROM {name} WHERE key = ?"  # noqa: S608 (the name is quoted)
        else:
            # One statement for many keys costs half of a statement for each; CROSS JOIN keeps the keys outside.
            wanted = ", ".join(f"({position}, ?)" for position in range(size))
            select = (
                f"SELECT wanted.column1, found.value FROM (VALUES {wanted}) AS wanted"  # noqa: S608
                f" CROSS JOIN {name} AS found ON found.key = wanted.column2"
            )
        self._selects[table, size] = select
        return select


def _table_names(connection: sqlite3.Connection) -> frozenset[str]:
    """Return all names at once: SQLite finds a single one only by looking through all of them."""
    return frozenset(name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))


def _escape(name: str) -> str:
    """Return a name that no other name has, even without regard to case."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in name.encode())
