"""The behaviour of a registry store, as a suite.

A backend's author subclasses it::

    class TestMyRegistry(RegistrySuite):
        def make_store(self, folder):
            return MyRegistry(repo_path=folder, path="registry")

Each rule is one test method. A rule that a store cannot keep yet is named in ``gaps`` with the reason.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from typing import ClassVar

import pytest

from repast.errors import ClosedError, ConflictError, InvalidRequestError
from repast.ports.registry import Document, RegistryStore

__all__ = ["BAD_NAMES", "RegistrySuite"]

BAD_NAMES = (
    "",
    ".",
    "..",
    "../outside",
    "a/../b",
    "a/..",
    "/absolute",
    "a//b",
    "a/",
    ".hidden",
    "a/.hidden",
    "a\\b",
    "a b",
    "a\nb",
    "a\x00b",
    "a:b",
    "é",
)
"""Names that every store refuses: they could lead out of its folder or mean different things in different stores."""


class RegistrySuite:
    """Every rule of :class:`repast.ports.registry.RegistryStore`."""

    gaps: ClassVar[Mapping[str, str]] = {}
    """Name of a rule -> why this store does not keep it yet. The day it does, the test fails: remove it."""
    shared: ClassVar[bool] = True
    """Whether stores made for one folder in different processes hold the same documents."""
    rounds: ClassVar[int] = 25
    """How often the races are run; fewer for stores behind a network."""

    def make_store(self, folder: Path) -> RegistryStore:
        """Return a store; all that are made for one folder hold the same documents."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _declare_gaps(self, request: pytest.FixtureRequest) -> None:
        reason = self.gaps.get(getattr(request.node, "originalname", request.node.name))
        if reason is not None:
            request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))

    # -- one document -----------------------------------------------------------------------------

    def test_nothing_is_there_at_first(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        assert store.load("project.json") is None
        assert list(store.names()) == []
        assert list(store.names("history/")) == []

    def test_making_a_store_touches_nothing(self, tmp_path: Path) -> None:
        self.make_store(tmp_path).close()
        assert list(tmp_path.iterdir()) == []

    def test_what_was_swapped_in_is_loaded(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        written = _created(store, "project.json", b"one")
        assert written.data == b"one"
        assert store.load("project.json") == written
        assert self.make_store(tmp_path).load("project.json") == written

    @pytest.mark.parametrize(
        "data",
        [b"", b"\x00", bytes(range(256)), b"\xff\xfe\r\n\n", "é\u2028".encode(), b"0123456789abcdef" * 65_536],
        ids=["empty", "nul", "all bytes", "no text", "unicode", "a megabyte"],
    )
    def test_bytes_come_back_as_they_were(self, tmp_path: Path, data: bytes) -> None:
        store = self.make_store(tmp_path)
        written = _created(store, "binary.json", data)
        assert store.load("binary.json") == written
        assert written.data == data
        assert list(store.names()) == ["binary.json"]

    def test_creating_asks_that_there_is_none(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        first = _created(store, "project.json", b"one")
        with pytest.raises(ConflictError):
            store.swap("project.json", b"two", None)
        assert store.load("project.json") == first

    def test_replacing_asks_for_the_version_of_now(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        first = _created(store, "project.json", b"one")
        second = store.swap("project.json", b"two", first.version)
        assert second is not None
        assert second.data == b"two"
        assert second.version != first.version
        assert store.load("project.json") == second
        with pytest.raises(ConflictError):
            store.swap("project.json", b"three", first.version)
        assert store.load("project.json") == second

    def test_the_same_bytes_may_be_swapped_in_again(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        first = _created(store, "project.json", b"one")
        again = store.swap("project.json", b"one", first.version)
        assert again is not None
        assert store.load("project.json") == again

    def test_a_version_of_what_is_not_there_is_a_conflict(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        other = _created(store, "other.json", b"other")
        with pytest.raises(ConflictError):
            store.swap("project.json", b"one", other.version)
        assert store.load("project.json") is None
        assert list(store.names()) == ["other.json"]

    def test_versions_never_stand_for_other_bytes(self, tmp_path: Path) -> None:
        """Not even for bytes of the same length written in the same instant, or after a removal."""
        store = self.make_store(tmp_path)
        seen: dict[str, bytes] = {}
        version: str | None = None
        for turn in range(4 * self.rounds):
            data = b"%03d" % turn
            document = store.swap("project.json", data, version)
            assert document is not None
            assert seen.setdefault(document.version, data) == data
            version = document.version
            if turn % 5 == 4:
                store.swap("project.json", None, version)
                version = None

    # -- removing ---------------------------------------------------------------------------------

    def test_removing_asks_for_the_version_of_now(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        first = _created(store, "project.json", b"one")
        second = store.swap("project.json", b"two", first.version)
        assert second is not None
        for wrong in (first.version, None):
            with pytest.raises(ConflictError):
                store.swap("project.json", None, wrong)
        assert store.load("project.json") == second
        assert store.swap("project.json", None, second.version) is None
        assert store.load("project.json") is None
        assert list(store.names()) == []

    def test_removing_what_is_not_there(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        assert store.swap("project.json", None, None) is None
        gone = _created(store, "project.json", b"one")
        store.swap("project.json", None, gone.version)
        with pytest.raises(ConflictError):
            store.swap("project.json", None, gone.version)
        with pytest.raises(ConflictError):
            store.swap("project.json", b"two", gone.version)
        assert store.load("project.json") is None

    def test_a_removed_name_can_be_used_again(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        for data in (b"one", b"two", b"three"):
            document = _created(store, "history/p/1.json", data)
            assert store.load("history/p/1.json") == document
            store.swap("history/p/1.json", None, document.version)

    # -- several documents ------------------------------------------------------------------------

    def test_documents_are_apart(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        names = ["a.json", "A-b.json", "a/b.json", "a/b/c.json", "b.json"]
        documents = {name: _created(store, name, name.encode()) for name in names}
        changed = store.swap("a.json", b"changed", documents["a.json"].version)
        assert changed is not None
        removed = documents.pop("a/b.json")
        store.swap("a/b.json", None, removed.version)
        documents["a.json"] = changed
        assert {name: store.load(name) for name in names} == {**documents, "a/b.json": None}

    def test_names_are_sorted_and_start_with_the_prefix(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        names = ["history/p/00000002.json", "p.json", "history/p/00000001.json", "history/p2/00000001.json", "q.json"]
        for name in names:
            _created(store, name, b"x")
        assert list(store.names()) == sorted(names)
        assert list(store.names("history/p/")) == ["history/p/00000001.json", "history/p/00000002.json"]
        assert list(store.names("history/p")) == sorted(n for n in names if n.startswith("history/p"))
        assert list(store.names("p")) == ["p.json"]
        assert list(store.names("nothing/")) == []

    @pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
    def test_names_that_lead_elsewhere_are_refused(self, tmp_path: Path, name: str) -> None:
        store = self.make_store(tmp_path)
        for ask in (store.load, store.find_version):
            with pytest.raises(InvalidRequestError):
                ask(name)
        for data in (b"x", None):
            with pytest.raises(InvalidRequestError):
                store.swap(name, data, None)
        assert list(store.names()) == []

    # -- versions and stamps --------------------------------------------------------------------------

    def test_the_version_can_be_asked_for_alone(self, tmp_path: Path) -> None:
        store, other = self.make_store(tmp_path), self.make_store(tmp_path)
        assert store.find_version("project.json") is None
        first = _created(store, "project.json", b"one")
        assert (store.find_version("project.json"), other.find_version("project.json")) == (first.version,) * 2
        second = store.swap("project.json", b"two", first.version)
        assert second is not None
        assert other.find_version("project.json") == second.version
        assert other.find_version("other.json") is None
        store.swap("project.json", None, second.version)
        assert (store.find_version("project.json"), other.find_version("project.json")) == (None, None)

    def test_a_stamp_changes_with_the_document(self, tmp_path: Path) -> None:
        """However fast the changes, and though the bytes keep their length; stores without stamps return None."""
        store, other = self.make_store(tmp_path), self.make_store(tmp_path)
        stamps = [other.stamp("project.json")]
        document: Document | None = None
        for turn in range(2 * self.rounds):
            version = document.version if document else None
            document = store.swap("project.json", b"%04d" % turn, version)
            stamps.append(other.stamp("project.json"))
        if any(stamp is not None for stamp in stamps):
            assert None not in stamps
            assert len(set(stamps)) == len(stamps)

    def test_a_stamp_stays_while_nothing_changes(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        first = _created(store, "project.json", b"one")
        stamp = store.stamp("project.json")
        store.load("project.json")
        _created(store, "other.json", b"two")
        with pytest.raises(ConflictError):
            store.swap("project.json", b"three", None)
        assert self.make_store(tmp_path).stamp("project.json") == stamp
        store.swap("project.json", None, first.version)
        assert store.stamp("project.json") != stamp or stamp is None

    # -- races ------------------------------------------------------------------------------------

    def test_one_of_many_creators_wins(self, tmp_path: Path) -> None:
        stores = [self.make_store(tmp_path) for _ in range(4)]
        for turn in range(self.rounds):
            name = f"race-{turn}.json"
            winners = _race(stores, lambda store, data, name=name: store.swap(name, data, None))  # type: ignore[misc]
            assert len(winners) == 1
            assert stores[0].load(name) == winners[0]

    def test_one_of_many_swappers_wins(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        document = _created(store, "race.json", b"start")
        for turn in range(self.rounds):
            # Bytes that were not there before: stores may make the version of the content alone.
            winners = _race(
                [store] * 4,
                lambda store, data, seen=document, turn=turn: store.swap(  # type: ignore[misc]
                    "race.json", b"%d %b" % (turn, data), seen.version
                ),
            )
            assert len(winners) == 1
            document = winners[0]
            assert store.load("race.json") == document

    def test_threads_lose_no_update(self, tmp_path: Path) -> None:
        stores = [self.make_store(tmp_path) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda store: _count_up(store, self.rounds), stores))
        assert _count(stores[0]) == 4 * self.rounds

    def test_processes_lose_no_update(self, tmp_path: Path) -> None:
        if not self.shared:
            pytest.skip("the documents of this store live in one process")
        context = multiprocessing.get_context("spawn")
        workers = [
            context.Process(target=_count_up_in_process, args=(type(self), tmp_path, self.rounds)) for _ in range(3)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0, 0, 0]
        assert _count(self.make_store(tmp_path)) == 3 * self.rounds

    def test_readers_see_whole_documents_that_never_go_back(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        document = _created(store, "project.json", _sealed(0))
        written = Event()

        def watch(reader: RegistryStore) -> list[int]:
            seen = []
            last = False
            while not last:
                last = written.is_set()
                found = reader.load("project.json")
                assert found is not None
                seen.append(_unsealed(found.data))
            return seen

        with ThreadPoolExecutor(2) as pool:
            watching = [pool.submit(watch, self.make_store(tmp_path)) for _ in range(2)]
            try:
                for turn in range(1, 2 * self.rounds):
                    swapped = store.swap("project.json", _sealed(turn), document.version)
                    assert swapped is not None
                    document = swapped
            finally:
                written.set()
            for seen in watching:
                assert seen.result() == sorted(seen.result())
                assert seen.result()[-1] == 2 * self.rounds - 1

    # -- the end ----------------------------------------------------------------------------------

    def test_a_closed_store_says_so(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.close()
        store.close()
        calls: list[Callable[[], object]] = [
            lambda: store.load("project.json"),
            lambda: store.find_version("project.json"),
            lambda: store.swap("project.json", b"x", None),
            store.names,
        ]
        for call in calls:
            with pytest.raises(ClosedError):
                call()


def _created(store: RegistryStore, name: str, data: bytes) -> Document:
    document = store.swap(name, data, None)
    assert document is not None
    return document


def _race(stores: list[RegistryStore], swap: Callable[[RegistryStore, bytes], Document | None]) -> list[Document]:
    """Let all swap at the same moment, each its own bytes; return what the winners got."""
    barrier = Barrier(len(stores))

    def run(number: int) -> Document | None:
        barrier.wait()
        try:
            return swap(stores[number], b"written by %d" % number)
        except ConflictError:
            return None

    with ThreadPoolExecutor(len(stores)) as pool:
        return [document for document in pool.map(run, range(len(stores))) if document is not None]


def _count_up(store: RegistryStore, times: int) -> None:
    """Add one, again and again; give up when others are always faster."""
    done = 0
    for _ in range(1000 * times):
        found = store.load("count.json")
        try:
            store.swap("count.json", b"%d" % (_number(found) + 1), found.version if found else None)
        except ConflictError:
            continue
        done += 1
        if done == times:
            return
    raise AssertionError(f"only {done} of {times} updates came through")


def _count_up_in_process(suite: type[RegistrySuite], folder: Path, times: int) -> None:
    _count_up(suite().make_store(folder), times)


def _count(store: RegistryStore) -> int:
    return _number(store.load("count.json"))


def _number(document: Document | None) -> int:
    if document is None:
        return 0
    assert document.data.isdigit(), "a reader saw what nobody wrote"
    return int(document.data)


def _sealed(turn: int) -> bytes:
    """A document of changing length that tells whether it is whole."""
    body = b"%d " % turn * (1 + turn % 7 * 3000)
    return hashlib.sha256(body).hexdigest().encode() + body


def _unsealed(data: bytes) -> int:
    seal, body = data[:64], data[64:]
    assert hashlib.sha256(body).hexdigest().encode() == seal, "a reader saw half a document"
    return int(body.split(b" ", 1)[0])
