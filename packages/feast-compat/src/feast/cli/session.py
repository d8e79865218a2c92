"""What one run of ``feast`` knows from its global options, and the store that its verb works with."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from feast.adapter.notice import without_effect
from repast.errors import InvalidConfigError, Location

if TYPE_CHECKING:
    from feast.feature_store import FeatureStore
    from repast.app.config import RepoConfig

ENCODED = "FEATURE_STORE_YAML_BASE64"
"""The environment variable with a whole feature_store.yaml, for containers without one."""


COMMAND_LINE = Location("<command line>", 1)


def say_option(option: str, instead: str) -> None:
    """Say that an option is accepted, and what happens instead of what it does in Feast."""
    without_effect(option, instead, COMMAND_LINE)


@dataclass(frozen=True)
class Session:
    """The global options of one run; the repo is the current folder."""

    yaml_file: Path | None = None
    """``-f``; None: feature_store.yaml in the repo, or what an environment variable says."""

    def load_config(self, *, encoded: bool = True) -> RepoConfig:
        """Read the configuration: from a file, or from :data:`ENCODED` where it counts."""
        from repast.app.config import RepoConfig, load_config
        from repast.app.document import decode_document

        text = os.environ.get(ENCODED) if encoded else None
        if not text:
            return load_config(Path.cwd(), file=self.yaml_file)
        try:
            document = decode_document(base64.b64decode(text, validate=True), file=ENCODED, environ=os.environ)
        except binascii.Error as error:
            raise InvalidConfigError(
                f"The environment variable {ENCODED} is not base64: {error}.", hint="base64 -w0 feature_store.yaml"
            ) from None
        click.echo(f"The configuration is that of {ENCODED}.", err=True)
        return RepoConfig.of(document, repo_path=Path.cwd())

    @contextmanager
    def open_store(self, *, encoded: bool = True) -> Iterator[FeatureStore]:
        """Open the project for one verb and close it after."""
        from feast.feature_store import FeatureStore
        from feast.repo_config import RepoConfig

        store = FeatureStore(config=RepoConfig._of(self.load_config(encoded=encoded)))
        try:
            yield store
        finally:
            store._repast.close()


pass_session = click.make_pass_decorator(Session)
"""Give a verb the session as its first argument."""
