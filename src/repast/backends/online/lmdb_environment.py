"""One LMDB environment per folder and process: opened when needed, shared by stores, grown when full, never forked."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import TypeAlias, TypeVar
from weakref import WeakValueDictionary

import lmdb
from lmdb.verify import VerifyError, verify

from repast.errors import CorruptDataError, InvalidConfigError, RepastError, UnavailableError

T = TypeVar("T")
Transaction: TypeAlias = "lmdb.Transaction[bytes]"

EXPLAINED = (lmdb.Error, OSError)
"""What :func:`explain` explains."""

_CATALOG = b"repast"
_READERS = 1024
"""Reads at once, in all processes together; each takes 64 bytes of the lock file."""
_CUT_SHORT = "Input/output error"
"""What LMDB also says when of many pages only some found room on the disk."""
_ROOM = 1 << 20
_DAMAGED = (lmdb.CorruptedError, lmdb.InvalidError, lmdb.PageNotFoundError, lmdb.VersionMismatchError)

_environments: WeakValueDictionary[tuple[int, int], Environment] = WeakValueDictionary()
"""By identity of the data file: LMDB may not have one file open twice in a process."""
_lock = threading.RLock()
os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class _UnopenedError(Exception):
    """The rows of a table have no handle in this process yet, and none can be had inside a transaction."""


class Environment:
    """An open folder of LMDB with its catalog, which tells where each table's rows are, and handles of those.

    Handles are never closed: a dropped table leaves an empty one behind, which the next new table takes over. So a
    handle that another thread is using always stays good.
    """

    def __init__(self, path: Path, *, map_size: int, max_tables: int) -> None:
        data = path / "data.mdb"
        self.path = path
        self.pid = os.getpid()
        self.catalog: lmdb._Database | None = None
        self._rows: dict[bytes, lmdb._Database] = {}
        self._reading: list[None] = []
        self._resizes = 0
        self._writing = threading.RLock()
        self._opening = threading.Lock()
        self._lmdb = lmdb.open(
            str(path),
            map_size=map_size,
            max_dbs=max_tables + 1,
            max_readers=_READERS,
            metasync=False,  # a power cut may undo the newest batch, never break the file
            readonly=data.exists() and not os.access(data, os.W_OK),
            create=False,
        )
        self._check_length()
        self._lmdb.reader_check()
        self.open_catalog()

    def open_catalog(self, *, create: bool = False) -> None:
        """Open the catalog if it is there, or make it."""
        if self.catalog is None:
            try:
                self.catalog = self._lmdb.open_db(_CATALOG, create=create)
            except lmdb.NotFoundError:
                return

    def find(self, txn: Transaction, name: bytes) -> lmdb._Database | None:
        """Return the handle of a table's rows, inside of :meth:`read` or :meth:`write`; None if there is no table."""
        number = txn.get(name, None, self.catalog)
        if number is None:
            return None
        try:
            return self._rows[number]
        except KeyError:
            raise _UnopenedError(number) from None

    def missing(self, names: Sequence[bytes]) -> list[bytes]:
        """Return those of the tables that do not exist."""
        return self.read(lambda txn: [name for name in names if txn.get(name, None, self.catalog) is None])

    def make(self, txn: Transaction, names: Sequence[bytes]) -> None:
        """Make the tables that are not there, inside of :meth:`write`."""
        for name in names:
            self._make(txn, name)

    def drop(self, txn: Transaction, names: Sequence[bytes]) -> None:
        """Remove the tables that are there, with all their rows, inside of :meth:`write`."""
        for name in names:
            rows = self.find(txn, name)
            if rows is not None:
                txn.drop(rows, delete=False)
                txn.delete(name, db=self.catalog)

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` on one snapshot; again if another thread replaced the map meanwhile."""
        while True:
            resizes = self._resizes
            self._reading.append(None)
            try:
                with self._lmdb.begin() as txn:
                    return work(txn)
            except _UnopenedError as table:
                self._open(table)
            except lmdb.MapResizedError:
                self._resize(0)
            except lmdb.Error:
                with self._writing:
                    if self._resizes == resizes:
                        raise
            finally:
                self._reading.pop()

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in a transaction; again in a larger map if it did not fit."""
        with self._writing:
            self._lmdb.reader_check()  # readers that were killed would keep old pages from being used again
            while True:
                try:
                    with self._lmdb.begin(write=True) as txn:
                        return work(txn)
                except _UnopenedError as table:
                    self._open(table)
                except lmdb.MapResizedError:
                    self._resize(0)
                except lmdb.MapFullError:
                    self._resize(self._lmdb.info()["map_size"] * 2)

    def flush(self) -> None:
        """Write through to the disk, the newest transaction's meta page included."""
        self._lmdb.sync(True)

    def abandon(self) -> None:
        """Close what a fork has inherited, without touching what belongs to the parent.

        Raises:
            UnavailableError: Another thread of the parent was using it at that moment, and that place is its own.

        """
        if self._reading or not self._writing.acquire(blocking=False):
            raise UnavailableError(
                f"This process was forked while another thread used the online store {self.path}.",
                hint="start processes by spawn or forkserver: multiprocessing.set_start_method('spawn')",
            )
        self._lmdb.close()

    def _make(self, txn: Transaction, name: bytes) -> None:
        assert self.catalog is not None
        if txn.get(name, None, self.catalog) is not None:
            return
        with txn.cursor(db=self.catalog) as cursor:
            taken = set(cursor.iternext(keys=False, values=True))
        number = next(b"%d" % n for n in count() if b"%d" % n not in taken)
        with self._opening:
            self._lmdb.open_db(_CATALOG + b"/" + number, txn=txn)
        txn.put(name, number, db=self.catalog)

    def _open(self, table: _UnopenedError) -> None:
        (number,) = table.args
        with self._opening:
            if number not in self._rows:
                self._rows[number] = self._lmdb.open_db(_CATALOG + b"/" + number, create=False)

    def _resize(self, size: int) -> None:
        """Replace the map: ``size`` bytes, or 0 for what another process has grown it to."""
        with self._writing:
            self._lmdb.set_mapsize(size)
            self._resizes += 1

    def _check_length(self) -> None:
        """Refuse a file that was cut off: reading past its end would end the process."""
        pages = self._lmdb.info()["last_pgno"] + 1
        if (self.path / "data.mdb").stat().st_size >= pages * self._lmdb.stat()["psize"]:
            return
        try:  # the last pages may be missing lawfully, if nothing was ever kept in them
            problems = verify(str(self.path))  # type: ignore[no-untyped-call]
        except VerifyError as error:
            problems = [str(error)]
        if problems:
            raise lmdb.CorruptedError(problems[0])


def open_environment(path: Path, *, create: bool, map_size: int, max_tables: int) -> Environment | None:
    """Return the process's environment of a folder; None if there is none and ``create`` does not ask for one."""
    with _lock:
        identity = identify(path)
        found = _environments.get(identity) if identity else None
        if found is not None and found.pid != os.getpid():
            found.abandon()
            found = None
        if found is None:
            if identity is None:
                if not create:
                    return None
                path.mkdir(parents=True, exist_ok=True)
            found = Environment(path, map_size=map_size, max_tables=max_tables)
            _environments[identify(path) or (0, 0)] = found
        if create:
            found.open_catalog(create=True)
        return found if found.catalog is not None else None


def identify(path: Path) -> tuple[int, int] | None:
    """Return what tells the data file of a folder from one that took its place."""
    try:
        found = os.stat(path / "data.mdb")  # noqa: PTH116 (a third of the time)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def explain(error: Exception, path: Path) -> RepastError:
    """Return what an error of LMDB or of the file system means for the user."""
    context = {"path": str(path)}
    if isinstance(error, RepastError):
        return error
    if isinstance(error, _DAMAGED):
        return CorruptDataError(
            f"The online store {path} is damaged or no LMDB database: {error}.",
            hint="it was left untouched; move it away, then run: repast apply, and load the views again",
            context=context,
        )
    if isinstance(error, lmdb.DbsFullError):
        return InvalidConfigError(
            f"The online store {path} has no room for another table.",
            hint="raise online_store.max_tables in feature_store.yaml",
            context=context,
        )
    if isinstance(error, lmdb.DiskError) or (_CUT_SHORT in str(error) and _free_bytes(path) < _ROOM):
        return UnavailableError(
            f"The disk of the online store {path} is full; nothing of this batch was written.",
            hint="free some space and write the batch again",
            context=context,
        )
    if isinstance(error, lmdb.ReadersFullError):
        return UnavailableError(
            f"The online store {path} has {_READERS} reads under way already.", hint="try again", context=context
        )
    return _lasting(error, path, context)


def _free_bytes(path: Path) -> int:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return _ROOM


def _lasting(error: Exception, path: Path, context: dict[str, str]) -> UnavailableError:
    hint = "check online_store.path in feature_store.yaml, and that the folder can be written"
    if isinstance(error, lmdb.MemoryError):
        hint = "lower online_store.map_size in feature_store.yaml, or raise the limit (ulimit -v)"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    unavailable = UnavailableError(
        f"The online store {path} cannot be used: {reason or error}.", hint=hint, context=context
    )
    unavailable.retryable = False
    return unavailable
