"""What a request is answered with, and how errors become answers.

Errors of Repast are sent as Feast's server sends its own, a JSON string that holds a JSON object, so
that Feast's SDK raises the class it knows; ``code`` and ``hint`` are more than Feast has. A request that
is malformed gets FastAPI's ``{"detail": [...]}``, as there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any, NamedTuple, TypeVar

import msgspec

from repast.errors import RepastError

_logger = logging.getLogger("repast.server")

encode = msgspec.json.Encoder().encode

_Asked = TypeVar("_Asked")

JSON = (b"content-type", b"application/json")

STATUS: Mapping[str, int] = {
    "not_found": 404,
    "conflict": 409,
    "invalid_request": 422,
    "invalid_value": 422,
    "unsupported": 501,
    "unavailable": 503,
    "closed": 503,
}
"""``RepastError.code`` to status; every other code is the server's own fault: 500."""

LONGEST = 2000
"""Characters of an error's message or hint that are sent; a request may hold far more that it could quote."""

AGAIN = 10.0
"""Seconds after which the log says once more that something is away."""
_warned: dict[str, float] = {}

_CLASSES: Mapping[str, str] = {
    "feature view": "FeatureViewNotFoundException",
    "on demand feature view": "OnDemandFeatureViewNotFoundException",
    "feature service": "FeatureServiceNotFoundException",
    "entity": "EntityNotFoundException",
    "data source": "DataSourceObjectNotFoundException",
    "push source": "PushSourceNotFoundException",
}


class Reply(NamedTuple):
    """One answer."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = (JSON,)


class Detail(msgspec.Struct):
    """What the HTTP layer has to say."""

    detail: str


class Place(msgspec.Struct):
    """One thing that is wrong with a body."""

    type: str
    loc: list[str | int]
    msg: str


class Malformed(msgspec.Struct):
    """Everything that is wrong with a body: the first thing that is."""

    detail: list[Place]


class RefusedError(Exception):
    """A request that gets no further than this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def done(body: bytes, rejected: int) -> Reply:
    """Return the reply for rows that were written, which says how many were left out."""
    headers = [(b"repast-rejected", str(rejected).encode())] if rejected else []
    return Reply(200, body, (JSON, *headers) if body else headers)


def detail(status: int, message: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> Reply:
    """Return a reply for a request that the HTTP layer refuses."""
    return Reply(status, encode(Detail(message)), (JSON, *headers))


def body_reader(decode: Callable[[bytes], _Asked]) -> Callable[[bytes], _Asked]:
    """Return a decoder that refuses, whatever is wrong with a body, with the reply that says so."""

    def read(body: bytes) -> _Asked:
        try:
            return decode(body)
        except msgspec.MsgspecError as error:
            raise RefusedError(_malformed(error)) from None
        except UnicodeDecodeError as error:
            raise RefusedError(_unreadable(f"The body has text that is not UTF-8 ({error.reason}).")) from None
        except RecursionError:
            raise RefusedError(_unreadable("The body is nested too deeply.")) from None

    return read


def _malformed(error: msgspec.MsgspecError) -> Reply:
    message, _, place = str(error).partition(" - at `")
    kind = "value_error" if isinstance(error, msgspec.ValidationError) else "json_invalid"
    path = place.rstrip("`").rpartition("$")[2].replace("[", ".").replace("]", "")
    return Reply(422, encode(Malformed([Place(kind, ["body", *filter(None, path.split("."))], message)])))


def _unreadable(message: str) -> Reply:
    return Reply(422, encode(Malformed([Place("json_invalid", ["body"], message)])))


def failure(error: RepastError) -> Reply:
    """Return the reply for an error of Repast."""
    status = STATUS.get(error.code, 500)
    if status == 500:
        _logger.error("%s", error, exc_info=error)
    elif status == 503:
        _warn(error.message)
    body = {"module": "feast.errors", "class": _feast_class(error), "message": _cut(error.message), "code": error.code}
    if error.hint:
        body["hint"] = _cut(error.hint)
    headers = (JSON, (b"retry-after", b"1")) if error.retryable else (JSON,)
    return Reply(status, encode(encode(body).decode()), headers)


def _warn(message: str) -> None:
    """Log what every request meets now, but not for every request."""
    now = monotonic()
    if now - _warned.get(message, -AGAIN) >= AGAIN:
        if len(_warned) >= 100:
            _warned.clear()
        _warned[message] = now
        _logger.warning("%s", message)


def bug(error: Exception) -> Reply:
    """Return the reply for an error that nobody foresaw: what it says stays in the log."""
    _logger.error("an unexpected error", exc_info=error)
    return Reply(500, encode("Internal Server Error"))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _feast_class(error: RepastError) -> str:
    if error.code != "not_found":
        return "FeastError"
    context: Mapping[str, Any] = error.context
    return _CLASSES.get(str(context.get("kind")), "FeastObjectNotFoundException")
