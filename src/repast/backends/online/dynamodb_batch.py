"""What is asked of DynamoDB in batches, and again while some of it is left undone."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from repast.backends.online.dynamodb_failure import throttled
from repast.backends.online.dynamodb_link import DynamodbLink

KEY, VALUE, EXPIRY = "k", "v", "t"
"""Attributes of an item."""
LARGEST_ITEM = 400 << 10
LARGEST_READ = 100
_LARGEST_WRITE = 25
_ATTEMPTS = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


class Row(NamedTuple):
    """What an item holds."""

    value: bytes
    until: int | None
    """The second from which DynamoDB may remove it."""


Found: TypeAlias = "dict[str, dict[bytes, Row]]"
"""Rows by table and key."""
Steps: TypeAlias = "Generator[tuple[float, dict[str, Any]], dict[str, Any], Found]"
"""Yields how long to pause and then what to ask; is sent the answer."""


def read_requests(wanted: Mapping[str, Sequence[bytes]], size: int, *, consistent: bool) -> list[dict[str, Any]]:
    """Cut keys, none twice in a table, into as few requests as there may be; one may be of several tables."""
    pairs = [(name, key) for name, keys in wanted.items() for key in dict.fromkeys(keys)]
    requests = []
    for start in range(0, len(pairs), size):
        request: dict[str, Any] = {}
        for name, key in pairs[start : start + size]:
            asked = request.setdefault(name, {"Keys": [], "ConsistentRead": consistent})
            asked["Keys"].append({KEY: {"B": key}})
        requests.append(request)
    return requests


def read(link: DynamodbLink, request: dict[str, Any]) -> Found:
    """Return the rows of one request."""
    steps = _read_steps(link.address, request)
    pause, asked = next(steps)
    while True:
        time.sleep(pause) if pause else None
        try:
            pause, asked = steps.send(link.call("batch_get_item", RequestItems=asked))
        except StopIteration as done:
            found: Found = done.value
            return found


async def aread(link: DynamodbLink, request: dict[str, Any]) -> Found:
    """Like :func:`read` without blocking the event loop."""
    steps = _read_steps(link.address, request)
    pause, asked = next(steps)
    while True:
        if pause:
            await asyncio.sleep(pause)
        try:
            pause, asked = steps.send(await link.acall("batch_get_item", RequestItems=asked))
        except StopIteration as done:
            found: Found = done.value
            return found


def merge(parts: Sequence[Found]) -> Found:
    """Return the rows of several requests as one."""
    if len(parts) == 1:
        return parts[0]
    found: Found = defaultdict(dict)
    for part in parts:
        for name, rows in part.items():
            found[name].update(rows)
    return found


def delete(link: DynamodbLink, name: str, keys: Sequence[bytes]) -> None:
    """Delete items, a few at a time."""
    parts = [keys[start : start + _LARGEST_WRITE] for start in range(0, len(keys), _LARGEST_WRITE)]
    link.write_each(lambda part: _delete(link, name, part), parts)


def _delete(link: DynamodbLink, name: str, keys: Sequence[bytes]) -> None:
    pending: Any = {name: [{"DeleteRequest": {"Key": {KEY: {"B": key}}}} for key in keys]}
    pauses = _pauses(link.address)
    while pending:
        left = link.call("batch_write_item", RequestItems=pending).get("UnprocessedItems")
        if left:
            time.sleep(next(pauses))
        pending = left


def _read_steps(address: str, request: dict[str, Any]) -> Steps:
    found: Found = defaultdict(dict)
    pauses, pause, pending = _pauses(address), 0.0, request
    while pending:
        answer = yield pause, pending
        pending = answer.get("UnprocessedKeys") or {}
        for name, items in answer["Responses"].items():
            found[name].update((item[KEY]["B"], _row(item)) for item in items)
        if any(answer["Responses"].values()):  # it was too much for one answer: the rest may be asked for at once
            pauses, pause = _pauses(address), 0.0
        elif pending:
            pause = next(pauses)
    return found


def _row(item: Mapping[str, Any]) -> Row:
    return Row(item[VALUE]["B"], int(item[EXPIRY]["N"]) if EXPIRY in item else None)


def _pauses(address: str) -> Iterator[float]:
    for attempt in range(_ATTEMPTS):
        yield min(_FIRST_PAUSE * (1 << attempt), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
    raise throttled(address)
