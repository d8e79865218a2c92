"""The history of a project: each generation of its manifest with its time and what it changed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from repast.core.clock import from_us
from repast.core.manifest import FORMAT, KINDS, Manifest
from repast.errors import CorruptDataError, UnsupportedError

Action: TypeAlias = Literal["created", "updated", "deleted"]


class Change(msgspec.Struct, frozen=True):
    """One object that a generation created, updated or deleted."""

    action: Action
    kind: str
    """The word for one of its kind: "feature view"."""
    name: str

    def __str__(self) -> str:
        return f"{self.action} {self.kind} {self.name}"


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One generation as it is kept. The time is here, not in the manifest, whose bytes depend on content only."""

    format: int = FORMAT
    generation: int
    time_us: int
    """When it was registered, microseconds UTC."""
    changes: tuple[Change, ...]
    manifest: msgspec.Raw

    @property
    def time(self) -> datetime:
        return from_us(self.time_us)


class _Head(msgspec.Struct):
    format: int


# Made now: threads that are the first to decode a type at once crash msgspec.
_decode_head = msgspec.json.Decoder(_Head).decode
_decode_history = msgspec.json.Decoder(HistoryEntry).decode


def changes_between(old: Manifest | None, new: Manifest) -> tuple[Change, ...]:
    """Return the objects that differ, in the order of their kinds, then by name."""
    changes: list[Change] = []
    for kind, word in KINDS.items():
        before = old.collection(kind) if old else {}
        after = new.collection(kind)
        for name in sorted(before.keys() | after.keys()):
            if name not in before:
                changes.append(Change("created", word, name))
            elif name not in after:
                changes.append(Change("deleted", word, name))
            elif before[name] != after[name]:
                changes.append(Change("updated", word, name))
    return tuple(changes)


def encode_entry(entry: HistoryEntry) -> bytes:
    """Return the readable JSON of a history entry."""
    return msgspec.json.format(msgspec.json.encode(entry), indent=1) + b"\n"


def decode_entry(data: bytes, *, where: str) -> HistoryEntry:
    """Read a history entry; its manifest stays undecoded.

    Raises:
        CorruptDataError: The bytes are no history entry; ``where`` names the document.
        UnsupportedError: It was written by a newer Repast.

    """
    try:
        found = _decode_head(data).format
        if found > FORMAT:
            raise UnsupportedError(
                f"{where} has format {found}; this version of Repast reads up to {FORMAT}.",
                hint="pip install -U repast",
            )
        return _decode_history(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptDataError(
            f"{where} is not a Repast history document: {error}.", hint="it was left untouched; remove it if you can"
        ) from error
