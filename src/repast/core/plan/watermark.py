"""What the loads of a view have read, and so what the next one still has to.

A :class:`ViewState` is a *claim*: every row that was in the source with an event time from
``loaded_from_us`` to ``loaded_to_us`` (both included; None: from the beginning) has been offered to the
online store, as far as the *evidence* goes: the files as they were, the greatest created time seen.
A true claim stays true, so a narrower one or older evidence costs rereading, never rows.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from repast.core.manifest import FileRange, ViewState

MAX_FILES = 256
"""Paths that a state holds at most; about 30 kB of JSON."""
_LATEST = 64
"""Files kept one by one when there are more: the last in path order, where partitions by date grow."""


@dataclass(frozen=True, slots=True)
class UnreadFiles:
    """Files that hold rows no load has read."""

    new: frozenset[str] = frozenset()
    """Never seen, or indistinguishable from such: all their rows may be unread."""
    altered: frozenset[str] = frozenset()
    """Seen with another fingerprint: some of their rows are unread."""


def fold_files(files: Mapping[str, str]) -> tuple[dict[str, str], tuple[FileRange, ...]]:
    """Return files as a state keeps them: one by one up to MAX_FILES, else the older ones as ranges of paths."""
    paths = sorted(files)
    if len(paths) <= MAX_FILES:
        return {path: files[path] for path in paths}, ()
    older, latest = paths[:-_LATEST], paths[-_LATEST:]
    size = -(-len(older) // ((MAX_FILES - _LATEST) // 2))
    groups = [older[i : i + size] for i in range(0, len(older), size)]
    ranges = tuple(FileRange(first=group[0], last=group[-1], digest=_digest(group, files)) for group in groups)
    return {path: files[path] for path in latest}, ranges


def find_unread(state: ViewState, files: Mapping[str, str]) -> UnreadFiles:
    """Compare the files of now with those a state has evidence of.

    A file whose fingerprint is not proven to be the one that was read is always among the result; when
    one file of a folded range differs, so are all files of the range.
    """
    new: set[str] = set()
    altered: set[str] = set()
    firsts = [r.first for r in state.file_ranges]
    members: dict[int, list[str]] = {}
    for path in sorted(files):
        if path in state.files:
            if state.files[path] != files[path]:
                altered.add(path)
            continue
        position = bisect_right(firsts, path) - 1
        if position >= 0 and path <= state.file_ranges[position].last:
            members.setdefault(position, []).append(path)
        else:
            new.add(path)
    for position, paths in members.items():
        if _digest(paths, files) != state.file_ranges[position].digest:
            new.update(paths)
    return UnreadFiles(frozenset(new), frozenset(altered))


def _digest(paths: Sequence[str], files: Mapping[str, str]) -> str:
    pairs = [(path, files[path]) for path in paths]
    return hashlib.sha256(msgspec.json.encode(pairs)).hexdigest()[:32]


def merge_claims(one: ViewState, other: ViewState, *, margin_us: int = 0) -> ViewState:
    """Return one true claim out of two; the order of the two does not matter.

    The wider one if it covers the other. Their union, with the evidence that both have, if they touch.
    Across a gap, which nobody has read, the one that ends later. ``margin_us`` is how far they must
    overlap to touch: where event time is the only evidence, the end of a claim is not settled.

    Both must be of one incarnation and basis and have ``loaded_to_us``.
    """
    for wide, narrow in ((other, one), (one, other)):
        if _start(wide) <= _start(narrow) and _end(narrow) <= _end(wide):
            return _with_counts(wide, one, other)
    lower, upper = sorted((one, other), key=_end)
    if _start(upper) > _end(lower) + 1 - margin_us:
        return _with_counts(upper, one, other)
    return _with_counts(_union(lower, upper), one, other)


def _start(claim: ViewState) -> float:
    return float("-inf") if claim.loaded_from_us is None else claim.loaded_from_us


def _end(claim: ViewState) -> int:
    assert claim.loaded_to_us is not None
    return claim.loaded_to_us


def _union(lower: ViewState, upper: ViewState) -> ViewState:
    created = (lower.created_watermark_us, upper.created_watermark_us)
    return msgspec.structs.replace(
        upper,
        loaded_from_us=lower.loaded_from_us,
        created_watermark_us=None if None in created else min(c for c in created if c is not None),
        files={path: mark for path, mark in lower.files.items() if upper.files.get(path) == mark},
        file_ranges=tuple(r for r in lower.file_ranges if r in set(upper.file_ranges)),
    )


def _with_counts(claim: ViewState, one: ViewState, other: ViewState) -> ViewState:
    loads = [s.last_load_us for s in (one, other) if s.last_load_us is not None]
    return msgspec.structs.replace(
        claim, last_load_us=max(loads, default=None), rows_written=one.rows_written + other.rows_written
    )
