"""PostgreSQL that crashes, cuts, refuses and fills up: nothing is lost, nothing older wins, the load goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fault_project import KEYS, at, make_sources, online_turns, opened, views
from store_load import TABLE, crashing_twice, under_load

from repast.backends.online.postgres import PostgresOnlineStore
from repast.backends.online.sql_table import table_name
from repast.errors import RepastError, UnavailableError
from repast.ports.online import OnlineTable, WriteResult
from server.port import free_port
from server.postgres import PostgresServer, run_postgres
from server.until import wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with run_postgres(fast=False) as server:
        yield server


@pytest.fixture
def store(server: PostgresServer, tmp_path: Path) -> Iterator[PostgresOnlineStore]:
    store = open_store(server, tmp_path)
    store.create([TABLE])
    yield store
    store.drop([TABLE])
    store.close()


@contextmanager
def standing_still(server: PostgresServer) -> Iterator[None]:
    """Let whoever serves the store's connections do nothing, but for the server's first process, which makes more."""
    with server.connect() as connection:
        ours = "SELECT pid FROM pg_stat_activity WHERE application_name = 'repast'"
        pids = [pid for (pid,) in connection.execute(ours.encode()).fetchall()]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def open_store(server: PostgresServer, tmp_path: Path, **options: Any) -> PostgresOnlineStore:
    return PostgresOnlineStore(repo_path=tmp_path, **{**server.options, **options})


def test_a_server_that_crashes_during_loads_and_reads(
    server: PostgresServer, store: PostgresOnlineStore, tmp_path: Path
) -> None:
    under_load(lambda: open_store(server, tmp_path), crashing_twice(server), turns=100, disturbances=2)


def test_connections_that_are_cut_in_the_middle_of_batches(
    server: PostgresServer, store: PostgresOnlineStore, tmp_path: Path
) -> None:
    with server.connect() as connection:
        cuts = []

        def cut() -> int:
            found = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'repast'"
            )
            cuts.append(found.rowcount)
            return sum(cuts)

        under_load(lambda: open_store(server, tmp_path), cut, turns=100, disturbances=5)


def test_a_load_that_the_server_left_is_finished_by_the_next(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sources(tmp_path, range(3))
    real_write, writes = PostgresOnlineStore.write, iter(range(100))

    def write(self: PostgresOnlineStore, *rows: Any) -> WriteResult:
        if next(writes) == 1:
            server.crash()
        return real_write(self, *rows)

    monkeypatch.setattr(PostgresOnlineStore, "write", write)
    with opened(tmp_path, online_store={"type": "postgres", "db_schema": "load", **server.options}) as project:
        project.apply(views())
        try:
            with pytest.raises(UnavailableError, match=r"does not answer|was lost|was shut down"):
                project.materialize(at(0), at(10))
        finally:
            server.start()
        project.materialize_incremental(at(10))
        for name in ("table", "parts", "text"):
            assert online_turns(project, name) == [2] * KEYS
        report = project.materialize(at(0), at(10))
        assert (report.written, report.late) == (0, 0)
        project.teardown()


def failure(call: Callable[[], object]) -> RepastError:
    with pytest.raises(UnavailableError) as caught:
        call()
    return caught.value


def read_one(store: PostgresOnlineStore) -> object:
    try:
        return store.read([(TABLE, [b"k"])])
    finally:
        store.close()


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"password": "s3cret-and-wrong"}, "refuses the credentials", "online_store.password"),
        ({"user": "nobody"}, "refuses the credentials", "online_store.user"),
        ({"database": "nothing"}, 'cannot be opened: database "nothing" does not exist', "createdb"),
        ({"sslmode": "require"}, "cannot agree on encryption", "sslmode"),
        ({"host": "no-such-host.invalid"}, "cannot be found", "online_store.host"),
    ],
)
def test_what_the_configuration_has_wrong_is_named(
    server: PostgresServer, tmp_path: Path, options: dict[str, Any], message: str, hint: str
) -> None:
    error = failure(lambda: read_one(open_store(server, tmp_path, **options)))
    assert message in error.message
    assert hint in error.hint
    assert error.retryable == ("host" in options)
    assert "s3cret" not in f"{error} {error!r} {error.context} {error.__cause__}"


def test_a_server_that_is_down(server: PostgresServer, tmp_path: Path) -> None:
    port = free_port()
    error = failure(lambda: read_one(open_store(server, tmp_path, port=port)))
    assert f"127.0.0.1:{port}/features does not answer" in error.message
    assert "server runs" in error.hint
    assert error.retryable


def test_a_server_that_is_read_only(server: PostgresServer, store: PostgresOnlineStore, tmp_path: Path) -> None:
    store.write(TABLE, [b"k"], [b"1"])
    with server.connect() as connection:
        connection.execute("ALTER DATABASE features SET default_transaction_read_only = on")
        replica = open_store(server, tmp_path)
        try:
            assert replica.read([(TABLE, [b"k"])]) == [[b"1"]]
            error = failure(lambda: replica.write(TABLE, [b"k"], [b"2"]))
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER DATABASE features RESET default_transaction_read_only")
            replica.close()
    assert "is read-only" in error.message
    assert "primary" in error.hint
    assert not error.retryable
    assert store.write(TABLE, [b"k"], [b"2"]) == WriteResult(written=1)


def test_a_disk_that_is_full(server: PostgresServer, store: PostgresOnlineStore) -> None:
    """Told by a trigger: a disk that is full for the server would be so for the other tests."""
    store.write(TABLE, [b"k"], [b"1"])
    with server.connect() as connection:
        connection.execute(
            "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$"
        )
        name = table_name(TABLE)
        connection.execute(f"CREATE TRIGGER no_space BEFORE INSERT ON {name} EXECUTE FUNCTION no_space()".encode())
        for batch in ([b"k", b"l"], [b"%d" % number for number in range(6000)]):
            error = failure(lambda batch=batch: store.write(TABLE, batch, [b"2"] * len(batch)))  # type: ignore[misc]
            assert "has no space left on its disk: could not extend file" in error.message
            assert "free some space" in error.hint
        connection.execute(f"DROP TRIGGER no_space ON {name}".encode())
    assert store.count(TABLE) == 1
    assert store.write(TABLE, [b"k"], [b"2"]) == WriteResult(written=1)


@pytest.mark.parametrize("rows", [1, 6000])
def test_a_server_that_stands_still(server: PostgresServer, tmp_path: Path, rows: int) -> None:
    store = open_store(server, tmp_path, statement_timeout=0.1, connect_timeout=1)
    store.create([TABLE])
    store.write(TABLE, [b"k"], [b"1"])
    keys = [b"%d" % number for number in range(rows)]
    for call in (lambda: store.read([(TABLE, [b"k"])]), lambda: store.write(TABLE, keys, keys)):
        with standing_still(server):
            error = failure(call)
        assert "did not answer in time: nothing came within 1.1 s" in error.message
        assert "server runs" in error.hint
        assert error.retryable
        assert store.read([(TABLE, [b"k"])]) == [[b"1"]]
    store.drop([TABLE])
    store.close()


def test_a_server_that_stands_still_before_an_event_loop(server: PostgresServer, tmp_path: Path) -> None:
    store = open_store(server, tmp_path, statement_timeout=0.1, connect_timeout=1)
    reads = [(TABLE, [b"k"])]

    async def read_twice() -> None:
        assert await store.aread(reads) == [[None]]
        with standing_still(server), pytest.raises(UnavailableError, match="did not answer in time"):
            await store.aread(reads)
        assert await store.aread(reads) == [[None]]

    asyncio.run(read_twice())
    store.close()


def test_a_statement_that_takes_too_long(server: PostgresServer, store: PostgresOnlineStore, tmp_path: Path) -> None:
    hasty = open_store(server, tmp_path, statement_timeout=0.2)
    with server.connect() as connection:
        with connection.transaction():
            connection.execute(f"LOCK TABLE {table_name(TABLE)} IN ACCESS EXCLUSIVE MODE".encode())
            for call in (lambda: hasty.read([(TABLE, [b"k"])]), lambda: hasty.write(TABLE, [b"k"], [b"1"])):
                error = failure(call)
                assert "did not finish in time" in error.message
                assert "statement_timeout" in error.hint
                assert error.retryable
        assert hasty.write(TABLE, [b"k"], [b"1"]) == WriteResult(written=1)
    hasty.close()


def test_too_many_connections(server: PostgresServer, tmp_path: Path) -> None:
    with server.connect() as connection:
        connection.execute("CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 1")
        few = {**server.options, "user": "few", "password": "few"}
        del few["database"]
        with psycopg.connect(**few, dbname="features"):
            error = failure(lambda: read_one(open_store(server, tmp_path, user="few", password="few")))
        assert "has too many connections" in error.message
        assert "max_conn" in error.hint
        assert error.retryable
        theirs = "SELECT 1 FROM pg_stat_activity WHERE usename = 'few'"
        wait_until(lambda: not connection.execute(theirs).fetchall(), "the server to end what was closed")
        assert read_one(open_store(server, tmp_path, user="few", password="few")) == [[None]]
        connection.execute("DROP ROLE few")


def test_permission_denied(server: PostgresServer, store: PostgresOnlineStore, tmp_path: Path) -> None:
    with server.connect() as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        guest = open_store(server, tmp_path, user="guest", password="guest")
        for call in (
            lambda: guest.read([(TABLE, [b"k"])]),
            lambda: guest.create([OnlineTable("fault", "new")]),
        ):
            error = failure(call)
            assert "denies permission" in error.message
            assert "GRANT" in error.hint
            assert not error.retryable
        guest.close()
        connection.execute("DROP ROLE guest")
