"""``repast migrate``: from Feast to Repast, checked before anything is changed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from repast.cli.argument import features_options, json_option
from repast.cli.exit import BY_ERROR, DIFFERENT
from repast.cli.group import TaughtCommand
from repast.cli.value import dump_json

REPO = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def migrate() -> None:
    """Move a project from Feast: check its repo, then compare its answers."""


@migrate.command(
    "check",
    cls=TaughtCommand,
    short_help="Say what works, is ignored, is refused, or differs.",
    examples=[
        ("repast migrate check feature_repo", "What works, what changes nothing here, what is refused"),
        ("repast migrate check feature_repo --no-sources", "From the definitions alone, without looking at sources"),
        ("repast migrate check feature_repo --json", "For programs"),
    ],
)
@click.argument("repo", type=REPO, default=".")
@click.option("--no-sources", is_flag=True, help="Do not look at the columns of the sources.")
@json_option
def check(repo: Path, no_sources: bool, as_json: bool) -> None:
    """Say what becomes of the Feast repo REPO: what works, what is accepted without effect, what is refused, what
    has other values, each with its file and line.

    The definitions are imported through the package repast-feast. Nothing is written, no store is opened. The exit
    code is 5 if anything is refused.
    """
    from repast.app.migration.check import check_repo

    report = check_repo(repo, look=not no_sources)
    if as_json:
        click.echo(dump_json(report.to_dict()))
    else:
        from repast.cli.migration import print_check

        print_check(report)
    if report.is_refused:
        raise click.exceptions.Exit(BY_ERROR["invalid_definition"])


@migrate.command(
    "shadow",
    cls=TaughtCommand,
    short_help="Ask Feast and Repast the same, and compare.",
    examples=[
        (
            "repast migrate shadow feature_repo --feast feast-env/bin/python",
            "Every view, at moments around its own last rows, and its newest values",
        ),
        (
            "repast migrate shadow feature_repo --feast feast-env/bin/python -s model --spine labels.parquet",
            "The features of one model, for the rows it is trained on",
        ),
        (
            "repast migrate shadow feature_repo --feast feast-env/bin/python --loaded",
            "Against a copy of what Feast serves now, instead of loading anew",
        ),
    ],
)
@click.argument("repo", type=REPO, default=".")
@click.option("--feast", "python", required=True, metavar="PYTHON", help="The interpreter of Feast's environment.")
@click.option("--spine", metavar="ROWS", help="Rows to find features for: a Parquet or CSV file, SQL, or JSON objects.")
@features_options
@click.option("--keys", metavar="KEYS", help="Keys to read online, likewise; default: those of the rows.")
@click.option(
    "--rows", type=click.IntRange(1), default=1000, show_default=True, help="Rows and keys of a retrieval, at most."
)
@click.option("--loaded", is_flag=True, help="Compare with a copy of what Feast has loaded (file registry, SQLite).")
@click.option("--timeout", type=click.IntRange(1), default=1800, show_default=True, help="Seconds that Feast may take.")
@json_option
def shadow(
    repo: Path,
    python: str,
    spine: str | None,
    refs: tuple[str, ...],
    service: str | None,
    keys: str | None,
    rows: int,
    loaded: bool,
    timeout: int,
    as_json: bool,
) -> None:
    """Run the same retrievals on the real Feast and on Repast, and say where the answers differ, and why.

    Both work on copies: the registry, the online store and the data of the Feast repo REPO are never written. Without
    -f and -s every view is compared. The exit code is 12 if anything differs.
    """
    from repast.app.migration.retrieval import ShadowRequest
    from repast.app.migration.shadow import shadow as compare

    report = compare(
        ShadowRequest(
            repo=repo,
            python=python,
            spine=_rows(spine),
            features=refs,
            service=service,
            keys=_rows(keys),
            rows=rows,
            loaded=loaded,
            timeout=timedelta(seconds=timeout),
        )
    )
    if as_json:
        click.echo(dump_json(report.to_dict()))
    else:
        from repast.cli.migration import print_shadow

        print_shadow(report)
    if not report.is_parity:
        raise click.exceptions.Exit(DIFFERENT)


def _rows(text: str | None) -> Any:
    """Return rows written as JSON as a table, a file's path as seen from everywhere, and SQL as it is."""
    if text is None:
        return None
    from repast.cli.spine import read_spine

    rows = read_spine(text, {}, None)
    return str(Path(rows).absolute()) if isinstance(rows, str) and Path(rows).is_file() else rows
