"""What every online store must do, as tests. Subclass the suite and give it your store::

    from repast.testing.online import OnlineStoreSuite


    class TestMyStore(OnlineStoreSuite):
        def make_store(self, tmp_path):
            return MyStore(repo_path=tmp_path, host="localhost")

Each method is one rule of :mod:`repast.ports.online`. Keys have at least one byte (the codec's version
byte); everything else about keys and values is arbitrary.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import ClassVar, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repast.errors import ClosedError, InvalidRequestError, NotFoundError
from repast.ports.online import OnlineStore, OnlineTable, WriteResult

Row: TypeAlias = tuple[bytes, bytes]

# Few keys and short values over few bytes: rows meet often, and prefixes and high bytes are common.
_ROW = st.tuples(
    st.sampled_from([b"k", b"k\x00", b"\x00", b"\xff\xff"]),
    st.binary(max_size=3)
    | st.sampled_from([b"\x7f", b"\x80", b"a", b"B", b"10", b"9", b"a\x00", b"a\x00b", b"a\x00c"]),
)
_HISTORY = st.lists(st.lists(_ROW, max_size=6), max_size=6)


class OnlineStoreSuite:
    """The rules for online stores. Methods take a fresh store, or a folder to make stores in."""

    keeps_rows: ClassVar[bool] = True
    """Whether rows are there again after the store was closed and opened anew."""

    def make_store(self, tmp_path: Path) -> OnlineStore:
        """Return a store over the one place that belongs to ``tmp_path``: called twice, both see the same rows."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[OnlineStore]:
        """A fresh store, closed afterwards."""
        store = self.make_store(tmp_path)
        yield store
        store.close()

    # -- tables ---------------------------------------------------------------------------------------

    def test_making_and_reading_touch_nothing(self, tmp_path: Path) -> None:
        """A store that is made, read and closed has created no file."""
        before = sorted(tmp_path.rglob("*"))
        store = self.make_store(tmp_path)
        assert store.read([(_TABLE, [b"k"])]) == [[None]]
        store.close()
        assert sorted(tmp_path.rglob("*")) == before

    def test_a_table_that_does_not_exist_reads_as_empty(self, store: OnlineStore) -> None:
        """A view that was never loaded has no values, beside other tables or alone."""
        assert store.read([(_TABLE, [b"a", b"b"])]) == [[None, None]]
        assert store.count(_TABLE) == 0
        assert store.erase(_TABLE, [b"a"]) == 0
        store.create([_OTHER])
        store.write(_OTHER, [b"a"], [b"1"])
        assert store.read([(_TABLE, [b"a"]), (_OTHER, [b"a"])]) == [[None], [b"1"]]
        assert store.count(_TABLE) == 0
        assert store.erase(_TABLE, [b"a"]) == 0

    def test_a_table_that_does_not_exist_cannot_be_written(self, store: OnlineStore) -> None:
        """Writing needs ``create`` first, whether there are other tables or none."""
        with pytest.raises(NotFoundError):
            store.write(_TABLE, [b"k"], [b"v"])
        store.create([_OTHER])
        with pytest.raises(NotFoundError):
            store.write(_TABLE, [b"k"], [b"v"])
        assert store.read([(_TABLE, [b"k"])]) == [[None]]

    def test_create_keeps_what_is_there(self, store: OnlineStore) -> None:
        """Creating a table again does nothing, alone, twice in one call, or together with new ones."""
        store.create([])
        store.create([_TABLE, _TABLE])
        store.write(_TABLE, [b"k"], [b"v"])
        store.create([_TABLE])
        store.create([_TABLE, _OTHER])
        assert store.read([(_TABLE, [b"k"]), (_OTHER, [b"k"])]) == [[b"v"], [None]]
        store.write(_OTHER, [b"k"], [b"w"])

    def test_drop_removes_the_rows_and_the_table(self, store: OnlineStore) -> None:
        """A dropped table reads as empty, cannot be written, and is empty when it is created again."""
        store.drop([])
        store.drop([_TABLE])
        store.create([_TABLE])
        store.write(_TABLE, [b"k"], [b"v"])
        store.drop([_TABLE, _TABLE, _OTHER])
        store.drop([_TABLE])
        assert store.read([(_TABLE, [b"k"])]) == [[None]]
        with pytest.raises(NotFoundError):
            store.write(_TABLE, [b"k"], [b"v"])
        store.create([_TABLE])
        assert store.read([(_TABLE, [b"k"])]) == [[None]]
        assert store.write(_TABLE, [b"k"], [b"a"]) == WriteResult(written=1)

    def test_tables_do_not_see_each_other(self, store: OnlineStore) -> None:
        """Project, view and incarnation name a table exactly: no case, sign or joint is lost."""
        store.create(_TRICKY)
        for number, table in enumerate(_TRICKY):
            assert store.write(table, [b"k"], [b"%d" % number]) == WriteResult(written=1), table
        expected = [[b"%d" % number] for number in range(len(_TRICKY))]
        assert store.read([(table, [b"k"]) for table in _TRICKY]) == expected

    def test_drop_and_erase_leave_other_tables_alone(self, store: OnlineStore) -> None:
        """One project's teardown, or a migration to a new incarnation, touches nobody else's rows."""
        store.create(_TRICKY)
        for table in _TRICKY:
            store.write(table, [b"k", b"k2"], [b"v", b"w"])
        for table in _TRICKY:
            others = [(other, [b"k", b"k2"]) for other in _TRICKY if other != table]
            assert store.erase(table, [b"k"]) == 1
            assert store.read(others) == [[b"v", b"w"]] * len(others), table
            assert store.read([(table, [b"k", b"k2"])]) == [[None, b"w"]]
            store.drop([table])
            assert store.read(others) == [[b"v", b"w"]] * len(others), table
            assert store.read([(table, [b"k", b"k2"])]) == [[None, None]]
            store.create([table])
            store.write(table, [b"k", b"k2"], [b"v", b"w"])

    # -- writing --------------------------------------------------------------------------------------

    def test_only_greater_values_survive(self, store: OnlineStore) -> None:
        """Values compare as unsigned bytes; a prefix is smaller; numbers, text and length mean nothing."""
        store.create([_TABLE])
        for number, (smaller, greater) in enumerate(_ORDERED):
            up, down = b"up%d" % number, b"down%d" % number
            store.write(_TABLE, [up], [smaller])
            assert store.write(_TABLE, [up], [greater]) == WriteResult(written=1), (smaller, greater)
            store.write(_TABLE, [down], [greater])
            assert store.write(_TABLE, [down], [smaller]) == WriteResult(late=1), (smaller, greater)
            assert store.read([(_TABLE, [up, down])]) == [[greater, greater]]

    def test_writing_again_changes_nothing(self, store: OnlineStore) -> None:
        """The same batch twice: the second time every row is unchanged."""
        store.create([_TABLE])
        keys, values = [b"a", b"b", b"c"], [b"1", b"", b"\x00"]
        assert store.write(_TABLE, keys, values) == WriteResult(written=3)
        assert store.write(_TABLE, keys, values) == WriteResult(unchanged=3)
        assert store.read([(_TABLE, keys)]) == [values]

    def test_an_empty_batch_does_nothing(self, store: OnlineStore) -> None:
        """No rows, no counts, no error."""
        store.create([_TABLE])
        assert store.write(_TABLE, [], []) == WriteResult()
        assert store.count(_TABLE) == 0

    def test_keys_without_values_are_refused(self, store: OnlineStore) -> None:
        """A batch whose keys and values differ in number is refused as a whole."""
        store.create([_TABLE])
        for keys, values in (([b"a", b"b"], [b"1"]), ([b"a"], [b"1", b"2"]), ([b"a"], [])):
            with pytest.raises(InvalidRequestError):
                store.write(_TABLE, keys, values)
        assert store.read([(_TABLE, [b"a", b"b"])]) == [[None, None]]

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
        tables = _fresh_tables(store)

        @given(_HISTORY)
        def check(history: list[list[Row]]) -> None:
            table, kept = next(tables), dict[bytes, bytes]()
            for batch in history:
                assert store.write(table, *_split(batch)) == _expected_counts(kept, batch)
            assert store.count(table) == len(kept)
            assert store.read([(table, list(kept))]) == [list(kept.values())]

        check()

    def test_the_order_of_writes_does_not_matter(self, store: OnlineStore) -> None:
        """However rows are shuffled, cut into batches and repeated, the same rows remain."""
        tables = _fresh_tables(store)

        @given(st.lists(_ROW, max_size=12), st.data())
        def check(rows: list[Row], data: st.DataObject) -> None:
            expected: dict[bytes, bytes] = {}
            for key, value in rows:
                expected[key] = max(value, expected.get(key, b""))
            table = next(tables)
            again = data.draw(st.lists(st.sampled_from(rows), max_size=4)) if rows else []
            shuffled = data.draw(st.permutations(rows + again))
            cut = data.draw(st.integers(0, len(shuffled)))
            for batch in (shuffled[:cut], shuffled[cut:]):
                store.write(table, *_split(batch))
            assert store.read([(table, list(expected))]) == [list(expected.values())]

        check()

    def test_a_large_batch_is_written_whole(self, store: OnlineStore) -> None:
        """Thousands of rows in one call, then half of them greater, half of them late."""
        store.create([_TABLE])
        keys = [b"%d" % number for number in range(5000)]
        assert store.write(_TABLE, keys, [b"5"] * 5000) == WriteResult(written=5000)
        values = [b"6" if number % 2 else b"4" for number in range(5000)]
        assert store.write(_TABLE, keys, values) == WriteResult(written=2500, late=2500)
        assert store.read([(_TABLE, keys)]) == [[b"6" if number % 2 else b"5" for number in range(5000)]]
        assert store.count(_TABLE) == 5000

    def test_keys_and_values_are_any_bytes(self, store: OnlineStore) -> None:
        """Zero bytes, high bytes, quotes, invalid UTF-8, no bytes (values), a megabyte (values)."""
        store.create([_TABLE])
        keys = [bytes([byte]) for byte in range(256)] + [b"\x00\x00", b"a\x00", b"a\x00b", b"'\"", b"k" * 1000]
        values = [b"", b"\x00", b"\xff\x00\xfe", b"x" * 1_000_000] + [key + b"!" for key in keys[4:]]
        assert store.write(_TABLE, keys, values) == WriteResult(written=len(keys))
        (found,) = store.read([(_TABLE, keys)])
        assert found == values
        assert {type(value) for value in found} == {bytes}
        assert store.write(_TABLE, [b"\x03"], [b"x" * 1_000_000 + b"y"]) == WriteResult(written=1)
        assert store.write(_TABLE, [b"\x03"], [b"x" * 1_000_000]) == WriteResult(late=1)

    # -- reading --------------------------------------------------------------------------------------

    def test_values_come_in_the_order_of_the_keys(self, store: OnlineStore) -> None:
        """Any number of keys, in any order, repeated or missing, is answered position by position."""
        store.create([_TABLE])
        store.write(_TABLE, [b"%d" % n for n in range(0, 2000, 2)], [b"v%d" % n for n in range(0, 2000, 2)])
        for size in (0, 1, 2, 3, 7, 63, 64, 65, 1000, 3000):
            asked = [(number * 7919) % 2100 for number in range(size)] + [4, 4, 5, 5][: size // 2]
            (found,) = store.read([(_TABLE, [b"%d" % n for n in asked])])
            assert found == [b"v%d" % n if n % 2 == 0 and n < 2000 else None for n in asked]

    def test_many_tables_are_read_in_one_call(self, store: OnlineStore) -> None:
        """Answers stand in the order of the reads; a table may repeat, miss, or be asked for no keys."""
        tables = [OnlineTable("project", f"view{number}") for number in range(20)]
        store.create(tables)
        for number, table in enumerate(tables):
            store.write(table, [b"a", b"b"], [b"a%d" % number, b"b%d" % number])
        assert store.read([]) == []
        assert store.read([(tables[0], [])]) == [[]]
        reads = [(table, [b"b", b"?", b"a"]) for table in reversed(tables)]
        expected = [[b"b%d" % number, None, b"a%d" % number] for number in reversed(range(20))]
        assert store.read([*reads, (_TABLE, [b"a"]), (tables[0], []), (tables[3], [b"a"])]) == [
            *expected,
            [None],
            [],
            [b"a3"],
        ]

    def test_keys_may_be_tuples(self, store: OnlineStore) -> None:
        """Keys, values and reads are any sequences, not only lists."""
        store.create([_TABLE])
        keys, values = tuple(b"%d" % n for n in range(100)), tuple(b"v%d" % n for n in range(100))
        assert store.write(_TABLE, keys, values) == WriteResult(written=100)
        assert store.read(((_TABLE, keys), (_TABLE, keys[:1]))) == [list(values), [b"v0"]]
        assert store.erase(_TABLE, keys) == 100

    def test_aread_equals_read(self, store: OnlineStore) -> None:
        """The async form gives the same answers, few or many keys, several at once."""
        store.create([_TABLE])
        keys = [b"%d" % n for n in range(300)]
        store.write(_TABLE, keys, keys)
        reads = [[(_TABLE, keys), (_OTHER, keys[:2])], [(_TABLE, [b"?", b"1"])], [(_TABLE, [b"2"])], []]

        async def read_all() -> list[list[list[bytes | None]]]:
            return await asyncio.gather(*(store.aread(read) for read in reads))

        assert asyncio.run(read_all()) == [store.read(read) for read in reads]

    # -- erasing --------------------------------------------------------------------------------------

    def test_erase_removes_rows_and_counts_them(self, store: OnlineStore) -> None:
        """Missing and repeated keys count for nothing; an erased row may come back with any value."""
        store.create([_TABLE])
        store.write(_TABLE, [b"a", b"a\x00", b"b", b"c"], [b"9"] * 4)
        assert store.erase(_TABLE, []) == 0
        assert store.erase(_TABLE, [b"a", b"?", b"a", b"c"]) == 2
        assert store.read([(_TABLE, [b"a", b"a\x00", b"b", b"c"])]) == [[None, b"9", b"9", None]]
        assert store.count(_TABLE) == 2
        assert store.erase(_TABLE, [b"a"]) == 0
        assert store.write(_TABLE, [b"a"], [b"1"]) == WriteResult(written=1)
        assert store.read([(_TABLE, [b"a"])]) == [[b"1"]]

    # -- several at once ------------------------------------------------------------------------------

    def test_concurrent_writers_converge_to_the_maximum(self, store: OnlineStore) -> None:
        """Of values that race for one key the greatest is kept, whoever comes first."""
        store.create([_TABLE])
        results: list[WriteResult] = []
        for step in range(25):
            key = b"%d" % step
            store.write(_TABLE, [key], [b"0"])
            values = [b"%d" % (1 + (step + writer) % 4) for writer in range(4)]
            _run_together([partial(_write_into, results, store, [key], [value]) for value in values])
            assert store.read([(_TABLE, [key])]) == [[b"4"]]
        total = sum(results, WriteResult())
        assert (total.written + total.late, total.unchanged) == (100, 0)
        assert total.written >= 25

    def test_batches_in_any_key_order_do_not_block_each_other(self, store: OnlineStore) -> None:
        """Threads that write the same keys in different orders all finish, in the state of any one order."""
        store.create([_TABLE])
        keys = [b"%d" % number for number in range(200)]
        results: list[WriteResult] = []

        def write(writer: int) -> None:
            for step in range(10):
                values = [b"%04d" % ((step * 7 + writer * 13 + number * 29) % 1000) for number in range(200)]
                turned = slice(None, None, -1 if (writer + step) % 2 else 1)
                _write_into(results, store, keys[turned], values[turned])

        _run_together([partial(write, writer) for writer in range(4)])
        expected = [
            max(b"%04d" % ((step * 7 + writer * 13 + number * 29) % 1000) for step in range(10) for writer in range(4))
            for number in range(200)
        ]
        assert store.read([(_TABLE, keys)]) == [expected]
        total = sum(results, WriteResult())
        assert total.written + total.unchanged + total.late == 4 * 10 * 200

    def test_racing_equal_writes_are_counted_once(self, store: OnlineStore) -> None:
        """Of threads that write one and the same new row, exactly one has written it."""
        store.create([_TABLE])
        results: list[WriteResult] = []
        for step in range(25):
            _run_together([partial(_write_into, results, store, [b"k"], [b"%04d" % step])] * 4)
        assert sum(results, WriteResult()) == WriteResult(written=25, unchanged=75)

    def test_readers_see_whole_rows_that_never_go_back(self, store: OnlineStore) -> None:
        """While a writer replaces long values, every read finds one of them, never older than the last."""
        store.create([_TABLE])
        keys = [b"a", b"b"]
        rows = [b"%04d" % step + bytes([step]) * 20_000 for step in range(60)]
        store.write(_TABLE, keys, rows[:1] * 2)
        done = threading.Event()

        def write() -> None:
            try:
                for row in rows:
                    store.write(_TABLE, keys, [row, row])
            finally:
                done.set()

        def read() -> None:
            last = [b"", b""]
            while True:
                finished = done.is_set()
                (found,) = store.read([(_TABLE, keys)])
                assert all(value in rows and value >= old for value, old in zip(found, last, strict=True))
                last = [value or b"" for value in found]
                if finished:
                    return

        _run_together([write, read, read])
        assert store.read([(_TABLE, keys)]) == [[rows[-1]] * 2]

    def test_threads_may_create_and_drop_at_once(self, store: OnlineStore) -> None:
        """Loads and applies of several threads do not disturb each other's tables."""
        tables = [OnlineTable("project", f"view{number}") for number in range(4)]
        store.create([_TABLE])

        def work(table: OnlineTable) -> None:
            for step in range(8):
                store.create([_TABLE, table])
                assert store.write(table, [b"k"], [b"%d" % step]) == WriteResult(written=1)
                store.drop([table])
                assert store.read([(table, [b"k"])]) == [[None]]

        _run_together([partial(work, table) for table in tables])
        assert store.write(_TABLE, [b"k"], [b"v"]) == WriteResult(written=1)

    # -- opening and closing --------------------------------------------------------------------------

    def test_two_stores_over_one_place_share_rows(self, tmp_path: Path) -> None:
        """What one FeatureStore loads another one serves, and neither moves the other's rows back."""
        first, second = self.make_store(tmp_path), self.make_store(tmp_path)
        assert second.read([(_TABLE, [b"k"])]) == [[None]]
        first.create([_TABLE])
        assert first.write(_TABLE, [b"k"], [b"2"]) == WriteResult(written=1)
        assert second.read([(_TABLE, [b"k"])]) == [[b"2"]]
        assert second.write(_TABLE, [b"k"], [b"1"]) == WriteResult(late=1)
        assert second.write(_TABLE, [b"k"], [b"3"]) == WriteResult(written=1)
        assert first.read([(_TABLE, [b"k"])]) == [[b"3"]]
        second.drop([_TABLE])
        assert first.read([(_TABLE, [b"k"])]) == [[None]]
        first.close()
        second.create([_TABLE])
        assert second.write(_TABLE, [b"k"], [b"0"]) == WriteResult(written=1)
        second.close()

    def test_rows_are_there_after_reopening(self, tmp_path: Path) -> None:
        """Unless the store says that it does not keep rows; then it must at least open again, empty."""
        store = self.make_store(tmp_path)
        store.create([_TABLE])
        store.write(_TABLE, [b"k"], [b"2"])
        store.close()
        again = self.make_store(tmp_path)
        again.create([_TABLE])
        assert again.read([(_TABLE, [b"k"])]) == [[b"2" if self.keeps_rows else None]]
        assert again.write(_TABLE, [b"k"], [b"1"]) == (
            WriteResult(late=1) if self.keeps_rows else WriteResult(written=1)
        )
        again.close()

    def test_a_closed_store_says_so(self, tmp_path: Path) -> None:
        """After ``close``, which may be called again, every other method raises ClosedError."""
        for used in (True, False):
            store = self.make_store(tmp_path)
            if used:
                store.create([_TABLE])
                store.write(_TABLE, [b"k"], [b"v"])
            store.close()
            store.close()
            calls: list[Callable[[], object]] = [
                lambda: store.create([_TABLE]),  # noqa: B023 (called at once)
                lambda: store.drop([_TABLE]),  # noqa: B023
                lambda: store.write(_TABLE, [b"k"], [b"v"]),  # noqa: B023
                lambda: store.read([(_TABLE, [b"k"])]),  # noqa: B023
                lambda: store.erase(_TABLE, [b"k"]),  # noqa: B023
                lambda: store.count(_TABLE),  # noqa: B023
                lambda: asyncio.run(_aread(store)),  # noqa: B023
            ]
            for call in calls:
                with pytest.raises(ClosedError):
                    call()


_TABLE = OnlineTable("project", "view")
_OTHER = OnlineTable("project", "other")
_TRICKY = [
    OnlineTable(project, view, incarnation)
    for project, view, incarnation in [
        *(("p", "v", 1), ("P", "v", 1), ("p", "V", 1), ("P", "V", 1), ("p", "v", 2), ("p", "v", 11), ("p", "v1", 1)),
        *(("p2", "v", 1), ("a_b", "c", 1), ("a", "b_c", 1), ("a.b", "c", 1), ("a", "b.c", 1), ("a/b", "c", 1)),
        *(("a", "b/c", 1), ("a-b", "c", 1), ("a b", "c", 1), ("a:b", "c", 1), ("a", "b:c", 1), ("a__b", "c", 1)),
        *(("a", "__b__c", 1), ("p", 'v"', 1), ("p", "v'", 1), ("p", "v;", 1), ("p", "v`", 1), ("p", "v]", 1)),
        *(("p", "%56", 1), ("p", "v%", 1), ("p", "v\\", 1), ("p", "v*", 1), ("p", "v?", 1), ("p", "v\u00e9", 1)),
        *(("p", "v\u00c9", 1), ("p", "ve\u0301", 1), ("sqlite_master", "x", 1), ("select", "table", 1), ("1", "1", 1)),
    ]
]
"""Names that are taken for one another when case is folded, signs are replaced, or parts are merely joined."""

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


def _fresh_tables(store: OnlineStore) -> Iterator[OnlineTable]:
    """Return a new, empty table for every example."""
    for incarnation in count(1):
        table = OnlineTable("project", "examples", incarnation)
        store.create([table])
        yield table


def _split(rows: Sequence[Row]) -> tuple[list[bytes], list[bytes]]:
    return [key for key, _ in rows], [value for _, value in rows]


def _expected_counts(kept: dict[bytes, bytes], batch: Sequence[Row]) -> WriteResult:
    """Apply a batch to ``kept``, slowly and surely, and return its counts."""
    written = {key for key, value in batch if key not in kept or value > kept[key]}
    for key, value in batch:
        kept[key] = max(value, kept.get(key, b""))
    late = sum(value < kept[key] for key, value in batch)
    return WriteResult(written=len(written), unchanged=len(batch) - len(written) - late, late=late)


def _write_into(results: list[WriteResult], store: OnlineStore, keys: list[bytes], values: list[bytes]) -> None:
    results.append(store.write(_TABLE, keys, values))


def _run_together(actions: Sequence[Callable[[], object]]) -> None:
    """Run actions in threads that start at once; raise what the first of them raised."""
    start, errors = threading.Barrier(len(actions)), list[BaseException]()

    def run(action: Callable[[], object]) -> None:
        start.wait()
        try:
            action()
        except BaseException as error:  # noqa: BLE001 (raised below, in the thread of the test)
            errors.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


async def _aread(store: OnlineStore) -> list[list[bytes | None]]:
    return await store.aread([(_TABLE, [b"k"])])
