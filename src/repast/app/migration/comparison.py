"""What a comparison with the real Feast found, as values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from repast.core.clock import from_us

CAUSES = {
    "ttl": "Feast gives a value that is older than the view's ttl; Repast gives null",
    "tie": "several rows have the winning event time, and Feast took another one of them",
    "late_row": "the newest row came after Feast's load of its time, so Feast still serves an older one or nothing",
    "lost_row": "Feast's answer lacks the row of the entity frame",
    "cast": "Feast changed the value to another type on its way: cut off, rounded, or a null filled in",
    "order": "Feast's rows are in another order than the entity frame's",
    "not_loaded": "the newest row is after the end of Feast's last load",
    "error": "one side answers with an error",
    "other": "none of these",
}
"""Cause -> what it says."""
EXAMPLES = 3
"""Differences that are shown per feature."""


@dataclass(frozen=True, slots=True)
class Example:
    """One difference: the keys and time that were asked for, both values (plain ones), the cause."""

    asked: dict[str, Any]
    feast: Any
    repast: Any
    cause: str


@dataclass(slots=True)
class FeatureParity:
    """One feature of one retrieval: how many rows are equal, and why the others are not."""

    name: str
    rows: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    dtype: str = ""
    """What Feast made of a column of integers or truth values; the values may be equal all the same."""

    @property
    def different(self) -> int:
        """Rows with another value."""
        return self.causes.total()

    @property
    def equal(self) -> int:
        """Rows with the same value."""
        return self.rows - self.different

    def add(self, example: Example) -> None:
        """Note a difference."""
        self.causes[example.cause] += 1
        if self.causes[example.cause] == 1 or len(self.examples) < EXAMPLES:
            self.examples.append(example)


@dataclass(slots=True)
class RetrievalParity:
    """One retrieval, on both sides."""

    kind: str
    """historical or online."""
    name: str
    rows: int
    features: list[FeatureParity] = field(default_factory=list)
    lost_rows: int = 0
    moved_rows: int = 0
    """Rows of Feast's answer that are not where the entity frame has them."""
    recorded_later: int = 0
    """Rows whose values were recorded only after their time, on both sides: ``as_of="available"`` leaves them out."""
    feast_error: str = ""
    repast_error: str = ""

    @property
    def is_same(self) -> bool:
        """Whether both sides gave the same answer."""
        wrong = self.lost_rows or self.moved_rows or self.feast_error or self.repast_error
        return not wrong and not any(feature.different for feature in self.features)


@dataclass(frozen=True)
class ShadowReport:
    """Both sides of all retrievals."""

    project: str
    feast_version: str
    retrievals: Sequence[RetrievalParity]
    skipped: Sequence[str] = ()
    """What was not compared, each with the reason."""

    @property
    def is_parity(self) -> bool:
        """Whether both sides gave the same answers."""
        return all(retrieval.is_same for retrieval in self.retrievals)

    @property
    def causes(self) -> Counter[str]:
        """Differences by cause."""
        found: Counter[str] = Counter()
        for retrieval in self.retrievals:
            for feature in retrieval.features:
                found += feature.causes
            found["order"] += retrieval.moved_rows
            found["error"] += bool(retrieval.feast_error or retrieval.repast_error)
        return +found

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain values."""
        return {
            "project": self.project,
            "feast": self.feast_version,
            "parity": self.is_parity,
            "causes": dict(sorted(self.causes.items())),
            "skipped": list(self.skipped),
            "retrievals": [_plain(retrieval) for retrieval in self.retrievals],
        }


def readable(value: Any) -> Any:
    """Return a plain value as Python has it."""
    if isinstance(value, list):
        return [readable(member) for member in value]
    if not isinstance(value, dict):
        return value
    [(kind, what)] = value.items()
    if kind == "map":
        return {str(readable(key)): readable(member) for key, member in what}
    return from_us(what) if kind == "time" else bytes.fromhex(what) if kind == "bytes" else float(what)


def _plain(retrieval: RetrievalParity) -> dict[str, object]:
    return {
        "kind": retrieval.kind,
        "name": retrieval.name,
        "same": retrieval.is_same,
        "rows": retrieval.rows,
        "lost_rows": retrieval.lost_rows,
        "moved_rows": retrieval.moved_rows,
        "recorded_later": retrieval.recorded_later,
        "feast_error": retrieval.feast_error or None,
        "repast_error": retrieval.repast_error or None,
        "features": [
            {
                "name": feature.name,
                "rows": feature.rows,
                "equal": feature.equal,
                "different": feature.different,
                "causes": dict(sorted(feature.causes.items())),
                "feast_dtype": feature.dtype or None,
                "examples": [
                    {"asked": e.asked, "feast": e.feast, "repast": e.repast, "cause": e.cause} for e in feature.examples
                ],
            }
            for feature in retrieval.features
        ],
    }
