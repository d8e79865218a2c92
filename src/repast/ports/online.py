"""The online store: a map from key bytes to value bytes in which only greater values survive."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias


class OnlineTable(NamedTuple):
    """Names the rows of one view. ``incarnation`` grows when a migration starts over.

    A tuple, because stores look their statements up by it on every read, and tuples hash at C speed.
    """

    project: str
    view: str
    incarnation: int = 1


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of the rows of one write."""

    written: int = 0
    unchanged: int = 0
    """Rows that were there already, byte for byte."""
    late: int = 0
    """Rows that lost against a greater one; nothing was changed for them."""

    def __add__(self, other: WriteResult) -> WriteResult:
        return WriteResult(self.written + other.written, self.unchanged + other.unchanged, self.late + other.late)


Reads: TypeAlias = "Sequence[tuple[OnlineTable, Sequence[bytes]]]"
Values: TypeAlias = "list[list[bytes | None]]"


class OnlineStore(ABC):
    """Keeps, per table and key, the greatest value ever written. It never looks inside either.

    Values compare as unsigned bytes (``memcmp``; a prefix is smaller). The core encodes a row so that
    this order is the total order of rows: event time, created time, layout version, content. Keeping
    the maximum makes writes commutative and idempotent: batches, retries and racing loads may come in
    any order and end in the same state.

    A store is safe to share between threads. Construction takes keyword-only options, which are the
    schema of the ``online_store`` section of feature_store.yaml; it must not connect or create files.
    """

    @abstractmethod
    def create(self, tables: Sequence[OnlineTable]) -> None:
        """Make tables ready for reading and writing. Does nothing for tables that exist."""

    @abstractmethod
    def drop(self, tables: Sequence[OnlineTable]) -> None:
        """Remove tables with all their rows. Does nothing for tables that do not exist."""

    @abstractmethod
    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        """Write a batch: each key keeps the greater of its value and the new one, atomically per key.

        Keys may repeat within a batch. Readers see each row before or after, never between.

        Raises:
            NotFoundError: The table was not created.
            UnavailableError: The store cannot be reached; part of the batch may have been written, and
                writing it again is safe.

        """

    @abstractmethod
    def read(self, reads: Reads) -> Values:
        """Return the values for the keys of each table, in order, None where there is no row.

        All tables are read in as few round trips as the store allows. A table that does not exist reads
        as empty: a view that was never loaded has no values.
        """

    async def aread(self, reads: Reads) -> Values:
        """Like :meth:`read` without blocking the event loop. Stores with a native async client override it."""
        import asyncio

        return await asyncio.to_thread(self.read, reads)

    @abstractmethod
    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        """Remove the rows of these keys; return how many there were."""

    @abstractmethod
    def count(self, table: OnlineTable) -> int:
        """Return the number of rows, exactly or, where that is a scan, as the store estimates it."""

    @abstractmethod
    def close(self) -> None:
        """Release connections. Idempotent; later calls of other methods raise ClosedError."""


@dataclass(frozen=True, slots=True)
class FeatureRead:
    """Features to read by the same keys."""

    references: tuple[str, ...]
    """``view:feature``."""
    keys: Mapping[str, Sequence[Any]]
    """Join key -> values as JSON has them, none null; all of one length, no key twice."""


@dataclass(frozen=True, slots=True)
class FeatureColumn:
    """What a server said about one feature, per key."""

    values: Sequence[Any]
    """As JSON has them."""
    found: Sequence[bool]
    """Whether there is a row."""
    event_us: Sequence[int]
    """Event time of the row, microseconds since 1970 UTC."""


class SupportsFeatureRead(ABC):
    """An optional ability of an :class:`OnlineStore`: it reads features from a server that shows no bytes."""

    @abstractmethod
    def reads_features(self) -> bool:
        """Whether features is all that this store can read: it may have to ask its server, once."""

    @abstractmethod
    def read_features(self, reads: Sequence[FeatureRead]) -> list[dict[str, FeatureColumn]]:
        """Return per read the columns by reference.

        Raises:
            UnavailableError: The server cannot be reached.

        """

    async def areads_features(self) -> bool:
        """Like :meth:`reads_features` without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.reads_features)

    async def aread_features(self, reads: Sequence[FeatureRead]) -> list[dict[str, FeatureColumn]]:
        """Like :meth:`read_features` without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.read_features, reads)


class SupportsExpiry(ABC):
    """An optional ability of an :class:`OnlineStore`: rows go by themselves when their time is over."""

    @property
    @abstractmethod
    def expires(self) -> bool:
        """Whether this store's options ask for it. Off unless they do."""

    @abstractmethod
    def write_until(
        self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes], until_us: Sequence[int]
    ) -> WriteResult:
        """Like :meth:`OnlineStore.write`, with the last microsecond (since 1970 UTC) that each row is wanted at.

        A row is never removed before that moment by the store's own clock, and goes at any time after it,
        without a trace: reads find nothing and any value may be written. So a row whose moment has passed
        may be gone at once; it counts as written. A write that wins or finds its value unchanged sets the
        moment; a late one does not. Rows of a plain ``write`` stay.

        Raises:
            NotFoundError, UnavailableError: As for ``write``.
            UnsupportedError: The server is too old to do it.

        """


class SupportsFlush(ABC):
    """An optional ability of an :class:`OnlineStore`: writes survive a power cut, not only a kill, if asked."""

    @abstractmethod
    def flush(self) -> None:
        """Make all writes that have returned survive a power cut too. A load asks before it says what it has read."""
