"""Clients of event loops: one for each, closed when its loop ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

Client = TypeVar("Client")


class PerLoop(Generic[Client]):
    """Keeps a client per event loop, for its connections work in no other one.

    Args:
        make: Makes one without connecting.
        close: Closes one, in its loop.

    """

    def __init__(self, make: Callable[[], Client], close: Callable[[Client], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._clients: WeakKeyDictionary[Any, tuple[Client, AsyncGenerator[None, None]]] = WeakKeyDictionary()

    def get(self) -> Client:
        """Return the running loop's client."""
        loop = asyncio.get_running_loop()
        found = self._clients.get(loop)
        if found is None:
            client = self._make()
            found = self._clients[loop] = (client, self._guard(client))
            # A loop that ends closes the asynchronous generators that were started in it.
            with suppress(StopIteration):
                found[1].__anext__().send(None)
        return found[0]

    async def _guard(self, client: Client) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self._close(client)

    def close(self) -> None:
        """Close all clients, each in its loop."""
        for loop, (_, guard) in list(self._clients.items()):
            if loop.is_running():
                asyncio.run_coroutine_threadsafe(_end(guard), loop)
        self._clients.clear()


async def _end(guard: AsyncGenerator[None, None]) -> None:
    await guard.aclose()
