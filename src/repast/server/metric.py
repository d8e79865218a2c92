"""Prometheus metrics, with Feast's names where they count what Feast counts; over all workers of a server.

Workers share their numbers through files in a folder (prometheus-client's multiprocess mode), so any
worker can answer for all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from repast.errors import require

if TYPE_CHECKING:
    from repast.core.response import OnlineResponse

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus-client looks for the folder, when it is imported."""

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROWS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 5000)


class Metrics:
    """Counts requests. Labels are bounded: paths that exist, statuses, sources that took rows."""

    def __init__(self) -> None:
        client: Any = require("prometheus_client", extra="server", purpose="--metrics")
        self._client = client
        self._registry = client.CollectorRegistry()
        counter, histogram = self._counter, self._histogram
        self._requests = counter("feast_feature_server_request", "Requests", ("endpoint", "status"))
        self._latency = histogram(
            "feast_feature_server_request_latency_seconds", "Seconds per request", ("endpoint",), _SECONDS
        )
        self._rows = histogram("feast_online_features_entity_count", "Keys per online read", (), _ROWS)
        self._statuses = counter("feast_online_features_status", "Rows read, by status", ("feature_view", "status"))
        self._pushes = counter("feast_push_request", "Pushes", ("push_source", "mode"))
        self._loads = counter("feast_materialization_result", "Loads of views", ("feature_view", "status"))
        self._rejected = counter("repast_rejected_rows", "Rows left out: a null key or event time", ("target",))
        self._children: dict[tuple[str, int], tuple[Any, Any]] = {}

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count one request."""
        children = self._children.get((path, status))
        if children is None:
            children = self._requests.labels(path, str(status)), self._latency.labels(path)
            self._children[path, status] = children
        children[0].inc()
        children[1].observe(seconds)

    def read(self, response: OnlineResponse) -> None:
        """Count one online read: its keys, and per view how many rows have which status."""
        self._rows.observe(len(response))
        for view, status, number in response.count_rows():
            self._statuses.labels(view, status.name).inc(number)

    def push(self, source: str, mode: str) -> None:
        """Count one push that worked."""
        self._pushes.labels(source, mode).inc()

    def load(self, views: Sequence[str], *, worked: bool) -> None:
        """Count one load per view."""
        for view in views:
            self._loads.labels(view, "success" if worked else "failure").inc()

    def reject(self, target: str, rows: int) -> None:
        """Count rows that were not written to a view or source."""
        self._rejected.labels(target).inc(rows)

    def render(self) -> bytes:
        """Return the metrics of all workers as text."""
        if os.environ.get(FOLDER_VARIABLE):
            from prometheus_client import multiprocess

            registry = self._client.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            registry = self._registry
        text: bytes = self._client.generate_latest(registry)
        return text

    def _counter(self, name: str, text: str, labels: Sequence[str]) -> Any:
        return self._client.Counter(name, text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, labels: Sequence[str], buckets: Sequence[float]) -> Any:
        return self._client.Histogram(name, text, labels, buckets=buckets, registry=self._registry)
