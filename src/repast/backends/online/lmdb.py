"""The LMDB online store: a memory-mapped folder that many processes read in microseconds while one writes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from repast.errors import ClosedError, InvalidConfigError, InvalidRequestError, NotFoundError, require
from repast.ports.online import OnlineStore, OnlineTable, Reads, SupportsFlush, Values, WriteResult

if TYPE_CHECKING:
    import lmdb

    from repast.backends.online.lmdb_environment import Environment, Transaction

_LONGEST_KEY = 511
"""Bytes that LMDB can have in a key."""
_DIGEST = 32
_INLINE_KEYS = 500
"""Reads of so few keys take less time than handing them to a thread."""
_TRUST_SECONDS = 1.0
"""How long reads go on without looking whether the file was deleted or replaced."""


class LMDBOnlineStore(OnlineStore, SupportsFlush):
    """Keeps rows in an LMDB environment: reads never wait, not even for a lock; writes take turns.

    Several threads and processes of one machine may share the folder. A batch is one transaction, and a read of
    several tables sees one moment. The folder is made by the first ``create``. Rows survive a killed process, and
    those of a finished load a power cut too; it may lose the newest batch of what was pushed since.

    Args:
        repo_path: Folder of the repo, where a relative ``path`` starts.
        path: The folder of the database, on a local disk.
        map_size: Bytes of address space to begin with. It doubles whenever the rows need more; the file takes
            no more than they need.
        max_tables: Views that have rows here at once, of all projects together. Each costs every read a nanosecond.

    Raises:
        InvalidConfigError: An option is out of range.
        MissingDependencyError: The package lmdb is not installed.

    """

    def __init__(
        self,
        *,
        repo_path: str | Path,
        path: str | Path = "data/online_store.lmdb",
        map_size: int = 16 << 30,
        max_tables: int = 250,
    ) -> None:
        if not str(path):
            raise InvalidConfigError("online_store.path cannot be empty; expected the path of a folder.")
        if map_size < 1 << 20:
            raise InvalidConfigError(f"online_store.map_size must be at least {1 << 20} bytes, not {map_size}.")
        if not 1 <= max_tables <= 100_000:
            raise InvalidConfigError(f"online_store.max_tables must be 1 to 100000, not {max_tables}.")
        require("lmdb", extra="lmdb", purpose="The LMDB online store")
        from repast.backends.online.lmdb_environment import EXPLAINED, explain, identify, open_environment

        self._path = (Path(repo_path) / Path(path).expanduser()).absolute()
        self._errors, self._explain, self._identify = EXPLAINED, explain, identify
        self._open_environment = partial(open_environment, self._path, map_size=map_size, max_tables=max_tables)
        self._environment: Environment | None = None
        self._identity: tuple[int, int] | None = None
        self._trusted_until = 0.0
        self._closed = False
        self._names: dict[OnlineTable, bytes] = {}

    @property
    def path(self) -> Path:
        """The folder of the database."""
        return self._path

    def create(self, tables: Sequence[OnlineTable]) -> None:
        """Make tables ready for reading and writing, in one transaction. Does nothing for tables that exist."""
        names = [self._name(table) for table in tables]
        with self._explained():
            environment = self._open(create=True)
            assert environment is not None
            if environment.missing(names):
                environment.write(lambda txn: environment.make(txn, names))

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        """Remove tables with all their rows, in one transaction. Does nothing for tables that do not exist."""
        names = [self._name(table) for table in tables]
        with self._explained():
            environment = self._look()
            if environment is not None and environment.missing(names) != names:
                environment.write(lambda txn: environment.drop(txn, names))

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        """Write a batch in one transaction: all of it or, if an error is raised, nothing; see the port.

        Raises:
            NotFoundError: The table was not created.
            UnavailableError: The disk is full, or the folder is read-only.

        """
        if len(keys) != len(values):
            raise InvalidRequestError(f"{len(keys)} keys cannot have {len(values)} values.")
        # In key order neighbours share pages; of a repeated key the greatest value comes last and wins.
        rows = sorted(zip(map(_fit, keys), values, strict=True))
        with self._explained():
            environment = self._look()
            name = self._name(table)
            result = (
                environment.write(lambda txn: _keep_greater(txn, environment.find(txn, name), rows))
                if environment is not None
                else None
            )
        if result is None:
            raise NotFoundError(
                f"There is no online table for view {table.view!r} of project {table.project!r} in {self._path}.",
                hint="run: repast apply",
            )
        return result

    def read(self, reads: Reads) -> Values:
        """Return the values for the keys of each table, in order, None where there is no row.

        All tables are seen at one moment. No read waits for a write.
        """
        try:  # by hand: a context manager would be a tenth of the time of a read of one key
            environment = self._look()
            if environment is None:
                return [[None] * len(keys) for _, keys in reads]
            return environment.read(partial(self._read, environment, reads))
        except self._errors as error:
            raise self._explain(error, self._path) from error

    async def aread(self, reads: Reads) -> Values:
        """Like :meth:`read`; reads of many keys run in a thread."""
        if sum(len(keys) for _, keys in reads) <= _INLINE_KEYS:
            return self.read(reads)
        return await super().aread(reads)

    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        """Remove the rows of these keys in one transaction; return how many there were."""
        with self._explained():
            environment = self._look()
            name, fitted = self._name(table), list(map(_fit, keys))
            if environment is None or environment.missing([name]):
                return 0
            return environment.write(lambda txn: _erase(txn, environment.find(txn, name), fitted))

    def count(self, table: OnlineTable) -> int:
        """Return the number of rows, exactly."""
        with self._explained():
            environment = self._look()
            name = self._name(table)
            return environment.read(lambda txn: _count(txn, environment.find(txn, name))) if environment else 0

    def flush(self) -> None:
        """Put the newest batch on the disk as a whole; all before it are."""
        with self._explained():
            if (environment := self._look()) is not None:
                environment.flush()

    def close(self) -> None:
        """Let go of the folder. Idempotent."""
        self._closed = True
        self._environment = None

    def _look(self) -> Environment | None:
        """Return the environment, if there is one; what was deleted, replaced or forked is let go of."""
        environment = self._environment
        if environment is not None and environment.pid == os.getpid():
            if time.monotonic() < self._trusted_until:
                return environment
            if self._identify(self._path) == self._identity:
                self._trusted_until = time.monotonic() + _TRUST_SECONDS
                return environment
        return self._open()

    def _open(self, *, create: bool = False) -> Environment | None:
        if self._closed:
            raise ClosedError("The online store is closed.", hint="open a new FeatureStore")
        environment = self._open_environment(create=create)
        self._environment = environment
        self._identity = self._identify(self._path)
        self._trusted_until = time.monotonic() + _TRUST_SECONDS
        return environment

    def _read(self, environment: Environment, reads: Reads, txn: Transaction) -> Values:
        get, find, names = txn.get, environment.find, self._names
        values: Values = []
        for table, keys in reads:
            rows = find(txn, names.get(table) or self._name(table))
            if rows is None:
                values.append([None] * len(keys))
            elif len(keys) == 1:  # without what pays for many only
                key = keys[0]
                values.append([get(key if len(key) < _LONGEST_KEY else _fit(key), None, rows)])
            elif max(map(len, keys), default=0) < _LONGEST_KEY:
                values.append([get(key, None, rows) for key in keys])
            else:
                values.append([get(_fit(key), None, rows) for key in keys])
        return values

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise self._explain(error, self._path) from error

    def _name(self, table: OnlineTable) -> bytes:
        """Return the table's key in the catalog."""
        if table not in self._names:
            name = f"{table.incarnation}/{len(table.project)}/{table.project}/{table.view}"
            self._names[table] = _fit(name.encode())
        return self._names[table]


def _fit(key: bytes) -> bytes:
    """Return the key itself if LMDB can have it, else a digest behind its first bytes, as long as no short key is."""
    if len(key) < _LONGEST_KEY:
        return key
    return key[: _LONGEST_KEY - _DIGEST] + blake2b(key, digest_size=_DIGEST).digest()


def _keep_greater(
    txn: Transaction, table: lmdb._Database | None, rows: Sequence[tuple[bytes, bytes]]
) -> WriteResult | None:
    if table is None:
        return None
    written, kept = 0, dict(rows)
    for key, value in kept.items():
        found = txn.get(key, None, table)
        if found is None or value > found:
            txn.put(key, value, db=table)
            written += 1
        else:
            kept[key] = found
    late = 0 if written == len(rows) else sum(value < kept[key] for key, value in rows)
    return WriteResult(written=written, unchanged=len(rows) - written - late, late=late)


def _erase(txn: Transaction, table: lmdb._Database | None, keys: Sequence[bytes]) -> int:
    return sum(txn.delete(key, db=table) for key in keys) if table is not None else 0


def _count(txn: Transaction, table: lmdb._Database | None) -> int:
    return int(txn.stat(table)["entries"]) if table is not None else 0
