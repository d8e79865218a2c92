"""The Redis and Valkey online store: one server, Sentinels or a cluster; a view is a hash, a row is a field."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from repast.backends.online.redis_write import Batch
from repast.errors import InvalidRequestError, NotFoundError, UnsupportedError, require
from repast.ports.online import OnlineStore, OnlineTable, Reads, SupportsExpiry, Values, WriteResult

if TYPE_CHECKING:
    from repast.backends.online.redis_link import Command, Link

_KEYS = 4000
"""Keys of one command: a server does one thing at a time, and others want to read."""
_AT_ONCE = 10_000
"""Commands sent together when tables are made or dropped."""


class RedisOnlineStore(OnlineStore, SupportsExpiry):
    """Keeps each view in a hash (in a cluster: one per shard), a packed row in each field.

    Nothing is ever scanned: dropping a view unlinks its hashes, counting asks for their length. Give the
    server ``maxmemory-policy noeviction`` or one of ``volatile-*``, and ``appendonly yes`` if rows shall
    survive it. Feast's option names are accepted.

    Args:
        repo_path: Folder of the repo, where relative paths of certificates start.
        connection_string: ``host:port``, several with commas (nodes of a cluster, Sentinels), options after
            them (``ssl=true,password=...``), or a URL: ``redis://``, ``rediss://``, ``unix://``.
        redis_type: One server, a cluster, or Sentinels that name the server.
        sentinel_master: What the Sentinels call it.
        username: ACL user.
        password: Password of the user.
        db: Number of the database; a cluster has 0 only.
        sentinel_username: ACL user of the Sentinels.
        sentinel_password: Password of the Sentinels.
        ssl: Talk TLS.
        ssl_ca_certs: File of the authority that signed the server's certificate; default: the system's.
        ssl_certfile: Certificate of this client.
        ssl_keyfile: Key of this client.
        timeout: Seconds to wait for an answer; default: 5.
        connect_timeout: Seconds to wait for a connection; default: 5.
        retries: How often a call that failed for a transient reason is tried again, with jitter between.
        max_connections: At most so many per process and server, and as many per event loop.
        wait_replicas: A write succeeds only when so many replicas have it: a failover then loses nothing.
        expire_rows: Rows go when their view's ttl is over. Needs Redis 7.4 or Valkey 9.
        key_ttl_seconds: Rows go so long after they were last written, whatever their time. Needs the same.

    Raises:
        InvalidConfigError: An option is wrong.
        MissingDependencyError: redis-py is not installed.

    """

    def __init__(
        self,
        *,
        repo_path: str | Path,
        connection_string: str = "localhost:6379",
        redis_type: Literal["redis", "redis_cluster", "redis_sentinel"] = "redis",
        sentinel_master: str = "mymaster",
        username: str | None = None,
        password: str | None = None,
        db: int | None = None,
        sentinel_username: str | None = None,
        sentinel_password: str | None = None,
        ssl: bool | None = None,
        ssl_ca_certs: str | None = None,
        ssl_certfile: str | None = None,
        ssl_keyfile: str | None = None,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        retries: int = 3,
        max_connections: int = 64,
        wait_replicas: int = 0,
        expire_rows: bool = False,
        key_ttl_seconds: int | None = None,
    ) -> None:
        for package in ("redis", "hiredis"):
            require(package, extra="redis", purpose="The Redis online store")
        from repast.backends.online.redis_link import ClusterLink, SingleLink
        from repast.backends.online.redis_option import check_option, client_options

        check_option("key_ttl_seconds", 1 if key_ttl_seconds is None else key_ttl_seconds, 1, 10**9)
        options = client_options(
            Path(repo_path),
            connection_string,
            redis_type=redis_type,
            sentinel_master=sentinel_master,
            login={"username": username, "password": password, "db": db},
            sentinel_login={"username": sentinel_username, "password": sentinel_password},
            tls={"ssl": ssl, "ssl_ca_certs": ssl_ca_certs, "ssl_certfile": ssl_certfile, "ssl_keyfile": ssl_keyfile},
            timeout=timeout,
            connect_timeout=connect_timeout,
            retries=retries,
            max_connections=max_connections,
            wait_replicas=wait_replicas,
        )
        self._link: Link = ClusterLink(options) if redis_type == "redis_cluster" else SingleLink(options)
        self._expire_rows = expire_rows
        self._key_ttl_us = None if key_ttl_seconds is None else key_ttl_seconds * 1_000_000
        self._hashes: dict[OnlineTable, list[str]] = {}

    @property
    def expires(self) -> bool:
        """Whether rows go when their view's ttl is over."""
        return self._expire_rows

    def create(self, tables: Sequence[OnlineTable]) -> None:
        """Make tables ready for reading and writing. Does nothing for tables that exist.

        Raises:
            UnsupportedError: Rows shall expire, and the server is too old for that.

        """
        if self._expire_rows or self._key_ttl_us:
            self._check_expiry()
        # Rows have keys of at least one byte: the field without a name says that there is a table.
        self._run_each(tables, lambda name: ("HSETNX", name, b"", b""))

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        """Remove tables with all their rows, whose memory the server frees in the background."""
        self._run_each(tables, lambda name: ("UNLINK", name))
        for table in tables:
            self._hashes.pop(table, None)

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        """Write a batch in commands of a few hundred rows, each atomic; see the port.

        If a connection is lost and the batch sent again, rows of the first try count as unchanged.

        Raises:
            NotFoundError: The table was not created.
            UnavailableError: The server cannot be reached or takes no writes; part of the batch may be there.

        """
        return self._write(table, keys, values, None)

    def write_until(
        self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes], until_us: Sequence[int]
    ) -> WriteResult:
        """Like :meth:`write`; each row goes in the millisecond after its moment."""
        return self._write(table, keys, values, until_us)

    def read(self, reads: Reads) -> Values:
        """Return the values for the keys of each table, in order, None where there is no row.

        All keys of all tables are asked for at once: one round trip, per node if there are several.
        """
        commands, places = self._plan_read(reads)
        return self._arrange(reads, places, self._link.run(commands))

    async def aread(self, reads: Reads) -> Values:
        """Like :meth:`read` without blocking the event loop."""
        commands, places = self._plan_read(reads)
        return self._arrange(reads, places, await self._link.arun(commands))

    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        """Remove the rows of these keys; return how many there were."""
        names = self._names(table)
        parts = self._link.split(keys, _KEYS)
        return sum(self._link.run([(shard, ("HDEL", names[shard], *part)) for shard, _, part in parts], confirm=True))

    def count(self, table: OnlineTable) -> int:
        """Return the number of rows; rows that have expired may be counted until the server removes them."""
        lengths = self._link.run([(shard, ("HLEN", name)) for shard, name in enumerate(self._names(table))])
        return sum(max(length - 1, 0) for length in lengths)

    def close(self) -> None:
        """Close all connections. Idempotent."""
        self._link.close()

    def _names(self, table: OnlineTable) -> list[str]:
        """Return the keys of the table's hashes, by shard."""
        names = self._hashes.get(table)
        if names is None:
            name = f"{quote(table.project, safe='')}/{quote(table.view, safe='')}/{table.incarnation}"
            names = self._hashes[table] = [self._link.key(name, shard) for shard in range(self._link.shards)]
        return names

    def _run_each(self, tables: Sequence[OnlineTable], command: Callable[[str], tuple[Any, ...]]) -> None:
        """Run a command for every hash of some tables."""
        commands = [(shard, command(name)) for table in tables for shard, name in enumerate(self._names(table))]
        for start in range(0, len(commands), _AT_ONCE):
            self._link.run(commands[start : start + _AT_ONCE], confirm=True)

    def _plan_read(self, reads: Reads) -> tuple[list[Command], list[tuple[int, Sequence[int] | None]]]:
        """Return commands, and for each the read it is for and where in it the values go."""
        commands: list[Command] = []
        places: list[tuple[int, Sequence[int] | None]] = []
        for at, (table, keys) in enumerate(reads):
            names = self._names(table)
            for shard, positions, part in self._link.split(keys, _KEYS):
                commands.append((shard, ("HMGET", names[shard], *part)))
                places.append((at, positions))
        return commands, places

    def _arrange(self, reads: Reads, places: Sequence[tuple[int, Sequence[int] | None]], replies: list[Any]) -> Values:
        if self._link.shards == 1 and all(0 < len(keys) <= _KEYS for _, keys in reads):  # a command for each
            return replies
        values: Values = [[] if self._link.shards == 1 else [None] * len(keys) for _, keys in reads]
        for (at, positions), reply in zip(places, replies, strict=True):
            if positions is None:
                values[at] += reply
            else:
                for position, value in zip(positions, reply, strict=True):
                    values[at][position] = value
        return values

    def _write(
        self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes], until_us: Sequence[int] | None
    ) -> WriteResult:
        if len(keys) != len(values):
            raise InvalidRequestError(f"{len(keys)} keys cannot have {len(values)} values.")
        batch = Batch(keys, values, self._until_ms(until_us, len(keys)))
        replies = self._link.run(batch.commands(self._link, self._names(table)), confirm=True)
        if None in replies:
            raise NotFoundError(
                f"There is no online table for view {table.view!r} of project {table.project!r} in Redis.",
                hint="run: repast apply",
            )
        return batch.result(replies)

    def _until_ms(self, until_us: Sequence[int] | None, rows: int) -> list[int] | None:
        """Return the milliseconds at which rows go, if any do."""
        if self._key_ttl_us is None:
            return None if until_us is None else [us // 1000 + 1 for us in until_us]
        latest = time.time_ns() // 1000 + self._key_ttl_us
        return [min(us, latest) // 1000 + 1 for us in until_us or [latest] * rows]

    def _check_expiry(self) -> None:
        (found,) = self._link.run([(0, ("COMMAND", "INFO", "HPEXPIREAT"))])
        if not found or not found[0]:
            raise UnsupportedError(
                "This Redis server cannot let rows expire: that needs Redis 7.4 or Valkey 9.",
                hint="upgrade it, or take expire_rows and key_ttl_seconds out of online_store",
            )
