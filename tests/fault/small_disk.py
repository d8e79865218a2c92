"""A disk of a few megabytes that a test may fill or make read-only."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A memory file system mounted on a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def filler(self) -> Path:
        return self.path / "filler"

    @contextmanager
    def full(self, *, left: int = 0) -> Iterator[None]:
        """For a while, leave so many bytes free and no more."""
        with self.filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)) == 4096:
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            file.truncate(max(0, file.tell() - left))
        try:
            yield
        finally:
            self.filler.unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """For a while, let nobody write: not even root, whom permissions don't stop."""
        _mount("-o", "remount,ro", str(self.path))
        try:
            yield
        finally:
            _mount("-o", "remount,rw", str(self.path))


@contextmanager
def small_disk(path: Path, *, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk at a new folder; skip the test where that is not allowed."""
    path.mkdir(parents=True)
    if shutil.which("mount") is None:
        pytest.skip("there is no mount command: a full or read-only disk cannot be made")
    mounted = _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path))
    if mounted.returncode:
        pytest.skip(f"mounting a small disk is not allowed here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(path)
    finally:
        _run("umount", "--lazy", str(path))


def _mount(*arguments: str) -> None:
    done = _run("mount", *arguments)
    assert done.returncode == 0, done.stderr


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
