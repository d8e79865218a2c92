"""The provider: what a project runs on unless it says otherwise, and what happens around its changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from repast.core.plan.apply import ApplyPlan


class Provider:
    """Defaults for the sections of feature_store.yaml, and hooks around apply, loads and teardown.

    What a section of the file says replaces the provider's defaults for that section: a project on ``gcp``
    with ``online_store: {type: redis}`` keeps its other defaults. The hooks are context managers: code before
    ``yield`` runs before the change, code after it when the change is done, and an error raised before it
    keeps the change from happening. By default they do nothing.

    Making a provider must not connect: it is made for the first change.

    Args:
        project: The project's name.
        repo_path: The folder of feature_store.yaml.

    """

    defaults: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    """Section ("registry", "offline_store", "online_store", "batch_engine") -> its options, ``type`` included.
    Sections that are left out are the local ones: files, DuckDB, SQLite."""

    def __init__(self, *, project: str, repo_path: Path) -> None:
        self.project = project
        self.repo_path = repo_path

    def applying(self, plan: ApplyPlan) -> AbstractContextManager[None]:  # noqa: ARG002
        """Surround the execution of a plan; a plan without changes is executed too."""
        return nullcontext()

    def loading(self, views: Sequence[str]) -> AbstractContextManager[None]:  # noqa: ARG002
        """Surround a load of these views."""
        return nullcontext()

    def tearing_down(self) -> AbstractContextManager[None]:
        """Surround the removal of the project."""
        return nullcontext()
