"""Rules about tables: creating, dropping, and telling them apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from repast.errors import NotFoundError
from repast.ports.online import OnlineStore, OnlineTable, WriteResult
from repast.testing.online.base import OTHER, TABLE, OnlineStoreBase


class TableRules(OnlineStoreBase):
    """What tables are."""

    def test_making_and_reading_touch_nothing(self, tmp_path: Path) -> None:
        """A store that is made, read and closed has created no file."""
        before = sorted(tmp_path.rglob("*"))
        store = self.make_store(tmp_path)
        assert store.read([(TABLE, [b"k"])]) == [[None]]
        store.close()
        assert sorted(tmp_path.rglob("*")) == before

    def test_a_table_that_does_not_exist_reads_as_empty(self, store: OnlineStore) -> None:
        """A view that was never loaded has no values, beside other tables or alone."""
        assert store.read([(TABLE, [b"a", b"b"])]) == [[None, None]]
        assert store.count(TABLE) == 0
        assert store.erase(TABLE, [b"a"]) == 0
        store.create([OTHER])
        store.write(OTHER, [b"a"], [b"1"])
        assert store.read([(TABLE, [b"a"]), (OTHER, [b"a"])]) == [[None], [b"1"]]
        assert store.count(TABLE) == 0
        assert store.erase(TABLE, [b"a"]) == 0

    def test_a_table_that_does_not_exist_cannot_be_written(self, store: OnlineStore) -> None:
        """Writing needs ``create`` first, whether there are other tables or none."""
        with pytest.raises(NotFoundError):
            store.write(TABLE, [b"k"], [b"v"])
        store.create([OTHER])
        with pytest.raises(NotFoundError):
            store.write(TABLE, [b"k"], [b"v"])
        assert store.read([(TABLE, [b"k"])]) == [[None]]

    def test_create_keeps_what_is_there(self, store: OnlineStore) -> None:
        """Creating a table again does nothing, alone, twice in one call, or together with new ones."""
        store.create([])
        store.create([TABLE, TABLE])
        store.write(TABLE, [b"k"], [b"v"])
        store.create([TABLE])
        store.create([TABLE, OTHER])
        assert store.read([(TABLE, [b"k"]), (OTHER, [b"k"])]) == [[b"v"], [None]]
        store.write(OTHER, [b"k"], [b"w"])

    def test_drop_removes_the_rows_and_the_table(self, store: OnlineStore) -> None:
        """A dropped table reads as empty, cannot be written, and is empty when it is created again."""
        store.drop([])
        store.drop([TABLE])
        store.create([TABLE])
        store.write(TABLE, [b"k"], [b"v"])
        store.drop([TABLE, TABLE, OTHER])
        store.drop([TABLE])
        assert store.read([(TABLE, [b"k"])]) == [[None]]
        with pytest.raises(NotFoundError):
            store.write(TABLE, [b"k"], [b"v"])
        store.create([TABLE])
        assert store.read([(TABLE, [b"k"])]) == [[None]]
        assert store.write(TABLE, [b"k"], [b"a"]) == WriteResult(written=1)

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
