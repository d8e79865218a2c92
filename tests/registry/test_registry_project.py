"""One project's registry: what readers see and when, the history, the bookkeeping, many writers."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from repast.app.registry import HISTORY_LENGTH, Change, Registry
from repast.backends.registry.object_store import ObjectStoreRegistry
from repast.core.manifest import EntitySpec, FieldSpec, Manifest, ProjectSpec, ProjectState, ViewState
from repast.errors import (
    ConflictError,
    CorruptDataError,
    InvalidRequestError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from repast.ports.registry import Document, RegistryStore
from repast.testing.clock import ManualClock

SECOND = timedelta(seconds=1)


def no_sleep(seconds: float) -> None:
    assert 0 <= seconds <= 0.5


def local(folder: Path) -> RegistryStore:
    return ObjectStoreRegistry(repo_path=folder, path="registry")


def memory(folder: Path) -> RegistryStore:
    return ObjectStoreRegistry(repo_path=folder, path=f"memory://{folder}")


@pytest.fixture(params=[local, memory], ids=["local", "memory"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], RegistryStore]:
    return lambda: request.param(tmp_path)


def entity(name: str, description: str = "") -> EntitySpec:
    return EntitySpec(name=name, description=description, join_keys=(FieldSpec(name="id", dtype="int64"),))


def changed(manifest: Manifest, *entities: EntitySpec, without: tuple[str, ...] = ()) -> Manifest:
    members = {**manifest.entities, **{e.name: e for e in entities}}
    kept = {name: member for name, member in members.items() if name not in without}
    return msgspec.structs.replace(manifest, generation=manifest.generation + 1, entities=kept)


def add(registry: Registry, *entities: EntitySpec, without: tuple[str, ...] = ()) -> Manifest:
    manifest, version = registry.load_manifest()
    new = changed(manifest, *entities, without=without)
    registry.swap_manifest(new, version)
    return new


class Flaky(RegistryStore):
    """A store without stamps whose network can be cut, for some documents or all, or stalled."""

    def __init__(self, store: RegistryStore) -> None:
        self.store = store
        self.cut: str | None = None
        self.loads = self.looks = self.lists = 0
        self.gate = threading.Event()
        self.gate.set()

    def touch(self, name: str) -> None:
        if self.cut is not None and name.startswith(self.cut):
            raise UnavailableError("the network is down")

    def load(self, name: str) -> Document | None:
        self.loads += 1
        assert self.gate.wait(60)
        self.touch(name)
        return self.store.load(name)

    def find_version(self, name: str) -> str | None:
        assert self.gate.wait(60)
        try:
            self.touch(name)
            return self.store.find_version(name)
        finally:
            self.looks += 1

    def swap(self, name: str, data: bytes | None, expected: str | None) -> Document | None:
        self.touch(name)
        return self.store.swap(name, data, expected)

    def names(self, prefix: str = "") -> list[str]:
        self.lists += 1
        self.touch(prefix)
        return list(self.store.names(prefix))

    def close(self) -> None:
        self.store.close()


# -- what readers see -----------------------------------------------------------------------------


def test_a_project_that_was_never_applied_is_empty(opened: Callable[[], RegistryStore]) -> None:
    registry = Registry(opened(), "demo")
    assert registry.manifest() == Manifest(project=ProjectSpec(name="demo"))
    assert registry.manifest() is registry.manifest()
    assert registry.load_manifest() == (registry.manifest(), None)
    assert registry.state() == ProjectState()
    assert registry.log() == []
    assert registry.projects() == []


def test_what_was_registered_is_seen(opened: Callable[[], RegistryStore]) -> None:
    writer, reader = Registry(opened(), "demo"), Registry(opened(), "demo")
    written = add(writer, entity("driver"))
    assert writer.manifest() == written
    assert reader.manifest() == written
    assert reader.manifest() is reader.manifest()
    reader.refresh()
    assert reader.manifest() == written


def test_changes_of_a_local_registry_are_seen_at_once(tmp_path: Path) -> None:
    writer = Registry(local(tmp_path), "demo")
    reader = Registry(local(tmp_path), "demo", clock=ManualClock())
    for number in range(50):  # as fast as can be, and each document as long as the last
        add(writer, entity("driver", f"{number:02d}"))
        assert reader.manifest().entities["driver"].description == f"{number:02d}"
    writer.remove()
    assert reader.manifest().generation == 0


def test_a_writer_sees_what_others_wrote_after_it(tmp_path: Path) -> None:
    one, two = Registry(local(tmp_path), "demo"), Registry(local(tmp_path), "demo")
    add(one, entity("a"))
    add(two, entity("b"))
    assert set(one.manifest().entities) == {"a", "b"}


HOUR = timedelta(hours=1)


def wait_until(is_so: Callable[[], bool]) -> None:
    """What a thread does in the background is seen by asking again."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def pollers() -> int:
    return sum(thread.name == "repast-registry" for thread in threading.enumerate())


