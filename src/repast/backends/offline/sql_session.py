"""A connection to a SQL database as engines use it, and a pool of them."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import pyarrow as pa
from sqlglot import exp

from repast.core.sql.relation import SourceColumn


class Session(ABC):
    """One connection. Errors of the driver leave it as they are; the engine translates them."""

    @abstractmethod
    def inspect(self, table: exp.Expr) -> Mapping[str, SourceColumn]:
        """Return the columns of a table or subquery, in order, without reading rows."""

    @abstractmethod
    def execute(self, statement: str) -> pa.RecordBatchReader:
        """Run a SELECT and stream its rows; types may be the driver's own, the engine casts them."""

    @abstractmethod
    def upload(self, spine: pa.Table) -> exp.Expr:
        """Store a spine where this session's statements find it and nobody else does; return the table."""

    @abstractmethod
    def insert(self, table: exp.Table, rows: pa.Table) -> None:
        """Add rows to a table, all or none; columns and types are the table's own."""

    def estimate_rows(self, table: exp.Expr) -> int | None:  # noqa: ARG002 - for those that know
        """Return about how many rows there are, if that costs nothing."""
        return None

    def has_index(self, table: exp.Expr, keys: Sequence[str], time: str) -> bool:  # noqa: ARG002 - as above
        """Return whether an index finds the rows with these keys in the order of the time column."""
        return False

    def reset(self) -> bool:
        """Forget what was uploaded and be as good as new; False: this session cannot be used again."""
        return False

    @abstractmethod
    def close(self) -> None:
        """Release the connection and what was uploaded. Idempotent, from any thread."""


class SessionPool:
    """Sessions that wait to be used again: to connect may cost more than a query. Safe to share between threads."""

    def __init__(self, size: int = 8) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._idle: list[tuple[str, Session]] = []
        self._closed = False

    def take(self, place: str) -> Session | None:
        """Return a session that was given back, if there is one."""
        self._look_around()
        with self._lock:
            for index, (found, session) in reversed(list(enumerate(self._idle))):
                if found == place:
                    del self._idle[index]
                    return session
        return None

    def give(self, session: Session, place: str) -> None:
        """Keep a session, or end it if it cannot be used again."""
        self._look_around()
        usable = not self._closed and session.reset()
        with self._lock:
            keep = usable and not self._closed and len(self._idle) < self._size
            if keep:
                self._idle.append((place, session))
        if not keep:
            session.close()

    def close(self) -> None:
        """End the sessions that wait, and those that are given back from now on."""
        self._look_around()
        self._closed = True
        with self._lock:
            idle, self._idle = self._idle, []
        for _, session in idle:
            session.close()

    def _look_around(self) -> None:
        """In a forked process, leave the parent's connections alone: to close one here would end it there."""
        if os.getpid() != self._pid:
            _abandoned.extend(self._idle)
            self._lock, self._idle, self._pid = threading.Lock(), [], os.getpid()


_abandoned: list[object] = []
