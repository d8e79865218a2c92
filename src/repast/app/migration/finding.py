"""What a check of a Feast repo finds, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from repast.errors import Location, Problem

Status: TypeAlias = Literal["works", "legacy", "ignored", "unknown", "differs", "refused"]
"""works; written in an old way; accepted without effect; could not be looked at; another value; refused."""

ACCEPTED: tuple[Status, ...] = ("legacy", "ignored", "unknown")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about one object, or about the repo."""

    status: Status
    message: str
    hint: str = ""
    location: Location | None = None
    code: str = ""
    """Of a difference in value: its cause."""
    subject: str = ""
    """Kind and name of the object, where whoever found it knows: "feature view 'trips'"."""

    @classmethod
    def refused(cls, problem: Problem) -> Finding:
        """Return the finding that a problem is."""
        return cls("refused", problem.message, problem.hint, problem.location, subject=problem.subject)


@dataclass(frozen=True, slots=True)
class CheckedObject:
    """One definition, and what was found about it."""

    kind: str
    name: str
    location: Location | None
    findings: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> str:
        """``works``, ``warns`` or ``refused``."""
        found = {finding.status for finding in self.findings}
        return "refused" if "refused" in found else "warns" if found & set(ACCEPTED) else "works"


@dataclass(frozen=True)
class CheckReport:
    """What becomes of a Feast repo."""

    project: str
    objects: Sequence[CheckedObject] = ()
    others: Sequence[Finding] = field(default=())
    """About feature_store.yaml, and about lines that define nothing."""

    @property
    def findings(self) -> list[Finding]:
        """Everything that was found."""
        return [*self.others, *(finding for checked in self.objects for finding in checked.findings)]

    @property
    def is_refused(self) -> bool:
        """Whether anything is refused: ``apply`` would fail."""
        return any(finding.status == "refused" for finding in self.findings)

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain values."""
        return {
            "project": self.project,
            "refused": self.is_refused,
            "configuration": [_plain(finding) for finding in self.others],
            "objects": [
                {
                    "kind": checked.kind,
                    "name": checked.name,
                    "location": str(checked.location) if checked.location else None,
                    "verdict": checked.verdict,
                    "findings": [_plain(finding) for finding in checked.findings],
                }
                for checked in self.objects
            ],
        }


def _plain(finding: Finding) -> dict[str, object]:
    return {
        "status": finding.status,
        "code": finding.code or None,
        "message": finding.message,
        "hint": finding.hint or None,
        "location": str(finding.location) if finding.location else None,
    }
