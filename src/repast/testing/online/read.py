"""Rules about reading and erasing."""

from __future__ import annotations

import asyncio

from repast.ports.online import OnlineStore, OnlineTable, Reads, Values, WriteResult
from repast.testing.online.base import OTHER, TABLE, OnlineStoreBase, assert_same, run_together


class ReadRules(OnlineStoreBase):
    """What a read returns and an erasure removes."""

    def test_values_come_in_the_order_of_the_keys(self, store: OnlineStore) -> None:
        """Any number of keys, in any order, repeated or missing, is answered position by position."""
        store.create([TABLE])
        store.write(TABLE, [b"%d" % n for n in range(0, 2000, 2)], [b"v%d" % n for n in range(0, 2000, 2)])
        for size in (0, 1, 2, 3, 7, 63, 64, 65, 1000, 3000):
            asked = [(number * 7919) % 2100 for number in range(size)] + [4, 4, 5, 5][: size // 2]
            found = store.read([(TABLE, [b"%d" % n for n in asked])])
            assert_same(found, [[b"v%d" % n if n % 2 == 0 and n < 2000 else None for n in asked]])

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
        assert store.read([*reads, (TABLE, [b"a"]), (tables[0], []), (tables[3], [b"a"])]) == [
            *expected,
            [None],
            [],
            [b"a3"],
        ]

    def test_keys_may_be_tuples(self, store: OnlineStore) -> None:
        """Keys, values and reads are any sequences, not only lists."""
        store.create([TABLE])
        keys, values = tuple(b"%d" % n for n in range(100)), tuple(b"v%d" % n for n in range(100))
        assert store.write(TABLE, keys, values) == WriteResult(written=100)
        assert store.read(((TABLE, keys), (TABLE, keys[:1]))) == [list(values), [b"v0"]]
        assert store.erase(TABLE, keys) == 100

    def test_aread_equals_read(self, store: OnlineStore) -> None:
        """The async form gives the same answers, few or many keys, several at once."""
        store.create([TABLE])
        keys = [b"%d" % n for n in range(300)]
        store.write(TABLE, keys, keys)
        reads = [[(TABLE, keys), (OTHER, keys[:2])], [(TABLE, [b"?", b"1"])], [(TABLE, [b"2"])], []]

        async def read_all() -> list[list[list[bytes | None]]]:
            return await asyncio.gather(*(store.aread(read) for read in reads))

        assert asyncio.run(read_all()) == [store.read(read) for read in reads]

    def test_a_read_may_be_larger_than_any_limit(self, store: OnlineStore) -> None:
        """Thousands of keys of several tables, and megabytes of values, are answered whole by one call."""
        tables = [OnlineTable("project", f"view{number}") for number in range(3)]
        store.create(tables)
        keys = [b"%d" % number for number in range(self.many)]
        values = [b"%d" % number * (8_000 if number % 50 == 0 else 1) for number in range(self.many)]
        for table in tables:
            assert store.write(table, keys, values) == WriteResult(written=self.many)
        asked, expected = [*keys[::-1], b"?", keys[7]], [*values[::-1], None, values[7]]
        reads = [(table, asked) for table in tables]
        assert_same(store.read(reads), [expected] * 3)
        assert_same(asyncio.run(_aread(store, reads)), [expected] * 3)
        beside_none: Reads = [(tables[0], []), (tables[1], asked)]  # parts of a large read are not taken for reads
        assert_same(store.read(beside_none), [[], expected])
        assert_same(asyncio.run(_aread(store, beside_none)), [[], expected])
        assert store.erase(tables[0], keys) == self.many

    def test_aread_works_in_any_event_loop(self, store: OnlineStore) -> None:
        """A store outlives event loops: programs may run several, one after another or in threads at once."""
        store.create([TABLE])
        store.write(TABLE, [b"a", b"b"], [b"1", b"2"])
        reads = [(TABLE, [b"b", b"?", b"a"])]
        found: list[Values] = [asyncio.run(_aread(store, reads)) for _ in range(3)]
        run_together([lambda: found.append(asyncio.run(_aread(store, reads)))] * 3)
        assert found == [[[b"2", None, b"1"]]] * 6

    def test_a_cancelled_aread_spoils_no_later_one(self, store: OnlineStore) -> None:
        """Reads that are given up half-way leave no answers behind for others."""
        store.create([TABLE])
        keys = [b"%d" % number for number in range(500)]
        store.write(TABLE, keys, keys)

        async def give_up() -> None:
            for delay in range(20):
                task = asyncio.create_task(_aread(store, [(TABLE, keys)]))
                for _ in range(delay):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert await store.aread([(TABLE, keys[delay : delay + 2])]) == [keys[delay : delay + 2]]

        asyncio.run(give_up())

    def test_erase_removes_rows_and_counts_them(self, store: OnlineStore) -> None:
        """Missing and repeated keys count for nothing; an erased row may come back with any value."""
        store.create([TABLE])
        store.write(TABLE, [b"a", b"a\x00", b"b", b"c"], [b"9"] * 4)
        assert store.erase(TABLE, []) == 0
        assert store.erase(TABLE, [b"a", b"?", b"a", b"c"]) == 2
        assert store.read([(TABLE, [b"a", b"a\x00", b"b", b"c"])]) == [[None, b"9", b"9", None]]
        assert store.count(TABLE) == 2
        assert store.erase(TABLE, [b"a"]) == 0
        assert store.write(TABLE, [b"a"], [b"1"]) == WriteResult(written=1)
        assert store.read([(TABLE, [b"a"])]) == [[b"1"]]


async def _aread(store: OnlineStore, reads: Reads) -> Values:
    return await store.aread(reads)
