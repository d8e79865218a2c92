"""What only the SQLite store must do: share its file between processes, survive, and explain what goes wrong."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from repast.backends.online.memory import MemoryOnlineStore
from repast.backends.online.sqlite import SqliteOnlineStore
from repast.backends.online.sqlite_pool import SqlitePool
from repast.errors import (
    ClosedError,
    CorruptDataError,
    InvalidConfigError,
    NotFoundError,
    RepastError,
    UnavailableError,
)
from repast.ports.online import OnlineTable, WriteResult

TABLE = OnlineTable("project", "view")
OTHER = OnlineTable("project", "other")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteOnlineStore]:
    store = SqliteOnlineStore(repo_path=tmp_path, busy_timeout=0.05)
    store.create([TABLE])
    yield store
    store.close()


# -- the file -------------------------------------------------------------------------------------


def test_the_file_is_made_by_the_first_create(tmp_path: Path) -> None:
    store = SqliteOnlineStore(repo_path=tmp_path, path="a/b/features.db")
    store.drop([TABLE])
    assert store.read([(TABLE, [b"k"])]) == [[None]]
    assert not list(tmp_path.iterdir())
    store.create([TABLE])
    assert store.path == tmp_path / "a/b/features.db"
    assert store.path.exists()
    store.close()


def test_an_absolute_path_with_signs_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "50% of #1? \u00e9" / "x y.db"
    store = SqliteOnlineStore(repo_path=tmp_path / "repo", path=path)
    store.create([TABLE])
    assert store.write(TABLE, [b"k"], [b"v"]) == WriteResult(written=1)
    store.close()
    assert path.exists()


def test_tables_of_others_in_the_file_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data/online_store.db") as theirs:
        theirs.execute("CREATE TABLE project_view (entity_key BLOB, value BLOB)")
        theirs.execute("INSERT INTO project_view VALUES (x'01', x'02')")
    theirs.close()
    store = SqliteOnlineStore(repo_path=tmp_path)
    store.create([TABLE])
    store.write(TABLE, [b"k"], [b"v"])
    store.drop([TABLE])
    store.close()
    with sqlite3.connect(tmp_path / "data/online_store.db") as theirs:
        assert theirs.execute("SELECT * FROM project_view").fetchall() == [(b"\x01", b"\x02")]
    theirs.close()


def test_dropped_tables_give_their_space_back(store: SqliteOnlineStore) -> None:
    def load_and_drop() -> int:
        store.create([OTHER])
        store.write(OTHER, [b"%d" % n for n in range(2000)], [b"x" * 1000] * 2000)
        store.drop([OTHER])
        return store.path.stat().st_size

    first = load_and_drop()
    assert [load_and_drop() for _ in range(3)][-1] <= first * 1.1


@pytest.mark.parametrize("path", ["", ":memory:", "file:x.db"])
def test_a_path_that_is_no_file_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match=r"online_store\.path"):
        SqliteOnlineStore(repo_path=tmp_path, path=path)


def test_a_negative_timeout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigError, match="busy_timeout must be 0 to 86400 seconds, not -1"):
        SqliteOnlineStore(repo_path=tmp_path, busy_timeout=-1)


def test_a_deleted_file_is_let_go_of(store: SqliteOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"9"])
    _delete(store.path)
    with pytest.raises(NotFoundError):
        store.write(TABLE, [b"k"], [b"1"])
    assert store.read([(TABLE, [b"k"])]) == [[None]]
    store.create([TABLE])
    assert store.write(TABLE, [b"k"], [b"1"]) == WriteResult(written=1)
    assert store.read([(TABLE, [b"k"])]) == [[b"1"]]


def test_reads_notice_a_replaced_file_within_a_second(tmp_path: Path) -> None:
    now = [100.0]
    store = SqliteOnlineStore(repo_path=tmp_path)
    store._pool = SqlitePool(store.path, 1.0, monotonic=lambda: now[0])
    other = SqliteOnlineStore(repo_path=tmp_path)
    for value in (b"old", b"new"):
        other.create([TABLE])
        other.write(TABLE, [b"k"], [value])
        assert store.read([(TABLE, [b"k"])]) == [[value]]
        _delete(store.path)
        now[0] += 1.0
        assert store.read([(TABLE, [b"k"])]) == [[None]]
    store.close()
    other.close()


# -- several processes ----------------------------------------------------------------------------


def _write_in_process(folder: Path, writer: int) -> WriteResult:
    store = SqliteOnlineStore(repo_path=folder)
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


def test_writers_in_several_processes_converge(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        results = pool.starmap(_write_in_process, [(tmp_path, writer) for writer in range(6)], chunksize=1)
    expected = [max(_value(w, s, n) for w in range(6) for s in range(20)) for n in range(100)]
    store = SqliteOnlineStore(repo_path=tmp_path)
    assert store.read([(TABLE, [b"%d" % n for n in range(100)])]) == [expected]
    assert [store.read([(OnlineTable("project", f"own{w}"), [b"k"])]) for w in range(6)] == [[[None]]] * 6
    total = sum(results, WriteResult())
    assert total.written + total.unchanged + total.late == 6 * 20 * 100
    store.close()


_KILLED = """
import os, sys
from repast.backends.online.sqlite import SqliteOnlineStore
from repast.ports.online import OnlineTable
store = SqliteOnlineStore(repo_path=sys.argv[1])
for step in range(1, 1000000):
    store.write(OnlineTable("project", "view"), [b"a", b"b"], [b"%08d" % step + b"x" * 5000] * 2)
    print(step, flush=True)
