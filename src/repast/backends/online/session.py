"""Work on a SQL server: a pooled connection for each action, another attempt where that helps, errors in words."""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from repast.backends.online.connection_pool import AsyncConnectionPool, ConnectionPool
from repast.errors import RepastError

C = TypeVar("C")
A = TypeVar("A")
T = TypeVar("T")

ATTEMPTS = 5
_FIRST_PAUSE = 0.05


class Session(ABC, Generic[C, A]):
    """Runs actions on pooled connections, each in its own transaction unless the action says otherwise.

    What failed for a passing reason (connection lost, deadlock, server restarting) is tried again up to four
    times within about a second. Everything that a store does may be done twice.

    Args:
        errors: What the driver raises.
        size: How many connections may be open.
        patience: Seconds to wait for one.

    """

    def __init__(self, errors: tuple[type[Exception], ...], *, size: int, patience: float) -> None:
        self._errors = errors
        self._pool: ConnectionPool[C] = ConnectionPool(self.connect, self.disconnect, size=size, patience=patience)
        self._async_pool: AsyncConnectionPool[A] = AsyncConnectionPool(
            self.aconnect, self.adisconnect, size=size, patience=patience
        )

    @abstractmethod
    def connect(self) -> C:
        """Open a connection in autocommit mode."""

    @abstractmethod
    def disconnect(self, connection: C) -> None:
        """Close a connection, whatever its state; raise nothing."""

    @abstractmethod
    async def aconnect(self) -> A:
        """Like :meth:`connect`."""

    @abstractmethod
    async def adisconnect(self, connection: A) -> None:
        """Like :meth:`disconnect`."""

    @abstractmethod
    def is_transient(self, error: Any) -> bool:
        """Whether trying again at once, on a fresh connection, may help."""

    @abstractmethod
    def is_usable(self, connection: C | A) -> bool:
        """Whether a connection is still good after an error that is not transient."""

    @abstractmethod
    def explain(self, error: Any) -> RepastError:
        """Return what an error of the driver means for the user."""

    def run(self, action: Callable[[C], T]) -> T:
        """Run an action on a connection.

        Raises:
            UnavailableError, NotFoundError, InvalidRequestError: What the driver raises, explained.

        """
        for attempt in range(ATTEMPTS):
            try:
                return self._attempt(action)
            except self._errors as error:
                if attempt + 1 == ATTEMPTS or not self.is_transient(error):
                    raise self.explain(error) from error
                self._pool.empty()  # a connection that broke seldom broke alone
                time.sleep(_pause(attempt))
        raise AssertionError("unreachable")

    async def arun(self, action: Callable[[A], Awaitable[T]]) -> T:
        """Like :meth:`run`, without blocking the event loop."""
        for attempt in range(ATTEMPTS):
            try:
                return await self._aattempt(action)
            except self._errors as error:
                if attempt + 1 == ATTEMPTS or not self.is_transient(error):
                    raise self.explain(error) from error
                await self._async_pool.empty()
                await asyncio.sleep(_pause(attempt))
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._pool.close()
        self._async_pool.close()

    def _attempt(self, action: Callable[[C], T]) -> T:
        connection, usable = self._pool.take(), False
        try:
            result = action(connection)
            usable = True
            return result
        except self._errors as error:
            usable = not self.is_transient(error) and self.is_usable(connection)
            raise
        finally:  # also what interrupts the program leaves no half-read connection behind
            self._pool.give(connection, usable=usable)

    async def _aattempt(self, action: Callable[[A], Awaitable[T]]) -> T:
        connection, usable = await self._async_pool.take(), False
        try:
            result = await action(connection)
            usable = True
            return result
        except self._errors as error:
            usable = not self.is_transient(error) and self.is_usable(connection)
            raise
        finally:
            await self._async_pool.give(connection, usable=usable)


def _pause(attempt: int) -> float:
    return _FIRST_PAUSE * float(1 << attempt) * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
