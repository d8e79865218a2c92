"""What all definitions share: a name, metadata, where they were written, and immutability."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from repast.core.definitions.problem import caller_location, report
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
        common = {"name": name, "description": description, "tags": dict(tags or {}), "owner": owner}
        for key, value in {"location": caller_location(), **common, **values}.items():
            object.__setattr__(self, key, value)
        self._check_common()

    def _check_common(self) -> None:
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name) or len(self.name) > NAME_LENGTH:
            self.problem(
                f"{self.name!r} is not a valid name.",
                hint=f"use letters, digits, '_', '-', '.'; start with a letter or '_'; at most {NAME_LENGTH} long",
            )
        for label in ("description", "owner"):
            if not isinstance(getattr(self, label), str):
                self.problem(f"{label} must be a string, not {getattr(self, label)!r}.")
        for key, value in self.tags.items():
            if not isinstance(key, str) or not isinstance(value, str):
                self.problem(f"tags must map strings to strings, not {key!r} to {value!r}.", hint="quote the value")

    def problem(self, message: str, *, hint: str = "") -> None:
        """Report a problem of this definition, with its kind, name and file:line."""
        report(message, subject=f"{self.kind} {self.name!r}", location=self.location, hint=hint)

    def __hash__(self) -> int:
        return hash((self.kind, self.name))


def duplicates(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once, in order of their second occurrence."""
    seen: set[str] = set()
    repeated: list[str] = []
    for name in names:
        if name in seen and name not in repeated:
            repeated.append(name)
        seen.add(name)
    return repeated
