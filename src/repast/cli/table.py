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
BOX_GAP = 3
"""Characters between the columns of a boxed table."""
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
    """Print the first rows of an Arrow table; on a terminal that is too narrow for its columns, one line per column."""
    head = table.slice(0, rows)
    names, columns = list(head.column_names), [column.to_pylist() for column in head.columns]
    shown = head.num_rows
    if is_terminal(sys.stdout) and _width_of(names, columns) > _terminal_width():
        shown = _print_turned(names, columns)
    else:
        print_table(names, list(zip(*columns, strict=True)))
    if more := table.num_rows - shown:
        click.echo(paint(f"{ELLIPSIS} {more:,} more row{'s' * (more > 1)}", "dim"))


def print_pairs(pairs: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one pair a line."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        first, *others = (value if isinstance(value, str) else to_text(value)).split("\n")
        click.echo(f"{paint(name.ljust(width), 'cyan')}{GAP}{first}".rstrip())
        for line in others:
            click.echo(f"{'':{width}}{GAP}{line}".rstrip())


def _terminal_width() -> int:
    return shutil.get_terminal_size((80, 24)).columns


def _width_of(names: Sequence[str], columns: Sequence[Sequence[object]]) -> int:
    widths = [max(len(to_text(v)) for v in [name, *column]) for name, column in zip(names, columns, strict=True)]
    return sum(widths) + BOX_GAP * (len(widths) - 1)


def _print_turned(names: Sequence[str], columns: Sequence[Sequence[object]]) -> int:
    """Print one line per column, with as many rows beside each other as fit; return how many."""
    rows = [list(row) for row in zip(*columns, strict=True)]
    fitting = len(rows)
    while fitting > 1 and _width_of(["column"], [names]) + _turned_width(rows[:fitting]) > _terminal_width():
        fitting -= 1
    lines = [[name, *(row[i] for row in rows[:fitting])] for i, name in enumerate(names)]
    print_table(["column", *(f"row {n}" for n in range(1, fitting + 1))], lines)
    return fitting


def _turned_width(rows: Sequence[Sequence[object]]) -> int:
    return sum(BOX_GAP + max(len(to_text(value)) for value in row) for row in rows)


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
