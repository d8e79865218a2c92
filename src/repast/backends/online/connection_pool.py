"""Connections to a server: opened when needed, lent to one user at a time, never shared by a fork.

Unlike the pools of the drivers these have no threads: an error of connecting is raised where the connection
was wanted, with its reason, and a forked process starts with an empty pool.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from repast.errors import ClosedError, UnavailableError

C = TypeVar("C")

_inherited: list[object] = []
"""Connections of a parent process. Letting go of them could end them for the parent, so they are kept."""


class ConnectionPool(Generic[C]):
    """Lends connections to threads.

    Args:
        connect: Opens one.
        close: Closes one, whatever its state; raises nothing.
        size: How many may be open.
        patience: Seconds to wait for one when all are in use.

    """

    def __init__(self, connect: Callable[[], C], close: Callable[[C], object], *, size: int, patience: float) -> None:
        self._connect = connect
        self._close = close
        self._size = size
        self._patience = patience
        self._closed = False
        self._begin()

    def take(self) -> C:
        """Take an idle connection or open one; the caller gives it back.

        Raises:
            ClosedError: The pool is closed.
            UnavailableError: All connections stayed in use.

        """
        if self._pid != os.getpid():
            _inherited.extend(self._idle)
            self._begin()
        if self._closed:
            raise closed()
        if not self._free.acquire(timeout=self._patience):
            raise exhausted(self._size, self._patience)
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def give(self, connection: C, *, usable: bool = True) -> None:
        """Give a connection back; one that is not usable is closed."""
        if usable and not self._closed:
            self._idle.append(connection)
        else:
            self._close(connection)
        self._free.release()
        if self._closed:
            self.empty()

    def empty(self) -> None:
        """Close all idle connections: one that broke seldom broke alone."""
        while self._idle:
            try:
                self._close(self._idle.pop())
            except IndexError:
                return

    def close(self) -> None:
        """Close idle connections now and others when they are given back. Idempotent."""
        self._closed = True
        if self._pid == os.getpid():
            self.empty()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._idle: list[C] = []
        self._free = threading.Semaphore(self._size)

    def _open(self) -> C:
        try:
            return self._connect()
        except BaseException:
            self._free.release()
            raise


class _Loop(Generic[C]):
    """The connections of one event loop."""

    def __init__(self, size: int, guard: AsyncGenerator[None, None]) -> None:
        self.idle: list[C] = []
        self.free = asyncio.Semaphore(size)
        self.guard = guard


class AsyncConnectionPool(Generic[C]):
    """Lends connections to tasks; each event loop has its own, closed when the loop shuts down."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[C]],
        close: Callable[[C], Awaitable[object]],
        *,
        size: int,
        patience: float,
    ) -> None:
        self._connect = connect
        self._close = close
        self._size = size
        self._patience = patience
        self._closed = False
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop[C]] = WeakKeyDictionary()

    async def take(self) -> C:
        """Take an idle connection or open one; errors as of :meth:`ConnectionPool.take`."""
        if self._closed:
            raise closed()
        loop = self._loops.get(asyncio.get_running_loop()) or await self._enter()
        if loop.free.locked():
            try:
                await asyncio.wait_for(loop.free.acquire(), self._patience)
            except TimeoutError:
                raise exhausted(self._size, self._patience) from None
        else:
            await loop.free.acquire()
        if loop.idle:
            return loop.idle.pop()
        try:
            return await self._connect()
        except BaseException:
            loop.free.release()
            raise

    async def give(self, connection: C, *, usable: bool = True) -> None:
        """Give a connection back; one that is not usable is closed."""
        loop = self._loops[asyncio.get_running_loop()]
        loop.free.release()
        if usable and not self._closed:
            loop.idle.append(connection)
        else:
            await self._close(connection)

    async def empty(self) -> None:
        """Close all idle connections of this event loop."""
        found = self._loops.get(asyncio.get_running_loop())
        while found is not None and found.idle:
            await self._close(found.idle.pop())

    def close(self) -> None:
        """Let each event loop close its idle connections, at the latest when it shuts down. Idempotent."""
        self._closed = True
        for loop in list(self._loops):
            if loop.is_running():
                loop.call_soon_threadsafe(_start, loop, self.empty)

    async def _enter(self) -> _Loop[C]:
        """Begin to keep connections for this event loop."""
        loop = asyncio.get_running_loop()
        guard = self._guard(loop)
        entered = self._loops[loop] = _Loop[C](self._size, guard)
        await anext(guard)
        return entered

    async def _guard(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None]:
        """An event loop that shuts down closes the generators that began in it: this one takes the rest along."""
        try:
            yield
        finally:
            await self.empty()
            self._loops.pop(loop, None)


_tasks: set[asyncio.Task[Any]] = set()


def _start(loop: asyncio.AbstractEventLoop, action: Callable[[], Any]) -> None:
    task = loop.create_task(action())
    _tasks.add(task)  # event loops keep no reference of their own
    task.add_done_callback(_tasks.discard)


def closed() -> ClosedError:
    """What every use of a closed store gets."""
    return ClosedError("The online store is closed.", hint="open a new FeatureStore")


def exhausted(size: int, patience: float) -> UnavailableError:
    """Every connection stayed in use."""
    return UnavailableError(
        f"All {size} connections of the online store stayed in use for {patience:g} s.",
        hint="raise online_store.max_conn in feature_store.yaml, or read from fewer threads",
    )
