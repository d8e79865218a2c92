"""What one run of ``repast`` knows from its global options, and the store that its command works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from repast.app.store import FeatureStore


@dataclass(frozen=True)
class Session:
    """The global options of one run."""

    yaml_file: Path | None = None
    """``-f``; None: feature_store.yaml in the current folder."""

    @contextmanager
    def open_store(self) -> Iterator[FeatureStore]:
        """Open the project for one command and close it after."""
        from repast.app.store import FeatureStore

        with FeatureStore(fs_yaml_file=self.yaml_file) as store:
            yield store


pass_session = click.make_pass_decorator(Session)
"""Give a command the session as its first argument."""
