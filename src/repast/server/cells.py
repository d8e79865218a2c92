"""The online store itself, for stores of type ``remote``: keys and values as bytes, in msgpack.

``GET /v1/online`` says what there is, ``POST /v1/online/<operation>`` does it. Only tables of the
server's own project can be reached, and what changes them only if the server was told to allow it.
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from repast.ports.online import OnlineTable
from repast.server.reply import JSON, RefusedError, Reply, body_reader, detail, encode

if TYPE_CHECKING:
    from repast.server.worker import Worker

PROTOCOL = 1

_MSGPACK = ((b"content-type", b"application/msgpack"),)
_pack = msgspec.msgpack.Encoder().encode


class Table(msgspec.Struct, array_like=True, frozen=True):
    """An online table."""

    project: str
    view: str
    incarnation: int


class TableRead(msgspec.Struct, array_like=True):
    """Keys of one table."""

    table: Table
    keys: list[bytes]


class TableWrite(msgspec.Struct, array_like=True):
    """Rows for one table."""

    table: Table
    keys: list[bytes]
    values: list[bytes]


_decode_reads = body_reader(msgspec.msgpack.Decoder(list[TableRead]).decode)
_decode_read = body_reader(msgspec.msgpack.Decoder(TableRead).decode)
_decode_write = body_reader(msgspec.msgpack.Decoder(TableWrite).decode)
_decode_tables = body_reader(msgspec.msgpack.Decoder(list[Table]).decode)
_decode_table = body_reader(msgspec.msgpack.Decoder(Table).decode)


async def about(worker: Worker, _body: bytes, _query: bytes) -> Reply:
    """Say what this server is, and what it lets remote stores do."""
    access = worker.settings.remote_store
    return Reply(200, encode({"server": "repast", "protocol": PROTOCOL, "access": access}), (JSON,))


async def read(worker: Worker, body: bytes, _query: bytes) -> Reply:
    """Return the values for the keys of each table."""
    _permit(worker, change=False)
    reads = _decode_reads(body)
    return _answer(await worker.online.aread([(_own(worker, read.table), read.keys) for read in reads]))


async def write(worker: Worker, body: bytes, _query: bytes) -> Reply:
    """Let each key keep the greater of its value and the new one."""
    _permit(worker, change=True)
    asked = _decode_write(body)
    result = await to_thread(worker.online.write, _own(worker, asked.table), asked.keys, asked.values)
    return _answer([result.written, result.unchanged, result.late])


async def erase(worker: Worker, body: bytes, _query: bytes) -> Reply:
    """Remove the rows of some keys."""
    _permit(worker, change=True)
    asked = _decode_read(body)
    return _answer(await to_thread(worker.online.erase, _own(worker, asked.table), asked.keys))


async def count(worker: Worker, body: bytes, _query: bytes) -> Reply:
    """Return the number of rows of a table."""
    _permit(worker, change=False)
    return _answer(await to_thread(worker.online.count, _own(worker, _decode_table(body))))


async def create(worker: Worker, body: bytes, _query: bytes) -> Reply:
    """Make tables."""
    await to_thread(worker.online.create, _tables(worker, body))
    return _answer(None)


async def drop(worker: Worker, body: bytes, _query: bytes) -> Reply:
    """Remove tables with all their rows."""
    await to_thread(worker.online.drop, _tables(worker, body))
    return _answer(None)


def _tables(worker: Worker, body: bytes) -> Sequence[OnlineTable]:
    _permit(worker, change=True)
    return [_own(worker, table) for table in _decode_tables(body)]


def _permit(worker: Worker, *, change: bool) -> None:
    access = worker.settings.remote_store
    if access == "off" or (change and access != "write"):
        raise RefusedError(detail(403, f"This server does not let remote stores {'write' if change else 'read'}."))


def _own(worker: Worker, table: Table) -> OnlineTable:
    own = worker.workspace.project
    if table.project != own:
        raise RefusedError(detail(403, f"This server serves project {own!r}, no other."))
    return OnlineTable(table.project, table.view, table.incarnation)


def _answer(value: Any) -> Reply:
    return Reply(200, _pack(value), _MSGPACK)
