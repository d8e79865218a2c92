"""What errors of Redis and its client mean for the user."""

from __future__ import annotations

from typing import TypeAlias

from redis import exceptions as redis

from repast.errors import InvalidRequestError, RepastError, UnavailableError

EXPLAINED: tuple[type[Exception], ...] = (redis.RedisError, redis.RedisClusterException)
"""What :func:`explain` explains. The cluster's own errors are no RedisError."""

_REFUSED = (redis.AuthenticationError, redis.AuthorizationError)
_CLUSTER = (redis.ClusterError, redis.RedisClusterException, redis.TryAgainError, redis.MovedError)
_TRANSIENT = (redis.ConnectionError, redis.TimeoutError, *_CLUSTER)


def is_transient(error: Exception) -> bool:
    """Whether trying again soon may help: the way was cut, a node starts, a cluster elects."""
    cause = error.__cause__ if isinstance(error, redis.RedisClusterException) else None
    return isinstance(error, _TRANSIENT) and not isinstance(cause or error, _REFUSED)


def explain(error: Exception, address: str) -> RepastError:
    """Return what an error means, with what to do about it."""
    text = str(error)
    for classes, words, say, hint, retryable in _MEANINGS:
        if isinstance(error, classes) or any(word in text for word in words):
            shown = "." if _NO_MASTER in text else f": {text}"  # that one lists all of its clients
            return _unavailable(f"The Redis online store at {address} {say}{shown}", hint, address, retryable)
    if "invalid bulk length" in text:
        return InvalidRequestError(f"A key or value is too long for the Redis online store at {address}: {text}")
    hint = "other data under keys that start with 'repast:' would be in the way"
    return _unavailable(f"The Redis online store at {address} cannot be used: {text}", hint, address, False)


def _unavailable(message: str, hint: str, address: str, retryable: bool) -> UnavailableError:
    error = UnavailableError(message, hint=hint, context={"address": address})
    error.retryable = retryable
    return error


_NO_MASTER = "No master found"
_AGAIN = "what was written stays; write the batch again"
_LOGIN = "check username and password in the online_store section of feature_store.yaml"
_CONNECT = "check that it runs, and online_store.connection_string; " + _AGAIN
_SENTINEL = "check online_store.sentinel_master, and that the Sentinels in connection_string run"

_Meaning: TypeAlias = "tuple[tuple[type[Exception], ...], tuple[str, ...], str, str, bool]"

# Classes, or words of the message: servers differ in which of them the error of a script keeps.
_MEANINGS: tuple[_Meaning, ...] = (
    ((redis.OutOfMemoryError,), ("OOM ",), "is out of memory", "raise maxmemory or drop views; " + _AGAIN, True),
    ((redis.ReadOnlyError,), ("READONLY",), "is a read-only replica", "name the primary in connection_string", False),
    ((), ("MISCONF",), "refuses writes that it cannot save to disk", "free its disk; " + _AGAIN, True),
    ((), ("NOREPLICAS",), "refuses writes because it has too few replicas", "bring them back; " + _AGAIN, True),
    ((), ("Authentication required", "NOAUTH"), "wants credentials", _LOGIN, False),
    (_REFUSED, ("invalid username-password", "invalid password"), "refuses the credentials", _LOGIN, False),
    ((redis.NoPermissionError,), (), "does not permit that to this user", "docs/how-to/redis.md has the rule", False),
    ((redis.BusyLoadingError,), ("LOADING",), "is still loading its data", "wait until it has started", True),
    (
        (redis.MaxConnectionsError,),
        ("No connection available",),
        "has no connection left",
        "raise online_store.max_connections",
        True,
    ),
    ((), (_NO_MASTER,), "cannot be reached: no Sentinel names a master", _SENTINEL, True),
    ((redis.TimeoutError,), (), "did not answer in time", "try again, or raise online_store.timeout", True),
    ((redis.ConnectionError,), ("cannot be connected",), "cannot be reached", _CONNECT, True),
    (_CLUSTER, (), "cannot serve all of its slots", "wait until redis-cli cluster info says: ok", True),
)
