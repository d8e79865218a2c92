"""What all rules for online stores share: the store to test, its tables, threads that start at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest

from repast.ports.online import OnlineStore, OnlineTable, Values
from repast.testing.example import unhurried

TABLE = OnlineTable("project", "view")
OTHER = OnlineTable("project", "other")


class OnlineStoreBase:
    """What a subclass provides."""

    gaps: ClassVar[Mapping[str, str]] = {}
    """Name of a rule -> why this store does not keep it yet. The day it does, the test fails: remove it."""
    keeps_rows: ClassVar[bool] = True
    """Whether rows are there again after the store was closed and opened anew."""
    longest_value: ClassVar[int] = 1_000_000
    """Bytes of the longest value that the store has to keep. One whose server sets a lower limit says so here."""
    many: ClassVar[int] = 5000
    """Rows of large batches and reads: more than goes into one call. A store whose calls are small may say less."""

    def make_store(self, tmp_path: Path) -> OnlineStore:
        """Return a store over the one place that belongs to ``tmp_path``: called twice, both see the same rows."""
        raise NotImplementedError

    def make_expiring_store(self, tmp_path: Path) -> OnlineStore:
        """Return a store whose options ask that rows go by themselves. Needed where those of ``make_store`` do not."""
        return self.make_store(tmp_path)

    def ends_us(
        self,
        store: OnlineStore,  # noqa: ARG002 (for who overrides it)
        table: OnlineTable,  # noqa: ARG002
        keys: Sequence[bytes],  # noqa: ARG002
    ) -> Sequence[int | None] | None:
        """Return the microsecond (since 1970 UTC) at which the server lets each row go, None for one that stays.

        None for all: the server does not tell. What a rule asks of moments to come cannot be seen then.
        """
        return None

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[OnlineStore]:
        """A fresh store, closed afterwards."""
        store = self.make_store(tmp_path)
        yield store
        store.close()

    @pytest.fixture(autouse=True)
    def _random_examples(self) -> Iterator[None]:
        with unhurried():
            yield

    @pytest.fixture(autouse=True)
    def _declare_gaps(self, request: pytest.FixtureRequest) -> None:
        reason = self.gaps.get(getattr(request.node, "originalname", request.node.name))
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


def fresh_tables(store: OnlineStore) -> Iterator[OnlineTable]:
    """Return a new, empty table for every example."""
    for incarnation in count(1):
        table = OnlineTable("project", "examples", incarnation)
        store.create([table])
        yield table


def assert_same(found: Values, expected: Values) -> None:
    """Compare answers of thousands of values by hand: to explain how they differ takes pytest longer than any test."""
    assert [len(values) for values in found] == [len(values) for values in expected]
    for at, (some, wanted) in enumerate(zip(found, expected, strict=True)):
        wrong = [i for i, (value, other) in enumerate(zip(some, wanted, strict=True)) if value != other]
        shown = [(some[i] or b"")[:20] for i in wrong[:3]]
        assert not wrong, f"read {at}: {len(wrong)} values are wrong, first at {wrong[:3]}, which begin {shown}"


def run_together(actions: Sequence[Callable[[], object]]) -> None:
    """Run actions in threads that start at once; raise what the first of them raised."""
    start, errors = threading.Barrier(len(actions)), list[BaseException]()

    def run(action: Callable[[], object]) -> None:
        start.wait()
        try:
            action()
        except BaseException as error:  # noqa: BLE001 (raised below, in the thread of the test)
            errors.append(error)

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
