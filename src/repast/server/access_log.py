"""One line per request on stdout, written by a thread of its own: requests only leave a note."""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from time import time
from typing import Any, TextIO

EVERY = 0.25
"""Seconds between writes."""
BACKLOG = 100_000
"""Notes that are kept between writes; the oldest are dropped first, and counted."""

_logger = logging.getLogger("repast.server")


class AccessLog:
    """Writes ``host - [time] "METHOD path" status bytes milliseconds``.

    Where that cannot be written now (the disk is full, say), requests are answered all the same, and
    lines follow as soon as they can, with the number of those that are missing.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._notes: deque[tuple[float, str, str, str, int, int, float]] = deque(maxlen=BACKLOG)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lost = 0

    def add(self, scope: Mapping[str, Any], status: int, size: int, seconds: float) -> None:
        """Note one request."""
        client = scope.get("client") or ("-",)
        self._notes.append((time(), client[0], scope["method"], scope["path"], status, size, seconds))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="repast-access-log", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Write what is left. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            self._write()
        self._write()

    def _write(self) -> None:
        full = len(self._notes) == BACKLOG
        lines = [f"access log: {self._lost} requests are not shown\n"] if self._lost else []
        noted = 0
        while self._notes:
            noted += 1
            at, client, method, path, status, size, seconds = self._notes.popleft()
            moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
            shown = path.encode("unicode_escape").decode().replace('"', "\\x22")  # a path may hold line breaks
            lines.append(f'{client} - [{moment}] "{method} {shown}" {status} {size} {seconds * 1000:.3f}\n')
        if full:
            lines.append("access log: too many requests, some are not shown\n")
        if lines:
            try:
                self._stream.write("".join(lines))
                self._stream.flush()
            except (OSError, ValueError) as error:  # ValueError: it was closed
                if not self._lost:
                    _logger.warning("the access log cannot be written: %s", error)
                self._lost += noted
            else:
                self._lost = 0
