"""``feast materialize`` and ``materialize-incremental``: from the sources into the online store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from feast.adapter.notice import refuse
from feast.cli.session import Session, pass_session
from repast.cli.argument import to_instant
from repast.cli.group import TaughtUsageError
from repast.cli.progress import showing_progress

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

views_option = click.option("-v", "--views", multiple=True, help="Only this feature view; repeat for more.")
version_option = click.option("--version", "version", help="Not supported: every generation is kept.")


def to_moment(text: str) -> datetime:
    """Read a moment: ISO 8601, or what dateutil makes of it; without a zone it means UTC."""
    try:
        return to_instant(text)
    except TaughtUsageError as error:
        from dateutil import parser  # type: ignore[import-untyped]  # pandas has it

        try:
            found: datetime = parser.parse(text)
        except (ValueError, OverflowError):
            raise error from None
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _refuse_version(version: str | None) -> None:
    if version is not None:
        refuse("--version", hint="every generation of the registry is kept: repast log, repast rollback")


@click.command("materialize")
@click.argument("start_ts", required=False, type=to_moment)
@click.argument("end_ts", required=False, type=to_moment)
@views_option
@click.option("--disable-event-timestamp", is_flag=True, help="All rows up to now, without START_TS and END_TS.")
@version_option
@pass_session
def materialize(
    session: Session,
    start_ts: datetime | None,
    end_ts: datetime | None,
    views: tuple[str, ...],
    disable_event_timestamp: bool,
    version: str | None,
) -> None:
    """Load the newest row per key between START_TS and END_TS (ISO 8601; without a zone UTC), both included."""
    _refuse_version(version)
    if disable_event_timestamp:
        if start_ts or end_ts:
            raise TaughtUsageError("START_TS and END_TS do not go with --disable-event-timestamp.")
        start_ts, end_ts = _EPOCH, datetime.now(UTC)
    if start_ts is None or end_ts is None:
        raise TaughtUsageError(
            "START_TS and END_TS are missing.", hint="feast materialize 2021-07-16T19:20:01 2021-07-17T00:00:00"
        )
    _load(session, views, f"from {start_ts} to {end_ts}", "materialize", start_ts, end_ts)


@click.command("materialize-incremental")
@click.argument("end_ts", type=to_moment)
@views_option
@version_option
@pass_session
def materialize_incremental(session: Session, end_ts: datetime, views: tuple[str, ...], version: str | None) -> None:
    """Load what earlier loads have not read, up to END_TS (ISO 8601; without a zone UTC)."""
    _refuse_version(version)
    _load(session, views, f"to {end_ts}", "materialize_incremental", end_ts)


def _load(session: Session, views: Sequence[str], span: str, method: str, *times: datetime) -> None:
    with session.open_store() as store:
        online: Any = store._repast.config.online_store
        known = [view.name for view in store._repast.list_feature_views() if view.online]
        count = len(views or known)
        kind = online.type if online is not None else "missing"
        click.echo(f"Materializing {count} feature views {span} into the {kind} online store.\n")
        with showing_progress() as progress:
            report = getattr(store._repast, method)(*times, list(views) or None, progress=progress)
    for view in report.views:
        click.echo(f"{view.view}: {view.read:,} rows read, {view.written:,} written")
