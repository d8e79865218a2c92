"""A line to a server that breaks when it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Passes bytes on to a server, and cuts the line after so many.

    Args:
        target: The server's port.
        heals: Whether lines that are made after the cut hold again; else each is cut at its first byte until ``left``
            is set.

    """

    def __init__(self, target: int, *, heals: bool = False) -> None:
        self.left: int | None = None
        """Bytes to the server that still pass; None: all."""
        self.cuts = 0
        """Lines that were cut."""
        self._target = target
        self._heals = heals
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, other = self._listener.accept()[0], socket.create_connection(("127.0.0.1", self._target))
                for source, target, counts in ((one, other, True), (other, one, False)):
                    threading.Thread(target=self._pass_on, args=(source, target, counts), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                allowed = self._allow(len(data)) if counts else len(data)
                target.sendall(data[:allowed])
                if allowed < len(data):
                    break
        for line in (source, target):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        source.close()

    def _allow(self, size: int) -> int:
        """Return how many of so many bytes pass: fewer if the line is cut now."""
        with self._lock:
            if self.left is None:
                return size
            allowed = min(size, self.left)
            self.left -= allowed
            if allowed < size:
                self.cuts += 1
                if self._heals:
                    self.left = None
            return allowed
