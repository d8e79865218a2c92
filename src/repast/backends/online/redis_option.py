"""The options of the store, checked and gathered for the client."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repast.backends.online.redis_address import RedisAddress, parse_address
from repast.backends.online.redis_client import ClientOptions
from repast.errors import InvalidConfigError

_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_WAIT = 5.0


def client_options(
    repo_path: Path,
    connection_string: str,
    *,
    redis_type: str,
    sentinel_master: str,
    login: Mapping[str, object],
    sentinel_login: Mapping[str, object],
    tls: Mapping[str, object],
    timeout: float | None,
    connect_timeout: float | None,
    retries: int,
    max_connections: int,
    wait_replicas: int,
) -> ClientOptions:
    """Gather what the client has to know; an option wins over the same in the connection string.

    Raises:
        InvalidConfigError: An option is wrong, or does not go with another.

    """
    address = parse_address(connection_string)
    given = {**login, **tls, "socket_timeout": timeout, "socket_connect_timeout": connect_timeout}
    connection: dict[str, Any] = {"socket_timeout": _WAIT, "socket_connect_timeout": _WAIT, **address.options}
    connection |= {name: value for name, value in given.items() if value is not None}
    for name in _FILES:
        if name in connection:
            connection[name] = str(repo_path / Path(connection[name]).expanduser())
    check_option("timeout", connection["socket_timeout"], 0.001, 3600)
    check_option("connect_timeout", connection["socket_connect_timeout"], 0.001, 3600)
    check_option("retries", retries, 0, 100)
    check_option("max_connections", max_connections, 1, 100_000)
    check_option("wait_replicas", wait_replicas, 0, 100)
    _check_address(address, redis_type, connection)
    return ClientOptions(
        address=address,
        connection=connection,
        max_connections=max_connections,
        retries=retries,
        wait_replicas=wait_replicas,
        sentinel=_sentinel(connection, sentinel_login) if redis_type == "redis_sentinel" else None,
        sentinel_master=sentinel_master,
    )


def check_option(name: str, value: float, least: float, most: float) -> None:
    """Refuse a number that cannot be meant."""
    if not least <= value <= most:
        raise InvalidConfigError(f"online_store.{name} must be {least:g} to {most:g}, not {value:g}.")


def _check_address(address: RedisAddress, redis_type: str, connection: dict[str, Any]) -> None:
    if redis_type == "redis" and len(address.nodes) > 1:
        raise InvalidConfigError(
            f"online_store.connection_string names {len(address.nodes)} hosts, but redis_type is one server.",
            hint="redis_type: redis_cluster or redis_sentinel",
        )
    if redis_type != "redis" and address.unix_path:
        raise InvalidConfigError(f"online_store.connection_string cannot be a unix socket for {redis_type}.")
    if redis_type == "redis_cluster" and connection.pop("db", 0) != 0:
        raise InvalidConfigError("online_store.db must be 0: a Redis cluster has no other database.")
    if not connection.get("ssl"):
        connection.pop("ssl", None)
        for name in [name for name in connection if name.startswith("ssl_")]:
            raise InvalidConfigError(f"online_store.{name} is given, but TLS is not asked for.", hint="ssl: true")


def _sentinel(connection: Mapping[str, Any], login: Mapping[str, object]) -> dict[str, Any]:
    """Sentinels are reached like the server, with a login of their own."""
    shared = {name: value for name, value in connection.items() if name not in ("username", "password", "db")}
    return {**shared, "protocol": 2, **{name: value for name, value in login.items() if value is not None}}
