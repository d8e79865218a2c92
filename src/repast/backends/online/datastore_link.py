"""Calls to Datastore by Google's own clients: one for threads, one for each event loop."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import google.auth
import grpc
import grpc.aio
from google.cloud.datastore_v1.services.datastore import DatastoreAsyncClient, DatastoreClient
from google.cloud.datastore_v1.services.datastore.transports import (
    DatastoreGrpcAsyncIOTransport,
    DatastoreGrpcTransport,
)

from repast.backends.online.connection_pool import closed
from repast.backends.online.datastore_failure import EXPLAINED, explain, is_transient
from repast.backends.online.per_loop import PerLoop
from repast.errors import InvalidConfigError

T = TypeVar("T")

EMULATOR = "DATASTORE_EMULATOR_HOST"
_HOST = "datastore.googleapis.com:443"
_SCOPES = ("https://www.googleapis.com/auth/datastore",)
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.use_local_subchannel_pool", 1),  # a fork or a second store gets connections of its own
]
ATTEMPTS = 6
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


@dataclass(frozen=True)
class LinkSettings:
    """How to reach Datastore."""

    project_id: str | None
    timeout: float
    """Seconds to wait for an answer."""


class DatastoreLink:
    """Runs actions on a client. Safe to share between threads, event loops and forks.

    What fails for a passing reason (unreachable, locked, throttled) is tried again, with jitter between. Everything
    that the store does may be done twice.
    """

    def __init__(self, settings: LinkSettings) -> None:
        self.timeout = settings.timeout
        self._project = settings.project_id
        self._closed = False
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._client: Any = None
        self._login: tuple[Any, str | None] | None = None
        self._clients: PerLoop[Any] = PerLoop(self._make_async, lambda client: client.transport.close())

    @property
    def project(self) -> str:
        """The project, as it was given or as Google's client finds it.

        Raises:
            InvalidConfigError: There is none.

        """
        if self._project is None:
            found = os.environ.get("DATASTORE_PROJECT_ID") or os.environ.get("GOOGLE_CLOUD_PROJECT")
            if not found and not os.environ.get(EMULATOR):
                found = self._credentials()[1]
            if not found:
                raise InvalidConfigError(
                    "The online store datastore has no project.", hint="set online_store.project_id"
                )
            self._project = found
        return self._project

    @property
    def address(self) -> str:
        """Where it is, for messages."""
        return f"{os.environ.get(EMULATOR) or 'Google'}, project {self._project or 'by default'}"

    def run(self, action: Callable[[Any], T]) -> T:
        """Run an action on the client.

        Raises:
            UnavailableError, InvalidRequestError: datastore_failure says when.

        """
        for attempt in range(ATTEMPTS):
            try:
                return action(self._opened())
            except EXPLAINED as error:
                if attempt + 1 == ATTEMPTS or not is_transient(error):
                    raise explain(error, self.address) from error
                time.sleep(_pause(attempt))
        raise AssertionError("unreachable")

    async def arun(self, action: Callable[[Any], Awaitable[T]]) -> T:
        """Like :meth:`run` without blocking the event loop."""
        for attempt in range(ATTEMPTS):
            if self._closed:
                raise closed()
            try:
                return await action(self._clients.get())
            except EXPLAINED as error:
                if attempt + 1 == ATTEMPTS or not is_transient(error):
                    raise explain(error, self.address) from error
                await asyncio.sleep(_pause(attempt))
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close connections. Idempotent."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None and self._pid == os.getpid():
            client.transport.close()
        self._clients.close()

    def check_open(self) -> None:
        """Refuse to go on if the store is closed."""
        if self._closed:
            raise closed()

    def _opened(self) -> Any:
        self.check_open()
        if self._pid != os.getpid():  # a fork: what the parent has open is not ours, nor who holds the lock there
            self._lock, self._pid, self._client = threading.Lock(), os.getpid(), None
        if self._client is None:
            with self._lock:
                if self._client is None:
                    self._client = self._make()
        return self._client

    def _make(self) -> Any:
        emulator = os.environ.get(EMULATOR)
        if emulator:
            channel = grpc.insecure_channel(emulator, options=_OPTIONS)
        else:
            channel = DatastoreGrpcTransport.create_channel(
                _HOST, credentials=self._credentials()[0], scopes=_SCOPES, options=_OPTIONS
            )
        return DatastoreClient(transport=DatastoreGrpcTransport(channel=channel))

    def _make_async(self) -> Any:
        emulator = os.environ.get(EMULATOR)
        if emulator:
            channel = grpc.aio.insecure_channel(emulator, options=_OPTIONS)
        else:
            channel = DatastoreGrpcAsyncIOTransport.create_channel(
                _HOST, credentials=self._credentials()[0], scopes=_SCOPES, options=_OPTIONS
            )
        return DatastoreAsyncClient(transport=DatastoreGrpcAsyncIOTransport(channel=channel))

    def _credentials(self) -> tuple[Any, str | None]:
        if self._login is None:
            self._login = google.auth.default(scopes=_SCOPES)
        return self._login


def _pause(attempt: int) -> float:
    return min(_FIRST_PAUSE * float(1 << attempt), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
