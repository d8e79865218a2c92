"""The registry suite must catch what it is for: each store here has one bug, and some rule has to fail on it."""

from __future__ import annotations

import functools
import inspect
import re
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count, product
from pathlib import Path
from typing import ClassVar

import pytest

from repast.errors import ClosedError, ConflictError, InvalidRequestError, RepastError
from repast.ports.registry import Document, RegistryStore
from repast.testing.registry import RegistrySuite


class SoundStore(RegistryStore):
    """A right store in a few lines, with seams that the bugs below replace."""

    shelves: ClassVar[dict[Path, dict[str, Document]]] = defaultdict(dict)
    numbers: ClassVar[Iterator[int]] = count()
    lock: ClassVar[threading.RLock] = threading.RLock()

    def __init__(self, *, repo_path: Path) -> None:
        self.shelf = self.shelves[repo_path]
        self.closed = False

    def check(self, name: str) -> None:
        if self.closed:
            raise ClosedError("closed")
        segment = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"
        if not re.fullmatch(f"{segment}(/{segment})*", name):
            raise InvalidRequestError(name)

    def version(self, data: bytes) -> str:
        return str(next(self.numbers))

    def load(self, name: str) -> Document | None:
        self.check(name)
        return self.shelf.get(name)

    def stamp(self, name: str) -> tuple[int, ...] | None:
        found = self.shelf.get(name)
        return (int(found.version),) if found else ()

    def expect(self, name: str, expected: str | None) -> None:
        found = self.shelf.get(name)
        if (found.version if found else None) != expected:
            raise ConflictError(name)

    def put(self, name: str, data: bytes) -> Document:
        self.shelf[name] = Document(data, self.version(data))
        return self.shelf[name]

    def remove(self, name: str) -> None:
        self.shelf.pop(name, None)

    def swap(self, name: str, data: bytes | None, expected: str | None) -> Document | None:
        self.check(name)
        with self.lock:
            self.expect(name, expected)
            if data is not None:
                return self.put(name, data)
            self.remove(name)
            return None

    def names(self, prefix: str = "") -> Sequence[str]:
        self.check("any")
        return sorted(name for name in self.shelf if name.startswith(prefix))

    def close(self) -> None:
        self.closed = True


class CreateReplaces(SoundStore):
    def expect(self, name, expected):
        if expected is not None:
            super().expect(name, expected)


class AnyVersionWillDo(SoundStore):
    def expect(self, name, expected):
        if (name in self.shelf) != (expected is not None):
            raise ConflictError(name)


class ReplaceCreates(SoundStore):
    def expect(self, name, expected):
        if name in self.shelf:
            super().expect(name, expected)


class VersionsOfOtherDocumentsWillDo(SoundStore):
    def expect(self, name, expected):
        if expected not in {document.version for document in self.shelf.values()}:
            super().expect(name, expected)


class LooksBeforeItLocks(SoundStore):
    def swap(self, name, data, expected):
        self.check(name)
        self.expect(name, expected)
        time.sleep(0.001)
        return self.put(name, data) if data is not None else self.remove(name)


class LocksOnlyItself(SoundStore):
    def __init__(self, *, repo_path):
        super().__init__(repo_path=repo_path)
        self.lock = threading.RLock()

    def expect(self, name, expected):
        super().expect(name, expected)
        time.sleep(0.001)


class WritesBeforeItLooks(SoundStore):
    def swap(self, name, data, expected):
        self.check(name)
        with self.lock:
            found = self.shelf.get(name)
            written = self.put(name, data) if data is not None else self.remove(name)
            if (found.version if found else None) != expected:
                raise ConflictError(name)
            return written


class LosersHearNothing(SoundStore):
    def swap(self, name, data, expected):
        try:
            return super().swap(name, data, expected)
        except ConflictError:
            return None


class LosersThinkTheyWon(SoundStore):
    def swap(self, name, data, expected):
        try:
            return super().swap(name, data, expected)
        except ConflictError:
            return Document(data or b"", "0")


class VersionIsTheLength(SoundStore):
    def version(self, data):
        return str(len(data))


