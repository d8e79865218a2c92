"""Where a Redis is and how to get in: Feast's connection strings, URLs, and options beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from repast.errors import InvalidConfigError, did_you_mean

_PORT = 6379


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """The nodes of a connection string, and the options of redis-py's connections that it holds."""

    nodes: tuple[tuple[str, int], ...]
    unix_path: str | None = None
    options: Mapping[str, object] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        """What messages call it: no credentials."""
        return self.unix_path or ", ".join(f"{host}:{port}" for host, port in self.nodes)


def parse_address(text: str) -> RedisAddress:
    """Read ``host:port,host:port,ssl=true,password=...`` as Feast writes it, or a redis://, rediss:// or unix:// URL.

    Raises:
        InvalidConfigError: It is neither. The text may hold a password, so it is not shown.

    """
    if "://" in text:
        return _parse_url(text)
    nodes: list[tuple[str, int]] = []
    options: dict[str, object] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, given, value = part.partition("=")
        if given:
            _set(options, name.strip(), value.strip())
        else:
            nodes.append(_node(part))
    if not nodes:
        raise InvalidConfigError("online_store.connection_string names no host.", hint=_EXAMPLE)
    return RedisAddress(tuple(nodes), options=options)


def _parse_url(text: str) -> RedisAddress:
    url = urlsplit(text)
    if url.scheme not in ("redis", "rediss", "unix"):
        raise InvalidConfigError(
            f"online_store.connection_string cannot start with {url.scheme}://.",
            hint="use redis://, rediss:// (TLS) or unix://",
        )
    options: dict[str, object] = {}
    login, _, hosts = url.netloc.rpartition("@")
    username, _, password = login.partition(":")
    for name, value in (("username", unquote(username)), ("password", unquote(password)), *parse_qsl(url.query)):
        if value:
            _set(options, name, value)
    if url.scheme == "unix":
        return RedisAddress((), unquote(url.path), options)
    if url.path.strip("/"):
        _set(options, "db", url.path.strip("/"))
    if url.scheme == "rediss":
        options["ssl"] = True
    return RedisAddress(
        tuple(_node(host) for host in hosts.split(",") if host) or (("localhost", _PORT),), None, options
    )


def _node(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):  # no port; an IPv6 address in brackets has colons of its own
        host, port = text, str(_PORT)
    if not port.isdecimal() or not 0 < int(port) < 65_536 or not host:
        raise InvalidConfigError("online_store.connection_string has a part that is no host:port.", hint=_EXAMPLE)
    return host.strip("[]"), int(port)


def _set(options: dict[str, object], name: str, value: str) -> None:
    if name in _IGNORED:
        return
    convert = _OPTIONS.get(name)
    if convert is None:
        raise InvalidConfigError(
            f"online_store.connection_string has an option {name!r}, which is not known.",
            hint=did_you_mean(name, _OPTIONS) or f"its options are: {', '.join(_OPTIONS)}",
        )
    try:
        options[name] = convert(value)
    except ValueError:
        raise InvalidConfigError(
            f"online_store.connection_string has an option {name} that is no {_WORDS[convert]}."
        ) from None


def _flag(text: str) -> bool:
    if text.lower() in ("true", "yes", "1"):
        return True
    if text.lower() in ("false", "no", "0"):
        return False
    raise ValueError(text)


_OPTIONS: Mapping[str, Callable[[str], object]] = {
    "db": int,
    "username": str,
    "password": str,
    "client_name": str,
    "ssl": _flag,
    "ssl_ca_certs": str,
    "ssl_certfile": str,
    "ssl_keyfile": str,
    "ssl_cert_reqs": str,
    "ssl_check_hostname": _flag,
    "socket_timeout": float,
    "socket_connect_timeout": float,
}
_IGNORED = frozenset({"skip_full_coverage_check", "decode_responses"})
"""What Feast's users write for older clients; it changes nothing here."""
_WORDS: Mapping[object, str] = {int: "whole number", float: "number", _flag: "true or false", str: "text"}
_EXAMPLE = "for example localhost:6379, or host1:6379,host2:6379,ssl=true, or rediss://user:password@host:6379/0"
