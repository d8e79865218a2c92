"""``repast materialize`` and ``materialize-incremental``: from the sources into the online store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import click

from repast.cli.argument import json_option, to_instant, view_list, views_option
from repast.cli.group import TaughtCommand
from repast.cli.progress import Report, showing_progress
from repast.cli.session import Session, pass_session
from repast.cli.value import dump_json
from repast.errors import RepastError

if TYPE_CHECKING:
    from repast.app.load_report import LoadReport
    from repast.app.store import FeatureStore

Load = Callable[["FeatureStore", "Report | None"], "LoadReport"]

COLUMNS = ("view", "read", "written", "unchanged", "late", "rejected")


@click.command(
    cls=TaughtCommand,
    examples=[
        ("repast materialize 2013-01-01 2013-04-01", "The newest values of three months, of all views"),
        ("repast materialize 2013-03-31T12:00Z 2013-03-31T13:00Z -v weather", "One hour of one view"),
    ],
)
@click.argument("start", type=to_instant)
@click.argument("end", type=to_instant)
@views_option
@json_option
@pass_session
def materialize(session: Session, start: datetime, end: datetime, views: tuple[str, ...], as_json: bool) -> None:
    """Load the newest row per key with START <= event time <= END into the online store.

    A load never replaces a newer value by an older one, so it may be repeated, overlap with others, and run while
    features are being served. START and END are ISO 8601; without a zone they mean UTC.
    """
    names = view_list(views)
    _load(session, as_json, lambda store, report: store.materialize(start, end, names, progress=report))


@click.command(
    "materialize-incremental",
    cls=TaughtCommand,
    examples=[
        ("repast materialize-incremental", "Whatever is new since the last load; what a cron job runs"),
        ("repast materialize-incremental 2013-04-01 -v weather", "One view, up to a moment"),
    ],
)
@click.argument("end", type=to_instant, required=False)
@views_option
@json_option
@pass_session
def materialize_incremental(session: Session, end: datetime | None, views: tuple[str, ...], as_json: bool) -> None:
    """Load what earlier loads have not read yet, up to END (by default now).

    Rows that arrived late are picked up too. The first load of a view goes back as far as its ttl; to load older
    rows once, use 'repast materialize'.
    """
    names = view_list(views)
    _load(session, as_json, lambda store, report: store.materialize_incremental(end, names, progress=report))


def _load(session: Session, as_json: bool, load: Load) -> None:
    with session.open_store() as store:
        try:
            with showing_progress() as progress:
                report = load(store, progress)
        except RepastError as error:
            failed = error.context.get("report")
            if failed is not None:
                print_report(failed, as_json=as_json)  # type: ignore[arg-type]  # context values are objects
            raise
    print_report(report, as_json=as_json)


def print_report(report: LoadReport, *, as_json: bool = False) -> None:
    """Print what became of each view's rows."""
    from repast.cli.table import print_table

    if as_json:
        click.echo(dump_json(report.to_dict()))
        return
    if not report.views:
        click.echo("Nothing was loaded: no view was named, or none is online.")
        return
    rows = [(v.view, *(f"{n:,}" for n in (v.read, v.written, v.unchanged, v.late, v.rejected))) for v in report.views]
    print_table(COLUMNS, rows, right=range(1, len(COLUMNS)))