class VersionIsPerDocument(SoundStore):
    """Counts from one again when a removed document comes back."""

    def put(self, name, data):
        found = self.shelf.get(name)
        self.shelf[name] = Document(data, str(int(found.version) + 1 if found else 1))
        return self.shelf[name]


class VersionIsACoarseClock(SoundStore):
    def version(self, data):
        return str(next(self.numbers) // 2)


class ReturnsWhatWasThere(SoundStore):
    def put(self, name, data):
        before, after = self.shelf.get(name), super().put(name, data)
        return before or after


class ReturnsAnotherVersion(SoundStore):
    def put(self, name, data):
        return Document(super().put(name, data).data, "later")


class RefusesTheSameBytes(SoundStore):
    def swap(self, name, data, expected):
        found = self.shelf.get(name)
        if found and found.data == data:
            raise ConflictError(name)
        return super().swap(name, data, expected)


class IsForTextOnly(SoundStore):
    def put(self, name, data):
        return super().put(name, data.decode(errors="replace").encode())


class StripsTheEnd(SoundStore):
    def put(self, name, data):
        return super().put(name, data.rstrip(b"\n"))


class StopsAtNul(SoundStore):
    def put(self, name, data):
        return super().put(name, data.partition(b"\0")[0])


class TruncatesLongDocuments(SoundStore):
    def put(self, name, data):
        return super().put(name, data[:65_536])


class EmptyMeansNone(SoundStore):
    def load(self, name):
        found = super().load(name)
        return found if found and found.data else None


class NoneIsEmpty(SoundStore):
    def load(self, name):
        return super().load(name) or Document(b"", "none")


class RemovesAnyVersion(SoundStore):
    def swap(self, name, data, expected):
        if data is None and name in self.shelf:
            expected = self.shelf[name].version
        return super().swap(name, data, expected)


class RemovesWhatIsNotThere(SoundStore):
    def swap(self, name, data, expected):
        if data is None and name not in self.shelf:
            expected = None
        return super().swap(name, data, expected)


class FailsToRemoveNothing(SoundStore):
    def remove(self, name):
        if self.shelf.pop(name, None) is None:
            raise ConflictError(name)


class RemovesOnlyTheContent(SoundStore):
    def remove(self, name):
        self.put(name, b"")


class KeepsRemovedNamesTaken(SoundStore):
    def remove(self, name):
        super().remove(name)
        self.shelf[f"{name}.removed"] = Document(b"", "0")

    def names(self, prefix=""):
        return [name for name in super().names(prefix) if not name.endswith(".removed")]

    def expect(self, name, expected):
        super().expect(name, expected)
        if f"{name}.removed" in self.shelf:
            raise ConflictError(name)


class ListsUnsorted(SoundStore):
    def names(self, prefix=""):
        return [name for name in self.shelf if name.startswith(prefix)]


class ListsTheTopOnly(SoundStore):
    def names(self, prefix=""):
        return [name for name in super().names(prefix) if "/" not in name.removeprefix(prefix)]


class ListsFoldersOnly(SoundStore):
    def names(self, prefix=""):
        folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
        return super().names(folder)


class ListsEverything(SoundStore):
    def names(self, prefix=""):
        return super().names("")


class ListsItsOwnFiles(SoundStore):
    def put(self, name, data):
        self.shelf[".lock"] = Document(b"", "0")
        return super().put(name, data)


class LeadsAnywhere(SoundStore):
    def check(self, name):
        if self.closed:
            raise ClosedError("closed")


class ChecksNamesOfWritesOnly(SoundStore):
    def load(self, name):
        return self.shelf.get(name)


class MissesTheDots(SoundStore):
    def check(self, name):
        if self.closed:
            raise ClosedError("closed")
        if not re.fullmatch(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", name):
            raise InvalidRequestError(name)


class ForgetsFolders(SoundStore):
    def put(self, name, data):
        return super().put(name.rpartition("/")[2], data)

    def load(self, name):
        return super().load(name.rpartition("/")[2])


class TearsWrites(SoundStore):
    def put(self, name, data):
        version = self.version(data)
        self.shelf[name] = Document(data[: len(data) // 2], version)
        time.sleep(0.001)
        self.shelf[name] = Document(data, version)
        return self.shelf[name]


class ShowsOldDocumentsAtTimes(SoundStore):
    """Like a store behind replicas that lag."""

    def __init__(self, *, repo_path):
        super().__init__(repo_path=repo_path)
        self.loads = 0
        self.older = None

    def load(self, name):
        found = super().load(name)
        self.loads += 1
        if self.loads % 5:
            self.older = found
            return found
        return self.older

    def put(self, name, data):
        time.sleep(0.0002)
        return super().put(name, data)


class CachesForever(SoundStore):
    def __init__(self, *, repo_path):
        super().__init__(repo_path=repo_path)
        self.cache = {}

    def load(self, name):
        if name not in self.cache:
            self.cache[name] = super().load(name)
        return self.cache[name]


class KeepsItToItself(SoundStore):
    def __init__(self, *, repo_path):
        super().__init__(repo_path=repo_path)
        self.shelf = {}


class RemembersItsOwnVersions(SoundStore):
    def find_version(self, name: str) -> str | None:
        self.seen = {**getattr(self, "seen", {})}
        return self.seen.setdefault(name, super().find_version(name))  # type: ignore[no-any-return]


class StampsTheSize(SoundStore):
    def stamp(self, name):
        found = self.shelf.get(name)
        return (len(found.data),) if found else ()


class StampsTheFolder(SoundStore):
    def stamp(self, name):
        return tuple(int(document.version) for document in self.shelf.values())


class StampsTheMoment(SoundStore):
    def stamp(self, name):
        return (next(self.numbers),)


class StampsWhatIsThereOnly(SoundStore):
    def stamp(self, name):
        return super().stamp(name) or None


class MakesItsFolder(SoundStore):
    def __init__(self, *, repo_path):
        super().__init__(repo_path=repo_path)
        (repo_path / "registry").mkdir(exist_ok=True)


class NeverCloses(SoundStore):
    def close(self):
        pass


class ClosesOnce(SoundStore):
    def close(self):
        self.check("any")
        super().close()


BUGS = SoundStore.__subclasses__()


RULES = sorted(
    name
    for name, _ in inspect.getmembers(RegistrySuite, inspect.isfunction)
    if name.startswith("test_") and name != "test_processes_lose_no_update"
)
"""All but the one that needs documents on a disk."""


def suite_of(store_class: type[SoundStore]) -> RegistrySuite:
    class Suite(RegistrySuite):
        rounds = 12

        def make_store(self, folder: Path) -> RegistryStore:
            return store_class(repo_path=folder)

    return Suite()


@functools.cache
def broken_rules(store_class: type[SoundStore]) -> frozenset[str]:
    return frozenset(rule for rule in RULES if is_broken(store_class, rule))


def is_broken(store_class: type[SoundStore], rule: str) -> bool:
    suite = suite_of(store_class)
    for arguments in argument_sets(getattr(RegistrySuite, rule)):
        with tempfile.TemporaryDirectory() as folder:
            try:
                getattr(suite, rule)(Path(folder), **arguments)
            except (AssertionError, RepastError, pytest.fail.Exception):
                return True
    return False


def argument_sets(rule: object) -> Iterator[dict[str, object]]:
    marks = [mark for mark in getattr(rule, "pytestmark", []) if mark.name == "parametrize"]
    for values in product(*(mark.args[1] for mark in marks)):
        yield {mark.args[0]: value for mark, value in zip(marks, values, strict=True)}


def test_a_sound_store_keeps_all_rules() -> None:
    assert broken_rules(SoundStore) == frozenset()


@pytest.mark.parametrize("store_class", BUGS, ids=lambda cls: cls.__name__)
def test_the_suite_catches(store_class: type[SoundStore]) -> None:
    assert broken_rules(store_class)


def test_every_rule_catches_something() -> None:
    caught = frozenset().union(*(broken_rules(store_class) for store_class in BUGS))
    assert sorted(set(RULES) - caught) == []
