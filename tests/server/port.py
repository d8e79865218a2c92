"""Ports for the servers that tests start."""

from __future__ import annotations

import secrets
import socket

_LOWEST, _COUNT = 10_000, 10_000
"""Below what systems give to connections: else one could be made from a port whose server is about to start again."""


def free_port() -> int:
    """Return a port that is free, and this process's own for as long as it lives.

    Between the choice and the start, and while a server is down, nobody else who asks here gets the port: it is taken
    for UDP, which no server of the tests uses. The port 10,000 above is free too: there a Redis cluster's nodes talk to
    each other.
    """
    while True:
        port = _LOWEST + secrets.randbelow(_COUNT)  # not `random`, which Hypothesis sets to the same state everywhere
        with socket.socket() as server, socket.socket() as bus, socket.socket(type=socket.SOCK_DGRAM) as reserved:
            try:
                for taken, number in ((reserved, port), (server, port), (bus, port + _COUNT)):
                    taken.bind(("127.0.0.1", number))
            except OSError:
                continue
            reserved.detach()  # stays open until the process ends
            return port
