"""Work on a PostgreSQL server: connections, another attempt where that helps, errors in words."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import psycopg

from repast.backends.online.connection_pool import AsyncConnectionPool, ConnectionPool
from repast.errors import InvalidRequestError, NotFoundError, RepastError, UnavailableError

T = TypeVar("T")
Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
AsyncConnection: TypeAlias = "psycopg.AsyncConnection[tuple[Any, ...]]"
Rows: TypeAlias = "list[tuple[Any, ...]]"

ATTEMPTS = 5
_FIRST_PAUSE = 0.05

_TRANSIENT = frozenset(
    (
        *("40001", "40P01"),  # serialization failure, deadlock
        *("57P01", "57P02", "57P03"),  # shut down, crashed, not yet started
        *("08000", "08003", "08006", "53300"),  # connection lost, too many connections
    )
)
_TRANSIENT_WORDS = ("refused", "starting up", "shutting down", "too many clients", "connection slots", "closed the")
"""What libpq, which gives no code for it, says where connecting may succeed a moment later."""


class PostgresSession:
    """Runs statements on pooled connections, each in its own transaction unless the action says otherwise.

    What failed for a passing reason (connection lost, deadlock, server restarting) is tried again up to four
    times within about a second. Everything that the store does may be done twice.

    Args:
        parameters: Parameters of libpq.
        size: How many connections may be open.
        patience: Seconds to wait for one.
        prepare: Whether statements may be prepared.

    """

    def __init__(
        self, parameters: Mapping[str, str | int | None], *, size: int, patience: float, prepare: bool
    ) -> None:
        self._parameters = {name: value for name, value in parameters.items() if value is not None}
        self._threshold = 2 if prepare else None
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            self._connect, lambda connection: connection.close(), size=size, patience=patience
        )
        self._async_pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
            self._aconnect, lambda connection: connection.close(), size=size, patience=patience
        )

    @property
    def address(self) -> str:
        """Where the server is, for messages."""
        return "{host}:{port}/{dbname}".format_map(self._parameters)

    def run(self, action: Callable[[Connection], T]) -> T:
        """Run an action on a connection.

        Raises:
            UnavailableError, NotFoundError, InvalidRequestError: What PostgreSQL says, explained.

        """
        for attempt in range(ATTEMPTS):
            try:
                return self._attempt(action)
            except psycopg.Error as error:
                if attempt + 1 == ATTEMPTS or not is_transient(error):
                    raise explain(error, self.address) from error
                self._pool.empty()
                time.sleep(_pause(attempt))
        raise AssertionError("unreachable")

    def fetch(self, statement: bytes, parameters: Sequence[object]) -> Rows:
        """Run one statement and return its rows."""
        return self.run(lambda connection: connection.execute(statement, parameters, binary=True).fetchall())

    async def afetch(self, statement: bytes, parameters: Sequence[object]) -> Rows:
        """Like :meth:`fetch`, without blocking the event loop."""
        for attempt in range(ATTEMPTS):
            try:
                return await self._aattempt(statement, parameters)
            except psycopg.Error as error:
                if attempt + 1 == ATTEMPTS or not is_transient(error):
                    raise explain(error, self.address) from error
                await self._async_pool.empty()
                await asyncio.sleep(_pause(attempt))
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._pool.close()
        self._async_pool.close()

    def _attempt(self, action: Callable[[Connection], T]) -> T:
        connection, usable = self._pool.take(), False
        try:
            result = action(connection)
            usable = True
            return result
        except psycopg.Error as error:
            usable = not connection.broken and not is_transient(error)
            raise
        finally:
            self._pool.give(connection, usable=usable)

    async def _aattempt(self, statement: bytes, parameters: Sequence[object]) -> Rows:
        connection, usable = await self._async_pool.take(), False
        try:
            rows = await (await connection.execute(statement, parameters, binary=True)).fetchall()
            usable = True
            return rows
        except psycopg.Error as error:
            usable = not connection.broken and not is_transient(error)
            raise
        finally:
            await self._async_pool.give(connection, usable=usable)

    def _connect(self) -> Connection:
        return psycopg.connect(autocommit=True, prepare_threshold=self._threshold, **self._parameters)  # type: ignore[arg-type]

    async def _aconnect(self) -> AsyncConnection:
        return await psycopg.AsyncConnection.connect(
            autocommit=True,
            prepare_threshold=self._threshold,
            **self._parameters,  # type: ignore[arg-type]
        )


def is_transient(error: psycopg.Error) -> bool:
    """Whether trying again at once may help."""
    if error.sqlstate is not None:
        return error.sqlstate in _TRANSIENT
    if not isinstance(error, psycopg.OperationalError):
        return False
    text = str(error)
    return not text.startswith("connection failed") or any(words in text for words in _TRANSIENT_WORDS)


def _pause(attempt: int) -> float:
    return _FIRST_PAUSE * float(1 << attempt) * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)


def explain(error: psycopg.Error, address: str) -> RepastError:
    """Return what an error of PostgreSQL means for the user."""
    state, text = error.sqlstate or "", _first_line(error)
    where, context = f"The online store postgres at {address}", {"address": address, "sqlstate": state}
    if state == "42P01":
        return NotFoundError(f"{where} lacks a table: {text}.", hint="run: repast apply", context=context)
    if state[:2] in ("22", "54"):  # what was sent does not fit
        return InvalidRequestError(f"{where} cannot keep this: {text}.", context=context)
    told = _KNOWN.get(state) or next((told for words, told in _KNOWN_WORDS if words in text), None)
    message, hint, retryable = told or ("cannot be used", "check online_store in feature_store.yaml", not state)
    found = UnavailableError(f"{where} {message}: {text}.", hint=hint, context=context)
    found.retryable = retryable
    return found


def _first_line(error: psycopg.Error) -> str:
    """The first line of a message, which has no secret, without libpq's introduction."""
    line = str(error).strip().partition("\n")[0]
    return line.removeprefix("connection failed: ").rpartition("FATAL:")[2].strip().rstrip(".") or type(error).__name__


