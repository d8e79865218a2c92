"""The PostgreSQL store on a real server: the suite, and what is PostgreSQL's own."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repast.backends.online.postgres import PostgresOnlineStore
from repast.backends.online.sql_table import KEY_BYTES, table_name
from repast.errors import ClosedError, InvalidConfigError, UnavailableError
from repast.ports.online import OnlineStore, OnlineTable, WriteResult
from repast.testing.online import OnlineStoreSuite
from server.postgres import PostgresServer, run_postgres
from server.until import wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with run_postgres(log_statement="all") as server:
        yield server


TABLE = OnlineTable("project", "view")
OTHER = OnlineTable("project", "other")


@pytest.fixture
def store(server: PostgresServer, tmp_path: Path) -> Iterator[PostgresOnlineStore]:
    store = open_store(server, tmp_path)
    store.create([TABLE])
    yield store
    store.close()


def open_store(server: PostgresServer, folder: Path, **options: object) -> PostgresOnlineStore:
    """A store in a schema that belongs to the folder."""
    schema = "s" + hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return PostgresOnlineStore(repo_path=folder, db_schema=schema, **{**server.options, **options})  # type: ignore[arg-type]


class TestPostgresOnlineStore(OnlineStoreSuite):
    @pytest.fixture(autouse=True)
    def _server(self, server: PostgresServer) -> None:
        self.server = server

    def make_store(self, tmp_path: Path) -> OnlineStore:
        return open_store(self.server, tmp_path)


# -- tables and keys ------------------------------------------------------------------------------


def test_tables_of_others_in_the_schema_are_left_alone(server: PostgresServer, store: PostgresOnlineStore) -> None:
    with server.connect() as connection:
        theirs = f"{store._quoted_schema}.project_view"
        connection.execute(f"CREATE TABLE {theirs} AS SELECT 1 AS number".encode())
        store.drop([TABLE])
        assert connection.execute(f"SELECT number FROM {theirs}".encode()).fetchall() == [(1,)]
        left = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (store._schema,)
        )
        assert left.fetchall() == [("project_view",)]


def test_names_are_short_readable_and_differ() -> None:
    tables = [OnlineTable("p" * 100, "v" * 200 + end, number) for end in ("a", "b") for number in (1, 2)]
    names = {table_name(table) for table in tables}
    assert len(names) == 4
    assert max(map(len, names)) <= 63
    assert table_name(OnlineTable("Ride", "driver stats", 2)).startswith("repast_ride_driver_stats_2_")


def test_a_schema_with_signs_is_quoted(server: PostgresServer, tmp_path: Path) -> None:
    store = PostgresOnlineStore(repo_path=tmp_path, **{**server.options, "db_schema": 'we"ird %s; --'})
    store.create([TABLE])
    for size in (3, 6000):
        keys = [b"%d" % number for number in range(size)]
        store.write(TABLE, keys, [b"1"] * size)
        assert store.count(TABLE) == size
        assert store.read([(TABLE, keys[:3])]) == [[b"1"] * 3]
        assert store.erase(TABLE, keys) == size
    store.drop([TABLE])
    assert store.read([(TABLE, [b"1"])]) == [[None]]
    store.close()


def test_long_keys_are_told_apart(store: PostgresOnlineStore) -> None:
    start = bytes(range(256)) * 40
    keys = [start[: KEY_BYTES - 1], start[:KEY_BYTES], start[: KEY_BYTES + 1], start, start + b"a", start + b"b"]
    values = [b"%d" % number for number in range(len(keys))]
    assert store.write(TABLE, keys, values) == WriteResult(written=len(keys))
    assert store.read([(TABLE, keys)]) == [values]
    assert asyncio.run(store.aread([(TABLE, keys[::-1])])) == [values[::-1]]
    assert store.erase(TABLE, keys[2:]) == 4
    assert store.read([(TABLE, keys)]) == [[*values[:2], None, None, None, None]]


def test_a_long_count_is_estimated(store: PostgresOnlineStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repast.backends.online.postgres._EXACT", 100)
    store.write(TABLE, [b"%d" % number for number in range(300)], [b"v"] * 300)
    assert 101 <= store.count(TABLE) <= 300


# -- statements -----------------------------------------------------------------------------------


def statements(server: PostgresServer, mark: str) -> list[str]:
    """What the server was told to execute after a mark."""
    log = (server.folder / "log").read_text(errors="replace").rpartition(f"'{mark}'")[2]
    lines = log.splitlines()
    return [line for line in lines if "execute" in line or "statement:" in line]


def mark(server: PostgresServer, text: str) -> None:
    with server.connect() as connection:
        connection.execute(f"SELECT '{text}'".encode())


def test_a_read_of_many_views_is_one_round_trip(server: PostgresServer, store: PostgresOnlineStore) -> None:
    tables = [OnlineTable("project", f"view{number}") for number in range(40)]
    store.create(tables)
    store.read([(tables[0], [b"k"])])
    mark(server, "one read")
    assert store.read([(table, [b"k"]) for table in tables]) == [[None]] * 40
    assert len(statements(server, "one read")) == 1
    mark(server, "one write")
    store.write(tables[0], [b"a", b"b"], [b"1", b"2"])
    assert len(statements(server, "one write")) == 1


def test_the_plan_of_a_read_is_kept_and_goes_by_the_index(server: PostgresServer, store: PostgresOnlineStore) -> None:
    store.create([OTHER])
    reads = [(TABLE, [b"a"]), (OTHER, [b"a", b"b", b"c"])]
    for table in (TABLE, OTHER):
        store.write(table, [b"a", b"b"], [b"1", b"2"])
        with server.connect() as connection:  # of so few rows the server would else read all
            connection.execute(f"ANALYZE {store._name(table)}".encode())
    for _ in range(20):
        assert store.read(reads) == [[b"1"], [b"1", b"2", None]]
    plans = "SELECT max(generic_plans) FROM pg_prepared_statements WHERE statement LIKE %s"
    ((kept,),) = store._session.fetch(plans.encode(), ("SELECT 0, key, value%",))
    assert kept > 5
    for table in (TABLE, OTHER):
        ((plan, *_),) = store._session.fetch(
            f"EXPLAIN (FORMAT JSON) SELECT value FROM {store._name(table)} WHERE key = ANY(%b)".encode(), ([b"a"],)
        )
        assert "Seq Scan" not in str(plan)


def test_rows_that_do_not_change_are_not_touched(server: PostgresServer, store: PostgresOnlineStore) -> None:
    for size in (100, 6000):
        keys = [b"%d" % number for number in range(size)]
        store.write(TABLE, keys, [b"5"] * size)
        with server.connect() as connection:
            query = f"SELECT sum(xmin::text::bigint + xmax::text::bigint) FROM {store._name(TABLE)}".encode()
            before = connection.execute(query).fetchall()
            assert store.write(TABLE, keys, [b"5"] * size) == WriteResult(unchanged=size)
            assert store.write(TABLE, keys, [b"4"] * size) == WriteResult(late=size)
            assert connection.execute(query).fetchall() == before


def test_a_few_large_rows_are_copied_too(server: PostgresServer, store: PostgresOnlineStore) -> None:
    keys, values = [b"%d" % number for number in range(9)], [b"%d" % number * (8 << 20) for number in range(9)]
    mark(server, "large rows")  # of arrays the server takes a gigabyte
    assert store.write(TABLE, keys, values) == WriteResult(written=9)
    assert any("COPY" in statement for statement in statements(server, "large rows"))
    assert store.read([(TABLE, keys)]) == [values]


def test_statements_may_stay_unprepared(server: PostgresServer, tmp_path: Path) -> None:
    store = open_store(server, tmp_path, prepared_statements=False, statement_timeout=0)
    store.create([TABLE])
    for turn in range(10):
        assert store.write(TABLE, [b"k"], [b"%d" % turn]) == WriteResult(written=1)
        assert store.read([(TABLE, [b"k"])]) == [[b"%d" % turn]]
    with server.connect() as connection:
        ((prepared,),) = connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchall()
    assert prepared == 0
    store.close()


# -- connections ----------------------------------------------------------------------------------


def test_no_more_connections_are_open_than_allowed(server: PostgresServer, tmp_path: Path) -> None:
    wait_until(lambda: count_connections(server) == 0, "the server to end what other tests closed")
    store = open_store(server, tmp_path, max_conn=2)
    store.create([TABLE])
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        for _ in range(20):
            store.read([(TABLE, [b"k"])])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def many() -> None:
        await asyncio.gather(*(store.aread([(TABLE, [b"k"])]) for _ in range(50)))
        assert count_connections(server) <= 4

    assert count_connections(server) <= 2
    asyncio.run(many())
    store.close()
    wait_until(lambda: count_connections(server) == 0, "the server to end what was closed")


def count_connections(server: PostgresServer) -> int:
    with server.connect() as connection:
        found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'repast'")
        ((count,),) = found.fetchall()
    return int(count)


def test_who_waits_too_long_for_a_connection_is_told(server: PostgresServer, tmp_path: Path) -> None:
    store = open_store(server, tmp_path, max_conn=1, connect_timeout=1.0)
    taken = store._session._pool.take()
    with pytest.raises(UnavailableError, match="All 1 connections of the online store stayed in use for 1 s") as caught:
        store.read([(TABLE, [b"k"])])
    assert "max_conn" in caught.value.hint
    store._session._pool.give(taken)
    assert store.read([(TABLE, [b"k"])]) == [[None]]
    store.close()


def test_event_loops_may_come_and_go(store: PostgresOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"v"])
    for _ in range(5):
        assert asyncio.run(store.aread([(TABLE, [b"k"])])) == [[b"v"]]


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
may_have_threads = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@forks
@may_have_threads
def test_a_fork_does_not_share_connections(store: PostgresOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"1"])
    before = store.read([(TABLE, [b"k"])])
    child = os.fork()
    if child == 0:
        ok = store.read([(TABLE, [b"k"])]) == before and store.write(TABLE, [b"k"], [b"2"]) == WriteResult(written=1)
        store.close()
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.read([(TABLE, [b"k"])]) == [[b"2"]]
    assert store.write(TABLE, [b"k"], [b"3"]) == WriteResult(written=1)


@forks
@may_have_threads
def test_closing_in_a_fork_leaves_the_parent_open(store: PostgresOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"1"])
    child = os.fork()
    if child == 0:
        store.close()
        try:
            store.read([(TABLE, [b"k"])])
        except ClosedError:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.read([(TABLE, [b"k"])]) == [[b"1"]]


# -- several processes ----------------------------------------------------------------------------


def _write_in_process(options: dict[str, Any], folder: Path, writer: int) -> WriteResult:
    store = PostgresOnlineStore(repo_path=folder, **options)
    store.create([TABLE, OnlineTable("project", f"own{writer}")])
    keys = [b"%d" % n for n in range(100)]
    done = WriteResult()
    for step in range(20):
        turned = slice(None, None, -1 if step % 2 else 1)
        values = [_value(writer, step, n) for n in range(100)]
        done += store.write(TABLE, keys[turned], values[turned])
    store.close()
    return done


def _value(writer: int, step: int, number: int) -> bytes:
    return b"%04d" % ((step * 7 + writer * 13 + number * 29) % 1000)


def test_writers_in_several_processes_converge(server: PostgresServer, tmp_path: Path) -> None:
    options = {**server.options, "db_schema": "processes"}
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        results = pool.starmap(_write_in_process, [(options, tmp_path, writer) for writer in range(6)], chunksize=1)
    expected = [max(_value(w, s, n) for w in range(6) for s in range(20)) for n in range(100)]
    store = PostgresOnlineStore(repo_path=tmp_path, **options)
    assert store.read([(TABLE, [b"%d" % n for n in range(100)])]) == [expected]
    total = sum(results, WriteResult())
    assert total.written + total.unchanged + total.late == 6 * 20 * 100
    store.close()


# -- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_conn": 0}, "online_store.max_conn must be at least 1, not 0"),
        ({"connect_timeout": 0}, "online_store.connect_timeout must be 1 to 3600 seconds, not 0"),
        ({"statement_timeout": -1}, "online_store.statement_timeout must be 0 to 86400 seconds, not -1"),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        PostgresOnlineStore(repo_path=tmp_path, database="x", **options)
