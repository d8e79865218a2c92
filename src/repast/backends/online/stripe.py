"""Locks for parts of all keys: threads that write the same key take turns, others do not wait."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from zlib import crc32

_STRIPES = 256


class Stripes:
    """A lock per 256th of the keys. A fork begins with locks that nobody holds."""

    def __init__(self) -> None:
        self._begin()

    @contextmanager
    def hold(self, keys: Iterable[bytes]) -> Iterator[None]:
        """Hold the locks of these keys; everybody takes them in one order, so that nobody waits in a circle."""
        if self._pid != os.getpid():
            self._begin()
        with ExitStack() as held:
            for stripe in sorted({crc32(key) % _STRIPES for key in keys}):
                held.enter_context(self._locks[stripe])
            yield

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._locks = [threading.Lock() for _ in range(_STRIPES)]
