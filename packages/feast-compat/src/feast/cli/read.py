"""``feast get-online-features`` and ``get-historical-features``."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from feast.cli.load import to_moment
from feast.cli.session import Session, pass_session
from feast.cli.table import print_json
from repast.cli.group import TaughtUsageError
from repast.core.clock import to_utc


@click.command("get-online-features")
@click.option("-e", "--entities", multiple=True, required=True, help="A key: driver_id=1001; repeat for more rows.")
@click.option("-f", "--features", multiple=True, required=True, help="view:feature; repeat for more.")
@pass_session
def get_online_features(session: Session, entities: tuple[str, ...], features: tuple[str, ...]) -> None:
    """Read the newest values of some keys, as JSON."""
    from repast.cli.key import read_pairs, type_rows

    with session.open_store() as store:
        columns = read_pairs(entities)
        rows = type_rows(columns, store._repast.input_columns(list(features)))
        answer = store.get_online_features(list(features), rows).to_dict()
    print_json(answer)


@click.command("get-historical-features")
@click.option("-d", "--dataframe", help="""Rows: '[{"event_timestamp": "2025-03-29T12:00:00", "driver_id": 1001}]'""")
@click.option("-f", "--features", multiple=True, help="view:feature; repeat for more.")
@click.option("-s", "--start-date", type=to_moment, help="Without rows: from here on.")
@click.option("-e", "--end-date", type=to_moment, help="Without rows: up to here.")
@pass_session
def get_historical_features(
    session: Session,
    dataframe: str | None,
    features: tuple[str, ...],
    start_date: datetime | None,
    end_date: datetime | None,
) -> None:
    """Read values as they were at the time of each row, as JSON records; times are milliseconds since 1970."""
    if dataframe is None and start_date is None and end_date is None:
        raise TaughtUsageError("There are no rows.", hint="give --dataframe, or --start-date and --end-date")
    if dataframe is not None and (start_date or end_date):
        raise TaughtUsageError("--dataframe does not go with --start-date and --end-date.", hint="give one of them")
    rows = _read_rows(dataframe) if dataframe is not None else None
    with session.open_store() as store:
        job = store.get_historical_features(rows, list(features), start_date=start_date, end_date=end_date)
        table = job.to_arrow()
    print_json([{name: _milliseconds(value) for name, value in row.items()} for row in table.to_pylist()])


def _milliseconds(value: Any) -> Any:
    return round(to_utc(value).timestamp() * 1000) if isinstance(value, datetime) else value


def _read_rows(text: str) -> Any:
    import pandas as pd

    try:
        rows = json.loads(text)
        if not (isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows)):
            raise ValueError("it is no list of objects")
        frame = pd.DataFrame(rows)
        frame["event_timestamp"] = pd.to_datetime(frame["event_timestamp"], utc=True, format="ISO8601")
    except KeyError:
        raise TaughtUsageError(
            "--dataframe has no event_timestamp.", hint="each row has the time it is about"
        ) from None
    except ValueError as error:
        raise TaughtUsageError(
            f"--dataframe is not JSON rows: {error}",
            hint="""write '[{"event_timestamp": "2025-03-29T12:00:00", "driver_id": 1001}]'""",
        ) from None
    return frame
