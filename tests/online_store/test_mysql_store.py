"""The MySQL store on a real MariaDB server: the suite, and what is MySQL's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from repast.backends.online.mysql import MySQLOnlineStore
from repast.backends.online.mysql_session import MysqlSession
from repast.backends.online.sql_table import table_name
from repast.ports.online import OnlineStore, OnlineTable, WriteResult
from repast.testing.online import OnlineStoreSuite
from server.mariadb import MariadbServer, run_mariadb


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    with run_mariadb() as server:
        yield server


class TestMysqlOnlineStore(OnlineStoreSuite):
    @pytest.fixture(autouse=True)
    def _database(self, server: MariadbServer, tmp_path: Path) -> Iterator[None]:
        """A database that belongs to the test."""
        name = "d" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]
        server.execute(f"CREATE DATABASE {name}")
        self.options = {**server.options, "database": name}
        yield
        server.execute(f"DROP DATABASE {name}")

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return MySQLOnlineStore(repo_path=tmp_path, **self.options)


TABLE = OnlineTable("own", "view")


def write_mixed(store: MySQLOnlineStore) -> list[WriteResult]:
    """Write, in parts of ten rows, new, greater, equal and older rows and all that mixed; check what is there then."""
    keys = [b"%03d" % number for number in range(60)]
    mixed = [(b"1", b"2", b"3")[number % 3] for number in range(60)]
    batches = [(keys[:40], [b"1"] * 40), (keys[:40], [b"2"] * 40), (keys[:40], [b"1", b"2"] * 20), (keys, mixed)]
    results = [store.write(TABLE, *batch) for batch in batches]
    results += [store.write(TABLE, keys[:1], [value]) for value in (b"0", b"3", b"4")]
    wanted = [b"4", *(max(b"2", value) for value in mixed[1:40]), *mixed[40:]]
    assert store.read([(TABLE, keys)]) == [wanted]
    return results


MIXED = [
    WriteResult(written=40),
    WriteResult(written=40),
    WriteResult(unchanged=20, late=20),
    WriteResult(written=33, unchanged=13, late=14),
    WriteResult(late=1),
    WriteResult(written=1),
    WriteResult(written=1),
]


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
def test_rows_are_counted_though_nobody_says_how_many_were_changed(
    server: MariadbServer, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    """The server does; a proxy before it may keep that back."""
    keep_greater = MysqlSession.keep_greater

    def silent(self: MysqlSession, table: str, rows: list[tuple[bytes, bytes]]) -> int | None:
        changed = keep_greater(self, table, rows)
        return changed if told or len(rows) == 1 else None

    monkeypatch.setattr(MysqlSession, "keep_greater", silent)
    with closing(MySQLOnlineStore(repo_path=".", batch_size=10, **server.options)) as store:
        store.create([TABLE])
        assert write_mixed(store) == MIXED
        store.drop([TABLE])


class Overtaken(MySQLOnlineStore):
    """Once told to, somebody else raises all rows after it wrote, before it looks at what is there."""

    hurry = False

    def _read_table(self, table: OnlineTable, keys: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        if self.hurry:
            self._session.keep_greater(f"`{table_name(table)}`", [(key, b"9") for key in keys])
        return super()._read_table(table, keys)


def test_a_row_that_was_written_and_overtaken_is_counted_once(server: MariadbServer) -> None:
    with closing(Overtaken(repo_path=".", **server.options)) as store:
        store.create([TABLE])
        assert store.write(TABLE, [b"a", b"b"], [b"2", b"2"]) == WriteResult(written=2)
        store.hurry = True
        assert store.write(TABLE, [b"b", b"c"], [b"2", b"2"]) == WriteResult(written=1, late=1)
        store.drop([TABLE])
