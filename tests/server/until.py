"""Waiting for what another process or thread decides: only asking again can tell."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(done: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Ask again and again until it is so.

    Raises:
        RuntimeError: It has not become so; ``seconds`` are many times what it should take on a slow machine.

    """
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds:g} s for {what}")
        time.sleep(0.01)
