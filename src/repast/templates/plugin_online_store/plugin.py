"""An online store in a folder: one file per row, named by a digest of its key."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from repast.errors import ClosedError, InvalidRequestError, NotFoundError
from repast.ports.online import OnlineStore, OnlineTable, Reads, Values, WriteResult


class Store(OnlineStore):
    """Keeps each row in a file of its own.

    Args:
        repo_path: Folder of the repo, where a relative ``path`` starts.
        path: The folder of the rows.

    """

    def __init__(self, *, repo_path: Path, path: str = "data/online") -> None:
        self._root = Path(repo_path) / path
        self._closed = False

    def create(self, tables: Sequence[OnlineTable]) -> None:
        """Make a folder per table."""
        for table in tables:
            self._folder(table).mkdir(parents=True, exist_ok=True)

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        """Remove the folders."""
        for table in tables:
            shutil.rmtree(self._folder(table), ignore_errors=True)

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        """Write what is greater than what is there; a file appears whole or not at all."""
        if len(keys) != len(values):
            raise InvalidRequestError(f"{len(keys)} keys cannot have {len(values)} values.")
        folder = self._folder(table)
        greatest: dict[bytes, bytes] = {}
        for key, value in zip(keys, values, strict=True):
            greatest[key] = max(value, greatest.get(key, value))
        written = late = 0
        with _locked(folder, table):
            for key, value in greatest.items():
                path = folder / _file_name(key)
                found = _read(path)
                if found is None or value > found:
                    unfinished = path.with_suffix(".new")
                    unfinished.write_bytes(value)
                    unfinished.replace(path)
                    written += 1
                else:
                    greatest[key] = found
            late = sum(value < greatest[key] for key, value in zip(keys, values, strict=True))
        return WriteResult(written=written, unchanged=len(keys) - written - late, late=late)

    def read(self, reads: Reads) -> Values:
        """Read the files of the keys."""
        return [[_read(self._folder(table) / _file_name(key)) for key in keys] for table, keys in reads]

    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        """Remove the files of the keys."""
        folder, erased = self._folder(table), 0
        if not folder.is_dir():
            return 0
        with _locked(folder, table):
            for key in set(keys):
                path = folder / _file_name(key)
                erased += path.exists()
                path.unlink(missing_ok=True)
        return erased

    def count(self, table: OnlineTable) -> int:
        """Count the files."""
        return sum(1 for _ in self._folder(table).glob("*.row"))

    def close(self) -> None:
        """Nothing is held open."""
        self._closed = True

    def _folder(self, table: OnlineTable) -> Path:
        if self._closed:
            raise ClosedError("The online store is closed.", hint="open a new FeatureStore")
        names = "\0".join([table.project, table.view, str(table.incarnation)])
        return self._root / hashlib.sha256(names.encode()).hexdigest()


def _file_name(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest() + ".row"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextmanager
def _locked(folder: Path, table: OnlineTable) -> Iterator[None]:
    """Let one writer of a table at a time through, of any process."""
    try:
        handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR)
    except FileNotFoundError:
        raise NotFoundError(f"There is no online table for view {table.view!r}.", hint="run: repast apply") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
