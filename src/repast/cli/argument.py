"""Parameter types and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from repast.cli.group import TaughtUsageError
from repast.core.clock import to_utc

_C = TypeVar("_C", bound=Callable[..., Any])


def to_instant(text: str) -> datetime:
    """Read a moment: ISO 8601; without a zone it means UTC, a date means its midnight."""
    try:
        return to_utc(datetime.fromisoformat(text))
    except ValueError:
        raise TaughtUsageError(
            f"{text!r} is not a moment.",
            hint="write 2013-03-31 or 2013-03-31T20:00:00Z; without a zone it means UTC",
            ctx=click.get_current_context(silent=True),
        ) from None


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")

views_option = click.option(
    "-v", "--view", "views", multiple=True, metavar="VIEW", help="Only this feature view; repeat for more."
)


def features_options(command: _C) -> _C:
    """Add ``-f`` and ``-s``; :func:`chosen_features` turns them into one value."""
    command = click.option(
        "-s", "--service", metavar="NAME", help="A feature service: the features of one model under one name."
    )(command)
    return click.option(
        "-f", "--features", "refs", multiple=True, metavar="VIEW:FEATURE", help="One feature; repeat for more."
    )(command)


def chosen_features(refs: tuple[str, ...], service: str | None) -> list[str] | str:
    """Return references or a service's name, whichever was given.

    Raises:
        TaughtUsageError: Both were given, or neither.

    """
    if bool(refs) == bool(service):
        raise TaughtUsageError(
            "Both features and a service were named." if refs else "No features were named.",
            hint="give either -f VIEW:FEATURE (repeat for more) or -s SERVICE",
            ctx=click.get_current_context(),
        )
    return service or list(refs)


def view_list(views: tuple[str, ...]) -> list[str] | None:
    """Return the named views, or None for all."""
    return list(views) or None


def to_tag(text: str) -> tuple[str, str]:
    """Read a tag as Feast writes it: ``key:value``."""
    key, colon, value = (part.strip() for part in text.partition(":"))
    if not key or not colon:
        raise TaughtUsageError(
            f"{text!r} is not a tag.", hint="write --tags key:value", ctx=click.get_current_context(silent=True)
        )
    return key, value


tags_option = click.option(
    "--tags", multiple=True, type=to_tag, metavar="KEY:VALUE", help="Only what has this tag; repeat for more."
)
