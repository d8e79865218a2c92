"""Documents as files of a local folder: readers never wait, writers swap one at a time."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from repast.errors import ConflictError, InvalidConfigError, RepastError, UnavailableError, UnsupportedError
from repast.ports.registry import Document

LOCK = ".lock"
PENDING = ".pending"
LOCK_SECONDS = 30.0


class Folder:
    """Compare-and-swap on files.

    A writer holds an operating system lock on the folder's ``.lock`` file, which the system releases
    when the process ends in whatever way, so a lock can't be left behind. It writes ``.pending``,
    flushes it to the disk and renames it over the document: whoever reads at any moment, or after a
    crash, finds the old bytes or the new ones. A left-over ``.pending`` is overwritten by the next writer.

    Args:
        root: The folder; made by the first swap.
        monotonic: Seconds of a clock that only grows; tests pass their own.
        sleep: Waits between attempts to get the lock.

    """

    def __init__(
        self,
        root: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._root = str(root)
        self._monotonic = monotonic
        self._sleep = sleep

    def load(self, name: str) -> Document | None:
        path = self._path(name)
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - strings are faster, and this is on the serving path
                data = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failure(error, f"read {path}") from error
        return Document(data, _version(data))

    def find_version(self, name: str) -> str | None:
        found = self.load(name)
        return found.version if found else None

    def stamp(self, name: str) -> tuple[int, ...] | None:
        """Tell a changed document by one ``stat``; swaps make sure that the change time grows."""
        try:
            found = os.stat(self._path(name))  # noqa: PTH116
        except OSError:
            return ()
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def swap(self, name: str, data: bytes | None, expected: str | None) -> Document | None:
        path = self._path(name)
        if data is None and expected is None and self.load(name) is None:
            return None
        try:
            with self._lock(path):
                self._check(name, expected)
                if data is None:
                    self._remove(path)
                    return None
                self._replace(path, data)
                return Document(data, _version(data))
        except RepastError:  # some of ours are operating system errors too
            raise
        except OSError as error:
            raise self._failure(error, f"write {path}") from error

    def names(self, prefix: str) -> list[str]:
        start = prefix.rpartition("/")[0]
        found: list[str] = []
        for folder, folders, files in os.walk(os.path.join(self._root, start), onerror=self._walk_failure):  # noqa: PTH118
            folders[:] = [name for name in folders if not name.startswith(".")]
            inside = os.path.relpath(folder, self._root).replace(os.sep, "/")
            at = "" if inside == "." else f"{inside}/"
            found += [f"{at}{name}" for name in files if not name.startswith(".")]
        return sorted(name for name in found if name.startswith(prefix))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _check(self, name: str, expected: str | None) -> None:
        current = self.load(name)
        if (current.version if current else None) != expected:
            raise ConflictError(
                f"{self._path(name)} was changed by somebody else meanwhile; nothing was written.",
                context={"document": name},
            )

    def _replace(self, path: str, data: bytes) -> None:
        folder = os.path.dirname(path)  # noqa: PTH120
        pending = os.path.join(folder, PENDING)  # noqa: PTH118
        previous = self._modified(path)
        with open(pending, "wb") as file:  # noqa: PTH123
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        changed = max(time.time_ns(), previous + 1)
        os.utime(pending, ns=(changed, changed))
        os.replace(pending, path)  # noqa: PTH105
        _sync(folder)

    def _modified(self, path: str) -> int:
        try:
            return os.stat(path).st_mtime_ns  # noqa: PTH116
        except FileNotFoundError:
            return 0

    def _remove(self, path: str) -> None:
        os.unlink(path)  # noqa: PTH108
        folder = os.path.dirname(path)  # noqa: PTH120
        _sync(folder)
        while folder != self._root:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, PENDING))  # noqa: PTH108, PTH118
            try:
                os.rmdir(folder)  # noqa: PTH106
            except OSError:  # not empty
                return
            folder = os.path.dirname(folder)  # noqa: PTH120

    @contextlib.contextmanager
    def _lock(self, path: str) -> Iterator[None]:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        descriptor = self._acquire(os.path.join(self._root, LOCK))  # noqa: PTH118
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - a remover may have been here
            yield
        finally:
            os.close(descriptor)  # releases the lock too

    def _acquire(self, lock: str) -> int:
        """Return the descriptor of the locked file that is at this path now."""
        deadline = self._monotonic() + LOCK_SECONDS
        delay = 0.001
        while True:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            if _try_lock(descriptor) and _still_at(descriptor, lock):
                return descriptor
            os.close(descriptor)
            if self._monotonic() > deadline:
                raise UnavailableError(
                    f"{lock} has been held by another process for {LOCK_SECONDS:.0f} seconds.",
                    hint="find the process that hangs: fuser " + lock,
                )
            self._wait(delay)
            delay = min(delay * 1.5, 0.02)

    def _wait(self, seconds: float) -> None:
        import random

        self._sleep(seconds * (0.5 + random.random()))  # noqa: S311 - spreads the writers, hides nothing

    def _failure(self, error: OSError, action: str) -> RepastError:
        """Say what an operating system error means for a registry."""
        if isinstance(error, NotADirectoryError | FileExistsError | IsADirectoryError):
            return InvalidConfigError(
                f"The registry is a folder of documents, but {error.filename} is "
                f"{'a folder' if isinstance(error, IsADirectoryError) else 'a file'}.",
                hint="give the registry a folder of its own: registry: data/registry",
            )
        hint = _HINTS.get(error.errno or 0, "check the disk and the folder, then try again")
        return UnavailableError(
            f"Cannot {action}: {error.strerror}; nothing was changed.", hint=hint, context={"path": self._root}
        )

    def _walk_failure(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise self._failure(error, f"list {self._root}") from error


_HINTS = {
    errno.EACCES: "give this user the right to read and write the registry's folder, or choose another one",
    errno.EPERM: "give this user the right to read and write the registry's folder, or choose another one",
    errno.EROFS: "the file system is mounted read-only: choose another folder for the registry",
    errno.ENOSPC: "free some disk space, then try again",
    errno.EDQUOT: "free some disk space or raise the quota, then try again",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f), then try again",
}


def _version(data: bytes) -> str:
    """The version is the content's hash: it survives copies and restores, and never stands for other bytes."""
    return hashlib.sha256(data).hexdigest()


def _sync(folder: str) -> None:
    """Make a rename or removal in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _still_at(descriptor: int, path: str) -> bool:
    """Whether the locked file is still the one at its path; somebody may have removed the folder."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))  # noqa: PTH116
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        raise UnsupportedError(
            "Local registries need POSIX file locks, which this system lacks.", hint="use an s3://, gs:// or az:// path"
        )
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
