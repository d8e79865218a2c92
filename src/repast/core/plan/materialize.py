"""Decide what one load of one view reads, and what is known once it has been written.

The rules and why they are so: docs/decisions/0003-load-watermarks.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from repast.core.clock import from_us, to_us
from repast.core.manifest import FeatureViewSpec, SourceSpec, ViewState
from repast.core.plan.offline import Changed, CountRows, FeatureColumn, KeyColumn, ReadRows
from repast.core.plan.watermark import find_unread, fold_files, merge_claims
from repast.errors import InvalidRequestError

_YEAR_ONE_US = to_us(datetime(1, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """One load of one view: what is read, where it goes, what is remembered. ``str()`` explains it."""

    project: str
    view: str
    incarnation: int
    incremental: bool
    rows: ReadRows
    """The newest rows per key, or all of them that earlier loads have not read."""
    now_us: int
    end_us: int
    files: Mapping[str, str] | None
    """Fingerprints taken before reading; None: the source is not made of files."""
    basis: str
    created_watermark_us: int | None
    """What the loads that this one goes on from had read."""

    @property
    def count(self) -> CountRows:
        """The counts to ask for **before** the rows: what they include, the rows will include."""
        return CountRows(rows=self.rows)

    def state_after(self, previous: ViewState | None, *, created_max_us: int | None, written: int) -> ViewState:
        """Return what to remember once all rows are written.

        Args:
            previous: What is remembered by then; another load may have changed it since the plan was made.
            created_max_us: The greatest created time among the rows that were counted.
            written: Rows that the online store took.

        """
        claim = self._claim(created_max_us, written)
        if previous is None or previous.incarnation < self.incarnation:
            return claim
        if previous.incarnation > self.incarnation:
            return previous
        if previous.loaded_to_us is not None and previous.basis == self.basis and claim.loaded_to_us is not None:
            return merge_claims(previous, claim, margin_us=_margin(self.rows.source, self.files))
        kept = previous if claim.loaded_to_us is None else claim
        return msgspec.structs.replace(kept, last_load_us=self.now_us, rows_written=previous.rows_written + written)

    def _claim(self, created_max_us: int | None, written: int) -> ViewState:
        # Rows after now may be there already, but more of them will come: they are not settled.
        settled_us = min(self.end_us, self.now_us)
        claim = ViewState(
            incarnation=self.incarnation, basis=self.basis, last_load_us=self.now_us, rows_written=written
        )
        if self.rows.start_us is not None and settled_us < self.rows.start_us:
            return claim
        # A source clock that runs ahead must not hide what is recorded between now and then.
        seen = None if created_max_us is None else min(created_max_us, self.now_us)
        marks = [mark for mark in (seen, self.created_watermark_us) if mark is not None]
        files, ranges = fold_files(self.files or {})
        return msgspec.structs.replace(
            claim,
            loaded_from_us=self.rows.start_us,
            loaded_to_us=settled_us,
            created_watermark_us=max(marks, default=None),
            files=files,
            file_ranges=ranges,
        )

    def __str__(self) -> str:
        kind = "incremental load" if self.incremental else "load"
        start = "the beginning" if self.rows.start_us is None else _iso(self.rows.start_us)
        lines = [
            f"{self.view}: {kind} of event times from {start} to {_iso(self.end_us)}, both included",
            f"  reads the newest row per key of {self.rows.source.name}: {self._scope()}",
            f"  writes {_counted(len(self.rows.features), 'feature')} to online table "
            f"{self.project}.{self.view} (incarnation {self.incarnation})",
        ]
        return "\n".join(lines)

    def _scope(self) -> str:
        changed = self.rows.changed
        if changed is None:
            return "all rows"
        clauses = []
        if changed.event_after_us is not None:
            clauses.append(f"rows after {_iso(changed.event_after_us)}")
        if changed.created_from_us is not None:
            clauses.append(f"rows created from {_iso(changed.created_from_us)} on or at an unknown time")
        if changed.files is not None:
            listed = ", ".join(changed.files[:3]) + (", ..." if len(changed.files) > 3 else "")
            clauses.append(
                f"all rows of {_counted(len(changed.files), 'unread file')}" + (f" ({listed})" if listed else "")
            )
        return ", and ".join(clauses)


def plan_window(
    project: str,
    view: FeatureViewSpec,
    source: SourceSpec,
    *,
    start_us: int,
    end_us: int,
    now_us: int,
    files: Mapping[str, str] | None,
) -> LoadPlan:
    """Plan a load of all rows with ``start_us <= event time <= end_us``, whatever was loaded before.

    Raises:
        InvalidRequestError: The window ends before it starts.

    """
    if start_us > end_us:
        raise InvalidRequestError(
            f"The window of the load ends before it starts: {_iso(start_us)} is after {_iso(end_us)}.",
            hint="give the earlier time first; both ends are included",
        )
    return _plan(project, view, source, start_us=start_us, end_us=end_us, now_us=now_us, files=files)


def plan_incremental(
    project: str,
    view: FeatureViewSpec,
    source: SourceSpec,
    *,
    state: ViewState | None,
    end_us: int,
    now_us: int,
    files: Mapping[str, str] | None,
) -> LoadPlan:
    """Plan a load of what earlier loads have not read, with ``event time <= end_us``.

    After it, reads at ``min(now, end)`` find online what a point-in-time join at that moment finds
    offline. So it starts ``ttl`` before that moment, or at the beginning without a ttl, unless the
    loads that ``state`` knows of reach back as far; then it goes on from them.
    """
    needed = None if view.ttl_us is None else _before(min(now_us, end_us), view.ttl_us)
    base = state if state is not None and _continues(state, view, source, needed) else None
    return _plan(
        project,
        view,
        source,
        start_us=base.loaded_from_us if base else needed,
        end_us=end_us,
        now_us=now_us,
        files=files,
        incremental=True,
        changed=_changed(base, source, files) if base else None,
        created_watermark_us=base.created_watermark_us if base else None,
    )


def _continues(state: ViewState, view: FeatureViewSpec, source: SourceSpec, needed: int | None) -> bool:
    """Tell whether what was loaded reaches from ``needed`` on, so that only new rows are missing."""
    if state.incarnation != view.incarnation or state.basis != _basis(view, source) or state.loaded_to_us is None:
        return False
    if state.loaded_from_us is None:
        return needed is None or state.loaded_to_us >= needed
    return needed is not None and state.loaded_from_us <= needed <= state.loaded_to_us


def _changed(state: ViewState, source: SourceSpec, files: Mapping[str, str] | None) -> Changed | None:
    """Narrow to rows that are not proven to have been read; None: any row may be unread."""
    assert state.loaded_to_us is not None
    created_from = None
    if source.created_timestamp_column and state.created_watermark_us is not None:
        created_from = _before(state.created_watermark_us, source.lateness_us)
    if files is None:
        if source.created_timestamp_column:
            if created_from is None:
                return None
            return Changed(event_after_us=state.loaded_to_us, created_from_us=created_from)
        settled = _before(state.loaded_to_us, _margin(source, files))
        return None if settled is None else Changed(event_after_us=settled)
    unread = find_unread(state, files)
    # Files alone are proof. A declared lateness is a promise about created times, which spares
    # rereading the old rows of a file that grows in place.
    if source.lateness_us and created_from is not None:
        return Changed(event_after_us=state.loaded_to_us, created_from_us=created_from, files=tuple(sorted(unread.new)))
    paths = tuple(sorted(unread.new | unread.altered))
    return None if len(paths) == len(files) and paths else Changed(event_after_us=state.loaded_to_us, files=paths)


def _before(instant_us: int, duration_us: int) -> int | None:
    """Return the instant that much earlier; None if no calendar goes back that far."""
    earlier = instant_us - duration_us
    return None if earlier < _YEAR_ONE_US else earlier


def _margin(source: SourceSpec, files: Mapping[str, str] | None) -> int:
    """Return how much of the end of a claim is not settled: more rows with such event times may come."""
    by_event_time = files is None and not source.created_timestamp_column
    return source.lateness_us + 1 if by_event_time else 0


def _plan(
    project: str,
    view: FeatureViewSpec,
    source: SourceSpec,
    *,
    start_us: int | None,
    end_us: int,
    now_us: int,
    files: Mapping[str, str] | None,
    incremental: bool = False,
    changed: Changed | None = None,
    created_watermark_us: int | None = None,
) -> LoadPlan:
    keys = sorted(view.join_keys, key=lambda key: key.name)
    features = sorted(view.features, key=lambda feature: feature.name)
    rows = ReadRows(
        view=view.name,
        source=source,
        keys=tuple(KeyColumn(k.name, source.column(k.name), k.type) for k in keys),
        features=tuple(FeatureColumn(f.name, source.column(f.name), f.type) for f in features),
        start_us=start_us,
        end_us=end_us,
        last_n=1,
        changed=changed,
    )
    return LoadPlan(
        project=project,
        view=view.name,
        incarnation=view.incarnation,
        incremental=incremental,
        rows=rows,
        now_us=now_us,
        end_us=end_us,
        files=files,
        basis=_basis(view, source),
        created_watermark_us=created_watermark_us,
    )


def _basis(view: FeatureViewSpec, source: SourceSpec) -> str:
    """Digest what a load reads and writes. When it changes (another path, a new feature), everything is unread."""
    parts = (
        source.source_type,
        source.options,
        source.timestamp_field,
        source.created_timestamp_column,
        source.field_mapping,
        source.timezone,
        sorted((k.name, k.dtype) for k in view.join_keys),
        sorted((f.name, f.dtype) for f in view.features),
        [layout.version for layout in view.layouts[-1:]],
    )
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _iso(instant_us: int) -> str:
    return from_us(instant_us).isoformat().replace("+00:00", "Z")
