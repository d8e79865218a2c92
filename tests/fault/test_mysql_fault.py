"""MariaDB that crashes, cuts, refuses and fills up: nothing is lost, nothing older wins, the load goes on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pymysql
import pytest
from fault_project import KEYS, at, make_sources, online_turns, opened, views
from store_load import NAMES, TABLE, crashing_twice, under_load, value

from repast.backends.online.mysql import MySQLOnlineStore
from repast.backends.online.sql_table import table_name
from repast.errors import InvalidRequestError, RepastError, UnavailableError
from repast.ports.online import OnlineTable, Values, WriteResult
from server.mariadb import DATABASE, MariadbServer, run_mariadb
from server.port import free_port
from server.proxy import Proxy
from server.until import wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[MariadbServer]:
    with run_mariadb(fast=False) as server:
        yield server


@pytest.fixture
def store(server: MariadbServer) -> Iterator[MySQLOnlineStore]:
    store = open_store(server)
    store.create([TABLE])
    yield store
    store.drop([TABLE])
    store.close()


def open_store(server: MariadbServer, **options: Any) -> MySQLOnlineStore:
    return MySQLOnlineStore(**{"repo_path": ".", **server.options, **options})


@pytest.fixture
def guest(server: MariadbServer) -> Iterator[dict[str, str]]:
    """Options of a user who may read the database, and nothing else until it is granted."""
    server.execute("CREATE USER guest IDENTIFIED BY 'guest'")
    server.execute(f"GRANT SELECT ON {DATABASE}.* TO guest")
    yield {"user": "guest", "password": "guest"}
    server.execute("DROP USER guest")


def failure(call: Callable[[], object]) -> RepastError:
    with pytest.raises(UnavailableError) as caught:
        call()
    return caught.value


def read_one(store: MySQLOnlineStore) -> object:
    with closing(store):
        return store.read([(TABLE, [b"k"])])


def aread_one(store: MySQLOnlineStore) -> object:
    with closing(store):
        return asyncio.run(_aread(store))


async def _aread(store: MySQLOnlineStore) -> Values:
    return await store.aread([(TABLE, [b"k"])])


def unreachable(host: str, port: int, **options: Any) -> MySQLOnlineStore:
    return MySQLOnlineStore(repo_path=".", host=host, port=port, database=DATABASE, user="repast", **options)


# -- killed and cut ---------------------------------------------------------------------------------


def test_a_server_that_crashes_during_loads_and_reads(server: MariadbServer, store: MySQLOnlineStore) -> None:
    under_load(lambda: open_store(server), crashing_twice(server), turns=100, disturbances=2)


def test_connections_that_are_cut_during_loads_and_reads(server: MariadbServer, store: MySQLOnlineStore) -> None:
    cuts = []

    def cut() -> int:
        found = server.execute(
            f"SELECT id FROM information_schema.processlist WHERE db = '{DATABASE}' AND id <> CONNECTION_ID()"
        )
        for (number,) in found:
            with suppress(pymysql.OperationalError):  # it may be gone by itself
                server.execute(f"KILL CONNECTION {number}")
                cuts.append(number)
        return len(cuts)

    under_load(lambda: open_store(server), cut, turns=100, disturbances=5)


def test_a_batch_that_is_cut_can_be_written_again(server: MariadbServer, store: MySQLOnlineStore) -> None:
    proxy = Proxy(server.port)
    through = open_store(server, port=proxy.port, batch_size=50)
    assert through.write(TABLE, NAMES, [value(0)] * len(NAMES)) == WriteResult(written=len(NAMES))
    for turn, left in enumerate((100, 5_000, 9_000), 1):
        proxy.left = left
        error = failure(lambda turn=turn: through.write(TABLE, NAMES, [value(turn)] * len(NAMES)))  # type: ignore[misc]
        assert error.retryable
        (found,) = store.read([(TABLE, NAMES)])
        assert set(found) <= {value(turn - 1), value(turn)}
        proxy.left = None
        assert through.write(TABLE, NAMES, [value(turn)] * len(NAMES)).late == 0
        assert store.read([(TABLE, NAMES)]) == [[value(turn)] * len(NAMES)]
    through.close()
    proxy.close()


def test_a_load_that_the_server_left_is_finished_by_the_next(
    server: MariadbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sources(tmp_path, range(3))
    real_write, writes = MySQLOnlineStore.write, iter(range(100))

    def write(self: MySQLOnlineStore, *rows: Any) -> WriteResult:
        if next(writes) == 1:
            server.crash()
        return real_write(self, *rows)

    monkeypatch.setattr(MySQLOnlineStore, "write", write)
    with opened(tmp_path, online_store={"type": "mysql", **server.options}) as project:
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


# -- refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"password": "s3cret-and-wrong"}, "refuses the credentials", "online_store.password"),
        ({"user": "nobody"}, "refuses the credentials", "online_store.user"),
        ({"database": "nothing"}, "has no such database: Unknown database 'nothing'", "CREATE DATABASE"),
    ],
)
def test_what_the_configuration_has_wrong_is_named(
    server: MariadbServer, options: dict[str, Any], message: str, hint: str
) -> None:
    error = failure(lambda: read_one(open_store(server, **options)))
    assert message in error.message
    assert hint in error.hint
    assert not error.retryable
    assert "s3cret" not in f"{error} {error!r} {error.context} {error.__cause__}"


READERS = pytest.mark.parametrize("read", [read_one, aread_one], ids=["blocking", "asyncio"])
"""Each by a driver of its own, and neither says by number why it has no connection."""


@READERS
def test_a_host_that_nobody_knows(read: Callable[[MySQLOnlineStore], object]) -> None:
    error = failure(lambda: read(unreachable("no-such-host.invalid", 3306)))
    assert "no-such-host.invalid:3306/features cannot be found" in error.message
    assert "online_store.host" in error.hint
    assert error.retryable


@READERS
def test_a_server_that_is_down(read: Callable[[MySQLOnlineStore], object]) -> None:
    port = free_port()
    error = failure(lambda: read(unreachable("127.0.0.1", port)))
    assert f"127.0.0.1:{port}/features does not answer" in error.message
    assert "server runs" in error.hint
    assert error.retryable


@READERS
def test_a_server_that_cannot_be_reached(
    read: Callable[[MySQLOnlineStore], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a firewall that drops what is sent: a port whose queue is full does so too."""
    real_connect, tries = socket.socket.connect, []

    def connect(self: socket.socket, address: Any) -> None:
        tries.append(address)
        real_connect(self, address)

    with socket.socket() as listener, ExitStack() as queue:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        monkeypatch.setattr(socket.socket, "connect", connect)
        error = failure(lambda: read(unreachable(*listener.getsockname(), connect_timeout=1)))
        assert tries == [listener.getsockname()], "it was tried again, after all that waiting"
    assert "did not answer in time" in error.message
    assert "online_store.connect_timeout" in error.hint
    assert error.retryable


