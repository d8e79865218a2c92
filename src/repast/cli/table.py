"""Tables: boxed and fitted to the window on a terminal, plain aligned text for everybody else."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import click

from repast.cli.style import is_terminal, paint
from repast.cli.value import NULL, to_text

if TYPE_CHECKING:
    import pyarrow as pa

PREVIEW_ROWS = 10
GAP = "  "
ELLIPSIS = "…"


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Collection[int] | None = None
) -> None:
    """Print rows under their column names. Long text wraps on a terminal, else never.

    Args:
        columns: Names of the columns.
        rows: Values, shown as :func:`repast.cli.value.to_text` shows them.
        right: Positions of the columns that are aligned to the right; by default those of numbers.

    """
    if right is None:
        right = [i for i in range(len(columns)) if _is_numeric([row[i] for row in rows])]
    texts = [[to_text(value) for value in row] for row in rows]
    if is_terminal(sys.stdout):
        _print_rich(columns, texts, right)
    else:
        _print_plain(columns, texts, right)


def print_frame(table: pa.Table, *, rows: int = PREVIEW_ROWS) -> None:
    """Print the first rows of an Arrow table; on a terminal, columns that do not fit are left out in the middle."""
    head = table.slice(0, rows)
    columns = [column.to_pylist() for column in head.columns]
    names = list(head.column_names)
    if is_terminal(sys.stdout):
        names, columns = _fit(names, columns, _width())
    print_table(names, list(zip(*columns, strict=True)))
    more = table.num_rows - head.num_rows
    if more:
        click.echo(paint(f"{ELLIPSIS} {more:,} more row{'s' * (more > 1)}", "dim"))


def print_pairs(pairs: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one pair a line."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        first, *others = (value if isinstance(value, str) else to_text(value)).split("\n")
        click.echo(f"{paint(name.ljust(width), 'cyan')}{GAP}{first}".rstrip())
        for line in others:
            click.echo(f"{'':{width}}{GAP}{line}".rstrip())


def _width() -> int:
    return shutil.get_terminal_size((80, 24)).columns


def _is_numeric(values: Sequence[object]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(isinstance(v, int | float) and not isinstance(v, bool) for v in present)


def _print_plain(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]) -> None:
    widths = [max(len(line[i]) for line in [columns, *rows]) for i in range(len(columns))]
    for line in [columns, *rows]:
        cells = [
            text.rjust(width) if i in right else text.ljust(width)
            for i, (text, width) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo(GAP.join(cells).rstrip())


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold cyan")
    for i, name in enumerate(columns):
        table.add_column(Text(name), justify="right" if i in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(text, style="dim" if text == NULL else "") for text in row))
    Console(highlight=False).print(table)


def _fit(names: list[str], columns: list[list[object]], width: int) -> tuple[list[str], list[list[object]]]:
    """Keep the columns at both ends that fit the window, and put an ellipsis for those between."""
    sizes = [max(len(to_text(v)) for v in [name, *column]) + 3 for name, column in zip(names, columns, strict=True)]
    if sum(sizes) <= width:
        return names, columns
    room = width - len(ELLIPSIS) - 3
    left, right, used = 0, len(names), 0
    while left < right:
        # The keys and times at the start and the features at the end are both wanted: take turns.
        take_left = left <= len(names) - right
        size = sizes[left] if take_left else sizes[right - 1]
        if used + size > room:
            break
        used += size
        left, right = (left + 1, right) if take_left else (left, right - 1)
    gap: list[list[object]] = [[ELLIPSIS] * (len(columns[0]) if columns else 0)]
    return [*names[:left], ELLIPSIS, *names[right:]], [*columns[:left], *gap, *columns[right:]]
