"""Connections to a MySQL or MariaDB server, and what its errors mean."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import asyncmy
import asyncmy.errors
import pymysql

from repast.backends.online.session import Session
from repast.errors import InvalidRequestError, NotFoundError, RepastError, UnavailableError

Connection: TypeAlias = Any  # of PyMySQL or asyncmy: neither is typed
Rows: TypeAlias = "Sequence[tuple[Any, ...]]"

_TRANSIENT = frozenset(
    (
        *(1205, 1213),  # lock wait, deadlock
        *(1040, 1203, 1226, 1053, 1927),  # too many connections; shutting down; connection killed
        *(2002, 2003, 2006, 2013, 2055),  # cannot connect, connection lost
        *(0, 1158, 1159, 1160, 1161),  # closed; network errors that the server saw
    )
)
_LOST = "was lost"
_TAKEN_BY_ALL = 1 << 20
"""Bytes of a statement that no server refuses unless somebody has told it to."""


class MysqlSession(Session[Connection, Connection]):
    """Runs statements on connections of PyMySQL and, from event loops, of asyncmy.

    Args:
        parameters: Arguments that both drivers know.
        size: How many connections may be open.
        patience: Seconds to wait for one.
        timeout: Seconds to wait for an answer; None: for ever.

    """

    def __init__(self, parameters: Mapping[str, Any], *, size: int, patience: float, timeout: float | None) -> None:
        errors = (pymysql.MySQLError, asyncmy.errors.MySQLError, OSError, EOFError)
        super().__init__(errors, size=size, patience=patience)
        # Without gaps between keys being locked, writers that meet wait only for rows that both write.
        isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
        self._parameters: dict[str, Any] = {
            **{name: value for name, value in parameters.items() if value is not None},
            "autocommit": True,
            "init_command": isolation,
            "sql_mode": "STRICT_ALL_TABLES",
            "charset": "utf8mb4",
            "read_timeout": timeout,
            "connect_timeout": patience,
            "binary_prefix": True,
        }

    @property
    def address(self) -> str:
        """Where the server is, for messages."""
        return "{host}:{port}/{database}".format_map(self._parameters)

    def fetch(self, statement: str, parameters: Sequence[object] = ()) -> Rows:
        """Run one statement and return its rows."""
        return self.run(lambda connection: _execute(connection, statement, parameters)[1])

    def change(self, statement: str, parameters: Sequence[object] = ()) -> int:
        """Run one statement and return how many rows it changed."""
        return self.run(lambda connection: _execute(connection, statement, parameters)[0])

    def keep_greater(self, table: str, rows: Sequence[tuple[bytes, bytes]]) -> int | None:
        """Insert rows of a key and a value, or raise the values that are there; return how many rows that changed.

        None: that cannot be told of several rows, for somebody between here and the server keeps it back.
        """
        places = ",".join([f"(X'{key.hex()}',X'{value.hex()}')" for key, value in rows])  # faster than the driver's way
        kept = "ON DUPLICATE KEY UPDATE v = IF(VALUES(v) > v, VALUES(v), v)"
        statement = f"INSERT INTO {table} (k, v) VALUES {places} {kept}"  # noqa: S608 (the name is quoted, the rest hex)
        try:
            return self.run(lambda connection: _changed(connection, statement, len(rows)))
        except UnavailableError as error:
            if len(statement) <= _TAKEN_BY_ALL:
                raise
            # A server may end the connection instead of saying what it does not take.
            ((most,),) = self.fetch("SELECT @@max_allowed_packet")
            if len(statement) < most:
                raise
            raise too_large(self.address, f"{len(statement)} bytes in a statement of at most {most}") from error

    async def afetch(self, statement: str, parameters: Sequence[object] = ()) -> Rows:
        """Like :meth:`fetch`, without blocking the event loop."""

        async def fetch(connection: Connection) -> Rows:
            async with connection.cursor() as cursor:
                await cursor.execute(statement, parameters)
                rows: Rows = await cursor.fetchall()
                return rows

        return await self.arun(fetch)

    def connect(self) -> Connection:
        return pymysql.connect(**self._parameters, write_timeout=self._parameters["read_timeout"])

    def disconnect(self, connection: Connection) -> None:
        if connection.open:
            connection.close()

    async def aconnect(self) -> Connection:
        return await asyncmy.connect(**self._parameters)

    async def adisconnect(self, connection: Connection) -> None:
        connection.close()

    def is_transient(self, error: Exception) -> bool:
        if isinstance(error, RepastError):  # some of ours are errors of the operating system too
            return False
        return _code(error) in _TRANSIENT and not _is_timeout(error)  # who has waited so long does not wait again

    def is_usable(self, connection: Connection) -> bool:
        is_open = getattr(connection, "open", None)
        return bool(connection.connected if is_open is None else is_open)

    def explain(self, error: Exception) -> RepastError:
        return error if isinstance(error, RepastError) else explain(error, self.address)


def _execute(connection: Connection, statement: str, parameters: Sequence[object]) -> tuple[int, Rows]:
    with connection.cursor() as cursor:
        changed: int = cursor.execute(statement, parameters)
        return changed, cursor.fetchall()


def _changed(connection: Connection, statement: str, rows: int) -> int | None:
    """Run an INSERT ... ON DUPLICATE KEY UPDATE of so many rows and return how many it inserted or changed."""
    with connection.cursor() as cursor:
        affected: int = cursor.execute(statement)  # one for a row that is inserted, two for one that is changed
        if rows == 1:
            return min(affected, 1)
        # "Records: 3  Duplicates: 1  Warnings: 0" in the server's language, after a byte that may be a digit too.
        # Duplicates are the rows that were changed. PyMySQL keeps that line, but shows it nowhere.
        told = re.findall(rb"\d+", getattr(cursor._result, "message", None) or b"")
        return affected - int(told[-2]) if len(told) >= 3 else None


def _code(error: Exception) -> int:
    """The server's or driver's number of an error; 2013, connection lost, for errors of the network."""
    if isinstance(error, OSError | EOFError):
        return 2013
    code = error.args[0] if error.args else 0
    return code if isinstance(code, int) else 0


def _reason(error: Exception) -> BaseException | None:
    """Why a connection was not made: 2003, all that both drivers say by number, has many reasons."""
    return getattr(error, "original_exception", None) or error.__cause__


def _is_timeout(error: Exception) -> bool:
    if _code(error) == 2003:
        return isinstance(_reason(error), TimeoutError)
    return _code(error) in (2006, 2013) and any(words in str(error) for words in ("timed out", "read timeout"))


def too_large(address: str, how: str) -> InvalidRequestError:
    """Return the error for a value that the server does not take."""
    return InvalidRequestError(
        f"The online store mysql at {address} cannot keep a value this large: {how}.",
        hint="raise max_allowed_packet of the server, or store smaller values",
        context={"address": address},
    )


def explain(error: Exception, address: str) -> RepastError:
    """Return what an error of MySQL means for the user."""
    code = _code(error)
    text = str(error.args[1] if len(error.args) > 1 else error).partition("\n")[0].strip().rstrip(".")
    where, context = f"The online store mysql at {address}", {"address": address, "code": code}
    if code == 1146:
        return NotFoundError(f"{where} lacks a table: {text}.", hint="run: repast apply", context=context)
    if code in (1153, 1301, 1406):
        return too_large(address, text)
    message, hint, retryable = _KNOWN.get(code, ("cannot be used", "check online_store in feature_store.yaml", False))
    if _is_timeout(error):
        message, hint = "did not answer in time", _SLOW_START if code == 2003 else _SLOW
    elif isinstance(_reason(error), socket.gaierror):
        message, hint = "cannot be found", "check online_store.host"
    found = UnavailableError(f"{where} {message}: {text or type(error).__name__}.", hint=hint, context=context)
    found.retryable = retryable
    return found


_AGAIN = "do it again: what was written stays"
_USER = "check online_store.user and online_store.password"
_RIGHTS = "let this user use and create tables: GRANT ALL ON database.* TO user"
_PRIMARY = "connect to the primary server, not to a replica"
_START = "see whether the server runs and takes connections there, then do it again"
_SLOW_START = "see whether the server runs and a firewall lets you through, or raise online_store.connect_timeout"
_SLOW = "see whether the server is busy or waits for somebody's lock, or raise online_store.statement_timeout"
_CROWD = "lower online_store.max_conn, or raise the server's max_connections"
_SPACE = "free some space, then do it again: what was written stays"

_KNOWN: Mapping[int, tuple[str, str, bool]] = {
    **dict.fromkeys((1045, 1698, 1251, 1524), ("refuses the credentials", _USER, False)),
    **dict.fromkeys((1044, 1142, 1227, 1370), ("denies permission", _RIGHTS, False)),
    1049: ("has no such database", "create it: CREATE DATABASE name, or check online_store.database", False),
    **dict.fromkeys((1290, 1792, 1836), ("is read-only", _PRIMARY, False)),
    **dict.fromkeys((1021, 1114), ("has no space left on its disk", _SPACE, True)),
    **dict.fromkeys((1037, 1038, 1041), ("is out of memory", "do it again later, or give it more memory", True)),
    **dict.fromkeys((1040, 1203, 1226), ("has too many connections", _CROWD, True)),
    **dict.fromkeys((1205, 1213), ("is locked by somebody else", "do it again later", True)),
    **dict.fromkeys((1317, 1969, 3024), ("stopped the statement", "do it again, or raise the server's limit", True)),
    **dict.fromkeys((2002, 2003), ("does not answer", _START, True)),
    **dict.fromkeys((0, 2006, 2013, 2055, 1927, 1158, 1159, 1160, 1161), (_LOST, _AGAIN, True)),
    1053: ("was shut down", _START, True),
}
