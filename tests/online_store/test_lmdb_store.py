"""The LMDB store: the shipped suite, and what only it must do: share its folder, grow, survive, explain."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from repast.backends.online.lmdb import LMDBOnlineStore
from repast.errors import CorruptDataError, InvalidConfigError, UnavailableError
from repast.ports.online import OnlineStore, OnlineTable, WriteResult
from repast.testing.online import OnlineStoreSuite

TABLE = OnlineTable("project", "view")
KEYS = [b"%05d" % number for number in range(500)]


class TestLMDBOnlineStore(OnlineStoreSuite):
    def make_store(self, tmp_path: Path) -> OnlineStore:
        return LMDBOnlineStore(repo_path=tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LMDBOnlineStore]:
    store = LMDBOnlineStore(repo_path=tmp_path, map_size=1 << 20)
    store.create([TABLE])
    yield store
    store.close()


def row(step: int) -> list[bytes]:
    return [b"%06d" % step + key for key in KEYS]


# -- keys and tables ------------------------------------------------------------------------------


def test_long_keys_are_told_apart(store: LMDBOnlineStore) -> None:
    start = bytes(range(256)) * 4
    keys = [start[:509], start[:510], start[:511], start[:512], start, start + b"a", start + b"b"]
    values = [b"%d" % number for number in range(len(keys))]
    assert store.write(TABLE, keys, values) == WriteResult(written=len(keys))
    assert store.read([(TABLE, keys)]) == [values]
    assert asyncio.run(store.aread([(TABLE, keys[::-1])])) == [values[::-1]]
    assert store.erase(TABLE, keys[2:]) == 5
    assert store.read([(TABLE, keys)]) == [[*values[:2], *[None] * 5]]


def test_the_rows_of_a_dropped_table_do_not_come_back_in_the_next(store: LMDBOnlineStore) -> None:
    for number in range(260):  # more than there may be tables at once
        table = OnlineTable("project", f"view{number}")
        store.create([table])
        assert store.count(table) == 0
        assert store.write(table, [b"k"], [b"v"]) == WriteResult(written=1)
        store.drop([table])
    assert store.read([(TABLE, [b"k"])]) == [[None]]


def test_no_more_tables_than_allowed(tmp_path: Path) -> None:
    store = LMDBOnlineStore(repo_path=tmp_path, max_tables=2)
    store.create([TABLE, OnlineTable("project", "two")])
    with pytest.raises(InvalidConfigError, match="no room for another table") as caught:
        store.create([OnlineTable("project", "three")])
    assert "max_tables" in caught.value.hint
    assert store.write(TABLE, [b"k"], [b"v"]) == WriteResult(written=1)
    store.close()


# -- growing --------------------------------------------------------------------------------------


def test_the_map_grows_while_others_read(store: LMDBOnlineStore, tmp_path: Path) -> None:
    store.write(TABLE, KEYS, row(0))
    done, seen, errors = threading.Event(), threading.Event(), list[BaseException]()
    other = LMDBOnlineStore(repo_path=tmp_path)

    def read() -> None:
        try:
            while not done.is_set():
                (found,) = other.read([(TABLE, KEYS)])
                assert len({value and value[:6] for value in found}) == 1, "a read saw two moments"
                seen.set()
        except BaseException as error:  # noqa: BLE001 (raised in the test's thread)
            errors.append(error)
            seen.set()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for step in range(1, 14):
            seen.clear()
            store.write(TABLE, KEYS, [value + b"." * 600 * step for value in row(step)])
            assert seen.wait(60), "nobody could read beside the writer or after it"
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert errors == []
    assert (store.path / "data.mdb").stat().st_size > 4 << 20, "it had to grow"
    other.close()


def _grow(folder: Path) -> None:
    store = LMDBOnlineStore(repo_path=folder)
    store.write(TABLE, KEYS, [b"z" * 20_000] * len(KEYS))
    store.close()


def test_another_process_may_have_grown_it(store: LMDBOnlineStore, tmp_path: Path) -> None:
    store.write(TABLE, KEYS, row(0))
    run_process(_grow, tmp_path)
    assert store.read([(TABLE, KEYS)]) == [[b"z" * 20_000] * len(KEYS)]
    assert store.write(TABLE, KEYS, row(1)) == WriteResult(late=len(KEYS))


def run_process(target: Callable[..., None], *arguments: Any) -> None:
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    process.join(60)
    assert process.exitcode == 0


# -- several processes ----------------------------------------------------------------------------


def _write_shuffled(folder: Path, writer: int) -> WriteResult:
    store = LMDBOnlineStore(repo_path=folder)
    store.create([TABLE, OnlineTable("project", f"own{writer}")])
    done = WriteResult()
    for step in range(20):
        turned = slice(None, None, -1 if step % 2 else 1)
        values = [_value(writer, step, number) for number in range(len(KEYS))]
        done += store.write(TABLE, KEYS[turned], values[turned])
    store.close()
    return done


def _value(writer: int, step: int, number: int) -> bytes:
    return b"%04d" % ((step * 7 + writer * 13 + number * 29) % 1000)


def test_writers_in_several_processes_converge(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        results = pool.starmap(_write_shuffled, [(tmp_path, writer) for writer in range(6)], chunksize=1)
    expected = [max(_value(w, s, n) for w in range(6) for s in range(20)) for n in range(len(KEYS))]
    store = LMDBOnlineStore(repo_path=tmp_path)
    assert store.read([(TABLE, KEYS)]) == [expected]
    total = sum(results, WriteResult())
    assert total.written + total.unchanged + total.late == 6 * 20 * len(KEYS)
    store.close()


def _write_for_ever(folder: Path, first: int, told: Any) -> None:
    store = LMDBOnlineStore(repo_path=folder)
    step = first
    while True:
        store.write(TABLE, KEYS, row(step))
        told.send(step)
        step += 1


def test_a_writer_that_is_killed_loses_nothing_it_confirmed(store: LMDBOnlineStore, tmp_path: Path) -> None:
    """kill -9 at any moment, again and again: the next writer goes on, and batches are whole or not there."""
    confirmed, context = 0, multiprocessing.get_context("spawn")
    for kill in range(4):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_write_for_ever, args=(tmp_path, confirmed + 1, theirs))
        process.start()
        theirs.close()
        for _ in range(1 + kill * 5):
            confirmed = ours.recv()
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        try:
            while True:
                confirmed = ours.recv()
        except EOFError:
            ours.close()
        steps = {int(value[:6]) for value in store.read([(TABLE, KEYS)])[0] if value}
        assert steps in ({confirmed}, {confirmed + 1})
        confirmed = steps.pop()
        assert store.write(TABLE, KEYS, row(confirmed)) == WriteResult(unchanged=len(KEYS))


def _read_for_ever(folder: Path, told: Any) -> None:
    from repast.backends.online.lmdb_environment import Environment

    store = LMDBOnlineStore(repo_path=folder)
    environment = store._look()
    assert isinstance(environment, Environment)
    environment.read(lambda txn: (told.send(txn.id()), signal.pause()))


def test_a_reader_that_was_killed_does_not_make_the_file_grow(store: LMDBOnlineStore, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_read_for_ever, args=(tmp_path, theirs))
    process.start()
    assert ours.recv()
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    for pipe in (ours, theirs):
        pipe.close()
    for step in range(200):
        store.write(TABLE, KEYS, row(step))
    assert (store.path / "data.mdb").stat().st_size < 1 << 20


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
may_have_threads = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


@forks
@may_have_threads
def test_parent_and_fork_both_read_and_write(store: LMDBOnlineStore) -> None:
    store.write(TABLE, [b"k"], [b"1"])
    child = os.fork()
    if child == 0:
        ok = store.read([(TABLE, [b"k"])]) == [[b"1"]] and store.write(TABLE, [b"k"], [b"2"]) == WriteResult(written=1)
        store.close()
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.read([(TABLE, [b"k"])]) == [[b"2"]]
    assert store.write(TABLE, [b"k"], [b"3"]) == WriteResult(written=1)


@forks
@may_have_threads
def test_a_fork_in_the_midst_of_a_read_is_told(store: LMDBOnlineStore) -> None:
    """Its place in the table of readers is the parent's: using the map could break what the parent reads."""
    store.write(TABLE, [b"k"], [b"1"])
    environment = store._look()
    assert environment is not None
    pids: list[int] = []

    def fork(txn: object) -> None:
        pids.append(os.fork())
        if pids[0] == 0:
            try:
                store.read([(TABLE, [b"k"])])
            except UnavailableError as error:
                os._exit(0 if "spawn" in error.hint else 2)
            os._exit(1)

    environment.read(fork)
    assert os.waitpid(pids[0], 0)[1] == 0
    assert store.read([(TABLE, [b"k"])]) == [[b"1"]]