"""


def test_a_killed_writer_leaves_whole_batches(store: SqliteOnlineStore, tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", _KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for line in writer.stdout:
        if int(line) == 50:
            break
    writer.send_signal(signal.SIGKILL)
    told = max([50, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    writer.stdout.close()
    writer.wait()
    ((first, second),) = store.read([(TABLE, [b"a", b"b"])])
    assert first is not None
    assert first == second
    assert int(first[:8]) >= told, "what was reported as written was there before the kill"
    assert store.write(TABLE, [b"a"], [b"9"]) == WriteResult(written=1)


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
# Newer Pythons warn when other threads exist, as those of pytest-xdist do.
may_have_threads = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@forks
@may_have_threads
def test_a_fork_does_not_share_connections(store: SqliteOnlineStore) -> None:
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
def test_closing_in_a_fork_leaves_the_parent_open(store: SqliteOnlineStore) -> None:
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


# -- isolation ------------------------------------------------------------------------------------


def test_a_read_of_several_tables_sees_one_moment(tmp_path: Path) -> None:
    store = SqliteOnlineStore(repo_path=tmp_path)
    store.create([TABLE, OTHER])
    keys = [b"%d" % n for n in range(70)]  # more than one statement per table
    for table in (TABLE, OTHER):
        store.write(table, keys, [b"0000"] * 70)
    done = threading.Event()

    def write() -> None:
        try:
            for step in range(1, 60):
                for table in (TABLE, OTHER):
                    store.write(table, keys, [b"%04d" % step] * 70)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    finished = False
    while not finished:
        finished = done.is_set()
        first, second = store.read([(TABLE, keys), (OTHER, keys)])
        assert len(set(first)) == len(set(second)) == 1
        assert first[0] is not None
        assert second[0] is not None
        assert 0 <= int(first[0]) - int(second[0]) <= 1
    writer.join()
    store.close()


def test_a_table_may_be_made_anew_while_it_is_read(store: SqliteOnlineStore) -> None:
    store.create([OTHER])
    store.write(TABLE, [b"a", b"b"], [b"1", b"2"])
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            found = store.read([(TABLE, [b"a"]), (OTHER, [b"a"])]), store.read([(TABLE, [b"a", b"b"]), (OTHER, [b"a"])])
            assert found[0] in ([[None], [None]], [[b"1"], [None]])
            assert found[1] in ([[None, None], [None]], [[b"1", b"2"], [None]])

    with ThreadPoolExecutor(3) as readers:
        reading = [readers.submit(read) for _ in range(3)]
        try:
            for _ in range(100):
                store.drop([TABLE])
                store.create([TABLE])
                store.write(TABLE, [b"a", b"b"], [b"1", b"2"])
        finally:
            done.set()
        for one in reading:
            one.result()


@pytest.mark.parametrize("count", [1, 2, 100, 101])
def test_a_key_of_each_of_many_tables(store: SqliteOnlineStore, count: int) -> None:
    tables = [OnlineTable("project", f"view{number}") for number in range(count)]
    store.create(tables)
    for number, table in enumerate(tables):
        store.write(table, [b"k"], [b"%d" % number])
    expected = [[b"%d" % number] for number in range(count)]
    assert store.read([(table, [b"k"]) for table in tables]) == expected
    store.drop([tables[-1]])
    assert store.read([(table, [b"k"]) for table in tables]) == [*expected[:-1], [None]]


def test_reads_go_on_while_another_process_writes(store: SqliteOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"v"])
    with _locked(store.path):
        assert store.read([(TABLE, [b"k"]), (TABLE, [b"k"] * 100)]) == [[b"v"], [b"v"] * 100]
        assert asyncio.run(store.aread([(TABLE, [b"k"])])) == [[b"v"]]
        assert store.count(TABLE) == 1


# -- what goes wrong ------------------------------------------------------------------------------


def test_a_lock_that_lasts_is_unavailable_and_retryable(store: SqliteOnlineStore) -> None:
    calls = [
        lambda: store.write(TABLE, [b"k"], [b"v"]),
        lambda: store.create([OTHER]),
        lambda: store.drop([TABLE]),
        lambda: store.erase(TABLE, [b"k"]),
    ]
    with _locked(store.path):
        for call in calls:
            with pytest.raises(UnavailableError, match=r"is locked by another writer for more than 0\.05 s") as caught:
                call()
            assert caught.value.retryable
            assert str(store.path) in str(caught.value)
            assert "busy_timeout" in caught.value.hint
    assert store.write(TABLE, [b"k"], [b"v"]) == WriteResult(written=1)


def test_a_full_disk_writes_nothing_and_says_where(store: SqliteOnlineStore) -> None:
    store.write(TABLE, [b"a"], [b"1"])
    with store._pool.lend() as connection:
        assert connection is not None
        connection.execute("PRAGMA max_page_count = 20")
    with pytest.raises(UnavailableError, match="is full; nothing of this batch was written") as caught:
        store.write(TABLE, [b"%d" % n for n in range(1000)], [b"x" * 1000] * 1000)
    assert str(store.path) in str(caught.value)
    assert store.count(TABLE) == 1
    assert store.write(TABLE, [b"a"], [b"2"]) == WriteResult(written=1)


@pytest.mark.parametrize("damage", ["text", "middle"])
def test_a_damaged_file_is_left_untouched(damage: str, tmp_path: Path) -> None:
    store = SqliteOnlineStore(repo_path=tmp_path)
    store.create([TABLE])
    store.write(TABLE, [b"%d" % n for n in range(1000)], [b"x" * 100] * 1000)
    store.close()
    content = store.path.read_bytes()
    store.path.write_bytes(
        b"not a database" * 100 if damage == "text" else content[:4096] + b"\x07" * len(content[4096:])
    )
    damaged = store.path.read_bytes()
    again = SqliteOnlineStore(repo_path=tmp_path)
    calls = [
        lambda: again.read([(TABLE, [b"1"])]),
        lambda: again.read([(TABLE, [b"1"] * 100)]),
        lambda: again.write(TABLE, [b"1"], [b"y"]),
    ]
    for call in calls:
        with pytest.raises(CorruptDataError, match="is damaged or no SQLite database") as caught:
            call()
        assert str(again.path) in str(caught.value)
        assert "move it away" in caught.value.hint
    again.close()
    assert store.path.read_bytes() == damaged
    _delete(store.path)
    fresh = SqliteOnlineStore(repo_path=tmp_path)
    fresh.create([TABLE])
    assert fresh.write(TABLE, [b"1"], [b"y"]) == WriteResult(written=1)
    fresh.close()


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "data/online_store.db").mkdir(parents=True)
    store = SqliteOnlineStore(repo_path=tmp_path)
    for call in (lambda: store.create([TABLE]), lambda: store.read([(TABLE, [b"k"])])):
        with pytest.raises(UnavailableError, match=r"online_store\.db cannot be used") as caught:
            call()
        assert not caught.value.retryable
    store.close()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    store = SqliteOnlineStore(repo_path=tmp_path)
    for call in (lambda: store.create([TABLE]), lambda: store.write(TABLE, [b"k"], [b"v"])):
        with pytest.raises(UnavailableError, match=r"data/online_store\.db cannot be opened"):
            call()
    store.close()


def test_a_read_only_file_can_be_read(store: SqliteOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"v"])
    with store._pool.lend() as connection:
        assert connection is not None
        connection.execute("PRAGMA query_only = ON")
    assert store.read([(TABLE, [b"k"])]) == [[b"v"]]
    with pytest.raises(UnavailableError, match="cannot be used: attempt to write a readonly database"):
        store.write(TABLE, [b"k"], [b"w"])


def test_a_table_of_another_shape_is_explained(store: SqliteOnlineStore) -> None:
    with sqlite3.connect(store.path) as theirs:
        theirs.execute('CREATE TABLE "repast/project/other/1" (a, b)')
    theirs.close()
    for call in (lambda: store.read([(OTHER, [b"k"])]), lambda: store.write(OTHER, [b"k"], [b"v"])):
        with pytest.raises(RepastError, match=r"online_store\.db cannot be used"):
            call()


def test_close_while_another_thread_reads(tmp_path: Path) -> None:
    store = SqliteOnlineStore(repo_path=tmp_path)
    store.create([TABLE])
    started = threading.Event()

    def read() -> None:
        while True:
            store.read([(TABLE, [b"k"] * 200)])
            started.set()

    with ThreadPoolExecutor() as threads:
        reader = threads.submit(read)
        started.wait()
        store.close()
        with pytest.raises(ClosedError):
            reader.result()
    assert store._pool._idle == []


# -- the memory store -----------------------------------------------------------------------------


def test_memory_stores_of_other_repos_are_apart(tmp_path: Path) -> None:
    one, two = MemoryOnlineStore(repo_path=tmp_path / "1"), MemoryOnlineStore(repo_path=str(tmp_path / "2"))
    one.create([TABLE])
    one.write(TABLE, [b"k"], [b"v"])
    assert two.read([(TABLE, [b"k"])]) == [[None]]
    assert MemoryOnlineStore(repo_path=tmp_path / "x" / ".." / "1").read([(TABLE, [b"k"])]) == [[b"v"]]


# -- helpers --------------------------------------------------------------------------------------


def _delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


class _locked:
    """Holds the write lock as another process would."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()
