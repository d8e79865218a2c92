"""The Datastore online store (Firestore in Datastore mode): a kind per view, an entity per key."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repast.backends.online.parallel import Workers
from repast.backends.online.sql_table import stored_keys, table_name
from repast.backends.online.stripe import Stripes
from repast.errors import InvalidConfigError, InvalidRequestError, NotFoundError, require
from repast.ports.online import OnlineStore, OnlineTable, Reads, Values, WriteResult

if TYPE_CHECKING:
    from repast.backends.online.datastore_entity import Place

_TRANSACTION_BYTES = 4 << 20
"""Bytes per transaction: well below the ten megabytes that one may have."""
_READERS = 8

Found = dict[tuple[str, str], bytes]
"""Values by kind and name."""


class DatastoreOnlineStore(OnlineStore):
    """Keeps rows as entities of one property, without indexes, in a kind per view.

    A read of several views is one lookup per 1000 keys. A batch is written in transactions of some hundred rows
    that read, compare and write; where nothing is greater, nothing is written. Threads of this process that write
    the same rows take turns; other processes meet in the transactions, and who loses tries again. Dropping a view
    deletes its entities, 500 at a time. With the variable DATASTORE_EMULATOR_HOST, an emulator is used.

    Args:
        repo_path: Folder of the repo; not used.
        project_id: The project; default: that of the credentials, or of the environment.
        namespace: Datastore namespace.
        database: Name of the database; default: ``(default)``.
        write_batch_size: Rows per transaction, 500 at most.
        write_concurrency: Transactions of one write at once.
        timeout: Seconds to wait for an answer.

    Raises:
        InvalidConfigError: An option is out of range.
        MissingDependencyError: google-cloud-datastore is not installed.

    """

    def __init__(
        self,
        *,
        repo_path: str | Path,  # noqa: ARG002 (every store is told)
        project_id: str | None = None,
        namespace: str | None = None,
        database: str | None = None,
        write_batch_size: int = 400,
        write_concurrency: int = 8,
        timeout: float = 15.0,
    ) -> None:
        for name, number, least, most in (
            ("write_batch_size", write_batch_size, 1, 500),
            ("write_concurrency", write_concurrency, 1, 1000),
            ("timeout", timeout, 0.001, 3600),
        ):
            if not least <= number <= most:
                raise InvalidConfigError(f"online_store.{name} must be {least:g} to {most:g}, not {number:g}.")
        require("google.cloud.datastore_v1", extra="datastore", purpose="The online store datastore")
        from repast.backends.online import datastore_entity
        from repast.backends.online.datastore_failure import EXPLAINED
        from repast.backends.online.datastore_link import DatastoreLink, LinkSettings

        self._entity, self._errors = datastore_entity, EXPLAINED
        self._link = DatastoreLink(LinkSettings(project_id, timeout))
        self._database = "" if database in (None, "(default)") else str(database)
        self._namespace = namespace or ""
        self._batch_size = write_batch_size
        self._readers = Workers(_READERS, "repast-datastore-read")
        self._writers = Workers(write_concurrency, "repast-datastore-write")
        self._stripes = Stripes()
        self._opened_place: Place | None = None

    def create(self, tables: Sequence[OnlineTable]) -> None:
        """Make tables ready for reading and writing. Does nothing for tables that exist."""
        kinds = list(dict.fromkeys(map(table_name, tables)))
        self._commit([self._place.put(self._entity.TABLES, kind, None) for kind in kinds])

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        """Remove tables, then all their rows. Does nothing for tables that do not exist; goes on where it stopped."""
        kinds = list(dict.fromkeys(map(table_name, tables)))
        self._commit([self._place.delete(self._place.key(self._entity.TABLES, kind)) for kind in kinds])
        self._writers.each(self._empty, kinds)

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        """Write a batch; see the port. If an error is raised, some of its rows may have been written.

        If an answer is lost and a transaction done again, its rows count as unchanged.

        Raises:
            NotFoundError: The table was not created.
            InvalidRequestError: A value is larger than Datastore keeps.
            UnavailableError: Datastore cannot be reached or refuses.

        """
        if len(keys) != len(values):
            raise InvalidRequestError(f"{len(keys)} keys cannot have {len(values)} values.")
        self._link.check_open()
        rows = list(zip(map(self._entity.name_of, stored_keys(keys)), values, strict=True))
        best = dict(sorted(rows))  # of a repeated key the greatest value comes last and wins
        kept: dict[str, bytes] = {}
        parts = list(self._entity.cut(best, self._batch_size, _TRANSACTION_BYTES))
        with self._stripes.hold(map(str.encode, best)):
            results = self._writers.each(lambda part: self._merge(table, part), parts)
        written = sum(changed for changed, _ in results)
        for _, there in results:
            kept.update(there)
        late = sum(value < kept[name] for name, value in rows)
        return WriteResult(written=written, unchanged=len(rows) - written - late, late=late)

    def read(self, reads: Reads) -> Values:
        """Return the values for the keys of each table, in order, None where there is no row."""
        wanted = self._wanted(reads)
        found: Found = {}
        for part in self._readers.each(self._find, list(self._lookups(wanted))):
            found.update(part)
        return _arrange(wanted, found)

    async def aread(self, reads: Reads) -> Values:
        """Like :meth:`read`, without blocking the event loop."""
        import asyncio

        wanted = self._wanted(reads)
        found: Found = {}
        for part in await asyncio.gather(*(self._afind(keys) for keys in self._lookups(wanted))):
            found.update(part)
        return _arrange(wanted, found)

    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        """Remove the rows of these keys; return how many there were."""
        wanted = self._wanted([(table, keys)])
        there: Found = {}
        for part in self._readers.each(self._find, list(self._lookups(wanted))):
            there.update(part)
        self._commit([self._place.delete(self._place.key(kind, name)) for kind, name in there])
        return len(there)

    def count(self, table: OnlineTable) -> int:
        """Return the number of rows, exactly: Datastore counts in its index, a thousand for the price of one read."""
        request = self._place.counting(table_name(table))
        return self._entity.count_of(self._call("run_aggregation_query", request))

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._link.close()
        self._readers.close()
        self._writers.close()

    @property
    def _place(self) -> Place:
        self._link.check_open()
        if self._opened_place is None:
            self._opened_place = self._entity.Place(self._link.project, self._database, self._namespace)
        return self._opened_place

    def _call(self, method: str, request: Any) -> Any:
        return self._link.run(lambda client: getattr(client, method)(request, retry=None, timeout=self._link.timeout))

    def _commit(self, mutations: Sequence[Any]) -> None:
        """Write what cannot conflict, some hundred at a time."""
        size = self._entity.LARGEST_COMMIT
        parts = [mutations[start : start + size] for start in range(0, len(mutations), size)]
        self._writers.each(lambda part: self._call("commit", self._place.commit(part)), parts)

    def _empty(self, kind: str) -> None:
        while keys := self._entity.keys_of(self._call("run_query", self._place.first_keys(kind))):
            self._call("commit", self._place.commit(map(self._place.delete, keys)))

    def _wanted(self, reads: Reads) -> list[tuple[str, list[str]]]:
        self._link.check_open()
        return [(table_name(table), list(map(self._entity.name_of, stored_keys(keys)))) for table, keys in reads]

    def _lookups(self, wanted: Sequence[tuple[str, Sequence[str]]]) -> Iterator[list[Any]]:
        """Yield the keys of each lookup; one may be of several views."""
        pairs = list(dict.fromkeys((kind, name) for kind, names in wanted for name in names))
        size = self._entity.LARGEST_LOOKUP
        for start in range(0, len(pairs), size):
            yield [self._place.key(kind, name) for kind, name in pairs[start : start + size]]

    def _find(self, keys: Sequence[Any]) -> Found:
        steps = self._steps(keys)
        request = next(steps)
        while True:
            try:
                request = steps.send(self._call("lookup", request))
            except StopIteration as done:
                found: Found = done.value
                return found

    async def _afind(self, keys: Sequence[Any]) -> Found:
        steps = self._steps(keys)
        request = next(steps)
        while True:
            asked = request
            response = await self._link.arun(
                lambda client: client.lookup(asked, retry=None, timeout=self._link.timeout)  # noqa: B023 (awaited here)
            )
            try:
                request = steps.send(response)
            except StopIteration as done:
                found: Found = done.value
                return found

    def _steps(self, keys: Sequence[Any], transaction: bytes = b"") -> Generator[Any, Any, Found]:
        """Yield requests until the server has had time for all keys; is sent the answers."""
        found: Found = {}
        while keys:
            response = yield self._place.lookup(keys, transaction=transaction)
            found.update(self._entity.rows_of(response))
            keys = self._entity.deferred_of(response)
        return found

    def _forget(self, client: Any, transaction: bytes) -> None:
        """End a transaction without a change; if that fails the server does so after a while."""
        with suppress(*self._errors):
            client.rollback(self._place.rollback(transaction), retry=None, timeout=self._link.timeout)

    def _merge(self, table: OnlineTable, part: Sequence[tuple[str, bytes]]) -> tuple[int, dict[str, bytes]]:
        """Keep the greater values in one transaction; return how many rows that changed, and what is there now."""
        kind, place = table_name(table), self._place
        exists = (self._entity.TABLES, kind)
        keys: Sequence[Any] = [place.key(*exists), *(place.key(kind, name) for name, _ in part)]

        def merge(client: Any) -> tuple[int, dict[str, bytes]] | None:
            def call(method: str, request: Any) -> Any:
                return getattr(client, method)(request, retry=None, timeout=self._link.timeout)

            transaction = call("begin_transaction", place.begin()).transaction
            try:
                found, left = Found(), keys
                while left:
                    response = call("lookup", place.lookup(left, transaction=transaction))
                    found.update(self._entity.rows_of(response))
                    left = self._entity.deferred_of(response)
                there = [found.get((kind, name)) for name, _ in part]
                rising = [row for row, kept in zip(part, there, strict=True) if kept is None or row[1] > kept]
                if exists in found and rising:
                    call("commit", place.commit((place.put(kind, *row) for row in rising), transaction=transaction))
                    transaction = b""
            finally:  # what is not committed gives its locks back at once
                if transaction:
                    self._forget(client, transaction)
            if exists not in found:
                return None
            return len(rising), {name: max(value, kept or b"") for (name, value), kept in zip(part, there, strict=True)}

        result = self._link.run(merge)
        if result is None:
            raise NotFoundError(
                f"There is no online table for view {table.view!r} of project {table.project!r} in"
                f" Datastore at {self._link.address}.",
                hint="run: repast apply",
            )
        return result


def _arrange(wanted: Sequence[tuple[str, Sequence[str]]], found: Mapping[tuple[str, str], bytes]) -> Values:
    """Return values in the order of the keys."""
    return [[found.get((kind, name)) for name in names] for kind, names in wanted]
