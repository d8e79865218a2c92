"""Candidates become columns: winners of ties, alignment with the spine, bounded memory, declared types."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import repast.core.assemble as module
from repast.core.assemble import BoundSpine, assemble, collect, spine_of
from repast.core.cast import cast_array
from repast.core.codec.row import RowCodec
from repast.core.manifest import FeatureViewSpec, FieldSpec, Manifest, ProjectSpec, SourceSpec
from repast.core.plan.historical import ViewJoin, plan_historical
from repast.core.plan.offline import CREATED, EVENT, ROW
from repast.core.refs import resolve_selection
from repast.testing.strategy import ALL_TYPES, values
from repast.types import Array, DataType, Float64, Int64, String, UnixTimestamp


def join_of(types: dict[str, DataType], asked: list[str] | None = None) -> ViewJoin:
    view = FeatureViewSpec(
        name="v",
        join_keys=(FieldSpec(name="k", dtype="int64"),),
        features=tuple(FieldSpec(name=name, dtype=dtype.to_json()) for name, dtype in types.items()),
        source="s",
    )
    source = SourceSpec(name="s", source_type="file", timestamp_field="t")
    manifest = Manifest(project=ProjectSpec(name="p"), feature_views={"v": view}, data_sources={"s": source})
    selection = resolve_selection(manifest, [f"v:{name}" for name in asked or types])
    columns = {"k": pa.int64(), "event_timestamp": UnixTimestamp.arrow}
    return plan_historical(manifest, selection, columns).views[0]


def found_of(rows: list[tuple], types: dict[str, DataType], batch_size: int = 1000) -> pa.Table:
    """Candidates as (row, event, created, features...)."""
    names = [ROW, EVENT, CREATED, *types]
    arrows = [pa.int64()] * 3 + [dtype.arrow for dtype in types.values()]
    columns = list(zip(*rows, strict=True)) if rows else [[]] * len(names)
    arrays = [pa.array(column, arrow) for column, arrow in zip(columns, arrows, strict=True)]
    whole = pa.table(arrays, names=names)
    parts = [whole.slice(i, batch_size) for i in range(0, len(rows), batch_size)]
    return pa.concat_tables(parts) if parts else whole


def winners(rows: list[tuple], types: dict[str, DataType]) -> dict[int, tuple]:
    """The greatest row per spine row, the plain way: by the bytes that an online store compares."""
    view = join_of(types)
    codec = RowCodec(view.layout)
    best: dict[int, tuple[bytes, tuple]] = {}
    for row in rows:
        named = dict(zip(types, row[3:], strict=True))
        columns = [
            cast_array(pa.array([named[n]], types[n].arrow), types[n], subject=n) for n, _ in view.layout.features
        ]
        value = codec.encode(columns, pa.array([row[1]]), pa.array([row[2]], pa.int64()))[0]
        if row[0] not in best or value > best[row[0]][0]:
            best[row[0]] = (value, tuple(column[0].as_py() for column in columns))
    names = [n for n, _ in view.layout.features]
    return {row: tuple(dict(zip(names, best_[1], strict=True))[n] for n in types) for row, best_ in best.items()}


def never(_):
    raise AssertionError("nothing had to be fetched again")


def lists(columns) -> list[list]:
    for column in columns:
        column.validate(full=True)
    return [column.to_pylist() for column in columns]


TYPES: dict[str, DataType] = {"a": Int64, "b": String}


def test_features_are_aligned_and_misses_are_typed_nulls():
    found = found_of([(2, 5, None, 20, "x"), (0, 5, 1, 10, None)], TYPES)
    columns = assemble(join_of(TYPES), found, 4, never)
    assert lists(columns) == [[10, None, 20, None], [None, None, "x", None]]
    assert [column.type for column in columns] == [pa.int64(), pa.string()]


def test_nothing_found_is_all_null():
    columns = assemble(join_of(TYPES), found_of([], TYPES), 2, never)
    assert lists(columns) == [[None, None], [None, None]]


def test_event_then_created_then_content_decides():
    rows = [
        (0, 5, 9, 1, "x"),
        (0, 6, None, 2, "x"),  # later event
        (1, 5, None, 3, "x"),
        (1, 5, 0, 4, "x"),  # any created time beats none
        (2, 5, 1, 5, "a"),
        (2, 5, 1, 5, "b"),  # content
        (2, 5, 0, 9, "z"),
    ]
    expected = winners(rows, TYPES)
    assert [expected[0][0], expected[1][0]] == [2, 4]
    for order in (rows, rows[::-1]):
        columns = lists(assemble(join_of(TYPES), found_of(order, TYPES), 3, never))
        assert list(zip(*columns, strict=True)) == [expected[i] for i in range(3)]


def test_rows_that_differ_only_in_what_was_not_asked_for_need_no_second_look():
    asked = join_of(TYPES, ["a"])
    found = found_of([(0, 5, 1, 7), (0, 5, 1, 7), (1, 5, 1, 8)], {"a": Int64})
    assert lists(assemble(asked, found, 2, never)) == [[7, 8]]


def test_rows_that_differ_are_fetched_whole_and_decide_by_all_features():
    asked, seen = join_of(TYPES, ["b"]), []
    whole = [(1, 5, 1, 1, "z"), (1, 5, 1, 2, "a"), (0, 5, 1, 3, "q")]
    expected = winners(whole, TYPES)

    def refetch(numbers):
        seen.append(numbers.tolist())
        return found_of([row for row in whole if row[0] in numbers], TYPES)

    found = found_of([(row[0], row[1], row[2], row[4]) for row in whole], {"b": String})
    assert lists(assemble(asked, found, 2, refetch)) == [["q", expected[1][1]]]
    assert seen == [[1]]


def test_an_answer_that_is_gone_when_it_is_fetched_again_is_still_an_answer():
    asked = join_of(TYPES, ["b"])
    found = found_of([(0, 5, 1, "x"), (0, 5, 1, "y")], {"b": String})
    (column,) = lists(assemble(asked, found, 1, lambda _: found_of([], TYPES)))
    assert column[0] in ("x", "y")


def test_zero_minus_zero_and_nan_decide_by_their_bits_too():
    types: dict[str, DataType] = {"x": Float64}
    for pair in ((0.0, -0.0), (float("nan"), 1.0), (float("nan"), None)):
        rows = [(0, 5, 1, pair[0]), (0, 5, 1, pair[1])]
        results = {repr(lists(assemble(join_of(types), found_of(o, types), 1, never))) for o in (rows, rows[::-1])}
        assert results == {repr([[winners(rows, types)[0][0]]])}


candidates = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(0, 2), st.sampled_from([None, 0, 1]), st.integers(0, 2), st.sampled_from("ab")
    ),
    max_size=14,
)


@given(candidates, st.integers(1, 5), st.booleans())
def test_winners_are_the_greatest_whatever_comes_in_which_batch(rows, batch_size, tight):
    found = found_of(rows, TYPES, batch_size)
    with patch.object(module, "_SLACK", -(1 << 40) if tight else 0):
        kept = collect(join_of(TYPES), found.to_reader(), 4)
    columns = lists(assemble(join_of(TYPES), kept, 4, never))
    expected = winners(rows, TYPES)
    assert list(zip(*columns, strict=True)) == [expected.get(i, (None, None)) for i in range(4)]
    if tight:
        assert kept.num_rows <= len({(row[0], *row[3:]) for row in rows}) * 2


@given(st.sampled_from(ALL_TYPES), st.data())
def test_every_type_is_gathered(dtype, data):
    drawn = data.draw(st.lists(values(dtype), min_size=1, max_size=4))
    rows = [(2 * i, 5, None, value) for i, value in enumerate(drawn)]
    types: dict[str, DataType] = {"f": dtype}
    expected = winners(rows, types)
    for room in (1 << 30, 0):
        with patch.object(module, "_ROOM", room), patch.object(module, "_PIECE", 2):
            (column,) = assemble(join_of(types), found_of(rows, types), 2 * len(rows), never)
        assert column.type == dtype.arrow
        assert repr(column.to_pylist()) == repr([expected.get(i, (None,))[0] for i in range(2 * len(rows))])


def test_many_repeats_are_held_once():
    """A source with one row a thousand times over: what is held does not grow with it."""
    rows = [(i % 10, 5, 1, 7, "x") for i in range(10_000)]
    with patch.object(module, "_SLACK", 0):
        kept = collect(join_of(TYPES), found_of(rows, TYPES, 100).to_reader(), 10)
    assert kept.num_rows <= 120
    assert lists(assemble(join_of(TYPES), kept, 10, never)) == [[7] * 10, ["x"] * 10]


def test_nested_features_decide_like_any_other():
    types: dict[str, DataType] = {"l": Array(Int64)}
    rows = [(0, 5, 1, [1]), (0, 5, 1, [1, None]), (1, 5, 1, [2]), (1, 5, 1, [2])]
    (column,) = lists(assemble(join_of(types), found_of(rows, types), 2, never))
    assert column == [winners(rows, types)[0][0], [2]]


@pytest.mark.parametrize("nulls", [[], [1], [0, 1, 2]])
def test_spine_rows_without_a_key_or_time_are_left_out(nulls):
    view = join_of(TYPES)
    mask = np.isin(np.arange(3), nulls)
    keys = pa.array([7, 8, 9], pa.int64(), mask=mask)
    spine = BoundSpine(pa.array([1, 2, None]), {("k", Int64): keys}, {})
    table = spine_of(view, spine)
    assert table.column_names == ["__row", "__time", "k"]
    assert table["__row"].to_pylist() == [i for i in range(2) if i not in nulls]
    assert table.schema.types == [pa.int64()] * 3
    assert spine_of(view, spine.slice(1, 1))["__row"].to_pylist() == ([] if 1 in nulls else [0])
