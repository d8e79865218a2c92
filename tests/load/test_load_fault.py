"""Loads that die, race, or meet broken parts: nothing is lost, and running them again completes them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from load_project import NOW, BreakingStore, LoadProject, PassingStore, at, counts, rides, small_batches

from repast.core.manifest import ProjectState
from repast.errors import ConflictError, CorruptDataError, InvalidValueError, UnavailableError
from repast.ports.online import OnlineStore, OnlineTable, WriteResult
from repast.types import Float64


@pytest.fixture(params=["memory", "sqlite"])
def project(request, tmp_path: Path):
    project = LoadProject(tmp_path, online_store=request.param)
    yield project
    project.close()


def state(project: LoadProject) -> ProjectState:
    return project.store._workspace.registry.state()


# -- crashes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_a_load_that_fails_midway_is_completed_by_running_it_again(project, batches):
    rows = rides(*[(i, -1, i) for i in range(5)])
    project.write(rows)
    project.apply(project.view())
    with small_batches(), project.online_through(lambda real: BreakingStore(real, batches)):
        with pytest.raises(UnavailableError, match="'stats' was not loaded: The store went away") as failed:
            project.store.materialize_incremental()
        assert failed.value.context["report"].written == batches
        assert failed.value.retryable
    assert state(project).views == {}
    assert project.online.count(project.table()) == batches
    assert counts(project.store.materialize_incremental()) == {
        key: n for key, n in {"read": 5, "written": 5 - batches, "unchanged": batches}.items() if n
    }
    project.check(rows)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which file a descriptor is")
def test_rows_are_on_the_disk_before_they_are_remembered_as_read(tmp_path, monkeypatch):
    with closing(LoadProject(tmp_path, online_store="sqlite")) as project:
        project.write(rides((1, -1, 1)))
        project.apply(project.view())
        flushed: list[str] = []
        real = os.fsync

        def fsync(file: int) -> None:
            flushed.append(Path(f"/proc/self/fd/{file}").readlink().name)
            real(file)

        monkeypatch.setattr(os, "fsync", fsync)
        project.store.materialize_incremental()
        assert flushed == ["online_store.db-wal", ".pending", "registry"]  # the file that becomes the bookkeeping


def test_bookkeeping_that_cannot_be_stored_costs_only_reading_again(project, monkeypatch):
    rows = rides((1, -1, 1))
    project.write(rows)
    project.apply(project.view())

    def refuse(change):
        raise ConflictError("Too many writers.")

    with monkeypatch.context() as patched:
        patched.setattr(project.store._workspace.registry, "update_state", refuse)
        with pytest.raises(ConflictError):
            project.store.materialize_incremental()
    assert counts(project.store.materialize_incremental()) == {"read": 1, "unchanged": 1}
    project.check(rows)


KILLED = """
import os, signal, sys
from pathlib import Path
from load_project import LoadProject, PassingStore, small_batches

class Killing(PassingStore):
    left = int(sys.argv[2])
    def write(self, table, keys, values):
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
        return super().write(table, keys, values)

project = LoadProject(Path(sys.argv[1]), online_store="sqlite")
with small_batches(10), project.online_through(Killing):
    project.store.materialize_incremental()
