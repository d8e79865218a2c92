"""Files that are written beside the one they become, and that nobody has to clean up after."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_NAME = re.compile(r"\..+\.[0-9a-f]{32}\.part", re.DOTALL)


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Make an empty file beside ``path`` that no reader takes for data; it is gone at the end if it was not moved.

    A writer that is killed leaves its file behind. Whoever writes to the same folder next removes it: each
    writer holds a lock on its file, which the system releases when the process ends in whatever way.

    Raises:
        OSError: The file cannot be made.

    """
    _sweep(path.parent)
    target, descriptor = _make(path)
    try:
        yield target
    finally:
        with suppress(OSError):
            target.unlink(missing_ok=True)
        os.close(descriptor)


def _make(path: Path) -> tuple[Path, int]:
    while True:
        target = path.with_name(f".{path.name}.{uuid4().hex}.part")
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        _try_lock(descriptor)
        if os.fstat(descriptor).st_nlink:
            return target, descriptor
        os.close(descriptor)  # somebody swept between the two lines: it looked abandoned


def _sweep(folder: Path) -> None:
    """Remove the files of writers that are no more, as far as that can be told and done."""
    with suppress(OSError), os.scandir(folder) as entries:
        for name in [entry.name for entry in entries if _NAME.fullmatch(entry.name)]:
            with suppress(OSError):
                _remove_abandoned(folder / name)


def _remove_abandoned(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)
    try:
        if _try_lock(descriptor):
            file.unlink()
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    """Lock a file unless another has it, and tell whether that was done; never on a system without locks."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
