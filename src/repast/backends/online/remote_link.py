"""The way to a feature server: connections, time limits, retries, and what its answers mean."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from repast.backends.online.per_loop import PerLoop
from repast.errors import (
    ClosedError,
    ConflictError,
    CorruptDataError,
    InvalidRequestError,
    NotFoundError,
    RepastError,
    UnavailableError,
    UnsupportedError,
)

_FIRST_WAIT, _LONGEST_WAIT = 0.05, 2.0
"""Seconds between attempts; they double, and each is shortened at random."""
_BUSY = frozenset({429, 502, 503, 504})
"""Answers after which trying again may help."""

_BY_CODE: Mapping[str, type[RepastError]] = {
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "invalid_request": InvalidRequestError,
    "unsupported": UnsupportedError,
    "unavailable": UnavailableError,
    "corrupt": CorruptDataError,
}


@dataclass(frozen=True)
class LinkOptions:
    """How a server is reached."""

    url: str
    ca_file: str
    token: str = field(repr=False)
    pool_size: int
    idle: float
    retries: int
    timeout: float


class RemoteLink:
    """Sends requests and returns the bodies of answers; safe to share between threads and event loops."""

    def __init__(self, options: LinkOptions) -> None:
        self._options = options
        self._closed = False
        self._client: httpx.Client | None = None
        self._clients = PerLoop(lambda: httpx.AsyncClient(**self._arguments()), lambda client: client.aclose())

    def request(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> httpx.Response:
        """Send one request, again where that may help.

        Raises:
            UnavailableError: The server cannot be reached, or refuses this client.
            RepastError: What the server says.

        """
        self._check_open()
        if self._client is None:
            self._client = httpx.Client(**self._arguments())
        for wait in (*self._waits(), None):
            try:
                response = self._client.request(method, path, content=body, headers={"content-type": kind})
                if wait is None or response.status_code not in _BUSY:
                    return response
            except httpx.TransportError as error:
                if wait is None or not _is_transient(error):
                    raise self._unreachable(error) from error
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    async def arequest(
        self, method: str, path: str, body: bytes = b"", kind: str = "application/json"
    ) -> httpx.Response:
        """Like :meth:`request` without blocking the event loop."""
        self._check_open()
        client = self._clients.get()
        for wait in (*self._waits(), None):
            try:
                response = await client.request(method, path, content=body, headers={"content-type": kind})
                if wait is None or response.status_code not in _BUSY:
                    return response
            except httpx.TransportError as error:
                if wait is None or not _is_transient(error):
                    raise self._unreachable(error) from error
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._closed = True
        if self._client is not None:
            self._client.close()
        self._clients.close()

    def explain(self, response: httpx.Response) -> RepastError:
        """Return what an answer that is no success means."""
        status, url = response.status_code, self._options.url
        if status in (401, 403):
            return _lasting(
                f"The feature server at {url} refuses: {_message(response)[1]}",
                "check online_store.token here, and remote_store where the server runs",
            )
        code, message, hint = _message(response)
        if status in (404, 405) and not code:
            return UnsupportedError(
                f"The server at {url} does not hand out rows: it is no server of Repast.",
                hint="through Feast's server features can be read, nothing else: load and write where it runs",
            )
        kind = _BY_CODE.get(code) or (UnavailableError if status in _BUSY else InvalidRequestError)
        if status >= 500 and kind is InvalidRequestError:
            kind = UnavailableError
        return kind(f"The feature server at {url} says: {message}", hint=hint, context={"status": status})

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("The online store is closed.", hint="open a new FeatureStore")

    def _waits(self) -> list[float]:
        waits = [min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT) for attempt in range(self._options.retries)]
        return [wait * random.uniform(0.5, 1) for wait in waits]  # noqa: S311 - spreads clients, hides nothing

    def _arguments(self) -> dict[str, Any]:
        options = self._options
        return {
            "base_url": options.url,
            "headers": {"authorization": f"Bearer {options.token}"} if options.token else {},
            "timeout": options.timeout,
            "verify": ssl.create_default_context(cafile=options.ca_file or None),
            "limits": httpx.Limits(
                max_connections=options.pool_size,
                max_keepalive_connections=options.pool_size,
                keepalive_expiry=options.idle or None,
            ),
        }

    def _unreachable(self, error: httpx.TransportError) -> UnavailableError:
        url = self._options.url
        if isinstance(error, httpx.UnsupportedProtocol):
            return _lasting(f"{url!r} is no address of a feature server: {error}", "path: http://host:port")
        if not _is_transient(error):
            return _lasting(
                f"The feature server at {url} is not trusted: {error}", "name its CA with online_store.cert"
            )
        slow = isinstance(error, httpx.TimeoutException)
        return UnavailableError(
            f"The feature server at {url} {'did not answer in time' if slow else f'cannot be reached: {error}'}.",
            hint="check that it runs, and online_store.path; what was written stays: write the batch again",
        )


def _is_transient(error: httpx.TransportError) -> bool:
    if isinstance(error, httpx.UnsupportedProtocol):
        return False
    return "CERTIFICATE_VERIFY_FAILED" not in str(error)


def _lasting(message: str, hint: str) -> UnavailableError:
    error = UnavailableError(message, hint=hint)
    error.retryable = False
    return error


def _message(response: httpx.Response) -> tuple[str, str, str]:
    """Return code, message and hint of an answer: Repast's, Feast's or anybody's."""
    text = response.text[:500]
    try:
        body = msgspec.json.decode(response.content)
        if isinstance(body, str):
            text = body
            body = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return "", text, ""
    if not isinstance(body, dict):
        return "", text, ""
    found: Callable[[str], str] = lambda name: str(body.get(name) or "")  # noqa: E731
    return found("code"), found("message") or found("detail") or text, found("hint")
