"""Tables and documents as Feast prints them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print columns side by side, two spaces apart and as wide as their longest text."""
    texts = [[str(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max([len(header) + 2, *(len(row[column]) for row in texts)]) for column, header in enumerate(headers)]
    for row in [list(headers), *texts]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_document(document: Any) -> None:
    """Print YAML, and an empty line after it."""
    import yaml

    click.echo(yaml.safe_dump(document, default_flow_style=False, sort_keys=False, allow_unicode=True))


def print_json(value: Any, *, sort_keys: bool = False, indent: int = 4) -> None:
    """Print JSON for people."""
    import json

    from repast.cli.value import to_plain

    click.echo(json.dumps(to_plain(value), indent=indent, sort_keys=sort_keys, ensure_ascii=False))
