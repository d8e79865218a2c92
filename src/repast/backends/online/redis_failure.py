"""What errors of Redis and its client mean for the user."""

from __future__ import annotations

from redis import exceptions as redis

from repast.errors import InvalidRequestError, RepastError, UnavailableError

EXPLAINED: tuple[type[Exception], ...] = (redis.RedisError, redis.RedisClusterException)
"""What :func:`explain` explains. The cluster's own errors are no RedisError."""

_LASTING = (redis.AuthenticationError, redis.AuthorizationError, redis.MaxConnectionsError)
_TRANSIENT = (redis.ConnectionError, redis.TimeoutError, redis.ClusterError, redis.TryAgainError, redis.MovedError)


def is_transient(error: Exception) -> bool:
    """Whether trying again soon may help: the way was cut, a node starts, a cluster elects."""
    if isinstance(error, redis.MaxConnectionsError):
        return True
    if isinstance(error, redis.RedisClusterException):
        return not isinstance(error.__cause__, _LASTING)
    return isinstance(error, _TRANSIENT) and not isinstance(error, _LASTING)


def explain(error: Exception, address: str) -> RepastError:
    """Return what an error means, with what to do about it."""
    text = str(error)
    if isinstance(error, redis.RedisClusterException) and isinstance(error.__cause__, Exception):
        text = f"{text.rstrip('.')}: {error.__cause__}"
    for matches, say, hint, retryable in _MEANINGS:
        if isinstance(error, matches) if not isinstance(matches, str) else matches in text:
            return _unavailable(f"The Redis online store at {address} {say}: {text}", hint, address, retryable)
    if "invalid bulk length" in text or "unsigned bulk" in text:
        return InvalidRequestError(f"A key or value is too long for the Redis online store at {address}: {text}")
    return _unavailable(
        f"The Redis online store at {address} cannot be used: {text}",
        "look at the server's log; other data under keys that start with 'repast:' would be in the way",
        address,
        False,
    )


def _unavailable(message: str, hint: str, address: str, retryable: bool) -> UnavailableError:
    error = UnavailableError(message, hint=hint, context={"address": address})
    error.retryable = retryable
    return error


_AGAIN = "what was written stays; write the batch again"
_LOGIN = "check username and password in the online_store section of feature_store.yaml"

_MEANINGS: tuple[tuple[type[Exception] | tuple[type[Exception], ...] | str, str, str, bool], ...] = (
    ("OOM command not allowed", "is out of memory", "raise maxmemory or drop views; " + _AGAIN, True),
    ("READONLY", "is a read-only replica", "name the primary in online_store.connection_string", False),
    ("MISCONF", "refuses writes because it cannot save to disk", "free its disk; " + _AGAIN, True),
    ("NOREPLICAS", "refuses writes because it has too few replicas", "bring them back; " + _AGAIN, True),
    ("invalid username-password", "refuses the credentials", _LOGIN, False),
    ("invalid password", "refuses the credentials", _LOGIN, False),
    ("Authentication required", "wants credentials", _LOGIN, False),
    ("NOAUTH", "wants credentials", _LOGIN, False),
    (redis.NoPermissionError, "does not permit that to this user", "docs/how-to/redis.md has the rule to grant", False),
    ((redis.AuthenticationError, redis.AuthorizationError), "refuses the credentials", _LOGIN, False),
    (redis.BusyLoadingError, "is still loading its data", "wait until it has started", True),
    (redis.MaxConnectionsError, "has no connection left", "raise online_store.max_connections", True),
    ("No connection available", "has no connection left", "raise online_store.max_connections", True),
    (redis.TimeoutError, "did not answer in time", "try again, or raise online_store.timeout; " + _AGAIN, True),
    (
        (redis.ClusterError, redis.RedisClusterException, redis.TryAgainError, redis.MovedError),
        "cannot serve all of its slots",
        "try again when the cluster has settled: redis-cli cluster info",
        True,
    ),
    (redis.ConnectionError, "cannot be reached", "check that it runs, and online_store.connection_string", True),
)
