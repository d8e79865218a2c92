"""GET /health, and what this server does not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from repast.errors import RepastError, UnsupportedError
from repast.server.reply import Reply, detail

if TYPE_CHECKING:
    from repast.server.worker import Worker


async def health(worker: Worker, _body: bytes, _query: bytes) -> Reply:
    """Answer 200 while the registry says what there is to serve, else 503; no body, as Feast's.

    The online store is not asked: if it is away it is so for all servers, and none should be taken out for it.
    """
    try:
        is_there = worker.workspace.registry.manifest().generation > 0
    except RepastError:
        is_there = False
    return Reply(200 if is_there else 503, b"", ())


async def metrics(worker: Worker, _body: bytes, _query: bytes) -> Reply:
    """Return Prometheus metrics of all workers, if the server was told to keep them."""
    if worker.metrics is None:
        return detail(404, "This server keeps no metrics; start it with --metrics.")
    return Reply(200, worker.metrics.render(), ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),))


async def search(_worker: Worker, _body: bytes, _query: bytes) -> Reply:
    """Refuse: there is no vector search."""
    raise UnsupportedError("There is no vector search yet.", hint="read features by key: /get-online-features")
