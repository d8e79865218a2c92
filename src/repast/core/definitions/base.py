"""What all definitions share: a name, metadata, where they were written, and immutability."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from repast.core.definitions.problem import caller_location, report
from repast.core.definitions.short_repr import short_repr
from repast.errors import Location

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
NAME_LENGTH = 200


@dataclass(frozen=True, init=False, kw_only=True)
class Definition:
    """Base of everything that ``apply`` registers. Definitions are values: frozen, compared by content."""

    kind: ClassVar[str]
    """The word that messages and the CLI use: "entity", "feature view", ..."""

    name: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    location: Location | None = field(default=None, compare=False, repr=False)

    def _init(
        self,
        *,
        name: str,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
        **values: Any,
    ) -> None:
        """Store the values of a frozen instance and check what every definition must satisfy."""
        common = {"name": name, "description": description, "owner": owner}
        for key, value in {"location": caller_location(), **common, **values}.items():
            object.__setattr__(self, key, value)
        object.__setattr__(self, "tags", self._texts("tags", tags))
        self._check_common()

    def _texts(self, label: str, given: Mapping[str, str] | None) -> dict[str, str]:
        """Return a copy of a mapping of strings to strings; report what is none and leave it out."""
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            self.problem(f"{label} must map strings to strings, not {given!r}.", hint=f'{label}={{"key": "value"}}')
            return {}
        texts = {key: value for key, value in given.items() if isinstance(key, str) and isinstance(value, str)}
        for key, value in given.items():
            if key not in texts:
                self.problem(f"{label} must map strings to strings, not {key!r} to {value!r}.", hint="quote the value")
        return texts

    def _check_common(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name) or len(self.name) > NAME_LENGTH:
            self.problem(
                f"{self.name!r} is not a valid name.",
                hint=f"use letters, digits, '_', '-', '.'; start with a letter or '_'; at most {NAME_LENGTH} long",
            )
        for label in ("description", "owner"):
            if not isinstance(getattr(self, label), str):
                self.problem(f"{label} must be a string, not {getattr(self, label)!r}.")

    def problem(self, message: str, *, hint: str = "") -> None:
        """Report a problem of this definition, with its kind, name and file:line."""
        report(message, subject=f"{self.kind} {self.name!r}", location=self.location, hint=hint)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__repr__ = short_repr  # type: ignore[method-assign]  # else dataclass writes one that shows every default

    def __hash__(self) -> int:
        return hash((self.kind, self.name))


def is_spelling(value: object) -> bool:
    """Return whether a value is a definition, or another package's spelling of one."""
    return isinstance(value, Definition) or hasattr(type(value), SPELLING)


def as_definition(value: object) -> object:
    """Return the definition that another package's object stands for, and any other value as it is.

    Such an object has a method ``__repast_definition__`` that returns the definition, made where the
    object was written (:func:`repast.core.definitions.problem.located_at`), or None if it defines nothing here.
    """
    spell = getattr(type(value), SPELLING, None)
    return spell(value) if spell is not None else value


SPELLING = "__repast_definition__"

MAX_DURATION = timedelta(days=100_000_000)
"""Durations are counted in microseconds of 64 bits."""


def is_duration(value: object) -> bool:
    """Return whether a value is a time span of zero or more that can be counted in microseconds."""
    return isinstance(value, timedelta) and timedelta(0) <= value <= MAX_DURATION


def is_list(value: object) -> bool:
    """Return whether a value is a list or another sequence, and no text."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def duplicates(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once, in order of their second occurrence."""
    seen: set[str] = set()
    repeated: list[str] = []
    for name in names:
        if name in seen and name not in repeated:
            repeated.append(name)
        seen.add(name)
    return repeated