_START = "see whether the server runs and takes connections there, then do it again"
_KNOWN: Mapping[str, tuple[str, str, bool]] = {
    "25006": ("is read-only", "connect to the primary server, not to a replica", False),
    "53100": ("has no space left on its disk", "free some space, then do it again: what was written stays", True),
    "53200": ("is out of memory", "do it again later, or give the server more memory", True),
    "53300": ("has too many connections", "lower online_store.max_conn, or raise the server's max_connections", True),
    "57014": ("did not finish in time", "raise online_store.statement_timeout in feature_store.yaml", True),
    "55P03": ("is locked by somebody else", "do it again later", True),
    "42501": ("denies permission", "let this user use and create tables in the schema: GRANT ... ON SCHEMA", False),
    "57P01": ("was shut down", _START, True),
    "57P02": ("crashed", _START, True),
    "57P03": ("is not ready", _START, True),
}
_KNOWN_WORDS: Sequence[tuple[str, tuple[str, str, bool]]] = (
    ("password", ("refuses the credentials", "check online_store.user and online_store.password", False)),
    ("pg_hba.conf", ("refuses this client", "let the user in, in the server's pg_hba.conf, or check sslmode", False)),
    ("role ", ("refuses the credentials", "check online_store.user", False)),
    ("database ", ("cannot be opened", "create the database: createdb NAME, or check online_store.database", False)),
    ("too many clients", ("has too many connections", "lower online_store.max_conn of the readers", True)),
    ("connection slots", ("has too many connections", "lower online_store.max_conn of the readers", True)),
    ("SSL", ("cannot agree on encryption", "check online_store.sslmode and the certificates' paths", False)),
    ("certificate", ("cannot agree on encryption", "check online_store.sslmode and the certificates' paths", False)),
    ("refused", ("does not answer", _START, True)),
    ("timeout", ("does not answer", _START, True)),
    ("translate host name", ("cannot be found", "check online_store.host", True)),
    ("Name or service not known", ("cannot be found", "check online_store.host", True)),
    ("closed", ("was lost", "do it again: what was written stays", True)),
    ("lost", ("was lost", "do it again: what was written stays", True)),
)
