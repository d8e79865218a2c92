"""``repast get-historical-features``: training data."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repast.cli.argument import chosen_features, features_options, json_option, to_instant
from repast.cli.group import TaughtCommand, TaughtUsageError
from repast.cli.progress import showing_progress
from repast.cli.session import Session, pass_session
from repast.cli.value import dump_json

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.app.retrieval import RetrievalJob

OTHER_KINDS = (
    ".csv",
    ".tsv",
    ".gz",
    ".json",
    ".jsonl",
    ".xls",
    ".xlsx",
    ".pkl",
    ".pickle",
    ".feather",
    ".arrow",
    ".orc",
)
"""Suffixes of files that are not Parquet, which is what -o writes."""


@click.command(
    "get-historical-features",
    cls=TaughtCommand,
    examples=[
        (
            "repast get-historical-features -s delay_model -d data/departures.parquet -o training.parquet",
            "All features of a model, as they were at the time of each row of a file",
        ),
        (
            "repast get-historical-features -f weather:temp \\\n"
            """      -d '[{"origin": "JFK", "event_timestamp": "2013-03-01T12:00:00Z"}]'""",
            "One feature, for rows on the command line",
        ),
        (
            "repast get-historical-features -f weather:temp --start-date 2013-03-01 --end-date 2013-03-02",
            "Every row of a view in a time range",
        ),
    ],
)
@click.option(
    "-d",
    "--dataframe",
    "spine",
    metavar="ROWS",
    help="The rows to find features for: a Parquet or CSV file, SQL, or JSON objects.",
)
@features_options
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write a Parquet file.")
@click.option("--start-date", type=to_instant, metavar="MOMENT", help="Without -d: rows from here on, included.")
@click.option("--end-date", type=to_instant, metavar="MOMENT", help="Without -d: rows up to here, included.")
@click.option(
    "--as-of",
    type=click.Choice(["event", "available"]),
    default="event",
    show_default=True,
    help="What was true at a row's time, or what was also on record by then.",
)
@click.option("--timestamp-column", metavar="NAME", help="The column of times in ROWS, if it is another one.")
@click.option("--full-feature-names", is_flag=True, help="Name features view__feature.")
@json_option
@pass_session
def get_historical_features(
    session: Session,
    spine: str | None,
    refs: tuple[str, ...],
    service: str | None,
    output: Path | None,
    start_date: datetime | None,
    end_date: datetime | None,
    as_of: Any,
    timestamp_column: str | None,
    full_feature_names: bool,
    as_json: bool,
) -> None:
    """Make training data: for each row of ROWS, the features as they were at its time, never later.

    As many rows come back as went in, in their order, with their columns untouched. The time is the column
    'event_timestamp', else the only column of times. Without -o the first rows are shown.
    """
    from repast.cli.spine import read_spine

    features = chosen_features(refs, service)
    if spine is None and start_date is None and end_date is None:
        raise TaughtUsageError(
            "There is nothing to find features for.",
            hint="give rows with -d, or a range with --start-date and --end-date",
            ctx=click.get_current_context(),
        )
    if output is not None and output.suffix.lower() in OTHER_KINDS:
        raise TaughtUsageError(
            f"{str(output)!r} would be a Parquet file under a name that says otherwise.",
            hint=f"write -o {output.with_suffix('.parquet')}; pandas and others read that",
            ctx=click.get_current_context(),
        )
    with session.open_store() as store:
        rows = read_spine(spine, store.input_columns(features), timestamp_column) if spine is not None else None
        job = store.get_historical_features(
            rows,
            features,
            full_feature_names,
            start_date=start_date,
            end_date=end_date,
            as_of=as_of,
            timestamp_column=timestamp_column,
        )
        if output is None:
            _show(job.to_arrow(), as_json)
        else:
            with showing_progress() as report:
                job.to_parquet(output, progress=partial(report, "rows") if report else None)
            _tell_written(job, output, as_json)


def _tell_written(job: RetrievalJob, output: Path, as_json: bool) -> None:
    if as_json:
        click.echo(dump_json({"output": str(output), "rows": len(job), "columns": job.columns}))
    else:
        click.echo(f"Wrote {len(job):,} row{'s' * (len(job) != 1)} of {len(job.columns)} columns to {output}.")


def _show(table: pa.Table, as_json: bool) -> None:
    if as_json:
        click.echo(dump_json(table.to_pylist()))
        return
    from repast.cli.table import print_frame

    print_frame(table)
