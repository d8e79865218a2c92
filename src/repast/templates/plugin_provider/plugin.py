"""A provider: what our projects run on unless they say otherwise, and a log of who changed them."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import ClassVar

from repast.core.plan.apply import ApplyPlan
from repast.ports import provider


class Provider(provider.Provider):
    """Files, DuckDB and SQLite in one folder, and ``data/changes.log``."""

    defaults: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "registry": {"type": "object_store", "path": "data/registry"},
        "offline_store": {"type": "duckdb", "memory_limit": "2GB"},
        "online_store": {"type": "sqlite", "path": "data/online.db"},
    }

    @contextmanager
    def applying(self, plan: ApplyPlan) -> Iterator[None]:
        """Note what was applied."""
        yield
        if not plan.is_empty:
            self._note(f"applied {len(plan.changes)} changes")

    @contextmanager
    def loading(self, views: Sequence[str]) -> Iterator[None]:
        """Note what was loaded."""
        yield
        self._note(f"loaded {', '.join(views)}")

    @contextmanager
    def tearing_down(self) -> Iterator[None]:
        """Note that the project is gone."""
        yield
        self._note("torn down")

    def _note(self, text: str) -> None:
        path = self.repo_path / "data" / "changes.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {self.project} {getpass.getuser()} {text}\n")
