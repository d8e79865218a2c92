"""Calls to DynamoDB: from threads by boto3, from event loops by aiobotocore, several at once where that helps."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import boto3.session
import botocore.config
import botocore.loaders
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession

from repast.backends.online.connection_pool import closed
from repast.backends.online.dynamodb_failure import EXPLAINED, code_of, explain
from repast.backends.online.parallel import Item, Result, Workers
from repast.backends.online.per_loop import PerLoop

CONDITION_FAILED = "ConditionalCheckFailedException"


@dataclass(frozen=True, kw_only=True)
class LinkSettings:
    """How to reach DynamoDB."""

    region: str | None
    endpoint_url: str | None
    readers: int
    """Calls of one read at once."""
    writers: int
    """Calls of one write at once."""
    keepalive: float
    config: Mapping[str, Any] = field(default_factory=dict)
    """Options of botocore's Config."""

    @property
    def address(self) -> str:
        """What messages call it."""
        return self.endpoint_url or self.region or "the default region"


class _Process:
    """What one process has open; a fork opens its own."""

    def __init__(self, settings: LinkSettings) -> None:
        self.pid = os.getpid()
        self.client: Any = boto3.session.Session().client(
            "dynamodb",
            region_name=settings.region,
            endpoint_url=settings.endpoint_url,
            config=botocore.config.Config(**settings.config),
        )


class _LoopClient:
    """The client of one event loop: opening it takes an await, so that it is opened when first used."""

    def __init__(self, settings: LinkSettings, loader: botocore.loaders.Loader) -> None:
        self._settings = settings
        self._loader = loader
        self._stack = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._client: Any = None

    async def get(self) -> Any:
        if self._client is None:
            async with self._lock:
                if self._client is None:
                    self._client = await self._stack.enter_async_context(self._make())
        return self._client

    async def close(self) -> None:
        await self._stack.aclose()

    def _make(self) -> Any:
        session = AioSession()
        session.register_component("data_loader", self._loader)  # the service's description is read once, not per loop
        return session.create_client(
            "dynamodb",
            region_name=self._settings.region,
            endpoint_url=self._settings.endpoint_url,
            config=AioConfig({"keepalive_timeout": self._settings.keepalive}, **self._settings.config),
        )


class DynamodbLink:
    """Calls operations by their names in boto3. Safe to share between threads, event loops and forks.

    What fails for a passing reason is tried again by AWS's client, with jitter between.
    """

    def __init__(self, settings: LinkSettings) -> None:
        self._settings = settings
        self._closed = False
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._process: _Process | None = None
        # Apart: reads do not queue behind a load.
        self._readers = Workers(settings.readers, "repast-dynamodb-read")
        self._writers = Workers(settings.writers, "repast-dynamodb-write")
        loader = botocore.loaders.create_loader()
        self._clients: PerLoop[_LoopClient] = PerLoop(
            lambda: _LoopClient(settings, loader), lambda client: client.close()
        )

    @property
    def address(self) -> str:
        """Where the tables are, for messages."""
        return self._settings.address

    def call(self, operation: str, **arguments: Any) -> Any:
        """Return the answer of an operation.

        Raises:
            NotFoundError, UnavailableError, InvalidRequestError, InvalidConfigError: dynamodb_failure says when.

        """
        try:
            return getattr(self._opened().client, operation)(**arguments)
        except EXPLAINED as error:
            raise explain(error, self.address) from error

    async def acall(self, operation: str, **arguments: Any) -> Any:
        """Like :meth:`call` without blocking the event loop."""
        self._check_open()
        try:
            client = await self._clients.get().get()
            return await getattr(client, operation)(**arguments)
        except EXPLAINED as error:
            raise explain(error, self.address) from error

    def put(self, **arguments: Any) -> bool:
        """Put an item; return False if its condition does not hold."""
        try:
            self._opened().client.put_item(**arguments)
        except EXPLAINED as error:
            if code_of(error) == CONDITION_FAILED:
                return False
            raise explain(error, self.address) from error
        return True

    def read_each(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Do some reading for each item, several at once; return the results in no order."""
        self._check_open()
        return self._readers.each(work, items)

    def write_each(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Do some writing for each item, several at once; return the results in no order."""
        self._check_open()
        return self._writers.each(work, items)

    def close(self) -> None:
        """Close connections. Idempotent."""
        self._closed = True
        process, self._process = self._process, None
        if process is not None and process.pid == os.getpid():
            process.client.close()
        self._readers.close()
        self._writers.close()
        self._clients.close()

    def _check_open(self) -> None:
        if self._closed:
            raise closed()

    def _opened(self) -> _Process:
        self._check_open()
        process = self._process
        if process is not None and process.pid == os.getpid():
            return process
        if self._pid != os.getpid():  # a fork: what the parent has open is not ours, nor who holds the lock there
            self._lock, self._pid = threading.Lock(), os.getpid()
        with self._lock:
            process = self._process
            if process is None or process.pid != os.getpid():
                process = self._process = _Process(self._settings)
        return process
