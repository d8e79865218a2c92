"""Loads and reads of an online store that go on while its server goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from repast.errors import UnavailableError
from repast.ports.online import OnlineStore, OnlineTable, WriteResult

TABLE = OnlineTable("fault", "view")
NAMES = [b"%03d" % number for number in range(200)]


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
    for _ in range(100):
        with passing():
            return store.write(TABLE, NAMES, [value(turn)] * len(NAMES))
    raise AssertionError("the server did not come back")


def under_load(make: Callable[[], OnlineStore], disturb: Callable[[], None], turns: int) -> None:
    """Write turns upwards and downwards and read all the while, as ``disturb`` goes on.

    Fails if a row is lost, cut or older than one that was read before, or if an error does not say that it may pass.
    """
    upward, downward, reading = stores = [make() for _ in range(3)]
    done, errors = threading.Event(), list[BaseException]()

    def upwards() -> None:
        for turn in range(turns):
            write_until_written(upward, turn)

    def downwards() -> None:
        for turn in reversed(range(turns - 1)):
            write_until_written(downward, turn)

    def read() -> None:
        last: list[bytes | None] = [b""] * len(NAMES)
        while not done.is_set():
            with passing():
                (found,) = reading.read([(TABLE, NAMES)])
                assert all(new is not None and new >= (old or b"") for new, old in zip(found, last, strict=True))
                last = found

    def guarded(action: Callable[[], None]) -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001 (looked at below)
            errors.append(error)

    write_until_written(upward, 0)
    writers = [threading.Thread(target=guarded, args=(action,)) for action in (upwards, downwards)]
    reader = threading.Thread(target=guarded, args=(read,))
    for thread in (*writers, reader):
        thread.start()
    while any(writer.is_alive() for writer in writers):
        disturb()
        writers[0].join(0.1)
    done.set()
    reader.join()
    assert errors == []
    assert upward.read([(TABLE, NAMES)]) == [[value(turns - 1)] * len(NAMES)]
    for store in stores:
        store.close()
