"""``repast get-online-features``: what a model would be served now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import click

from repast.cli.argument import chosen_features, features_options, json_option, to_instant
from repast.cli.group import TaughtCommand
from repast.cli.session import Session, pass_session
from repast.cli.value import dump_json, to_text

if TYPE_CHECKING:
    from repast.core.response import OnlineResponse

Answer = list[dict[str, dict[str, object]]]


@click.command(
    "get-online-features",
    cls=TaughtCommand,
    examples=[
        (
            "repast get-online-features -f weather:temp -f weather:visib -e origin=JFK",
            "Two features of one key",
        ),
        (
            "repast get-online-features -f weather:temp -e origin=JFK -e origin=LGA",
            "Of two keys",
        ),
        (
            "repast get-online-features -s delay_model -e tailnum=N324JB -e origin=JFK \\\n"
            "      -e distance=828 -e scheduled_minutes=151 --now 2013-03-28T18:00:00Z",
            "All features of a model, with what its request brings, as they were served at a moment",
        ),
    ],
)
@features_options
@click.option(
    "-e",
    "--entity",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="A key or request field, read as its declared type; repeat it for more keys, and for more rows.",
)
@click.option("--full-feature-names", is_flag=True, help="Name features view__feature.")
@click.option(
    "--now",
    type=to_instant,
    metavar="MOMENT",
    help="The moment at which a value must not be older than its ttl; by default the present.",
)
@json_option
@pass_session
def get_online_features(
    session: Session,
    refs: tuple[str, ...],
    service: str | None,
    pairs: tuple[str, ...],
    full_feature_names: bool,
    now: datetime | None,
    as_json: bool,
) -> None:
    """Read the newest values of some keys from the online store.

    Every value comes with its status: PRESENT, NULL_VALUE (a row, and null in it), NOT_FOUND (no row) or
    OUTSIDE_MAX_AGE (a row that is older than the view's ttl allows; its value is not served).
    """
    from repast.cli.key import read_pairs, type_rows

    features = chosen_features(refs, service)
    columns = read_pairs(pairs)
    with session.open_store() as store:
        types = store.input_columns(features)
        rows = type_rows(columns, types) or [{}]
        response = store.get_online_features(features, rows, full_feature_names, now=now)
    answer = _answer(response, set(types))
    if as_json:
        click.echo(dump_json({"rows": answer}))
        return
    for i, row in enumerate(answer):
        if i:
            click.echo()
        _print_row(row)


def _answer(response: OnlineResponse, inputs: set[str]) -> Answer:
    values, statuses, times = response.to_dict(), response.statuses, response.event_timestamps
    return [
        {
            "keys": {name: column[i] for name, column in values.items() if name not in statuses and name in inputs},
            "features": {
                name: {"value": values[name][i], "status": statuses[name][i].name, "event_timestamp": times[name][i]}
                for name in statuses
            },
        }
        for i in range(len(response))
    ]


def _print_row(row: Mapping[str, Mapping[str, object]]) -> None:
    from repast.cli.style import paint
    from repast.cli.table import print_table

    if row["keys"]:
        click.echo(paint(", ".join(f"{name} {to_text(value)}" for name, value in row["keys"].items()), "bold"))
    rows = []
    for name, found in row["features"].items():
        assert isinstance(found, dict)
        time = found["event_timestamp"]
        rows.append((name, to_text(found["value"]), found["status"], "" if time is None else to_text(time)))
    print_table(("feature", "value", "status", "event time"), rows)
