"""The DynamoDB online store: a table per view, an item per key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from repast.backends.online.sql_table import stored_keys
from repast.errors import InvalidConfigError, InvalidRequestError, NotFoundError, require
from repast.ports.online import OnlineStore, OnlineTable, Reads, SupportsExpiry, Values, WriteResult

if TYPE_CHECKING:
    from repast.backends.online.dynamodb_batch import Found, Row

_COUNTED_PAGES = 16
"""Megabytes that are read to count rows; larger tables are estimated."""


class DynamoDBOnlineStore(OnlineStore, SupportsExpiry):
    """Keeps each view in a table of its own, paid by request; dropping a view deletes the table, whatever its size.

    A read of several views is one BatchGetItem per 100 keys. A load reads what is there, a hundred rows a call,
    and puts only rows that are greater, each on that condition. Feast's option names are accepted.

    Args:
        repo_path: Folder of the repo; not used.
        region: AWS region; default: that of AWS's client.
        endpoint_url: Where DynamoDB is, if it is not AWS's own.
        table_name_template: How tables are called; a suffix that tells them apart follows ``{table_name}``.
        tags: Tags of tables that are made.
        consistent_reads: Read what was written last. Without, reads cost half and may be some milliseconds old.
        batch_size: Keys per call of a read, 100 at most.
        max_read_workers: Calls of one read at once.
        write_concurrency: Calls of one write at once.
        max_pool_connections: Connections of this process, and of each event loop.
        keepalive_timeout: Seconds that idle connections of event loops are kept.
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds to wait for an answer.
        total_max_retry_attempts: How often a call is tried that fails for a passing reason.
        retry_mode: How AWS's client tries again; ``adaptive`` also slows down when it is throttled.
        expire_rows: Rows go some time after their view's ttl is over, at no cost: DynamoDB's time to live.

    Raises:
        InvalidConfigError: An option is out of range.
        MissingDependencyError: boto3 or aiobotocore is not installed.

    """

    def __init__(
        self,
        *,
        repo_path: str | Path,  # noqa: ARG002 (every store is told)
        region: str | None = None,
        endpoint_url: str | None = None,
        table_name_template: str = "{project}.{table_name}",
        tags: dict[str, str] | None = None,
        consistent_reads: bool = True,
        batch_size: int = 100,
        max_read_workers: int = 10,
        write_concurrency: int = 32,
        max_pool_connections: int = 50,
        keepalive_timeout: float = 30.0,
        connect_timeout: float = 5.0,
        read_timeout: float = 10.0,
        total_max_retry_attempts: int | None = None,
        retry_mode: Literal["legacy", "standard", "adaptive"] = "standard",
        expire_rows: bool = False,
    ) -> None:
        attempts = 5 if total_max_retry_attempts is None else total_max_retry_attempts
        for name, number, least, most in (
            ("batch_size", batch_size, 1, 100),
            ("max_read_workers", max_read_workers, 1, 1000),
            ("write_concurrency", write_concurrency, 1, 1000),
            ("max_pool_connections", max_pool_connections, 1, 10_000),
            ("keepalive_timeout", keepalive_timeout, 0, 3600),
            ("connect_timeout", connect_timeout, 0.001, 3600),
            ("read_timeout", read_timeout, 0.001, 3600),
            ("total_max_retry_attempts", attempts, 1, 100),
        ):
            if not least <= number <= most:
                raise InvalidConfigError(f"online_store.{name} must be {least:g} to {most:g}, not {number:g}.")
        for package in ("boto3", "aiobotocore"):
            require(package, extra="aws", purpose="The online store dynamodb")
        from repast.backends.online import dynamodb_batch
        from repast.backends.online.dynamodb_link import DynamodbLink, LinkSettings
        from repast.backends.online.dynamodb_table import Tables

        self._batch = dynamodb_batch
        self._link = DynamodbLink(
            LinkSettings(
                region=region,
                endpoint_url=endpoint_url,
                readers=max_read_workers,
                writers=write_concurrency,
                keepalive=keepalive_timeout,
                config={
                    "max_pool_connections": max(max_pool_connections, max_read_workers, write_concurrency),
                    "connect_timeout": connect_timeout,
                    "read_timeout": read_timeout,
                    "retries": {"mode": retry_mode, "total_max_attempts": attempts},
                    "user_agent_extra": "repast",
                },
            )
        )
        self._tables = Tables(self._link, table_name_template, tags or {}, expire_rows=expire_rows)
        self._consistent, self._batch_size, self._expire_rows = consistent_reads, batch_size, expire_rows

    @property
    def expires(self) -> bool:
        """Whether rows go when their view's ttl is over."""
        return self._expire_rows

    def create(self, tables: Sequence[OnlineTable]) -> None:
        """Make tables ready for reading and writing, all at once. Does nothing for tables that exist."""
        self._link.write_each(self._tables.create, list(dict.fromkeys(map(self._tables.name, tables))))

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        """Delete tables, all at once. Does nothing for tables that do not exist."""
        self._link.write_each(self._tables.drop, list(dict.fromkeys(map(self._tables.name, tables))))

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        """Write a batch, each row atomically; see the port.

        If an answer is lost and a row sent again, it counts as unchanged.

        Raises:
            NotFoundError: The table was not created.
            InvalidRequestError: A row is larger than 400 KB; nothing was written.
            UnavailableError: DynamoDB cannot be reached or refuses; some of the rows may have been written.

        """
        return self._write(table, keys, values, None)

    def write_until(
        self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes], until_us: Sequence[int]
    ) -> WriteResult:
        """Like :meth:`write`; DynamoDB removes each row within days of the second after its moment."""
        return self._write(table, keys, values, until_us)

    def read(self, reads: Reads) -> Values:
        """Return the values for the keys of each table, in order, None where there is no row."""
        wanted = [(self._tables.name(table), stored_keys(keys)) for table, keys in reads]
        joined = _join(wanted)
        try:
            found = self._find(joined, consistent=self._consistent)
        except NotFoundError:  # of one of them; which one it does not say
            parts = self._link.read_each(self._find_there, list(joined.items()))
            found = self._batch.merge(parts)
        return _arrange(wanted, found)

    async def aread(self, reads: Reads) -> Values:
        """Like :meth:`read`, without blocking the event loop."""
        import asyncio

        wanted = [(self._tables.name(table), stored_keys(keys)) for table, keys in reads]
        joined = _join(wanted)
        try:
            found = await self._afind(joined)
        except NotFoundError:
            parts = await asyncio.gather(*(self._afind_there(*part) for part in joined.items()))
            found = self._batch.merge(parts)
        return _arrange(wanted, found)

    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        """Remove the rows of these keys; return how many there were."""
        name = self._tables.name(table)
        there = list(self._find_there((name, stored_keys(keys)), consistent=True).get(name, ()))
        if there:
            self._batch.delete(self._link, name, there)
        return len(there)

    def count(self, table: OnlineTable) -> int:
        """Return the number of rows: exactly in tables of up to 16 MB, beyond as DynamoDB estimates it."""
        name, counted = self._tables.name(table), 0
        start: dict[str, Any] = {}
        try:
            for _ in range(_COUNTED_PAGES):
                page = self._link.call("scan", TableName=name, Select="COUNT", ConsistentRead=True, **start)
                counted += int(page["Count"])
                if not page.get("LastEvaluatedKey"):
                    return counted
                start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
            return max(counted, int(self._link.call("describe_table", TableName=name)["Table"].get("ItemCount", 0)))
        except NotFoundError:
            return 0

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._link.close()

    def _find(self, wanted: Mapping[str, Sequence[bytes]], *, consistent: bool) -> Found:
        requests = self._batch.read_requests(wanted, self._batch_size, consistent=consistent)
        return self._batch.merge(self._link.read_each(partial(self._batch.read, self._link), requests))

    def _find_there(self, part: tuple[str, Sequence[bytes]], *, consistent: bool | None = None) -> Found:
        """Return the rows of one table; none if there is no such table. Called in readers' threads: one by one."""
        requests = self._batch.read_requests(
            dict([part]), self._batch_size, consistent=self._consistent if consistent is None else consistent
        )
        try:
            return self._batch.merge([self._batch.read(self._link, request) for request in requests])
        except NotFoundError:
            return {}

    async def _afind(self, wanted: Mapping[str, Sequence[bytes]]) -> Found:
        import asyncio

        requests = self._batch.read_requests(wanted, self._batch_size, consistent=self._consistent)
        return self._batch.merge(
            await asyncio.gather(*(self._batch.aread(self._link, request) for request in requests))
        )

    async def _afind_there(self, name: str, keys: Sequence[bytes]) -> Found:
        try:
            return await self._afind({name: keys})
        except NotFoundError:
            return {}

    def _write(
        self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes], until_us: Sequence[int] | None
    ) -> WriteResult:
        if len(keys) != len(values):
            raise InvalidRequestError(f"{len(keys)} keys cannot have {len(values)} values.")
        rows = list(zip(stored_keys(keys), values, strict=True))
        best = dict(sorted(rows)) if len(set(keys)) < len(keys) else dict(rows)
        self._check_size(table, best)
        until = _best_until(rows, best, until_us)
        name, kept, written, pending = self._tables.name(table), dict[bytes, bytes](), 0, best
        try:
            while pending:  # who loses a race looks again at what has won
                there = self._find({name: list(pending)}, consistent=True).get(name, {})
                kept.update((key, row.value) for key, row in there.items())
                rising = {key: value for key, value in pending.items() if key not in there or value > there[key].value}
                lost = self._put(name, rising, until)
                self._touch(name, pending, there, until)
                written += len(rising) - len(lost)
                kept.update((key, value) for key, value in rising.items() if key not in lost)
                pending = {key: best[key] for key in lost}
        except NotFoundError as error:
            raise NotFoundError(
                f"There is no online table for view {table.view!r} of project {table.project!r} in"
                f" DynamoDB at {self._link.address}.",
                hint="run: repast apply",
            ) from error
        late = sum(value < kept[key] for key, value in rows)
        return WriteResult(written=written, unchanged=len(rows) - written - late, late=late)

    def _put(self, name: str, rows: Mapping[bytes, bytes], until: Mapping[bytes, int]) -> set[bytes]:
        """Put rows that are greater than what is there; return the keys of those that are not, by now."""

        def put(key: bytes) -> tuple[bytes, bool]:
            return key, self._put_if("attribute_not_exists(k) OR v < :v", name, key, rows[key], until)

        return {key for key, done in self._link.write_each(put, list(rows)) if not done}

    def _touch(
        self, name: str, rows: Mapping[bytes, bytes], there: Mapping[bytes, Row], until: Mapping[bytes, int]
    ) -> None:
        """Set the moment of rows that are unchanged but for it."""
        moved = [key for key in until if key in there and key in rows]
        moved = [key for key in moved if there[key].value == rows[key] and there[key].until != until[key]]
        self._link.write_each(lambda key: self._put_if("v = :v", name, key, rows[key], until), moved)

    def _put_if(self, condition: str, name: str, key: bytes, value: bytes, until: Mapping[bytes, int]) -> bool:
        item = {self._batch.KEY: {"B": key}, self._batch.VALUE: {"B": value}}
        if key in until:
            item[self._batch.EXPIRY] = {"N": str(until[key])}  # type: ignore[dict-item]
        values = {":v": {"B": value}}
        return self._link.put(
            TableName=name, Item=item, ConditionExpression=condition, ExpressionAttributeValues=values
        )

    def _check_size(self, table: OnlineTable, rows: Mapping[bytes, bytes]) -> None:
        """Refuse rows that DynamoDB will refuse, before any is written: names of attributes count too."""
        largest = max((len(key) + len(value) for key, value in rows.items()), default=0) + 2 + 22 * self._expire_rows
        if largest > self._batch.LARGEST_ITEM:
            raise InvalidRequestError(
                f"A row of view {table.view!r} takes {largest} bytes; DynamoDB keeps {self._batch.LARGEST_ITEM}.",
                hint="split the view, or keep it in another online store; no row of this batch was written",
                context={"view": table.view, "bytes": largest},
            )


def _join(wanted: Sequence[tuple[str, Sequence[bytes]]]) -> dict[str, list[bytes]]:
    """Return all keys that are wanted of each table."""
    joined: dict[str, list[bytes]] = {}
    for name, keys in wanted:
        if keys:
            joined.setdefault(name, []).extend(keys)
    return joined


def _arrange(wanted: Sequence[tuple[str, Sequence[bytes]]], found: Mapping[str, Mapping[bytes, Row]]) -> Values:
    """Return values in the order of the keys."""
    values: Values = []
    for name, keys in wanted:
        rows = found.get(name, {})
        values.append([row.value if (row := rows.get(key)) else None for key in keys])
    return values


def _best_until(
    rows: Sequence[tuple[bytes, bytes]], best: Mapping[bytes, bytes], until_us: Sequence[int] | None
) -> dict[bytes, int]:
    """Return the second from which a row may go, for the rows that are kept."""
    if until_us is None:
        return {}
    return {key: us // 1_000_000 + 1 for (key, value), us in zip(rows, until_us, strict=True) if value == best[key]}