def test_a_remote_registry_is_looked_at_in_the_background_and_nobody_waits(tmp_path: Path) -> None:
    clock = ManualClock()
    store = Flaky(memory(tmp_path))
    reader = Registry(store, "demo", clock=clock, ttl=HOUR)
    writer = Registry(memory(tmp_path), "demo")
    assert reader.manifest().generation == 0
    add(writer, entity("a"))
    clock.advance(HOUR / 2 - SECOND)
    assert reader.manifest().generation == 0
    assert (store.looks, store.loads) == (0, 1)
    clock.advance(SECOND)
    for step, generation in ((HOUR / 2, 1), (2 * HOUR, 2), (-3 * HOUR, 3)):  # in time, late, and a clock put back
        store.gate.clear()
        assert [reader.manifest().generation for _ in range(3)] == [generation - 1] * 3
        store.gate.set()
        wait_until(lambda seen=generation: reader.manifest().generation == seen)  # type: ignore[misc]
        add(writer, entity(f"e{generation}"))
        clock.advance(step)
    reader.close()


def test_a_remote_registry_that_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    clock = ManualClock()
    store = Flaky(memory(tmp_path))
    add(Registry(memory(tmp_path), "demo"), entity("a"))
    reader = Registry(store, "demo", clock=clock, ttl=HOUR)
    manifest = reader.manifest()
    for looks in range(1, 6):
        clock.advance(HOUR)
        assert reader.manifest() is manifest
        wait_until(lambda looks=looks: store.looks == looks)  # type: ignore[misc]
    assert reader.load_manifest()[0] is manifest
    assert store.loads == 1
    reader.close()


