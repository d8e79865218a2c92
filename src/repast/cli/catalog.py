"""All commands: where each one lives, in which order help shows them, and one line about each.

Help needs nothing else, so no command is imported before it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

KINDS: Mapping[str, str] = {
    "entities": "entity",
    "data-sources": "data source",
    "feature-views": "feature view",
    "on-demand-feature-views": "on demand feature view",
    "feature-services": "feature service",
    "features": "feature",
    "saved-datasets": "saved dataset",
    "projects": "project",
}
"""Kinds of things that ``list`` and ``describe`` know, and the word for one of them."""


class Entry(NamedTuple):
    """One command: ``module:attribute``, and the line that help shows."""

    target: str
    help: str


def _command(module: str, attribute: str, text: str) -> Entry:
    return Entry(f"repast.cli.command.{module}:{attribute}", text)


SECTIONS: Mapping[str, Mapping[str, Entry]] = {
    "Start here": {
        "demo": _command("demo", "demo", "See everything work on real data."),
        "init": _command("init", "init", "Start a project from a template."),
    },
    "Define features": {
        "validate": _command("apply", "validate", "Check the definitions and touch nothing."),
        "plan": _command("apply", "plan", "Show what apply would do."),
        "apply": _command("apply", "apply", "Register the definitions, make online tables."),
        "log": _command("history", "log", "Show what was applied, newest first."),
        "rollback": _command("history", "rollback", "Apply an earlier generation's definitions again."),
        "teardown": _command("teardown", "teardown", "Remove the project and its online tables."),
    },
    "Use features": {
        "get-historical-features": _command(
            "historical", "get_historical_features", "Make training data, correct in time."
        ),
        "materialize": _command("load", "materialize", "Load a time range's newest values for serving."),
        "materialize-incremental": _command(
            "load", "materialize_incremental", "Load what earlier loads have not read."
        ),
        "get-online-features": _command("online", "get_online_features", "Read the newest values of some keys."),
        "serve": _command("serve", "serve", "Answer reads and writes over HTTP."),
    },
    "Come from Feast": {
        "migrate": _command("migrate", "migrate", "Check a Feast repo; compare its answers."),
    },
    "Look around": {
        "list": _command("show", "list_", "List what is registered."),
        "describe": _command("show", "describe", "Show one registered thing in full."),
        "configuration": _command("about", "configuration", "Show the configuration, secrets masked."),
        "version": _command("about", "version", "Show versions of Repast and what it runs on."),
    },
}
"""Commands by section of ``repast --help``."""

ENTRIES: Mapping[str, Entry] = {name: entry for section in SECTIONS.values() for name, entry in section.items()}

KIND_GROUPS: Mapping[str, Entry] = {
    kind: _command("show", kind.replace("-", "_"), f"List or describe {kind.replace('-', ' ')}.") for kind in KINDS
}
"""``repast entities list``: Feast's spelling of ``repast list entities``. Left out of the overview."""
