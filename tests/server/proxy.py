"""A line to a server that breaks when it is told to."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Passes bytes on to a server, and cuts the line after so many."""

    def __init__(self, target: int) -> None:
        self.left: int | None = None
        self._target = target
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
                if counts and self.left is not None:
                    data, self.left = data[: self.left], self.left - len(data)
                target.sendall(data)
                if counts and self.left is not None and self.left <= 0:
                    break
        for line in (source, target):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        source.close()