def test_nobody_looks_for_a_reader_that_is_silent_closed_or_gone(tmp_path: Path) -> None:
    before, clock = pollers(), ManualClock()
    writer = Registry(memory(tmp_path), "demo")
    reader = Registry(memory(tmp_path), "demo", clock=clock, ttl=timedelta(milliseconds=2))
    assert reader.manifest().generation == 0
    wait_until(lambda: pollers() == before)
    add(writer, entity("a"))
    clock.advance(SECOND)
    assert reader.manifest().generation == 1, "the first after a silence looks itself"
    assert pollers() == before + 1
    reader.close()
    assert pollers() == before
    lost = Registry(memory(tmp_path), "demo", clock=clock, ttl=timedelta(milliseconds=2))
    lost.manifest()
    del lost
    wait_until(lambda: pollers() == before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_process_looks_for_itself(tmp_path: Path) -> None:
    """Though the parent's thread held its lock at that moment, and is not there."""
    clock = ManualClock()
    store = Flaky(local(tmp_path))
    reader = Registry(store, "demo", clock=clock, ttl=HOUR)
    assert reader.manifest().generation == 0
    add(Registry(local(tmp_path), "demo"), entity("a"))
    store.gate.clear()
    clock.advance(HOUR)
    assert reader.manifest().generation == 0
    wait_until(reader._cache._lock.locked)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        store.gate = threading.Event()
        store.gate.set()
        os._exit(0 if reader.manifest().generation == 1 else 1)
    store.gate.set()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    wait_until(lambda: reader.manifest().generation == 1)
    reader.close()


@pytest.mark.parametrize("make", [local, memory])
def test_the_ttl_may_be_set(tmp_path: Path, make: Callable[[Path], RegistryStore]) -> None:
    clock = ManualClock()
    writer = Registry(make(tmp_path), "demo")
    hourly = Registry(make(tmp_path), "demo", clock=clock, ttl=HOUR)
    once = Registry(make(tmp_path), "demo", clock=clock, ttl=timedelta(0))
    assert hourly.manifest().generation == once.manifest().generation == 0
    add(writer, entity("a"))
    clock.advance(HOUR / 2 - SECOND)
    assert hourly.manifest().generation == 0
    clock.advance(SECOND)
    wait_until(lambda: hourly.manifest().generation == 1)
    clock.advance(timedelta(days=1000))
    assert once.manifest().generation == 0
    once.refresh()
    assert once.manifest().generation == 1
    hourly.close()


def test_reading_goes_on_while_the_registry_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    store = Flaky(memory(tmp_path))
    reader = Registry(store, "demo", clock=clock, ttl=HOUR)
    written = add(reader, entity("a"))
    store.cut = ""
    with caplog.at_level(logging.WARNING, "repast.registry"):
        for _ in range(3):
            clock.advance(HOUR)
            looks = store.looks
            assert [reader.manifest() for _ in range(5)] == [written] * 5
            wait_until(lambda looks=looks: store.looks > looks)  # type: ignore[misc]
        assert store.looks <= 6  # not at every call
    assert [record.message for record in caplog.records] == [
        "serving on with the last registry that could be read: the network is down"
    ]
    with pytest.raises(UnavailableError):
        reader.refresh()
    with pytest.raises(UnavailableError):
        reader.load_manifest()
    with pytest.raises(UnavailableError):
        Registry(store, "demo").manifest()
    store.cut = None
    add(Registry(memory(tmp_path), "demo"), entity("b"))
    clock.advance(HOUR)
    wait_until(lambda: reader.manifest().generation == 2)
    store.cut = ""
    with caplog.at_level(logging.WARNING, "repast.registry"):
        clock.advance(HOUR)
        reader.manifest()
        wait_until(lambda: len(caplog.records) == 2)  # a new outage is news
    reader.close()


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"{",
        b'{"format": 1}',
        b'{"name": "package"}',
        b"\x00\xff",
        b"[]",
        b'{"format": 1, "project": {"name": "x"}}',
    ],
    ids=["empty", "truncated", "no project", "alien", "binary", "list", "other project"],
)
def test_a_document_that_cannot_be_right_is_named_and_left_alone(
    tmp_path: Path, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    served = Registry(local(tmp_path), "demo")
    written = add(served, entity("a"))
    path = tmp_path / "registry" / "demo.json"
    path.write_bytes(garbage)
    fresh = Registry(local(tmp_path), "demo")
    for call in (fresh.manifest, fresh.refresh, fresh.load_manifest, served.refresh):
        with pytest.raises(CorruptDataError, match=r"'demo\.json'"):
            call()
    with pytest.raises(CorruptDataError):
        add(fresh, entity("b"))
    with caplog.at_level(logging.WARNING, "repast.registry"):
        assert served.manifest() == written
    assert "demo.json" in caplog.text
    assert path.read_bytes() == garbage
    assert served.history(1) == written


def test_half_of_any_document_is_corrupt(tmp_path: Path) -> None:
    registry = Registry(local(tmp_path), "demo")
    add(registry, entity("a"))
    registry.update_state(lambda state: ProjectState(views={"v": ViewState(rows_written=1)}))
    calls = {
        "demo.json": registry.load_manifest,
        "demo.state.json": registry.state,
        "history/demo/00000001.json": registry.log,
    }
    for name, call in calls.items():
        path = tmp_path / "registry" / name
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(CorruptDataError, match=name):
            call()
        assert path.read_bytes() == data[: len(data) // 2]


def test_a_newer_format_is_not_corrupt_but_unsupported(tmp_path: Path) -> None:
    registry = Registry(local(tmp_path), "demo")
    add(registry, entity("a"))
    for name in ("demo.json", "history/demo/00000001.json"):
        path = tmp_path / "registry" / name
        path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 2'))
    for call in (registry.load_manifest, registry.log):
        with pytest.raises(UnsupportedError, match="has format 2; this version of Repast reads up to 1"):
            call()


# -- registering ----------------------------------------------------------------------------------


def test_the_second_of_two_writers_is_told(opened: Callable[[], RegistryStore]) -> None:
    one, two = Registry(opened(), "demo"), Registry(opened(), "demo")
    seen, version = one.load_manifest()
    theirs = add(two, entity("theirs"))
    with pytest.raises(ConflictError):
        one.swap_manifest(changed(seen, entity("mine")), version)
    assert one.load_manifest()[0] == theirs
    assert [entry.generation for entry in one.log()] == [1]


def test_a_manifest_must_be_of_the_project_and_newer(tmp_path: Path) -> None:
    registry = Registry(local(tmp_path), "demo")
    add(registry, entity("a"))
    manifest, version = registry.load_manifest()
    other = msgspec.structs.replace(changed(manifest), project=ProjectSpec(name="other"))
    for wrong in (manifest, other):
        with pytest.raises(InvalidRequestError, match="must have a generation above 1"):
            registry.swap_manifest(wrong, version)
    assert registry.load_manifest() == (manifest, version)


def test_the_manifest_depends_on_its_content_only(tmp_path: Path) -> None:
    for folder, clock in (("a", ManualClock()), ("b", ManualClock(datetime(2030, 1, 1, tzinfo=UTC)))):
        add(Registry(local(tmp_path / folder), "demo", clock=clock), entity("x"), entity("y"))
    documents = [(tmp_path / folder / "registry" / "demo.json").read_bytes() for folder in ("a", "b")]
    assert documents[0] == documents[1]


# -- history --------------------------------------------------------------------------------------


def test_the_log_says_what_changed_and_when(opened: Callable[[], RegistryStore]) -> None:
    clock = ManualClock(datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC))
    registry = Registry(opened(), "demo", clock=clock)
    first = add(registry, entity("a"), entity("b"))
    clock.advance(SECOND)
    second = add(registry, entity("a", "better"), entity("c"), without=("b",))
    assert [(entry.generation, entry.time) for entry in registry.log()] == [(2, clock()), (1, clock() - SECOND)]
    assert registry.log()[0].changes == (
        Change("updated", "entity", "a"),
        Change("deleted", "entity", "b"),
        Change("created", "entity", "c"),
    )
    assert [str(change) for change in registry.log()[1].changes] == ["created entity a", "created entity b"]
    assert registry.log(1) == registry.log()[:1]
    assert registry.log(0) == []
    assert registry.history(1) == first
    assert registry.history(2) == second
    with pytest.raises(InvalidRequestError):
        registry.log(-1)


def test_the_history_is_bounded(tmp_path: Path) -> None:
    registry = Registry(memory(tmp_path), "demo")
    for number in range(HISTORY_LENGTH + 5):
        add(registry, entity("a", str(number)))
    entries = registry.log(1000)
    assert [entry.generation for entry in entries] == list(range(105, 5, -1))
    assert registry.history(6).entities["a"].description == "5"
    with pytest.raises(NotFoundError) as caught:
        registry.history(5)
    assert str(caught.value) == (
        "There is no generation 5 of project 'demo' in the history.\nhint: it has 6 to 105: see repast log"
    )
    with pytest.raises(NotFoundError, match="nothing was ever applied"):
        Registry(memory(tmp_path), "other").history(1)


def test_a_history_that_is_not_full_is_not_listed(tmp_path: Path) -> None:
    store = Flaky(memory(tmp_path))
    registry = Registry(store, "demo")
    add(registry, entity("a"))
    before = store.lists
    for number in range(1, HISTORY_LENGTH):
        add(registry, entity("a", str(number)))
    assert store.lists == before
    add(registry, entity("a", "too many"))
    assert store.lists == before + 1
    assert registry.log(1000)[-1].generation == 2


def test_a_generation_that_missed_the_history_is_added_by_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Flaky(memory(tmp_path))
    registry = Registry(store, "demo")
    add(registry, entity("a"))
    real_swap = store.swap

    def cut_after_manifest(name: str, data: bytes | None, expected: str | None) -> Document | None:
        store.cut = "history" if name == "demo.json" else store.cut
        return real_swap(name, data, expected)

    store.swap = cut_after_manifest  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING, "repast.registry"):
        second = add(registry, entity("b"))
    assert "generation 2 is registered but not yet in the history" in caplog.text
    store.swap, store.cut = real_swap, None  # type: ignore[method-assign]
    assert [entry.generation for entry in registry.log()] == [1]
    add(Registry(memory(tmp_path), "demo"), entity("c"))
    assert [entry.generation for entry in registry.log()] == [3, 2, 1]
    assert registry.log()[1].changes == (Change("created", "entity", "b"),)
    assert registry.history(2) == second


