"""Pools and cluster clients of redis-py, made from the options of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import redis.asyncio.cluster
import redis.asyncio.connection
import redis.asyncio.sentinel
import redis.cluster
import redis.connection
import redis.sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from repast.backends.online.redis_address import RedisAddress


@dataclass(frozen=True, kw_only=True)
class ClientOptions:
    """How to reach and talk to Redis."""

    address: RedisAddress
    connection: Mapping[str, Any]
    """Options of redis-py's connections, ``ssl`` among them."""
    max_connections: int
    retries: int
    wait_replicas: int
    sentinel: Mapping[str, Any] | None = None
    """Options of connections to the Sentinels, if the nodes are Sentinels."""
    sentinel_master: str = ""

    @property
    def timeout(self) -> float:
        """Seconds to wait for an answer."""
        return float(self.connection["socket_timeout"])


def make_pool(options: ClientOptions) -> Any:
    """Return a pool of connections to one server; it connects when first used, also after a fork."""
    arguments = _arguments(options, Retry(NoBackoff(), 0))
    if options.sentinel is not None:
        return _by_sentinel(redis.sentinel.Sentinel, options, arguments)
    module: Any = redis.connection
    return module.BlockingConnectionPool(**_one_server(options, arguments, module))


def make_async_pool(options: ClientOptions) -> Any:
    """Return a pool of connections for the running event loop."""
    arguments = _arguments(options, AsyncRetry(NoBackoff(), 0))
    if options.sentinel is not None:
        return _by_sentinel(redis.asyncio.sentinel.Sentinel, options, arguments)
    module: Any = redis.asyncio.connection
    return module.BlockingConnectionPool(**_one_server(options, arguments, module))


def make_cluster(options: ClientOptions) -> Any:
    """Connect to a cluster and ask it for its nodes."""
    module: Any = redis.cluster
    nodes = [module.ClusterNode(*node) for node in options.address.nodes]
    return module.RedisCluster(startup_nodes=nodes, **_arguments(options, Retry(NoBackoff(), 0)))


def make_async_cluster(options: ClientOptions) -> Any:
    """Return a cluster client for the running event loop; it connects when first used."""
    module: Any = redis.asyncio.cluster
    nodes = [module.ClusterNode(*node) for node in options.address.nodes]
    return module.RedisCluster(startup_nodes=nodes, **_arguments(options, AsyncRetry(NoBackoff(), 0)))


async def close_async_pool(pool: Any) -> None:
    """Close a pool's connections, those to Sentinels too."""
    await pool.aclose()
    for sentinel in sentinels_of(pool):
        await sentinel.aclose()


def sentinels_of(pool: Any) -> list[Any]:
    """Return the clients by which a pool asks Sentinels for the server."""
    return list(getattr(getattr(pool, "sentinel_manager", None), "sentinels", ()))


def _arguments(options: ClientOptions, retry: object) -> dict[str, Any]:
    # RESP 2: every reply is bytes. A connection is not tried again by itself but with its commands.
    return {**options.connection, "max_connections": options.max_connections, "protocol": 2, "retry": retry}


def _one_server(options: ClientOptions, arguments: dict[str, Any], module: Any) -> dict[str, Any]:
    if options.address.unix_path:
        where = {"connection_class": module.UnixDomainSocketConnection, "path": options.address.unix_path}
    else:
        host, port = options.address.nodes[0]
        where = {"connection_class": module.Connection, "host": host, "port": port}
        if arguments.get("ssl"):
            where["connection_class"] = module.SSLConnection
    arguments = {name: value for name, value in arguments.items() if name != "ssl"}
    return {**arguments, **where, "timeout": options.timeout}


def _by_sentinel(make: Callable[..., Any], options: ClientOptions, arguments: dict[str, Any]) -> Any:
    asking = {**(options.sentinel or {}), "retry": arguments["retry"]}
    sentinel = make(list(options.address.nodes), sentinel_kwargs=asking, **arguments)
    return sentinel.master_for(options.sentinel_master).connection_pool
