"""Progress bars on stderr, when a person looks at it; nothing otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from repast.cli.style import is_terminal

Report: TypeAlias = "Callable[[str, int, int | None], None]"
"""Called with (view or other label, rows done, rows in total if known)."""


@contextmanager
def showing_progress() -> Iterator[Report | None]:
    """Yield what work reports its progress to, or None when nobody looks. The bars vanish at the end."""
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def report(view: str, done: int, total: int | None) -> None:
            if view not in tasks:
                tasks[view] = progress.add_task(view, total=total)
            progress.update(tasks[view], completed=done, total=total)

        yield report