# -- projects -------------------------------------------------------------------------------------


def test_projects_share_a_registry_and_nothing_else(opened: Callable[[], RegistryStore]) -> None:
    names = ["demo", "demo2", "demo-state", "history"]
    registries = {name: Registry(opened(), name) for name in names}
    written = {name: add(registry, entity(f"of_{name}")) for name, registry in registries.items()}
    for registry in registries.values():
        registry.update_state(lambda state: ProjectState(views={"v": ViewState(rows_written=1)}))
    assert [project.name for project in registries["demo"].projects()] == sorted(names)
    registries["demo"].remove()
    assert registries["demo"].manifest().generation == 0
    assert registries["demo"].state() == ProjectState()
    assert registries["demo"].log() == []
    for name in names[1:]:
        registry = Registry(opened(), name)
        assert registry.load_manifest()[0] == written[name]
        assert registry.state().views["v"].rows_written == 1
        assert [entry.generation for entry in registry.log()] == [1]
    assert [project.name for project in registries["demo"].projects()] == sorted(names[1:])


def test_the_description_of_projects_is_listed(tmp_path: Path) -> None:
    registry = Registry(local(tmp_path), "demo")
    manifest, version = registry.load_manifest()
    spec = ProjectSpec(name="demo", description="Taxis", tags={"team": "a"}, owner="me")
    registry.swap_manifest(msgspec.structs.replace(manifest, generation=1, project=spec), version)
    [project] = Registry(local(tmp_path), "other").projects()
    assert (project.name, project.description, project.tags, project.owner) == ("demo", "Taxis", {"team": "a"}, "me")


def test_a_removal_that_was_interrupted_can_be_repeated_or_forgotten(tmp_path: Path) -> None:
    store = Flaky(memory(tmp_path))
    registry = Registry(store, "demo")
    for name in ("a", "b", "c"):
        add(registry, entity(name))
    store.cut = "history/demo/00000002"
    with pytest.raises(UnavailableError):
        registry.remove()
    store.cut = None
    assert registry.manifest().generation == 0
    add(registry, entity("new"))
    assert [entry.generation for entry in registry.log()] == [1]
    assert set(registry.history(1).entities) == {"new"}
    registry.remove()
    registry.remove()
    assert list(store.names()) == []


# -- bookkeeping ----------------------------------------------------------------------------------


def loaded(view: str) -> Callable[[ProjectState], ProjectState]:
    def change(state: ProjectState) -> ProjectState:
        before = state.views.get(view, ViewState())
        after = msgspec.structs.replace(before, rows_written=before.rows_written + 1)
        return ProjectState(views={**state.views, view: after})

    return change


def test_no_update_of_the_bookkeeping_is_lost(opened: Callable[[], RegistryStore]) -> None:
    def work(view: str) -> None:
        registry = Registry(opened(), "demo")
        for _ in range(10):
            registry.update_state(loaded(view))
            registry.update_state(loaded("all"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "abcd"))
    state = Registry(opened(), "demo").state()
    assert {view: found.rows_written for view, found in state.views.items()} == {
        **dict.fromkeys("abcd", 10),
        "all": 40,
    }


def test_an_update_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    registry = Registry(local(tmp_path), "demo")
    assert registry.update_state(lambda state: state) == ProjectState()
    assert list(tmp_path.iterdir()) == []


def test_loads_do_not_conflict_with_applies(tmp_path: Path) -> None:
    registry = Registry(local(tmp_path), "demo")
    add(registry, entity("a"))
    manifest, version = registry.load_manifest()
    registry.update_state(loaded("v"))
    registry.swap_manifest(changed(manifest, entity("b")), version)
    assert registry.state().views["v"].rows_written == 1


def test_who_is_always_too_late_gives_up(tmp_path: Path) -> None:
    other = Registry(local(tmp_path), "demo", sleep=no_sleep)
    waits: list[float] = []
    registry = Registry(local(tmp_path), "demo", sleep=waits.append)

    def change(state: ProjectState) -> ProjectState:
        other.update_state(loaded("theirs"))
        return loaded("mine")(state)

    with pytest.raises(ConflictError, match="others were faster 50 times in a row"):
        registry.update_state(change)
    assert len(waits) == 50
    assert max(waits) <= 0.5
    assert set(registry.state().views) == {"theirs"}


# -- many processes -------------------------------------------------------------------------------


def register_many(folder: Path, worker: int, times: int) -> None:
    registry = Registry(local(folder), "demo")
    for number in range(times):
        while True:
            try:
                add(registry, entity(f"e{worker}_{number}"))
            except ConflictError:
                continue
            break


def test_eight_processes_register_eight_objects_each_and_all_survive(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=register_many, args=(tmp_path, worker, 8)) for worker in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 8
    registry = Registry(local(tmp_path), "demo")
    assert set(registry.manifest().entities) == {f"e{worker}_{number}" for worker in range(8) for number in range(8)}
    assert registry.manifest().generation == 64
    entries = registry.log(100)
    assert [entry.generation for entry in entries] == list(range(64, 0, -1))
    assert all(len(entry.changes) == 1 for entry in entries)
    assert sorted(path.name for path in (tmp_path / "registry").iterdir()) == [".lock", "demo.json", "history"]