@READERS
def test_a_server_that_says_nothing(read: Callable[[MySQLOnlineStore], object]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = failure(lambda: read(unreachable(*listener.getsockname(), statement_timeout=0.2)))
    assert "did not answer in time" in error.message
    assert "online_store.statement_timeout" in error.hint
    assert error.retryable


def test_a_value_that_the_server_does_not_take(server: MariadbServer, store: MySQLOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"1"])
    server.execute("SET GLOBAL max_allowed_packet = 2097152")
    small = open_store(server)
    try:
        with pytest.raises(InvalidRequestError, match="cannot keep a value this large") as caught:
            small.write(TABLE, [b"k"], [b"2" * (3 << 20)])
    finally:
        server.execute("SET GLOBAL max_allowed_packet = DEFAULT")
    assert "max_allowed_packet" in caught.value.hint
    assert small.read([(TABLE, [b"k"])]) == [[b"1"]]
    small.close()


def test_a_server_that_is_read_only(server: MariadbServer, store: MySQLOnlineStore, guest: dict[str, str]) -> None:
    store.write(TABLE, [b"k"], [b"1"])
    server.execute(f"GRANT ALL ON {DATABASE}.* TO guest")
    replica = open_store(server, **guest)
    server.execute("SET GLOBAL read_only = 1")
    try:
        assert replica.read([(TABLE, [b"k"])]) == [[b"1"]]
        for call in (
            lambda: replica.write(TABLE, [b"k"], [b"2"]),
            lambda: replica.create([OnlineTable("fault", "new")]),
            lambda: replica.erase(TABLE, [b"k"]),
        ):
            error = failure(call)
            assert "is read-only" in error.message
            assert "primary" in error.hint
            assert not error.retryable
    finally:
        server.execute("SET GLOBAL read_only = 0")
    assert replica.write(TABLE, [b"k"], [b"2"]) == WriteResult(written=1)
    replica.close()


