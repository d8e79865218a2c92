"""Connections to a PostgreSQL server, and what its errors mean."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import psycopg

from repast.backends.online.session import Session
from repast.errors import InvalidRequestError, NotFoundError, RepastError, UnavailableError

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
AsyncConnection: TypeAlias = "psycopg.AsyncConnection[tuple[Any, ...]]"
Rows: TypeAlias = "list[tuple[Any, ...]]"
T = TypeVar("T")
Steps: TypeAlias = Generator[Any, Any, T]
"""What psycopg does: it yields what it waits for, and is sent what is ready; nothing, now and then."""

_TRANSIENT = frozenset(
    (
        *("40001", "40P01"),  # serialization failure, deadlock
        *("57P01", "57P02", "57P03"),  # shut down, crashed, not yet started
        *("08000", "08003", "08006", "53300"),  # connection lost, too many connections
    )
)
_SILENCE = "nothing came within"
_NOT_READY = ("starting up", "shutting down", "recovery mode", "not yet accepting")
_TRANSIENT_WORDS = (*_NOT_READY, "refused", "too many", "connection slots", "closed the")
"""What libpq, which gives no code for it, says where connecting may succeed a moment later."""


class NoAnswerError(psycopg.OperationalError):
    """The server says nothing for longer than a statement may take."""


class PatientConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that waits so many seconds at most: the time-out of statements is the server's, which may stop."""

    patience: float | None = None

    def wait(self, gen: Steps[T], *options: Any, **others: Any) -> T:
        try:
            return super().wait(_within(gen, self.patience), *options, **others)
        except NoAnswerError:
            self.pgconn.finish()  # an answer that comes late is nobody's
            raise


class PatientAsyncConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """Like :class:`PatientConnection`."""

    patience: float | None = None

    async def wait(self, gen: Steps[T], *options: Any, **others: Any) -> T:
        try:
            return await super().wait(_within(gen, self.patience), *options, **others)
        except NoAnswerError:
            self.pgconn.finish()
            raise


def _within(steps: Steps[T], seconds: float | None) -> Steps[T]:
    """Go through the steps, for so many seconds."""
    end = None if seconds is None else time.monotonic() + seconds
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if not ready and end is not None and time.monotonic() > end:
                raise NoAnswerError(f"{_SILENCE} {seconds:g} s")
            wanted = steps.send(ready)
    except StopIteration as done:
        result: T = done.value
        return result


class PostgresSession(Session[Connection, AsyncConnection]):
    """Runs statements on connections of psycopg.

    Args:
        parameters: Parameters of libpq.
        size: How many connections may be open.
        patience: Seconds to wait for one.
        timeout: Seconds after which the server ends a statement; None: never.
        prepare: Whether statements may be prepared.

    """

    def __init__(
        self,
        parameters: Mapping[str, str | int | None],
        *,
        size: int,
        patience: float,
        timeout: float | None,
        prepare: bool,
    ) -> None:
        super().__init__((psycopg.Error,), size=size, patience=patience)
        self._parameters: dict[str, Any] = {name: value for name, value in parameters.items() if value is not None}
        self._threshold = 2 if prepare else None
        self._patience = None if timeout is None else timeout + patience  # the server's word goes first

    @property
    def address(self) -> str:
        """Where the server is, for messages."""
        return "{host}:{port}/{dbname}".format_map(self._parameters)

    def fetch(self, statement: bytes, parameters: Sequence[object]) -> Rows:
        """Run one statement and return its rows."""
        return self.run(lambda connection: connection.execute(statement, parameters, binary=True).fetchall())

    async def afetch(self, statement: bytes, parameters: Sequence[object]) -> Rows:
        """Like :meth:`fetch`, without blocking the event loop."""

        async def fetch(connection: AsyncConnection) -> Rows:
            return await (await connection.execute(statement, parameters, binary=True)).fetchall()

        return await self.arun(fetch)

    def connect(self) -> Connection:
        connection = PatientConnection.connect(autocommit=True, prepare_threshold=self._threshold, **self._parameters)
        connection.patience = self._patience
        return connection

    def disconnect(self, connection: Connection) -> None:
        connection.close()

    async def aconnect(self) -> AsyncConnection:
        connection = await PatientAsyncConnection.connect(
            autocommit=True, prepare_threshold=self._threshold, **self._parameters
        )
        connection.patience = self._patience
        return connection

    async def adisconnect(self, connection: AsyncConnection) -> None:
        await connection.close()

    def is_transient(self, error: psycopg.Error) -> bool:
        return is_transient(error)

    def is_usable(self, connection: Connection | AsyncConnection) -> bool:
        return not connection.closed

    def explain(self, error: psycopg.Error) -> RepastError:
        return explain(error, self.address)


def is_transient(error: psycopg.Error) -> bool:
    """Whether trying again at once may help."""
    if error.sqlstate is not None:
        return error.sqlstate in _TRANSIENT
    if not isinstance(error, psycopg.OperationalError):
        return False
    if isinstance(error, psycopg.errors.ConnectionTimeout | NoAnswerError):  # who waited so long does not wait again
        return False
    text = str(error)
    return not text.startswith("connection failed") or any(words in text for words in _TRANSIENT_WORDS)


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
_CROWD = "lower online_store.max_conn, or raise the server's max_connections"
_KNOWN: Mapping[str, tuple[str, str, bool]] = {
    "25006": ("is read-only", "connect to the primary server, not to a replica", False),
    "53100": ("has no space left on its disk", "free some space, then do it again: what was written stays", True),
    "53200": ("is out of memory", "do it again later, or give the server more memory", True),
    "53300": ("has too many connections", _CROWD, True),
    "57014": ("did not finish in time", "raise online_store.statement_timeout in feature_store.yaml", True),
    "55P03": ("is locked by somebody else", "do it again later", True),
    "42501": ("denies permission", "let this user use and create tables in the schema: GRANT ... ON SCHEMA", False),
    "57P01": ("was shut down", _START, True),
    "57P02": ("crashed", _START, True),
    "57P03": ("is not ready", _START, True),
}
_KNOWN_WORDS: Sequence[tuple[str, tuple[str, str, bool]]] = (
    (_SILENCE, ("did not answer in time", _START, True)),
    *((words, ("is not ready", _START, True)) for words in _NOT_READY),
    *((words, ("has too many connections", _CROWD, True)) for words in ("too many", "connection slots")),
    ("password", ("refuses the credentials", "check online_store.user and online_store.password", False)),
    ("pg_hba.conf", ("refuses this client", "let the user in, in the server's pg_hba.conf, or check sslmode", False)),
    ('role "', ("refuses the credentials", "check online_store.user", False)),
    ('database "', ("cannot be opened", "create the database: createdb NAME, or check online_store.database", False)),
    ("SSL", ("cannot agree on encryption", "check online_store.sslmode and the certificates' paths", False)),
    ("certificate", ("cannot agree on encryption", "check online_store.sslmode and the certificates' paths", False)),
    ("refused", ("does not answer", _START, True)),
    ("timeout", ("does not answer", _START, True)),
    ("translate host name", ("cannot be found", "check online_store.host", True)),
    ("Name or service not known", ("cannot be found", "check online_store.host", True)),
    ("closed", ("was lost", "do it again: what was written stays", True)),
    ("lost", ("was lost", "do it again: what was written stays", True)),
)
