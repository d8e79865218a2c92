"""File evidence stays bounded and never claims a file that was not read; claims merge in any order."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from repast.core.manifest import FileRange, ProjectState, ViewState, encode_manifest
from repast.core.plan.watermark import MAX_FILES, find_unread, fold_files, merge_claims


def remember(files: dict[str, str]) -> ViewState:
    listed, ranges = fold_files(files)
    return ViewState(loaded_to_us=0, files=listed, file_ranges=ranges)


def days(count: int, mark: str = "1") -> dict[str, str]:
    return {f"rides/day={i:05d}/part-0.parquet": mark for i in range(count)}


def unread(state: ViewState, files: dict[str, str]) -> set[str]:
    found = find_unread(state, files)
    return set(found.new | found.altered)


def test_a_hundred_thousand_files_fit_in_a_small_document():
    state = remember(days(100_000))
    assert len(state.files) + 2 * len(state.file_ranges) <= MAX_FILES
    assert len(encode_manifest(ProjectState(views={"v": state}))) < 40_000
    assert unread(state, days(100_000)) == set()


def test_a_new_partition_after_many_is_the_only_one_unread():
    files = days(10_001)
    last = max(files)
    state = remember({path: mark for path, mark in files.items() if path != last})
    assert unread(state, files) == {last}


def test_an_altered_recent_file_is_told_from_its_neighbours_and_an_old_one_is_not():
    files = days(10_000)
    recent, old = max(files), min(files)
    assert unread(remember(files), files | {recent: "2"}) == {recent}
    reread = unread(remember(files), files | {old: "2"})
    assert old in reread
    assert len(reread) <= -(-len(files) // 90)


def test_a_file_of_a_range_that_is_gone_or_replaced_is_noticed():
    files = days(1000)
    state = remember(files)
    first = min(files)
    assert unread(state, {path: mark for path, mark in files.items() if path != first})
    moved = {path: mark for path, mark in files.items() if path != first} | {f"{first}x": "1"}
    assert f"{first}x" in unread(state, moved)


NAMES = st.integers(0, 500).map("f{:03d}".format)
FILES = st.dictionaries(NAMES, st.sampled_from("12"), max_size=30)


@given(st.sampled_from([0, 300, 600]), FILES, FILES, st.sets(NAMES, max_size=5))
def test_law_what_differs_is_always_among_the_unread(many, changes, later, removed):
    base = {f"f{i:03d}": "1" for i in range(many)}
    before = base | changes
    after = {path: mark for path, mark in (before | later).items() if path not in removed}
    found = find_unread(remember(before), after)
    assert {path for path, mark in after.items() if before.get(path) != mark} <= found.new | found.altered
    assert found.altered <= {path for path in after if path in before}
    if before == after:
        assert not found.new | found.altered
    if len(before) <= MAX_FILES:
        assert found.new | found.altered == {path for path, mark in after.items() if before.get(path) != mark}


BOUNDS = st.integers(0, 20)
RANGES = [FileRange(first=first, last=first + "z", digest=digest) for first in "cd" for digest in "12"]


@st.composite
def claims(draw: st.DrawFn) -> ViewState:
    low, high = sorted((draw(BOUNDS), draw(BOUNDS)))
    return ViewState(
        loaded_from_us=draw(st.none() | st.just(low)),
        loaded_to_us=high,
        created_watermark_us=draw(st.none() | BOUNDS),
        files=draw(st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"))),
        file_ranges=tuple(sorted(draw(st.sets(st.sampled_from(RANGES), max_size=2)), key=lambda r: r.first)),
        rows_written=draw(BOUNDS),
    )


def covers(claim: ViewState, moment: int) -> bool:
    assert claim.loaded_to_us is not None
    start = claim.loaded_from_us
    return (start is None or start <= moment) and moment <= claim.loaded_to_us


@given(claims(), claims(), st.integers(0, 5))
def test_law_a_merged_claim_covers_nothing_that_neither_covers_with_no_better_evidence(one, other, margin):
    merged = merge_claims(one, other, margin_us=margin)
    for moment in range(-1, 22):
        holders = [claim for claim in (one, other) if covers(claim, moment)]
        if covers(merged, moment):
            assert holders
            assert any(proves(merged, claim) for claim in holders)
    assert merged.rows_written == one.rows_written + other.rows_written


def proves(merged: ViewState, claim: ViewState) -> bool:
    """Whether what the merged claim says of files and created times is no more than what this claim says."""
    created, known = merged.created_watermark_us, claim.created_watermark_us
    files = set(merged.files.items()) <= set(claim.files.items())
    ranges = set(merged.file_ranges) <= set(claim.file_ranges)
    return files and ranges and (created is None or (known is not None and created <= known))


@given(claims(), claims(), st.integers(0, 5))
def test_law_the_order_of_two_claims_does_not_matter(one, other, margin):
    same_range = (one.loaded_from_us, one.loaded_to_us) == (other.loaded_from_us, other.loaded_to_us)
    if same_range:
        other = msgspec.structs.replace(one, rows_written=other.rows_written)
    assert merge_claims(one, other, margin_us=margin) == merge_claims(other, one, margin_us=margin)
