"""Report problems of definitions: raise the first, or collect them all while files are being loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from repast.errors import InvalidDefinitionError, Location, Problem

_hidden: tuple[str, ...] = (str(Path(__file__).parents[2]) + os.sep,)
"""Folders whose frames are not the user's."""
_collected: ContextVar[list[Problem] | None] = ContextVar("repast_problems", default=None)
_located: ContextVar[bool | Location] = ContextVar("repast_located", default=True)
"""True: where the caller is; False: nowhere; a place: there."""


def caller_location() -> Location | None:
    """Return file and line of the nearest caller outside Repast, or None in an interactive shell."""
    located = _located.get()
    if located is not True:
        return located or None
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_hidden):
            return None if name.startswith("<") and not name.startswith("<ipython") else Location(name, frame.f_lineno)
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None


def hide_frames(folder: Path) -> None:
    """Count the code in a folder as Repast's own when a definition's place is looked for: another spelling of it."""
    global _hidden
    _hidden = (*_hidden, str(folder) + os.sep)


@contextmanager
def located_at(location: Location | None) -> Iterator[None]:
    """Make definitions that were written at another place than where they are made; None: nowhere."""
    token = _located.set(location or False)
    try:
        yield
    finally:
        _located.reset(token)


@contextmanager
def without_location() -> Iterator[None]:
    """Make definitions that nobody wrote in a file: those that the registry returns."""
    token = _located.set(False)
    try:
        yield
    finally:
        _located.reset(token)


@contextmanager
def collecting_problems() -> Iterator[list[Problem]]:
    """Gather the problems reported inside the block instead of raising the first one."""
    problems: list[Problem] = []
    token = _collected.set(problems)
    try:
        yield problems
    finally:
        _collected.reset(token)


def report(message: str, *, subject: str = "", location: Location | None = None, hint: str = "") -> None:
    """Report one problem of a definition.

    Raises:
        InvalidDefinitionError: Nobody is collecting problems.

    """
    problem = Problem(message=message, subject=subject, location=location, hint=hint)
    collected = _collected.get()
    if collected is None:
        raise InvalidDefinitionError.of([problem])
    collected.append(problem)