# -- what goes wrong ------------------------------------------------------------------------------


def test_a_folder_that_was_deleted_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    monkeypatch.setattr("repast.backends.online.lmdb._TRUST_SECONDS", 0.0)
    store = LMDBOnlineStore(repo_path=tmp_path)
    store.create([TABLE])
    store.write(TABLE, [b"k"], [b"v"])
    shutil.rmtree(store.path)
    assert store.read([(TABLE, [b"k"])]) == [[None]]
    store.create([TABLE])
    assert store.write(TABLE, [b"k"], [b"a"]) == WriteResult(written=1)
    store.close()


@pytest.mark.parametrize("damage", ["text", "cut"])
def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, damage: str) -> None:
    store = LMDBOnlineStore(repo_path=tmp_path)
    store.create([TABLE])
    store.write(TABLE, KEYS, [b"v" * 1000] * len(KEYS))
    store.close()
    file = store.path / "data.mdb"
    whole = file.read_bytes()
    file.unlink()
    file.write_bytes(b"no database " * 10_000 if damage == "text" else whole[: len(whole) // 2])
    before = file.read_bytes()
    again = LMDBOnlineStore(repo_path=tmp_path)
    for call in (lambda: again.read([(TABLE, KEYS)]), lambda: again.create([TABLE])):
        with pytest.raises(CorruptDataError, match=r"damaged or no LMDB database") as caught:
            call()
        assert str(store.path) in caught.value.message
        assert "load the views again" in caught.value.hint
    assert file.read_bytes() == before
    again.close()


def _use_read_only(folder: Path) -> None:
    if os.getuid() == 0:
        os.setuid(65_534)  # root may write anything
    store = LMDBOnlineStore(repo_path=folder)
    assert store.read([(TABLE, [b"k"])]) == [[b"1"]]
    with pytest.raises(UnavailableError) as caught:
        store.write(TABLE, [b"k"], [b"2"])
    assert not caught.value.retryable
    assert "can be written" in caught.value.hint
    assert store.read([(TABLE, [b"k"])]) == [[b"1"]]


def test_a_folder_that_is_read_only_can_be_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:  # others may not enter pytest's own
        folder = Path(name)
        store = LMDBOnlineStore(repo_path=folder)
        store.create([TABLE])
        store.write(TABLE, [b"k"], [b"1"])
        store.close()
        (store.path / "lock.mdb").chmod(0o666)
        (store.path / "data.mdb").chmod(0o444)
        for part in (store.path, store.path.parent, folder):
            part.chmod(0o555)
        try:
            run_process(_use_read_only, folder)
        finally:
            for part in (folder, store.path.parent, store.path):
                part.chmod(0o755)


def test_a_path_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    store = LMDBOnlineStore(repo_path=tmp_path)
    with pytest.raises(UnavailableError, match="cannot be used") as caught:
        store.create([TABLE])
    assert "online_store.path" in caught.value.hint
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": ""}, "online_store.path cannot be empty"),
        ({"map_size": 5}, "online_store.map_size must be at least 1048576 bytes, not 5"),
        ({"max_tables": 0}, "online_store.max_tables must be 1 to 100000, not 0"),
    ],
)
def test_options_out_of_range_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        LMDBOnlineStore(repo_path=tmp_path, **options)
