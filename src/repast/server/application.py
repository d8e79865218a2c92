"""The ASGI application: routes, limits, errors. It works under any ASGI server."""

from __future__ import annotations

import gc
import hmac
import logging
from asyncio import timeout
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from time import perf_counter
from typing import Any, TypeAlias

from repast.app.config import RepoConfig
from repast.errors import RepastError
from repast.server import cells, load, online, status, write
from repast.server.access_log import AccessLog
from repast.server.openapi import openapi
from repast.server.reply import LONGEST, RefusedError, Reply, bug, detail, failure
from repast.server.settings import ServerSettings, read_settings
from repast.server.worker import Worker

Scope: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[MutableMapping[str, Any]]]"
Send: TypeAlias = "Callable[[dict[str, Any]], Awaitable[None]]"
Handler: TypeAlias = "Callable[[Worker, bytes, bytes], Awaitable[Reply]]"

ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/get-online-features": {"POST": online.get_online_features},
    "/push": {"POST": write.push},
    "/write-to-online-store": {"POST": write.write_to_online_store},
    "/materialize": {"POST": load.materialize},
    "/materialize-incremental": {"POST": load.materialize_incremental},
    "/health": {"GET": status.health, "HEAD": status.health},
    "/openapi.json": {"GET": openapi},
    "/metrics": {"GET": status.metrics},
    "/search": {"POST": status.search},
    "/retrieve-online-documents": {"POST": status.search},
    "/v1/online": {"GET": cells.about},
    "/v1/online/read": {"POST": cells.read},
    "/v1/online/write": {"POST": cells.write},
    "/v1/online/erase": {"POST": cells.erase},
    "/v1/online/count": {"POST": cells.count},
    "/v1/online/create": {"POST": cells.create},
    "/v1/online/drop": {"POST": cells.drop},
}
OPEN = frozenset({"/health", "/openapi.json"})
"""Paths that need no token."""
PATIENT = frozenset({"/materialize", "/materialize-incremental"})
"""Paths whose requests may take as long as they need."""

_logger = logging.getLogger("repast.server")


class Application:
    """A feature server for one project. ``repast serve`` runs it; so does any ASGI server with lifespan support.

    Args:
        config: The project's configuration.
        settings: Limits; default: as the configuration says. Host, port and workers are the server's affair.

    """

    def __init__(self, config: RepoConfig, settings: ServerSettings | None = None) -> None:
        settings = settings or read_settings(config)
        self._worker = Worker(config, settings)
        self._max_body = settings.max_body
        self._timeout = settings.timeout
        self._token = f"Bearer {settings.token}".encode() if settings.token else b""
        self._log = AccessLog() if settings.access_log else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        try:
            reply = await self._handle(scope, receive)
        except RefusedError as refused:
            reply = refused.reply
        except RepastError as error:
            reply = failure(error)
        except Exception as error:  # noqa: BLE001 - the last resort: the client learns nothing of it, the log does
            reply = bug(error)
        code, body, headers = reply
        if code >= 400:
            _logger.debug("%s %r: %s %s", scope["method"], scope["path"], code, body[:LONGEST].decode(errors="replace"))
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": code, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        if self._worker.metrics is not None:
            self._worker.metrics.request(
                scope["path"] if scope["path"] in ROUTES else "other", code, perf_counter() - began
            )
        if self._log is not None:
            self._log.add(scope, code, len(body), perf_counter() - began)

    async def _handle(self, scope: Scope, receive: Receive) -> Reply:
        path = scope["path"]
        methods = ROUTES.get(path)
        if methods is None:
            return detail(404, "Not Found")
        handler = methods.get(scope["method"])
        if handler is None:
            return detail(405, "Method Not Allowed", [(b"allow", ", ".join(methods).encode())])
        if self._token and path not in OPEN:
            self._check_token(scope)
        limit = timeout(self._timeout)
        try:
            async with limit:
                body = await self._read(receive)
                if path in PATIENT:
                    limit.reschedule(None)
                return await handler(self._worker, body, scope["query_string"])
        except TimeoutError:
            if limit.expired():
                raise RefusedError(detail(504, f"There was no answer within {self._timeout:g} seconds.")) from None
            raise  # somebody else's, who should have said what took too long

    def _check_token(self, scope: Scope) -> None:
        given = next((value for name, value in scope["headers"] if name.lower() == b"authorization"), b"")
        if not hmac.compare_digest(bytes(given), self._token):
            raise RefusedError(detail(401, "A token is needed.", [(b"www-authenticate", b"Bearer")]))

    async def _read(self, receive: Receive) -> bytes:
        message = await receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            parts, size = [body], len(body)
            while message.get("more_body") and size <= self._max_body:
                message = await receive()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
            body = b"".join(parts)
        if message["type"] == "http.disconnect":  # servers say so, too, if they cannot make sense of it
            raise RefusedError(detail(400, "The body ended before it was whole."))
        if len(body) > self._max_body:
            # What is left of it is not read, so nothing can follow on this connection.
            raise RefusedError(
                detail(413, f"The body is larger than {self._max_body} bytes.", [(b"connection", b"close")])
            )
        return body

    async def _live(self, receive: Receive, send: Send) -> None:
        """Open before the first request, close after the last."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    self._worker.open()
                    gc.freeze()  # what is there now stays: collections need not look at it again
                except RepastError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                except Exception:
                    # Servers take an error that comes out of here for an application without a lifespan.
                    _logger.exception("the server cannot start")
                    await send({"type": "lifespan.startup.failed", "message": "an unexpected error, see above"})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def close(self) -> None:
        """Release what the project holds. Idempotent."""
        self._worker.close()
        if self._log is not None:
            self._log.close()
