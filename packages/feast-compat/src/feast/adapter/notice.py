"""Say once what is spelt in an old way, or accepted without the effect that Feast gives it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

from repast.core.definitions.problem import caller_location
from repast.errors import Location, UnsupportedError


class FeastCompatibilityWarning(FutureWarning):
    """Something was accepted for Feast's sake; the message says what happens, or how to write it today."""


_said: set[str] = set()
_listener: ContextVar[Callable[[str, Location], None] | None] = ContextVar("feast_notices", default=None)


@contextmanager
def listening(hear: Callable[[str, Location], None]) -> Iterator[None]:
    """Have all that is said inside the block told to a function, at every place, and nothing warned of.

    Filters of warnings are the whole process's, and other threads change them too.
    """
    token = _listener.set(hear)
    try:
        yield
    finally:
        _listener.reset(token)


def warn_once(message: str, location: Location | None = None) -> None:
    """Warn at a place, by default the user's line, the first time that this process has this to say."""
    hear = _listener.get()
    if hear is not None:
        hear(message, location or caller_location() or Location("<unknown>", 1))
        return
    if message in _said:
        return
    _said.add(message)
    location = location or caller_location()
    file, line = (location.file, location.line) if location else ("<unknown>", 1)
    warnings.warn_explicit(message, FeastCompatibilityWarning, file, line, registry={})


def forget_warnings() -> None:
    """Say everything anew: for tests, and for processes that open a second repo."""
    _said.clear()


def legacy(old: str, modern: str) -> None:
    """Say that a spelling is an old one, and which one it is today."""
    warn_once(f"{old} is an old spelling of Feast; write {modern}.")


def without_effect(what: str, instead: str, location: Location | None = None) -> None:
    """Say that something is accepted, and what happens instead of what it does in Feast."""
    warn_once(f"{what} is accepted without the effect it has in Feast: {instead}.", location)


def refuse(what: str, *, hint: str) -> NoReturn:
    """Say that something is not supported."""
    raise UnsupportedError(f"{what} is not supported by Repast.", hint=hint)


def refused_class(name: str, *, hint: str, base: type = object) -> Any:
    """Make a class that can be imported and named, and that says so when it is used."""

    def use(self: object, *args: object, **kwargs: object) -> None:
        refuse(name, hint=hint)

    def inherit(cls: type, **kwargs: object) -> None:
        refuse(f"A subclass of {name}", hint=hint)

    body = {
        "__refused__": True,
        "__init__": use,
        "__init_subclass__": classmethod(inherit),
        "__doc__": f"Not supported: {hint}.",
    }
    return type(name.rpartition(".")[2], (base,), body)


def refused_function(name: str, *, hint: str) -> Any:
    """Make a function that can be imported, and that says so when it is called."""

    def call(*args: object, **kwargs: object) -> NoReturn:
        refuse(name, hint=hint)

    call.__refused__ = True  # type: ignore[attr-defined]
    call.__name__ = call.__qualname__ = name.rpartition(".")[2]
    call.__doc__ = f"Not supported: {hint}."
    return call
