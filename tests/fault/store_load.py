"""Loads and reads of an online store that go on while its server goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from repast.errors import UnavailableError
from repast.ports.online import OnlineStore, OnlineTable, WriteResult

TABLE = OnlineTable("fault", "view")
NAMES = [b"%03d" % number for number in range(200)]
PATIENCE = 120.0
"""Seconds until what does not come is held to be lost: many times what the slowest server takes to start again."""


def value(turn: int) -> bytes:
    return b"%06d" % turn + b"." * 50


@contextmanager
def passing() -> Iterator[None]:
    """What fails here must say that it may pass."""
    try:
        yield
    except UnavailableError as error:
        if not error.retryable:
            raise


def write_until_written(store: OnlineStore, turn: int) -> WriteResult:
    """Write a turn as a load would: a failure that may pass is followed by the same batch again."""
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        with passing():
            return store.write(TABLE, NAMES, [value(turn)] * len(NAMES))
    raise AssertionError("the server did not come back")


class _Progress:
    """How far the writers of a load and those who disturb it have come; each waits for the other."""

    def __init__(self, turns: int, disturbances: int) -> None:
        self.over = threading.Event()
        """No writer is left."""
        self.disturbances = 0
        self._turns = turns
        self._wanted = disturbances
        self._due = 0.0
        self._written = 0
        self._writers = 2
        self._changed = threading.Condition()

    def begin(self, turn: int) -> None:
        """Wait until there have been as many disturbances as there have to be before a turn."""
        with self._changed:
            self._due = self._wanted * turn / self._turns
            self._changed.notify_all()
            enough = self._changed.wait_for(lambda: self.disturbances >= self._due, PATIENCE)
        assert enough, f"{self.disturbances} of {self._wanted} disturbances before turn {turn}"

    def end(self) -> None:
        """Count a turn."""
        with self._changed:
            self._written += 1
            self._changed.notify_all()

    def leave(self) -> None:
        """Count a writer out."""
        with self._changed:
            self._writers -= 1
            self._changed.notify_all()
        if not self._writers:
            self.over.set()

    def disturbed(self, times: int) -> None:
        """Tell of disturbances; return when a turn was written after them, so that they never are faster than writers.

        Or when a writer waits for another one, or none is left.
        """
        with self._changed:
            self.disturbances = times
            self._changed.notify_all()
            before = self._written
            self._changed.wait_for(
                lambda: self._written > before or self.disturbances < self._due or not self._writers, PATIENCE
            )


class Crashable(Protocol):
    """A server of the tests."""

    def crash(self) -> None:
        """End it without a word to anybody."""

    def start(self) -> None:
        """Start it, and wait until it answers."""


def crashing_twice(server: Crashable) -> Callable[[], int]:
    """Return a disturbance: a crash and a new start, the first two times."""
    crashes = 0

    def crash() -> int:
        nonlocal crashes
        if crashes < 2:
            server.crash()
            server.start()
            crashes += 1
        return crashes

    return crash


def under_load(make: Callable[[], OnlineStore], disturb: Callable[[], int], turns: int, disturbances: int) -> None:
    """Write turns upwards and downwards and read all the while, as ``disturb`` goes on.

    Fails if a row is lost, cut or older than one that was read before, or if an error does not say that it may pass.

    Args:
        make: Opens a store.
        disturb: Called again and again; returns how many disturbances there have been.
        turns: How many are written.
        disturbances: How many there have to be before the last turn; they are spread over the turns, however fast
            these are written.

    """
    upward, downward, reading = stores = [make() for _ in range(3)]
    progress, errors = _Progress(turns, disturbances), list[BaseException]()

    def upwards() -> None:
        for turn in range(turns):
            progress.begin(turn)
            write_until_written(upward, turn)
            progress.end()

    def downwards() -> None:
        for turn in reversed(range(turns - 1)):
            write_until_written(downward, turn)
            progress.end()

    def read() -> None:
        last: list[bytes | None] = [b""] * len(NAMES)
        while not progress.over.is_set():
            with passing():
                (found,) = reading.read([(TABLE, NAMES)])
                assert all(new is not None and new >= (old or b"") for new, old in zip(found, last, strict=True))
                last = found

    def guarded(action: Callable[[], None]) -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001 (looked at below)
            errors.append(error)
        finally:
            if action is not read:
                progress.leave()

    write_until_written(upward, 0)
    threads = [threading.Thread(target=guarded, args=(action,)) for action in (upwards, downwards, read)]
    for thread in threads:
        thread.start()
    while not progress.over.wait(0.1):
        progress.disturbed(disturb())
    for thread in threads:
        thread.join()
    assert errors == []
    assert upward.read([(TABLE, NAMES)]) == [[value(turns - 1)] * len(NAMES)]
    for store in stores:
        store.close()
