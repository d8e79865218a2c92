"""What one worker process works with: the open project, its reader, its limits."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from repast.app.online import OnlineReader
from repast.app.workspace import Workspace
from repast.server.metric import Metrics

if TYPE_CHECKING:
    from repast.app.config import RepoConfig
    from repast.app.materialize import ViewLoad
    from repast.app.write_report import SourceAppend, ViewWrite
    from repast.ports.online import OnlineStore
    from repast.server.settings import ServerSettings

LOADS = 2
"""Loads that run at a time; more wait. Reads never wait for them."""

_logger = logging.getLogger("repast.server")


class Worker:
    """One process of the server; made before the first request and closed after the last."""

    def __init__(self, config: RepoConfig, settings: ServerSettings) -> None:
        if settings.registry_ttl is not None:
            config = config.with_registry_ttl(timedelta(seconds=settings.registry_ttl))
        self.settings = settings
        self.workspace = Workspace(config)
        self.reader = OnlineReader(self.workspace)
        self.max_rows = settings.max_rows
        self.metrics = Metrics() if settings.has_metrics else None
        self.loading: dict[object, Sequence[str]] = {}
        """Views of each asynchronous load of this worker that waits or runs."""

    @cached_property
    def loads(self) -> ThreadPoolExecutor:
        """Where loads run."""
        return ThreadPoolExecutor(LOADS, thread_name_prefix="repast-load")

    @property
    def online(self) -> OnlineStore:
        """The online store."""
        return self.workspace.online

    def open(self) -> None:
        """Read the registry and open the store, so that the first request need not."""
        if self.workspace.registry.manifest().generation == 0:
            _logger.warning("nothing is registered for project %r yet; run: repast apply", self.workspace.project)
        if self.workspace.config.online_store is not None:
            _ = self.workspace.online

    def note_rejected(self, written: Iterable[ViewLoad | ViewWrite | SourceAppend]) -> int:
        """Return the most rows that any of these left out; the log and the metrics have them, too."""
        most = 0
        for part in written:
            if part.rejected:
                most = max(most, part.rejected)
                _logger.warning("%s", part)
                if self.metrics is not None:
                    self.metrics.reject(part.source if hasattr(part, "source") else part.view, part.rejected)
        return most

    def close(self) -> None:
        """Wait for loads that are under way, and release connections."""
        if "loads" in self.__dict__:
            self.loads.shutdown(cancel_futures=True)
        self.workspace.close()
