"""Commands to one Redis or to a cluster: sent together, answered in order, tried again if that may help."""

from __future__ import annotations

from abc import ABC, abstractmethod
from binascii import crc_hqx
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from threading import Lock
from typing import Any, TypeAlias
from zlib import crc32

from hiredis import pack_command
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import AskError, MovedError, ResponseError
from redis.retry import Retry

from repast.backends.online.per_loop import PerLoop
from repast.backends.online.redis_client import (
    ClientOptions,
    close_async_pool,
    make_async_cluster,
    make_async_pool,
    make_cluster,
    make_pool,
    sentinels_of,
)
from repast.backends.online.redis_failure import EXPLAINED, explain, is_transient
from repast.errors import ClosedError, UnavailableError

Command: TypeAlias = "tuple[int, tuple[Any, ...]]"
"""A shard and what to ask of it. All commands are harmless to repeat."""
Part: TypeAlias = "tuple[int, Sequence[int] | None, Sequence[bytes]]"
"""A shard, positions of keys (None: those after the last ones), keys."""

_SLOTS = 16_384
_SHARDS = 128
"""Parts of a table in a cluster: few, for a read asks each; many, for they are spread over the nodes and moved whole.
Part of the layout: with another number rows would not be found."""
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 1.0


class Link(ABC):
    """Sends commands. Safe to share between threads, event loops and forks."""

    shards = 1

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._closed = False
        backoff = ExponentialWithJitterBackoff(cap=_LONGEST_WAIT, base=_FIRST_WAIT)
        errors: Any = EXPLAINED
        self._retry: Any = Retry(backoff, options.retries, errors)
        self._async_retry: Any = AsyncRetry(backoff, options.retries, errors)

    def run(self, commands: Sequence[Command], *, confirm: bool = False) -> list[Any]:
        """Return the replies in order.

        Args:
            commands: What to ask.
            confirm: Wait for the replicas, if the options say for how many.

        Raises:
            UnavailableError: redis_failure says when, and when it was tried again before.

        """
        wait = self._options.wait_replicas if confirm else 0
        try:
            replies: list[Any] = self._retry.call_with_retry(lambda: self._attempt(commands, wait), self._failed)
        except EXPLAINED as error:
            raise explain(error, str(self._options.address)) from error
        return replies

    async def arun(self, commands: Sequence[Command]) -> list[Any]:
        """Like :meth:`run` without blocking the event loop."""
        try:
            replies: list[Any] = await self._async_retry.call_with_retry(lambda: self._aattempt(commands), _afailed)
        except EXPLAINED as error:
            raise explain(error, str(self._options.address)) from error
        return replies

    def key(self, table: str, shard: int) -> str:  # noqa: ARG002 (a cluster's links use it)
        """Return the key of one shard of a table."""
        return f"repast:{table}"

    def split(self, keys: Sequence[bytes], size: int) -> Iterator[Part]:
        """Yield keys by their shard, at most ``size`` of them."""
        for start in range(0, len(keys), size):
            yield 0, None, keys[start : start + size]

    def close(self) -> None:
        """Close connections: idle ones now, others when they have been used. Idempotent."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("The online store is closed.", hint="open a new FeatureStore")

    def _failed(self, error: Exception) -> None:
        if not is_transient(error):
            raise error

    @abstractmethod
    def _attempt(self, commands: Sequence[Command], wait: int) -> list[Any]: ...

    @abstractmethod
    async def _aattempt(self, commands: Sequence[Command]) -> list[Any]: ...


class SingleLink(Link):
    """One server, or the one that Sentinels name."""

    def __init__(self, options: ClientOptions) -> None:
        super().__init__(options)
        self._pool = make_pool(options)
        self._pools: PerLoop[Any] = PerLoop(lambda: make_async_pool(options), close_async_pool)

    def _attempt(self, commands: Sequence[Command], wait: int) -> list[Any]:
        self._check_open()
        if not commands:
            return []
        connection = self._pool.get_connection()
        try:
            _send(connection, [args for _, args in commands], wait, self._options)
            return _checked(_receive(connection, len(commands), wait))
        finally:
            self._pool.release(connection)
            if self._closed:
                self._pool.disconnect(inuse_connections=False)

    async def _aattempt(self, commands: Sequence[Command]) -> list[Any]:
        self._check_open()
        if not commands:
            return []
        pool = self._pools.get()
        connection = await pool.get_connection()
        try:
            packed = b"".join([pack_command(args) for _, args in commands])
            await connection.send_packed_command(packed, check_health=False)
            replies: list[Any] = []
            for _ in commands:
                try:
                    replies.append(await connection.read_response())
                except ResponseError as error:
                    replies.append(error)
        except BaseException:  # a cancelled task leaves answers in the pipe
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)
        return _checked(replies)

    def close(self) -> None:
        super().close()
        self._pool.disconnect(inuse_connections=False)
        for sentinel in sentinels_of(self._pool):
            sentinel.close()
        self._pools.close()


class ClusterLink(Link):
    """A cluster. Each table has a shard in every 128th slot; a row's is told by its key."""

    shards = _SHARDS

    def __init__(self, options: ClientOptions) -> None:
        super().__init__(options)
        self._lock = Lock()
        self._cluster: Any = None
        self._clusters: PerLoop[Any] = PerLoop(lambda: make_async_cluster(options), lambda client: client.aclose())

    def key(self, table: str, shard: int) -> str:
        return f"repast:{{{shard_tags()[shard]}}}:{table}"

    def split(self, keys: Sequence[bytes], size: int) -> Iterator[Part]:
        positions: defaultdict[int, list[int]] = defaultdict(list)
        for position, key in enumerate(keys):
            positions[crc32(key) % _SHARDS].append(position)
        for shard, found in positions.items():
            for start in range(0, len(found), size):
                part = found[start : start + size]
                yield shard, part, [keys[position] for position in part]

    def _attempt(self, commands: Sequence[Command], wait: int) -> list[Any]:
        self._check_open()
        if not commands:
            return []
        cluster = self._connected()
        nodes = _by_node(cluster, commands)
        replies: list[Any] = [None] * len(commands)
        lent: list[tuple[Any, Any]] = []
        try:  # all nodes work at once
            for node, positions in nodes.items():
                pool = cluster.get_redis_connection(node).connection_pool
                lent.append((pool, pool.get_connection()))
                _send(lent[-1][1], [commands[position][1] for position in positions], wait, self._options)
            for (_, connection), positions in zip(lent, nodes.values(), strict=True):
                for position, reply in zip(positions, _receive(connection, len(positions), wait), strict=True):
                    replies[position] = reply
        except BaseException:  # nobody will read the other answers
            for _, connection in lent:
                connection.disconnect()
            raise
        finally:
            for pool, connection in lent:
                pool.release(connection)
        for position, reply in enumerate(replies):
            if isinstance(reply, AskError) and not isinstance(reply, MovedError):  # the slot is being moved
                replies[position] = cluster.execute_command(*commands[position][1])
        return _checked(replies)

    async def _aattempt(self, commands: Sequence[Command]) -> list[Any]:
        self._check_open()
        if not commands:
            return []
        pipeline = self._clusters.get().pipeline()
        for _, args in commands:
            pipeline.execute_command(*args)
        replies: list[Any] = await pipeline.execute()
        return replies

    def _connected(self) -> Any:
        if self._cluster is None:
            with self._lock:
                if self._cluster is None:
                    self._cluster = make_cluster(self._options)
        return self._cluster

    def _failed(self, error: Exception) -> None:
        super()._failed(error)
        if self._cluster is not None:
            try:
                self._cluster.nodes_manager.initialize()  # another node may have the slots now
            except EXPLAINED as failure:
                super()._failed(failure)

    def close(self) -> None:
        super().close()
        if self._cluster is not None:
            self._cluster.close()
        self._clusters.close()


