"""What became of rows that were written, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import add

from repast.ports.online import WriteResult


@dataclass(frozen=True, kw_only=True)
class ViewWrite:
    """What became of the rows of one view in the online store."""

    view: str
    read: int
    rejected: int = 0
    """Rows left out because a join key or the event time is null."""
    result: WriteResult = field(default_factory=WriteResult)

    def to_dict(self) -> dict[str, object]:
        """Return JSON-able values."""
        return {
            "view": self.view,
            "read": self.read,
            "written": self.result.written,
            "unchanged": self.result.unchanged,
            "late": self.result.late,
            "rejected": self.rejected,
        }

    def __str__(self) -> str:
        counts = [f"{self.read:,} read", f"{self.result.written:,} written"]
        if self.result.unchanged:
            counts.append(f"{self.result.unchanged:,} unchanged")
        if self.result.late:
            counts.append(f"{self.result.late:,} late (a newer row is already online)")
        if self.rejected:
            counts.append(f"{self.rejected:,} rejected (null key or event time)")
        return f"{self.view}: {', '.join(counts)}"


@dataclass(frozen=True, kw_only=True)
class SourceAppend:
    """What became of rows that were appended to a source."""

    source: str
    read: int
    appended: int

    @property
    def rejected(self) -> int:
        """Rows left out because no view could use them: a join key or the event time is null."""
        return self.read - self.appended

    def to_dict(self) -> dict[str, object]:
        """Return JSON-able values."""
        return {"source": self.source, "read": self.read, "appended": self.appended, "rejected": self.rejected}

    def __str__(self) -> str:
        rejected = f", {self.rejected:,} rejected (null key or event time)" if self.rejected else ""
        return f"{self.source} (offline): {self.read:,} read, {self.appended:,} appended{rejected}"


@dataclass(frozen=True, kw_only=True)
class WriteReport:
    """What became of a push or write: per view online, per source offline."""

    views: tuple[ViewWrite, ...] = ()
    sources: tuple[SourceAppend, ...] = ()

    @property
    def result(self) -> WriteResult:
        """Rows written, unchanged and late online, of all views."""
        return reduce(add, (view.result for view in self.views), WriteResult())

    @property
    def written(self) -> int:
        """Rows that are new online, of all views."""
        return self.result.written

    @property
    def unchanged(self) -> int:
        """Rows that were online already, byte for byte."""
        return self.result.unchanged

    @property
    def late(self) -> int:
        """Rows that lost against a newer one online."""
        return self.result.late

    @property
    def rejected(self) -> int:
        """Rows left out online because a join key or the event time is null, of all views."""
        return sum(view.rejected for view in self.views)

    @property
    def appended(self) -> int:
        """Rows appended to sources."""
        return sum(source.appended for source in self.sources)

    def to_dict(self) -> dict[str, object]:
        """Return JSON-able values."""
        return {
            "views": [view.to_dict() for view in self.views],
            "sources": [source.to_dict() for source in self.sources],
        }

    def __str__(self) -> str:
        return "\n".join(map(str, (*self.views, *self.sources)))

    __repr__ = __str__
