"""Rules about several threads at once."""

from __future__ import annotations

import random
import threading
from functools import partial
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from repast.ports.online import OnlineStore, OnlineTable, WriteResult
from repast.testing.online.base import TABLE, OnlineStoreBase, fresh_tables, run_together
from repast.testing.online.row import Row, split


class RaceRules(OnlineStoreBase):
    """What holds when threads meet."""

    def test_concurrent_writers_converge_to_the_maximum(self, store: OnlineStore) -> None:
        """Of values that race for one key the greatest is kept, whoever comes first."""
        store.create([TABLE])
        results: list[WriteResult] = []
        for step in range(25):
            key = b"%d" % step
            store.write(TABLE, [key], [b"0"])
            values = [b"%d" % (1 + (step + writer) % 4) for writer in range(4)]
            run_together([partial(write_into, results, store, [key], [value]) for value in values])
            assert store.read([(TABLE, [key])]) == [[b"4"]]
        total = sum(results, WriteResult())
        assert (total.written + total.late, total.unchanged) == (100, 0)
        assert total.written >= 25

    def test_batches_in_any_key_order_do_not_block_each_other(self, store: OnlineStore) -> None:
        """Threads that write the same keys in different orders all finish, in the state of any one order."""
        store.create([TABLE])
        keys = [b"%d" % number for number in range(200)]
        results: list[WriteResult] = []

        def write(writer: int) -> None:
            for step in range(10):
                values = [b"%04d" % ((step * 7 + writer * 13 + number * 29) % 1000) for number in range(200)]
                turned = slice(None, None, -1 if (writer + step) % 2 else 1)
                write_into(results, store, keys[turned], values[turned])

        run_together([partial(write, writer) for writer in range(4)])
        expected = [
            max(b"%04d" % ((step * 7 + writer * 13 + number * 29) % 1000) for step in range(10) for writer in range(4))
            for number in range(200)
        ]
        assert store.read([(TABLE, keys)]) == [expected]
        total = sum(results, WriteResult())
        assert total.written + total.unchanged + total.late == 4 * 10 * 200

    def test_racing_histories_end_in_one_state(self, store: OnlineStore) -> None:
        """Writers whose rows come in no order of time leave what one writer of all rows would, and count them all."""
        tables = fresh_tables(store)

        @settings(max_examples=12, deadline=None)
        @given(st.integers(2, 12), st.integers(0, 1 << 32))
        def check(keys: int, seed: int) -> None:
            draw = random.Random(seed)  # noqa: S311 (no secret)
            table, results = next(tables), list[WriteResult]()
            # In step, each writer's batches name all keys in one order: so they meet at each key.
            histories = [[[_draw_row(draw, key) for key in range(keys)] for _ in range(4)] for _ in range(3)]

            def write(history: list[list[Row]]) -> None:
                for batch in history:
                    results.append(store.write(table, *split(batch)))

            run_together([partial(write, history) for history in histories])
            expected: dict[bytes, bytes] = {}
            for key, value in chain.from_iterable(chain.from_iterable(histories)):
                expected[key] = max(value, expected.get(key, b""))
            assert store.read([(table, list(expected))]) == [list(expected.values())]
            assert store.count(table) == keys
            total = sum(results, WriteResult())
            assert total.written + total.unchanged + total.late == 3 * 4 * keys

        check()

    def test_racing_equal_writes_are_counted_once(self, store: OnlineStore) -> None:
        """Of threads that write one and the same new row, exactly one has written it."""
        store.create([TABLE])
        results: list[WriteResult] = []
        for step in range(25):
            run_together([partial(write_into, results, store, [b"k"], [b"%04d" % step])] * 4)
        assert sum(results, WriteResult()) == WriteResult(written=25, unchanged=75)

    def test_readers_see_whole_rows_that_never_go_back(self, store: OnlineStore) -> None:
        """While a writer replaces long values, every read finds one of them, never older than the last."""
        store.create([TABLE])
        keys = [b"a", b"b"]
        rows = [b"%04d" % step + bytes([step]) * 20_000 for step in range(60)]
        store.write(TABLE, keys, rows[:1] * 2)
        done = threading.Event()

        def write() -> None:
            try:
                for row in rows:
                    store.write(TABLE, keys, [row, row])
            finally:
                done.set()

        def read() -> None:
            last = [b"", b""]
            while True:
                finished = done.is_set()
                (found,) = store.read([(TABLE, keys)])
                assert all(value in rows and value >= old for value, old in zip(found, last, strict=True))
                last = [value or b"" for value in found]
                if finished:
                    return

        run_together([write, read, read])
        assert store.read([(TABLE, keys)]) == [[rows[-1]] * 2]

    def test_threads_may_create_and_drop_at_once(self, store: OnlineStore) -> None:
        """Loads and applies of several threads do not disturb each other's tables."""
        tables = [OnlineTable("project", f"view{number}") for number in range(4)]
        store.create([TABLE])

        def work(table: OnlineTable) -> None:
            for step in range(8):
                store.create([TABLE, table])
                assert store.write(table, [b"k"], [b"%d" % step]) == WriteResult(written=1)
                store.drop([table])
                assert store.read([(table, [b"k"])]) == [[None]]

        run_together([partial(work, table) for table in tables])
        assert store.write(TABLE, [b"k"], [b"v"]) == WriteResult(written=1)


def write_into(results: list[WriteResult], store: OnlineStore, keys: list[bytes], values: list[bytes]) -> None:
    results.append(store.write(TABLE, keys, values))


def _draw_row(draw: random.Random, key: int) -> Row:
    return b"%d" % key, draw.randbytes(draw.randrange(3))
