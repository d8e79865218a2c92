"""The access log: a line per request whatever is asked for, and wherever it is written."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

from repast.server.access_log import AccessLog

SCOPE = {"client": ("10.0.0.1", 5), "method": "GET", "path": "/health"}


class Disk(io.StringIO):
    """A file on a disk that may be full."""

    is_full = False

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_path_cannot_pretend_to_be_another_line_or_status() -> None:
    stream = io.StringIO()
    log = AccessLog(stream)
    log.add({**SCOPE, "path": '/a" 200\r\n10.0.0.2 - "GET /b'}, 404, 22, 0.001)
    log.close()
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r'"GET /a\x22 200\r\n10.0.0.2 - \x22GET /b" 404 22 1.000')


def test_a_full_disk_does_not_end_the_log(caplog: pytest.LogCaptureFixture) -> None:
    stream = Disk()
    stream.is_full = True
    log = AccessLog(stream)
    log.add(SCOPE, 200, 0, 0.001)
    wait_until(lambda: "No space left on device" in caplog.text)
    log.add(SCOPE, 200, 0, 0.001)
    stream.is_full = False
    wait_until(lambda: "GET /health" in stream.getvalue())
    log.close()
    lost, *lines = stream.getvalue().splitlines()
    assert (lost, len(lines)) == ("access log: 1 requests are not shown", 1)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_a_log_that_was_closed_ends_nothing() -> None:
    stream = io.StringIO()
    log = AccessLog(stream)
    stream.close()
    log.add(SCOPE, 200, 0, 0.001)
    log.close()
