"""What every use case works with: the configuration, the registry, the engine, the online store, the clock."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from repast.core.clock import Clock, system_clock

if TYPE_CHECKING:
    from repast.app.config import RepoConfig
    from repast.app.function import FunctionLoader
    from repast.app.registry import Registry
    from repast.ports.offline import OfflineEngine
    from repast.ports.online import OnlineStore
    from repast.ports.provider import Provider
    from repast.ports.worker import SupportsWorkers

LOCAL = "local"
"""The batch engine that is none: loads are written from this process."""


class Workspace:
    """One project opened with its backends; each is opened when first needed and closed together."""

    def __init__(self, config: RepoConfig, *, clock: Clock | None = None) -> None:
        self.config = config
        self.clock = clock or system_clock

    @property
    def project(self) -> str:
        """Name of the project."""
        return self.config.project

    @cached_property
    def provider(self) -> Provider:
        """What surrounds changes of this project."""
        from repast.app.provider import open_provider

        return open_provider(self.config)

    @cached_property
    def registry(self) -> Registry:
        """The project's manifest and load bookkeeping."""
        from repast.app.plugin import open_registry
        from repast.app.registry import Registry

        config = self.config
        return Registry(open_registry(config), config.project, clock=self.clock, ttl=config.registry_ttl)

    @cached_property
    def engine(self) -> OfflineEngine:
        """The offline engine."""
        from repast.app.plugin import open_offline_engine

        return open_offline_engine(self.config)

    @cached_property
    def loader(self) -> OfflineEngine:
        """The engine that loads read with: the batch engine, or the offline engine where there is none."""
        from repast.app.plugin import open_batch_engine

        config = self.config.batch_engine
        return self.engine if config is None or config.type == LOCAL else open_batch_engine(self.config)

    @property
    def workers(self) -> SupportsWorkers | None:
        """The loader if loads are written by its workers; ``batch_engine: local`` writes from this process."""
        from repast.ports.worker import SupportsWorkers

        local = self.config.batch_engine is not None and self.config.batch_engine.type == LOCAL
        return self.loader if isinstance(self.loader, SupportsWorkers) and not local else None

    @cached_property
    def online(self) -> OnlineStore:
        """The online store."""
        from repast.app.plugin import open_online_store

        return open_online_store(self.config)

    @cached_property
    def functions(self) -> FunctionLoader:
        """Finds the user's functions of on-demand views in the user's own code."""
        from repast.app.function import FunctionLoader

        return FunctionLoader(self.config.repo_path)

    def close(self) -> None:
        """Close what was opened. Idempotent."""
        for name in ("registry", "engine", "loader", "online"):
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()