def test_a_tablespace_that_is_full() -> None:
    """As a disk that is full: the files of this server may not grow."""
    settings = ("--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M;ibdata2:8M")
    with run_mariadb(*settings) as small, closing(open_store(small)) as store:
        store.create([TABLE])
        keys, rows = [b"%04d" % number for number in range(1000)], [b"1" * 100] * 1000
        assert store.write(TABLE, keys, rows) == WriteResult(written=1000)
        large = [b"2" * 60_000] * 1000
        error = failure(lambda: store.write(TABLE, keys, large))
        assert "has no space left on its disk" in error.message
        assert "free some space" in error.hint
        assert error.retryable
        (found,) = store.read([(TABLE, keys)])
        assert set(found) <= {rows[0], large[0]}
        assert rows[0] in found
        for number in range(50):
            store.erase(TABLE, keys[number * 20 : number * 20 + 20])
        assert store.write(TABLE, keys[:20], [b"3" * 200] * 20) == WriteResult(written=20)


def test_a_statement_that_takes_too_long(server: MariadbServer, store: MySQLOnlineStore) -> None:
    hasty = open_store(server, statement_timeout=0.2)
    with closing(server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES `{table_name(TABLE)}` WRITE")
        for call in (lambda: hasty.read([(TABLE, [b"k"])]), lambda: hasty.write(TABLE, [b"k"], [b"1"])):
            error = failure(call)
            assert "did not answer in time" in error.message
            assert "online_store.statement_timeout" in error.hint
            assert error.retryable
        cursor.execute("UNLOCK TABLES")
        assert hasty.read([(TABLE, [b"k"])]) in ([[None]], [[b"1"]])  # what was sent may have been done
    hasty.close()


def test_too_many_connections(server: MariadbServer, guest: dict[str, str]) -> None:
    ((before,),) = server.execute("SELECT @@max_connections")
    others = f"SELECT 1 FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = '{DATABASE}'"
    wait_until(lambda: not server.execute(others), "the server to end what other tests closed")
    with ExitStack() as stack:
        server.execute("SET GLOBAL max_connections = 10")
        stack.callback(server.execute, f"SET GLOBAL max_connections = {before}")
        connections = [stack.enter_context(closing(server.connect())) for _ in range(10)]
        assert len(connections) == 10
        error = failure(lambda: read_one(open_store(server, **guest)))
        assert "has too many connections" in error.message
        assert "max_conn" in error.hint
        assert error.retryable
    assert read_one(open_store(server, **guest)) == [[None]]


def test_an_account_with_too_many_connections(server: MariadbServer, guest: dict[str, str]) -> None:
    server.execute(f"ALTER USER '{guest['user']}'@'%' WITH MAX_CONNECTIONS_PER_HOUR 1")
    try:
        with closing(open_store(server, **guest)) as first, closing(open_store(server, **guest)) as second:
            assert read_one(first) == [[None]]
            error = failure(lambda: read_one(second))
            assert "has too many connections" in error.message
            assert error.retryable
    finally:
        server.execute(f"ALTER USER '{guest['user']}'@'%' WITH MAX_CONNECTIONS_PER_HOUR 0")


def test_permission_denied(server: MariadbServer, store: MySQLOnlineStore, guest: dict[str, str]) -> None:
    reader = open_store(server, **guest)
    assert reader.read([(TABLE, [b"k"])]) == [[None]]
    for call in (lambda: reader.write(TABLE, [b"k"], [b"1"]), lambda: reader.create([OnlineTable("fault", "new")])):
        error = failure(call)
        assert "denies permission" in error.message
        assert "GRANT" in error.hint
        assert not error.retryable
    reader.close()
    assert store.read([(TABLE, [b"k"])]) == [[None]]
