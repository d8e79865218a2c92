"""An HTTP proxy between a client and an object store that misbehaves when told to."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

UNDONE = "undone"
"""The request is not passed on."""
DONE = "done"
"""The request is passed on, and the answer replaced: the worst that a network does."""


class Fault:
    """What happens to the next ``times`` requests of a method.

    Args:
        method: GET, PUT, ...
        status: The answer; 0: the connection is closed; -1: there is none as long as the proxy runs.
        when: Whether the store hears of the request.
        times: How often.
        body: Of the answer.

    """

    def __init__(self, method: str, status: int, when: str = UNDONE, *, times: int = 1, body: bytes = b"") -> None:
        self.method = method
        self.status = status
        self.when = when
        self.times = times
        self.body = body


class FaultProxy(ThreadingHTTPServer):
    """Passes requests on, counts them, and applies its faults in turn."""

    daemon_threads = True

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target)
        self.faults: list[Fault] = []
        self.requests: Counter[str] = Counter()
        self.ended = threading.Event()
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def take(self, method: str) -> Fault | None:
        """Count a request, and return the fault that is due for it."""
        with self._lock:
            self.requests[method] += 1
            for fault in self.faults:
                if fault.method == method and fault.times > 0:
                    fault.times -= 1
                    return fault
            return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FaultProxy

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.take(self.command)
        if fault is None or fault.when == DONE:
            answer = self._pass_on(body)
        if fault is None:
            self._answer(*answer)
        elif fault.status > 0:
            self._answer(fault.status, {}, fault.body)
        else:
            if fault.status < 0:
                self.server.ended.wait(120)
            self.close_connection = True

    do_PUT = do_HEAD = do_DELETE = do_POST = do_GET

    def _pass_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        target = self.server.target
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
        try:
            # The host is part of what was signed.
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def run_fault_proxy(target: str) -> Iterator[FaultProxy]:
    """Run a proxy in front of ``target``."""
    with FaultProxy(target) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.ended.set()
            proxy.shutdown()
            thread.join()
