"""What became of a load, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from repast.errors import RepastError


@dataclass(frozen=True, kw_only=True)
class ViewLoad:
    """What became of the load of one view."""

    view: str
    start: datetime | None
    """The earliest event time that was asked for, included; None: from the beginning."""
    end: datetime | None
    """The latest one, included; None if the load failed before it was known."""
    read: int = 0
    """Rows of the source that this load looked at: in its window, and not known from earlier loads."""
    written: int = 0
    """Rows that are new online: of those read, only the newest per key gets there."""
    unchanged: int = 0
    """Rows that were online already."""
    late: int = 0
    """Rows that lost against a newer one online."""
    rejected: int = 0
    """Rows left out because a join key or the event time is null."""
    seconds: float = 0.0
    error: RepastError | None = None
    """Why the view was not, or not completely, loaded. Running the load again completes it."""

    def to_dict(self) -> dict[str, object]:
        """Return JSON-able values; times in ISO 8601."""
        facts: dict[str, object] = {
            "view": self.view,
            "start": self.start.isoformat() if self.start else None,
            "end": self.end.isoformat() if self.end else None,
            "read": self.read,
            "written": self.written,
            "unchanged": self.unchanged,
            "late": self.late,
            "rejected": self.rejected,
            "seconds": round(self.seconds, 6),
        }
        if self.error is not None:
            facts["error"] = {"code": self.error.code, "message": self.error.message, "hint": self.error.hint}
        return facts

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.view}: failed after {self.written:,} rows written: {self.error.message}"
        counts = [f"{self.read:,} read", f"{self.written:,} written"]
        if self.unchanged:
            counts.append(f"{self.unchanged:,} unchanged")
        if self.late:
            counts.append(f"{self.late:,} late (a newer row is already online)")
        if self.rejected:
            counts.append(f"{self.rejected:,} rejected (null key or event time)")
        return f"{self.view}: {', '.join(counts)} in {self.seconds:.1f} s"


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What became of a load of several views, in the order they were loaded."""

    views: tuple[ViewLoad, ...] = ()

    @property
    def read(self) -> int:
        """Rows of the sources that were looked at."""
        return sum(view.read for view in self.views)

    @property
    def written(self) -> int:
        """Rows that are new online."""
        return sum(view.written for view in self.views)

    @property
    def unchanged(self) -> int:
        """Rows that were online already."""
        return sum(view.unchanged for view in self.views)

    @property
    def late(self) -> int:
        """Rows that lost against a newer one online."""
        return sum(view.late for view in self.views)

    @property
    def rejected(self) -> int:
        """Rows left out because a join key or the event time is null."""
        return sum(view.rejected for view in self.views)

    @property
    def seconds(self) -> float:
        """Time spent loading."""
        return sum(view.seconds for view in self.views)

    @property
    def failed(self) -> tuple[ViewLoad, ...]:
        """The views whose load failed."""
        return tuple(view for view in self.views if view.error is not None)

    def to_dict(self) -> dict[str, object]:
        """Return JSON-able values."""
        total: dict[str, object] = {
            name: getattr(self, name) for name in ("read", "written", "unchanged", "late", "rejected")
        }
        return {
            "views": [view.to_dict() for view in self.views],
            "total": total | {"seconds": round(self.seconds, 6)},
        }

    def __str__(self) -> str:
        if not self.views:
            return "Nothing was loaded: no view was named, or none is online."
        lines = [str(view) for view in self.views]
        if len(self.views) > 1:
            loaded = len(self.views) - len(self.failed)
            lines.append(
                f"{loaded} of {len(self.views)} views loaded: {self.read:,} rows read, "
                f"{self.written:,} written in {self.seconds:.1f} s"
            )
        return "\n".join(lines)

    __repr__ = __str__
