"""A double of the calls of Google Cloud Storage's XML API that the registry's client makes.

Written because no emulator that can be installed here answers them: generations that grow with every write and are
never used again, ``x-goog-if-generation-match`` on writes (0: only if there is none) checked and written under one
lock, 412 where it fails, metadata, and lists by prefix in pages.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 100


@dataclass(frozen=True)
class _Object:
    data: bytes
    generation: int
    metadata: dict[str, str]
    modified: str

    @property
    def headers(self) -> dict[str, str]:
        return {
            "ETag": f'"{hashlib.md5(self.data).hexdigest()}"',
            "Last-Modified": self.modified,
            "x-goog-generation": str(self.generation),
            **self.metadata,
        }


class _Double(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, bucket: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bucket = bucket
        self.objects: dict[str, _Object] = {}
        self.generations = count(1_700_000_000_000_000)
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Double

    def do_GET(self) -> None:
        bucket, key, query = self._address()
        if bucket != self.server.bucket:
            self._send(404, b"<Error><Code>NoSuchBucket</Code><Message>The bucket does not exist.</Message></Error>")
        elif not key:
            self._list(query.get("prefix", [""])[0], query.get("continuation-token", [""])[0])
        elif found := self.server.objects.get(key):
            self._send(200, found.data, found.headers)
        else:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>")

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        bucket, key, _ = self._address()
        data = self.rfile.read(int(self.headers["Content-Length"]))
        wanted = self.headers.get("x-goog-if-generation-match")
        metadata = {name: value for name, value in self.headers.items() if name.lower().startswith("x-goog-meta-")}
        if bucket != self.server.bucket:
            self._send(404, b"<Error><Code>NoSuchBucket</Code></Error>")
            return
        with self.server.lock:
            found = self.server.objects.get(key)
            matches = wanted is None or int(wanted) == (found.generation if found else 0)
            if matches:
                written = _Object(data, next(self.server.generations), metadata, formatdate(usegmt=True))
                self.server.objects[key] = written
        if matches:
            self._send(200, b"", written.headers)
        else:
            self._send(412, b"<Error><Code>PreconditionFailed</Code></Error>")

    def do_DELETE(self) -> None:
        _, key, _ = self._address()
        with self.server.lock:
            found = self.server.objects.pop(key, None)
        self._send(204 if found else 404, b"")

    def _address(self) -> tuple[str, str, dict[str, list[str]]]:
        url = urlsplit(self.path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        return bucket, key, parse_qs(url.query)

    def _list(self, prefix: str, after: str) -> None:
        with self.server.lock:
            found = sorted(
                (key, item) for key, item in self.server.objects.items() if key.startswith(prefix) and key > after
            )
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(item.data)}</Size><ETag>{item.headers['ETag']}</ETag>"
            f"<Generation>{item.generation}</Generation><LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
            for key, item in found[:PAGE]
        )
        more = len(found) > PAGE
        token = f"<NextContinuationToken>{escape(found[PAGE - 1][0])}</NextContinuationToken>" if more else ""
        truncated = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        body = f"<ListBucketResult>{truncated}{token}{entries}</ListBucketResult>"
        self._send(200, body.encode(), {"Content-Type": "application/xml"})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def run_gcs_double(bucket: str) -> Iterator[str]:
    """Run the double with one bucket; yields its address."""
    with _Double(bucket) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
