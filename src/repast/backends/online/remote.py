"""The remote online store: rows behind a feature server, Repast's or Feast's.

Repast's server hands out keys and values as bytes, so this is a store like any other. Feast's server
knows features only; which of them it is, is asked once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from repast.backends.online.remote_link import LinkOptions, RemoteLink
from repast.core.clock import to_us
from repast.errors import CorruptDataError, InvalidConfigError, InvalidRequestError
from repast.ports.online import (
    FeatureColumn,
    FeatureRead,
    OnlineStore,
    OnlineTable,
    Reads,
    SupportsFeatureRead,
    Values,
    WriteResult,
)

_MSGPACK = "application/msgpack"
_BATCH = 4 << 20
"""Bytes of keys and values that are written at a time: servers limit the size of requests."""

_pack = msgspec.msgpack.Encoder().encode
_decode_values = msgspec.msgpack.Decoder(list[list[bytes | None]]).decode
_decode_int = msgspec.msgpack.Decoder(int).decode
_decode_counts = msgspec.msgpack.Decoder(tuple[int, int, int]).decode


class _Column(msgspec.Struct):
    values: list[Any]
    statuses: list[str]
    event_timestamps: list[datetime]


class _Metadata(msgspec.Struct):
    feature_names: list[str]


class _Answer(msgspec.Struct):
    results: list[_Column]
    metadata: _Metadata


_decode_answer = msgspec.json.Decoder(_Answer).decode


class RemoteOnlineStore(OnlineStore, SupportsFeatureRead):
    """Reads through a feature server. A Repast server may also allow writing (``--remote-store write``).

    Behind Feast's server only reads of features work: its own project loads, writes and drops.

    Args:
        repo_path: Folder of the repo, where a relative ``cert`` starts.
        path: Address of the server.
        cert: PEM file with the CA, or the certificate itself, that the server is trusted by; default: the
            system's.
        token: What the server asks for, as ``Authorization: Bearer``.
        connection_pool_size: Connections kept open.
        connection_idle_timeout: Seconds that an unused connection is kept; 0: as long as the server does.
        connection_retries: How often a request is sent again where that may help, after growing waits.
        timeout: Seconds that a server may take for one answer.

    """

    def __init__(
        self,
        *,
        repo_path: str | Path,
        path: str = "http://localhost:6566",
        cert: str = "",
        token: str = "",
        connection_pool_size: int = 50,
        connection_idle_timeout: int = 300,
        connection_retries: int = 3,
        timeout: float = 30.0,
    ) -> None:
        if not path.startswith(("http://", "https://")):
            raise InvalidConfigError(
                f"online_store.path must be the address of a feature server, not {path!r}.",
                hint="path: http://host:6566",
            )
        if connection_pool_size < 1 or min(connection_idle_timeout, connection_retries) < 0 or timeout <= 0:
            raise InvalidConfigError("Options of the remote online store cannot be negative, nor pool or timeout 0.")
        ca_file = str(Path(repo_path) / Path(cert).expanduser()) if cert else ""
        if ca_file and not Path(ca_file).is_file():
            raise InvalidConfigError(f"online_store.cert: there is no file {ca_file!r}.")
        self._link = RemoteLink(
            LinkOptions(
                url=path.rstrip("/"),
                ca_file=ca_file,
                token=token,
                pool_size=connection_pool_size,
                idle=connection_idle_timeout,
                retries=connection_retries,
                timeout=timeout,
            )
        )
        self._is_feast: bool | None = None

    # -- bytes ------------------------------------------------------------------------------------

    def create(self, tables: Sequence[OnlineTable]) -> None:
        """Make tables ready for reading and writing. Behind Feast's server: nothing, it makes its own."""
        if not self.reads_features():
            self._call("create", [_address(table) for table in tables])

    def drop(self, tables: Sequence[OnlineTable]) -> None:
        """Remove tables with all their rows. Behind Feast's server: nothing, they are its own."""
        if not self.reads_features():
            self._call("drop", [_address(table) for table in tables])

    def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
        """Write a batch, in parts if it is large; see the port."""
        if len(keys) != len(values):
            raise InvalidRequestError(f"{len(keys)} keys cannot have {len(values)} values.")
        result = WriteResult()
        for start, stop in _parts(keys, values):
            packed = self._call("write", [_address(table), keys[start:stop], values[start:stop]])
            result += WriteResult(*_decode_counts(packed))
        return result

    def read(self, reads: Reads) -> Values:
        """Return the values for the keys of each table, in one request; see the port."""
        return _values(reads, self._call("read", _readable(reads)))

    async def aread(self, reads: Reads) -> Values:
        """Like :meth:`read` without blocking the event loop."""
        response = await self._link.arequest("POST", "/v1/online/read", _pack(_readable(reads)), _MSGPACK)
        return _values(reads, self._body(response))

    def erase(self, table: OnlineTable, keys: Sequence[bytes]) -> int:
        """Remove the rows of these keys; return how many there were."""
        return _decode_int(self._call("erase", [_address(table), keys]))

    def count(self, table: OnlineTable) -> int:
        """Return the number of rows, as the server's store counts them."""
        return _decode_int(self._call("count", _address(table)))

    def close(self) -> None:
        """Release connections. Idempotent."""
        self._link.close()

    def _call(self, operation: str, value: object) -> bytes:
        return self._body(self._link.request("POST", f"/v1/online/{operation}", _pack(value), _MSGPACK))

    def _body(self, response: Any) -> bytes:
        if response.status_code == 200:
            body: bytes = response.content
            return body
        raise self._link.explain(response)

    # -- features ---------------------------------------------------------------------------------

    def reads_features(self) -> bool:
        """Whether the server is Feast's: only features can be read then."""
        if self._is_feast is None:
            self._is_feast = self._judge(self._link.request("GET", "/v1/online"))
        return self._is_feast

    async def areads_features(self) -> bool:
        """Like :meth:`reads_features` without blocking the event loop."""
        if self._is_feast is None:
            self._is_feast = self._judge(await self._link.arequest("GET", "/v1/online"))
        return self._is_feast

    def _judge(self, response: Any) -> bool:
        if response.status_code == 404:
            return True
        if response.status_code != 200:
            raise self._link.explain(response)
        return False

    def read_features(self, reads: Sequence[FeatureRead]) -> list[dict[str, FeatureColumn]]:
        """Return per read the columns by reference, with one request each."""
        return [self._columns(read, self._link.request("POST", _FEATURES, _question(read))) for read in reads]

    async def aread_features(self, reads: Sequence[FeatureRead]) -> list[dict[str, FeatureColumn]]:
        """Like :meth:`read_features`, all requests at once, without blocking the event loop."""
        import asyncio

        responses = await asyncio.gather(*(self._link.arequest("POST", _FEATURES, _question(read)) for read in reads))
        return [self._columns(read, response) for read, response in zip(reads, responses, strict=True)]

    def _columns(self, read: FeatureRead, response: Any) -> dict[str, FeatureColumn]:
        if response.status_code != 200:
            raise self._link.explain(response)
        try:
            answer = _decode_answer(response.content)
        except msgspec.MsgspecError as error:
            raise CorruptDataError(f"The feature server's answer cannot be read: {error}.") from error
        named = dict(zip(answer.metadata.feature_names, answer.results, strict=False))
        missing = [ref for ref in read.references if ref.replace(":", "__", 1) not in named]
        if missing:
            raise CorruptDataError(f"The feature server's answer lacks {', '.join(missing)}.")
        return {ref: _column(named[ref.replace(":", "__", 1)]) for ref in read.references}


_FEATURES = "/get-online-features"


def _question(read: FeatureRead) -> bytes:
    return msgspec.json.encode({"features": read.references, "entities": read.keys, "full_feature_names": True})


def _column(column: _Column) -> FeatureColumn:
    found = [status in ("PRESENT", "NULL_VALUE", "OUTSIDE_MAX_AGE") for status in column.statuses]
    return FeatureColumn(column.values, found, [to_us(moment) for moment in column.event_timestamps])


def _address(table: OnlineTable) -> tuple[str, str, int]:
    return (table.project, table.view, table.incarnation)


def _readable(reads: Reads) -> list[object]:
    return [[_address(table), keys] for table, keys in reads]


def _values(reads: Reads, packed: bytes) -> Values:
    values = _decode_values(packed)
    if [len(keys) for _, keys in reads] != [len(found) for found in values]:
        raise CorruptDataError("The feature server answered other keys than it was asked for.")
    return values


def _parts(keys: Sequence[bytes], values: Sequence[bytes]) -> list[tuple[int, int]]:
    """Cut a batch into parts of bounded size."""
    parts: list[tuple[int, int]] = []
    start = size = 0
    for i, (key, value) in enumerate(zip(keys, values, strict=True)):
        size += len(key) + len(value)
        if size >= _BATCH:
            parts.append((start, i + 1))
            start, size = i + 1, 0
    return [*parts, (start, len(keys))] if start < len(keys) or not parts else parts
