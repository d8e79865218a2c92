"""Processes that do nothing for a while."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let a process stand still, with all its connections open."""
    process.send_signal(signal.SIGSTOP)
    # The signal is sent, not yet obeyed: a thread on another core may still answer.
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)
