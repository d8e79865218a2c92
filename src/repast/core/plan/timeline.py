"""Several views and a spine in one table, a row a moment: which columns hold what of whose rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

SIDE = "__side"
"""int32: the place among the views of the one that a row is of; the number of views: a row of the spine."""
ORDER = "__order"
"""int64, what engines sort by: a hash of the row's key, and in the lower bits its second.

Engines sort by one number several times faster than by keys, time and side. What that leaves open is rare, and is
sorted where the rows are looked at: keys that have one hash, and rows of one second. Rows of the spine that have no
key or no time are each alone: their order is ``__row``.
"""
SECOND_BITS = 32
"""The lower bits of ``__order``: seconds since 1970, those before that or after 2106 at the ends."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A table of the rows of some views and of a spine, which share columns: a row has values of one of them.

    Columns: ``__side``, ``__time`` (int64 us: event time, or time of the spine's row), the keys, and the slots.
    """

    views: tuple[int, ...]
    """Numbers of the views, in the order of their sides."""
    slots: tuple[Mapping[str, str], ...]
    """Per view its features, and ``__created`` (int64 us) if its source has that, with the columns they are in."""
    own: Mapping[str, str]
    """``__row``, and the spine's own columns if they travel along, with the slots they are in."""
    shared: Mapping[str, str] | None = None
    """The spine's own columns that are keys or ``__time`` as well; None: the spine does not travel along."""
    types: Mapping[int, Mapping[str, pa.DataType]] = field(default_factory=dict)
    """Per view the columns of its source that reach the workers as other types, with their own."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All slots."""
        return tuple(dict.fromkeys(slot for owner in (*self.slots, self.own) for slot in owner.values()))


class Slots:
    """Gives out columns: as many of each type as one owner needs, for all owners."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, int], str] = {}

    def fill(self, columns: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Return a column for each of one owner's, given by name and type."""
        taken: Counter[str] = Counter()
        filled = {}
        for name, kind in columns:
            filled[name] = self._names.setdefault((kind, taken[kind]), f"__slot_{len(self._names)}")
            taken[kind] += 1
        return filled
