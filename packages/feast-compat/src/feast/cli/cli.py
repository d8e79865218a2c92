"""The ``feast`` command: Feast's verbs, options and output over the store that the Python API has."""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import click

from feast.adapter.notice import FeastCompatibilityWarning
from feast.cli.catalog import SECTIONS
from feast.cli.session import Session
from repast.cli.group import LazyGroup

LEVELS = ("debug", "info", "warning", "error", "critical")


@click.group(cls=LazyGroup, sections=SECTIONS, context_settings={"max_content_width": 120})
@click.option(
    "-c",
    "--chdir",
    envvar="FEATURE_REPO_DIR_ENV_VAR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the repo; by default the current one.",
)
@click.option("--log-level", type=click.Choice(LEVELS, case_sensitive=False), default="warning", help="What is logged.")
@click.option(
    "-f", "--feature-store-yaml", "yaml_file", type=click.Path(path_type=Path), help="Other than ./feature_store.yaml."
)
@click.pass_context
def cli(ctx: click.Context, chdir: Path | None, log_level: str, yaml_file: Path | None) -> None:
    """Feast's command, answered by Repast."""
    file = yaml_file.absolute() if yaml_file is not None else None  # before the folder changes
    if chdir is not None:
        ctx.with_resource(contextlib.chdir(chdir))
    ctx.obj = Session(yaml_file=file)
    if log_level != "warning":
        logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(name)s %(levelname)s: %(message)s")


def main(args: Sequence[str] | None = None) -> None:
    """Run ``feast`` and exit with its code."""
    warnings.formatwarning = _format
    sys.exit(run(sys.argv[1:] if args is None else args))


def run(args: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors become messages."""
    from repast.cli.main import run as run_group

    return run_group(list(args), cli, "feast")


_format_others = warnings.formatwarning


def _format(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Show what is said for Feast's sake in one line; other warnings as Python does."""
    if not issubclass(category, FeastCompatibilityWarning):
        return _format_others(message, category, filename, lineno, line)
    where = "" if filename.startswith("<") else f"{filename}:{lineno}: "
    return f"{where}warning: {message}\n"


if __name__ == "__main__":
    main()
