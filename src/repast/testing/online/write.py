"""Rules about writing: which value survives, and what is counted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repast.errors import InvalidRequestError
from repast.ports.online import OnlineStore, OnlineTable, WriteResult
from repast.testing.online.base import TABLE, OnlineStoreBase, assert_same, fresh_tables
from repast.testing.online.row import ROW, Row, split

HISTORY = st.lists(st.lists(ROW, max_size=6), max_size=6)


class WriteRules(OnlineStoreBase):
    """What a write does."""

    def test_only_greater_values_survive(self, store: OnlineStore) -> None:
        """Values compare as unsigned bytes; a prefix is smaller; numbers, text and length mean nothing."""
        store.create([TABLE])
        for number, (smaller, greater) in enumerate(_ORDERED):
            up, down = b"up%d" % number, b"down%d" % number
            store.write(TABLE, [up], [smaller])
            assert store.write(TABLE, [up], [greater]) == WriteResult(written=1), (smaller, greater)
            store.write(TABLE, [down], [greater])
            assert store.write(TABLE, [down], [smaller]) == WriteResult(late=1), (smaller, greater)
            assert store.read([(TABLE, [up, down])]) == [[greater, greater]]

    def test_writing_again_changes_nothing(self, store: OnlineStore) -> None:
        """The same batch twice: the second time every row is unchanged."""
        store.create([TABLE])
        keys, values = [b"a", b"b", b"c"], [b"1", b"", b"\x00"]
        assert store.write(TABLE, keys, values) == WriteResult(written=3)
        assert store.write(TABLE, keys, values) == WriteResult(unchanged=3)
        assert store.read([(TABLE, keys)]) == [values]

    def test_an_empty_batch_does_nothing(self, store: OnlineStore) -> None:
        """No rows, no counts, no error."""
        store.create([TABLE])
        assert store.write(TABLE, [], []) == WriteResult()
        assert store.count(TABLE) == 0

    def test_keys_without_values_are_refused(self, store: OnlineStore) -> None:
        """A batch whose keys and values differ in number is refused as a whole."""
        store.create([TABLE])
        for keys, values in (([b"a", b"b"], [b"1"]), ([b"a"], [b"1", b"2"]), ([b"a"], [])):
            with pytest.raises(InvalidRequestError):
                store.write(TABLE, keys, values)
        assert store.read([(TABLE, [b"a", b"b"])]) == [[None, None]]

    def test_a_key_may_repeat_in_a_batch(self, store: OnlineStore) -> None:
        """The greatest value wins wherever it stands, and counts as the one row written."""
        for number, values in enumerate(([b"1", b"3", b"2"], [b"3", b"2", b"1"], [b"1", b"2", b"3"])):
            table = OnlineTable("project", "repeats", number + 1)
            store.create([table])
            assert store.write(table, [b"k"] * 3, values) == WriteResult(written=1, late=2)
            assert store.write(table, [b"k"] * 3, values) == WriteResult(unchanged=1, late=2)
            assert store.write(table, [b"k"] * 2, [b"4", b"4"]) == WriteResult(written=1, unchanged=1)
            assert store.read([(table, [b"k"])]) == [[b"4"]]
            assert store.count(table) == 1

    def test_counts_are_exact(self, store: OnlineStore) -> None:
        """``written`` counts keys that changed; of the other rows those equal to what is kept are unchanged."""
        tables = fresh_tables(store)

        @given(HISTORY)
        def check(history: list[list[Row]]) -> None:
            table, kept = next(tables), dict[bytes, bytes]()
            for batch in history:
                assert store.write(table, *split(batch)) == _expected_counts(kept, batch)
            assert store.count(table) == len(kept)
            assert store.read([(table, list(kept))]) == [list(kept.values())]

        check()

    def test_the_order_of_writes_does_not_matter(self, store: OnlineStore) -> None:
        """However rows are shuffled, cut into batches and repeated, the same rows remain."""
        tables = fresh_tables(store)

        @given(st.lists(ROW, max_size=12), st.data())
        def check(rows: list[Row], data: st.DataObject) -> None:
            expected: dict[bytes, bytes] = {}
            for key, value in rows:
                expected[key] = max(value, expected.get(key, b""))
            table = next(tables)
            again = data.draw(st.lists(st.sampled_from(rows), max_size=4)) if rows else []
            shuffled = data.draw(st.permutations(rows + again))
            cut = data.draw(st.integers(0, len(shuffled)))
            for batch in (shuffled[:cut], shuffled[cut:]):
                store.write(table, *split(batch))
            assert store.read([(table, list(expected))]) == [list(expected.values())]

        check()

    def test_a_large_batch_is_written_whole(self, store: OnlineStore) -> None:
        """Thousands of rows in one call, then half of them greater, half of them late."""
        store.create([TABLE])
        half = self.many // 2
        keys = [b"%d" % number for number in range(2 * half)]
        assert store.write(TABLE, keys, [b"5"] * len(keys)) == WriteResult(written=len(keys))
        values = [b"6" if number % 2 else b"4" for number in range(len(keys))]
        assert store.write(TABLE, keys, values) == WriteResult(written=half, late=half)
        assert_same(store.read([(TABLE, keys)]), [[b"6" if number % 2 else b"5" for number in range(len(keys))]])
        assert store.count(TABLE) == len(keys)

    def test_keys_and_values_are_any_bytes(self, store: OnlineStore) -> None:
        """Zero bytes, high bytes, quotes, invalid UTF-8, no bytes (values), very many bytes (values)."""
        store.create([TABLE])
        keys = [bytes([byte]) for byte in range(256)] + [b"\x00\x00", b"a\x00", b"a\x00b", b"'\"", b"k" * 1000]
        values = [b"", b"\x00", b"\xff\x00\xfe", b"x" * (self.longest_value - 1)] + [key + b"!" for key in keys[4:]]
        assert store.write(TABLE, keys, values) == WriteResult(written=len(keys))
        (found,) = store.read([(TABLE, keys)])
        assert_same([found], [[*values]])
        assert {type(value) for value in found} == {bytes}
        assert store.write(TABLE, [b"\x03"], [b"x" * (self.longest_value - 1) + b"y"]) == WriteResult(written=1)
        assert store.write(TABLE, [b"\x03"], [b"x" * (self.longest_value - 1)]) == WriteResult(late=1)


_ORDERED = [
    (b"", b"\x00"),
    (b"\x00", b"\x00\x00"),
    (b"a", b"aa"),
    (b"aa", b"b"),
    (b"10", b"9"),
    (b"B", b"a"),
    (b"\x7f", b"\x80"),
    (b"\x80\x00", b"\xff"),
    (b"\xc3\xa9", b"\xe2\x82\xac"),
    (b"a\x00b", b"a\x01"),
    (b"a\x00b", b"a\x00c"),
    (b"x" * 5000, b"x" * 5000 + b"\x00"),
    (b"x" * 5000 + b"a", b"x" * 5000 + b"b"),
]
"""Pairs of (smaller, greater) by memcmp that other orders confuse."""


def _expected_counts(kept: dict[bytes, bytes], batch: Sequence[Row]) -> WriteResult:
    """Apply a batch to ``kept``, slowly and surely, and return its counts."""
    written = {key for key, value in batch if key not in kept or value > kept[key]}
    for key, value in batch:
        kept[key] = max(value, kept.get(key, b""))
    late = sum(value < kept[key] for key, value in batch)
    return WriteResult(written=len(written), unchanged=len(batch) - len(written) - late, late=late)