@cache
def shard_tags() -> tuple[str, ...]:
    """Return for each shard the first hash tag that is in its slot."""
    tags: dict[int, str] = {}
    number = 0
    while len(tags) < _SHARDS:
        tag = f"{number:x}"
        shard, rest = divmod(crc_hqx(tag.encode(), 0) % _SLOTS, _SLOTS // _SHARDS)
        if not rest:
            tags.setdefault(shard, tag)
        number += 1
    return tuple(tags[shard] for shard in range(_SHARDS))


def _by_node(cluster: Any, commands: Sequence[Command]) -> dict[Any, list[int]]:
    """Return the positions of commands by the node that has their shard."""
    find = cluster.nodes_manager.get_node_from_slot
    shards: defaultdict[int, list[int]] = defaultdict(list)
    for position, (shard, _) in enumerate(commands):
        shards[shard].append(position)
    nodes: defaultdict[Any, list[int]] = defaultdict(list)
    for shard, positions in shards.items():
        nodes[find(shard * (_SLOTS // _SHARDS))] += positions
    return nodes


async def _afailed(error: Exception) -> None:
    if not is_transient(error):
        raise error


def _send(connection: Any, commands: Sequence[tuple[Any, ...]], wait: int, options: ClientOptions) -> None:
    packed = [pack_command(args) for args in commands]
    if wait:
        confirm: tuple[Any, ...] = ("WAIT", wait, int(options.timeout * 500))  # answers before it is given up
        packed.append(pack_command(confirm))
    connection.send_packed_command([b"".join(packed)], check_health=False)


def _receive(connection: Any, count: int, wait: int) -> list[Any]:
    """Return all answers, errors among them: one left in the pipe would answer the next question."""
    replies: list[Any] = []
    read = connection.read_response
    try:
        for _ in range(count):
            try:
                replies.append(read())
            except ResponseError as error:
                replies.append(error)
        confirmed = _confirmed(read) if wait else 0
    except BaseException:
        connection.disconnect()
        raise
    if confirmed < wait and not any(isinstance(reply, Exception) for reply in replies):
        raise UnavailableError(
            f"{confirmed} of {wait} Redis replicas confirmed the rows.",
            hint="bring replicas back, or lower online_store.wait_replicas; then write the batch again",
        )
    return replies


def _confirmed(read: Callable[[], Any]) -> int:
    try:
        return int(read())
    except ResponseError:  # the server has become a replica: none of its own will tell
        return 0


def _checked(replies: list[Any]) -> list[Any]:
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies
