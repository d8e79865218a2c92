"""Files in object stores: listed with obstore, read by DuckDB through a small fsspec file system.

Credentials come from the environment (AWS_*, GOOGLE_*, AZURE_*) as every cloud's own tools read them.
Sizes come from the listing, so that opening a file costs no request.
"""

from __future__ import annotations

import hashlib
import io
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import duckdb
import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec import AbstractFileSystem
from obstore.store import from_url

from repast.backends.offline.location import SUFFIXES, has_wildcard, is_data, is_hidden, matches
from repast.core.manifest import SourceSpec
from repast.errors import NotFoundError, UnsupportedError

_SCHEMES = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az", "adl": "az"}
_registering = threading.Lock()


class Bucket:
    """One bucket or container, at the endpoint that a source names."""

    def __init__(self, source: SourceSpec) -> None:
        path = str(source.options["path"])
        parts = urlsplit(path)
        if parts.scheme not in _SCHEMES:
            raise UnsupportedError(
                f"Source {source.name!r}: {parts.scheme}:// is not a kind of path that can be read ({path}).",
                hint="use a local path, s3://, gs:// or az://",
            )
        self.scheme, self.name = _SCHEMES[parts.scheme], parts.netloc
        self.key = path.split("://", 1)[1].partition("/")[2]
        self.endpoint = str(source.options.get("s3_endpoint_override") or "") if self.scheme == "s3" else ""
        options: dict[str, Any] = {"retry_config": {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}}
        if self.endpoint:
            options["config"] = {"endpoint": self.endpoint}
            options["client_options"] = {"allow_http": self.endpoint.startswith("http://")}
        self.store = from_url(f"{self.scheme}://{self.name}", **options)

    @property
    def protocol(self) -> str:
        """Scheme of this bucket's URLs; endpoints have schemes of their own, so that DuckDB can tell them apart."""
        digest = hashlib.sha256(self.endpoint.encode()).hexdigest()[:8]
        return f"{self.scheme}-{digest}" if self.endpoint else self.scheme

    def url(self, key: str) -> str:
        """Return the URL of an object."""
        return f"{self.protocol}://{self.name}/{key}"

    def list(self, file_format: str, *, source: str) -> dict[str, Mapping[str, Any]]:
        """Return URL -> what the listing says of each of the source's objects, by key.

        Raises:
            NotFoundError: There is none.

        """
        found = self._head() if is_data(self.key.rpartition("/")[2], SUFFIXES[file_format]) else {}
        if not found:
            batches = obstore.list(self.store, _fixed_part(self.key) or None)
            found = {meta["path"]: meta for batch in batches for meta in batch if self._has(meta["path"], file_format)}
        if not found:
            raise NotFoundError(
                f"Source {source!r}: there is nothing at {self.scheme}://{self.name}/{self.key}.",
                hint="folders are read by suffix: " + ", ".join(SUFFIXES[file_format]),
                context={"source": source, "path": f"{self.scheme}://{self.name}/{self.key}"},
            )
        return {self.url(key): found[key] for key in sorted(found)}

    def schema(self, meta: Mapping[str, Any]) -> pa.Schema:
        """Return the columns of a Parquet object."""
        return pq.read_schema(_ObjectFile(self, str(meta["path"]), int(meta["size"])))

    def put_part(self, rows: pa.Table) -> None:
        """Add a Parquet object to the folder that the source is; it appears whole or not at all."""
        folder = _fixed_part(self.key)
        buffer = io.BytesIO()
        pq.write_table(rows, buffer)
        name = f"part-{uuid.uuid4().hex}.parquet"
        obstore.put(self.store, f"{folder}/{name}" if folder else name, buffer.getvalue())

    def _head(self) -> dict[str, Mapping[str, Any]]:
        if has_wildcard(self.key):
            return {}
        try:
            return {self.key: obstore.head(self.store, self.key)}
        except FileNotFoundError:
            return {}

    def _has(self, key: str, file_format: str) -> bool:
        """Whether a listed object is one of the source's files."""
        if has_wildcard(self.key):
            return matches(key, self.key)
        *folders, name = key.removeprefix(self.key.rstrip("/")).split("/")
        return is_data(name, SUFFIXES[file_format]) and not any(is_hidden(folder) for folder in folders)


def _fixed_part(key: str) -> str:
    """The folder that everything a key stands for lies in: object stores list by whole segments."""
    fixed = key[: min((key.index(c) for c in "*?[" if c in key), default=len(key))]
    return fixed.rstrip("/") if fixed == key else fixed.rpartition("/")[0]


class BucketFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """The objects of buckets that share a protocol, for DuckDB: read only."""

    cachable = False

    def __init__(self, protocol: str) -> None:
        super().__init__()
        self.protocol = protocol
        self._buckets: dict[str, Bucket] = {}
        self._known: dict[str, Mapping[str, Any]] = {}

    def add(self, bucket: Bucket, objects: Mapping[str, Mapping[str, Any]]) -> None:
        """Make objects known; they replace what was known of them."""
        self._buckets[bucket.name] = bucket
        self._known.update(objects)

    def glob(self, path: str, **_: Any) -> list[str]:
        """Return the path itself: patterns were resolved by listing."""
        return [path] if path in self._known else []

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return size and type."""
        return {"name": path, "size": self._meta(path)["size"], "type": "file"}

    def modified(self, path: str) -> datetime:
        """Return when the object was written; by this DuckDB knows whether what it has cached is still it.

        Object stores tell seconds, and an object may change twice in one: the fraction stands for the etag.
        """
        meta = self._meta(path)
        written: datetime = meta["last_modified"]
        digest = hashlib.sha256(str(meta["e_tag"]).encode()).digest()
        return written.astimezone(UTC).replace(microsecond=int.from_bytes(digest[:4]) % 1_000_000)

    def open(self, path: str, mode: str = "rb", **_: Any) -> io.RawIOBase:
        """Open an object for reading."""
        if mode != "rb":
            raise UnsupportedError(f"{path} is read only.")
        meta = self._meta(path)
        return _ObjectFile(self._buckets[urlsplit(path).netloc], str(meta["path"]), int(meta["size"]))

    def _meta(self, path: str) -> Mapping[str, Any]:
        if path not in self._known:
            raise FileNotFoundError(path)
        return self._known[path]


class _ObjectFile(io.RawIOBase):
    """An object as a seekable file; each read is one ranged request."""

    def __init__(self, bucket: Bucket, key: str, size: int) -> None:
        self._bucket, self._key, self._size, self._position = bucket, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._position + size)
        if end <= self._position:
            return b""
        data = bytes(obstore.get_range(self._bucket.store, self._key, start=self._position, end=end))
        self._position = end
        return data


def mount(
    connection: duckdb.DuckDBPyConnection,
    mounted: dict[str, BucketFileSystem],
    bucket: Bucket,
    objects: Mapping[str, Mapping[str, Any]],
) -> None:
    """Let DuckDB read these objects; ``mounted`` are the file systems of its database so far."""
    with _registering:
        system = mounted.get(bucket.protocol)
        if system is None:
            system = mounted[bucket.protocol] = BucketFileSystem(bucket.protocol)
            connection.register_filesystem(system)
        system.add(bucket, objects)