"""


@pytest.mark.parametrize("batches", [0, 2, 4])
def test_a_killed_load_leaves_whole_rows_and_is_completed_by_the_next(tmp_path, batches):
    rows = rides(*[(i, -1, i) for i in range(50)])
    with closing(LoadProject(tmp_path, online_store="sqlite")) as project:
        project.write(rows)
        project.apply(project.view())
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(batches)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with closing(LoadProject(tmp_path, online_store="sqlite")) as project:
        expected = project.values(rows)
        stored = project.stored(list(expected))
        assert len(stored) == 10 * batches
        assert stored.items() <= expected.items()
        assert state(project).views == {}
        report = project.store.materialize_incremental()
        assert (report.written, report.unchanged) == (50 - 10 * batches, 10 * batches)
        project.check(rows)


# -- broken parts -------------------------------------------------------------------------------------------


def test_a_bad_value_late_in_the_source_keeps_the_rows_before_it_and_is_named(project):
    project.write(rides((0, -1, 0)))
    project.apply(project.view())
    floats = [float(i) for i in range(20)]
    floats[15] = 15.5
    project.write(rides(*[(i, -1, i) for i in range(20)]).set_column(2, "trips", pa.array(floats)))
    with small_batches(), pytest.raises(InvalidValueError, match=r"15\.5") as refused:
        project.store.materialize_incremental()
    assert refused.value.context["report"].written == project.online.count(project.table())
    assert state(project).views == {}


def test_a_damaged_file_is_reported_and_what_was_online_stays(project):
    rows = rides((1, -1, 1))
    project.write(rows)
    project.apply(project.view())
    project.store.materialize_incremental()
    (project.path / "rides/b.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(CorruptDataError, match="'stats' was not loaded"):
        project.store.materialize_incremental()
    project.check(rows)
    (project.path / "rides/b.parquet").unlink()
    assert counts(project.store.materialize_incremental()) == {}


def test_a_progress_callback_that_raises_stops_the_load_and_loses_nothing(project):
    rows = rides(*[(i, -1, i) for i in range(5)])
    project.write(rows)
    project.apply(project.view())

    def interrupt(view: str, done: int, total: int | None) -> None:
        if done >= 2:
            raise KeyboardInterrupt

    with small_batches(), pytest.raises(KeyboardInterrupt):
        project.store.materialize_incremental(progress=interrupt)
    assert state(project).views == {}
    project.store.materialize_incremental()
    project.check(rows)


# -- races --------------------------------------------------------------------------------------------------


def test_two_loads_at_once_end_like_one(project):
    rows = rides(*[(i % 40, -float(i), i) for i in range(200)])
    project.write(rows)
    project.apply(project.view())
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def load(store: LoadProject, number: int) -> None:
        try:
            barrier.wait()
            if number % 2:
                store.store.materialize(at(-100 - number), NOW)
            else:
                store.store.materialize_incremental()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    others = [LoadProject(project.path, online_store=project.config.online_store.type) for _ in range(4)]
    with small_batches(5):
        threads = [threading.Thread(target=load, args=(other, i)) for i, other in enumerate(others)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for other in others:
        other.close()
    assert failures == []
    project.check(rows)
    project.write(rides((99, -500, 7)), "rides/late.parquet")
    project.store.materialize_incremental()
    project.check(pa.concat_tables([rows, rides((99, -500, 7))]))


def test_reads_go_on_and_see_whole_rows_while_a_load_runs(project):
    old = rides(*[(i, -2, 1) for i in range(50)])
    new = rides(*[(i, -1, 2) for i in range(50)])
    project.write(old)
    project.apply(project.view())
    project.store.materialize_incremental()
    expected = [project.values(old), project.values(new)]
    seen: list[int] = []

    class Watched(PassingStore):
        def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
            result = super().write(table, keys, values)
            stored = project.stored(list(expected[0]))
            assert len(stored) == 50
            assert all(value in (expected[0][key], expected[1][key]) for key, value in stored.items())
            seen.append(sum(value == expected[1][key] for key, value in stored.items()))
            return result

    project.write(new, "rides/b.parquet")
    with small_batches(10), project.online_through(Watched):
        project.store.materialize_incremental()
    assert seen == [10, 20, 30, 40, 50]


def test_a_view_that_is_migrated_while_it_is_loaded_is_not_mistaken_for_the_new_one(project):
    rows = rides((1, -1, 1))
    project.write(rows)
    project.apply(project.view())
    old = project.table()

    class Migrating(PassingStore):
        def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
            other = LoadProject(project.path, online_store=project.config.online_store.type)
            other.store.apply([other.view(features={"trips": Float64})], allow_migration=True)
            other.close()
            return super().write(table, keys, values)

    with project.online_through(Migrating), pytest.raises(LookupError):
        project.store.materialize_incremental()
    assert project.table() != old
    project.store.materialize_incremental()
    project.check(rows.set_column(2, "trips", pa.array([1.0])))


def test_rows_that_arrive_between_counting_and_reading_are_not_forgotten(project):
    project.write(rides((1, -1, 1, -1), created=True))
    project.apply(project.view(source={"created_timestamp_column": "created"}))
    engine = project.store._workspace.engine
    run = engine.run
    late = rides((2, -1, 1, -0.5), created=True)

    def run_and_arrive(plan, spine=None):
        result = run(plan, spine)
        project.write(late, "rides/late.parquet")
        return result

    engine.run = run_and_arrive
    project.store.materialize_incremental()
    engine.run = run
    project.store.materialize_incremental()
    project.check(pa.concat_tables([rides((1, -1, 1, -1), created=True), late]))


def test_the_store_is_shared_by_threads(project):
    """Writes run in a thread of their own: an error there reaches the caller, and no thread is left over."""
    project.write(rides(*[(i, -1, i) for i in range(5)]))
    project.apply(project.view())
    before = {thread.name for thread in threading.enumerate()}

    class Naming(PassingStore):
        def __init__(self, real: OnlineStore) -> None:
            super().__init__(real)
            self.threads: set[str] = set()

        def write(self, table: OnlineTable, keys: Sequence[bytes], values: Sequence[bytes]) -> WriteResult:
            self.threads.add(threading.current_thread().name)
            raise UnavailableError("No.")

    with project.online_through(Naming), pytest.raises(UnavailableError):
        project.store.materialize_incremental()
    assert {thread.name for thread in threading.enumerate()} <= before
