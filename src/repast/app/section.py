"""One section of feature_store.yaml: which backend, with which options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from repast.app.document import Document
from repast.errors import Location


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """One section: which backend, and its options as they were written.

    Args:
        section: "registry", "offline_store" or "online_store".
        type: Name of an installed backend, or the dotted path of a class.
        options: What the class is made with; checked against it when it is opened.
        origin: The file it was read from, if it was a file.

    """

    section: str
    type: str
    options: Mapping[str, object] = field(default_factory=dict)
    origin: Document | None = field(default=None, repr=False, compare=False)

    def location(self, option: str = "") -> Location | None:
        """Where the section, or one of its options, is written."""
        path = (self.section, option) if option else (self.section,)
        return self.origin.location(*path) if self.origin else None

    def to_public_dict(self) -> dict[str, object]:
        """The section as it could be written, secrets hidden."""
        from repast.app.secret import mask

        return {"type": self.type, **{name: mask(name, value) for name, value in self.options.items()}}

    def __repr__(self) -> str:
        return f"BackendConfig({self.section}={self.to_public_dict()!r})"
