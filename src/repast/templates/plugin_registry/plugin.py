"""A registry in a folder: one file per document, one lock for all of them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from repast.errors import ClosedError, ConflictError, InvalidRequestError
from repast.ports.registry import Document, RegistryStore

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")


class Registry(RegistryStore):
    """Keeps each document in a file. Its version counts the swaps of all documents, and ends in a digest.

    Args:
        repo_path: Folder of the repo, where a relative ``path`` starts.
        path: The folder of the documents.

    """

    def __init__(self, *, repo_path: Path, path: str = "data/registry") -> None:
        self._root = Path(repo_path) / path
        self._closed = False

    def load(self, name: str) -> Document | None:
        """Read a document: a line with its version, then its bytes."""
        try:
            version, _, data = self._path(name).read_bytes().partition(b"\n")
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Document(data, version.decode())

    def swap(self, name: str, data: bytes | None, expected: str | None) -> Document | None:
        """Replace a document if nobody else did."""
        path = self._path(name)
        with self._locked():
            found = self.load(name)
            if (found.version if found else None) != expected:
                raise ConflictError(f"Document {name!r} was changed by somebody else.", hint="load it again")
            if data is None:
                path.unlink(missing_ok=True)
                return None
            version = f"{self._count()}-{hashlib.sha256(data).hexdigest()[:16]}"
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}.new")
            unfinished.write_bytes(version.encode() + b"\n" + data)
            unfinished.replace(path)
            return Document(data, version)

    def names(self, prefix: str = "") -> Sequence[str]:
        """List the files."""
        self._check_open()
        found = (path.relative_to(self._root).as_posix() for path in self._root.rglob("*.doc"))
        return sorted(name for file in found if (name := file.removesuffix(".doc")).startswith(prefix))

    def close(self) -> None:
        """Nothing is held open."""
        self._closed = True

    def _path(self, name: str) -> Path:
        self._check_open()
        if not _NAME.fullmatch(name):
            raise InvalidRequestError(f"{name!r} cannot name a document.", hint="use letters, digits, '_', '.', '-'")
        return self._root / f"{name}.doc"

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("The registry is closed.", hint="open a new FeatureStore")

    def _count(self) -> int:
        """Return a number that was never returned before; the lock is held."""
        path = self._root / ".count"
        number = int(path.read_text()) + 1 if path.exists() else 1
        path.with_suffix(".new").write_text(str(number))
        path.with_suffix(".new").replace(path)
        return number

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._root / ".lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
