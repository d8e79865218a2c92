"""Laws of loads on the real engine, registry and stores, on random histories of files, loads, pushes and crashes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load_project import NOW, BreakingStore, LoadProject, at, counts, encoded, rides, small_batches

from repast.core.clock import to_us
from repast.errors import UnavailableError

FEWER = settings(max_examples=max(15, settings().max_examples // 3))
"""Each example makes a project, applies definitions and loads some times."""

HOURS = st.sampled_from([-48.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0])
ROWS = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 2, 3, None]),
        st.one_of(HOURS, HOURS, HOURS, st.none()),
        st.integers(0, 3),
        st.one_of(st.none(), HOURS),
    ),
    min_size=1,
    max_size=5,
)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.sampled_from(["a", "b", "c/d"]), ROWS),
        st.tuples(st.just("arrive"), st.sampled_from(["a", "b", "c/d"]), ROWS),
        st.tuples(st.just("incremental"), st.one_of(st.none(), HOURS)),
        st.tuples(st.just("window"), HOURS, HOURS),
        st.tuples(st.just("push"), ROWS),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 1.0])),
        st.tuples(st.just("crash"), st.integers(0, 2)),
    ),
    max_size=8,
)


@contextmanager
def new_project(online_store: str = "memory") -> Iterator[LoadProject]:
    with tempfile.TemporaryDirectory() as folder:
        project = LoadProject(Path(folder), online_store=online_store)
        try:
            yield project
        finally:
            project.close()


class History:
    """A project, everything that arrived in its files, and everything that was pushed."""

    def __init__(self, project: LoadProject, *, created: bool) -> None:
        self.project = project
        self.created = created
        self.files = {"a": rides(created=created)}
        self.pushed = rides(created=created)
        project.write(self.files["a"])
        source = {"created_timestamp_column": "created"} if created else {}
        project.apply(project.view(source=source))

    def table(self, rows: Sequence[tuple]) -> pa.Table:
        return rides(*rows, created=self.created)

    @property
    def arrived(self) -> pa.Table:
        return pa.concat_tables(self.files.values())

    def act(self, name: str, *arguments) -> None:
        getattr(self, name)(*arguments)

    def arrive(self, file: str, rows: Sequence[tuple]) -> None:
        before = self.files.get(file, rides(created=self.created))
        self.files[file] = pa.concat_tables([self.table(rows), before])
        self.project.write(self.files[file], f"rides/{file}.parquet")

    def push(self, rows: Sequence[tuple]) -> None:
        table = self.table(rows)
        self.pushed = pa.concat_tables([self.pushed, table])
        self.project.store.write_to_online_store("stats", table)

    def wait(self, hours: float) -> None:
        self.project.clock.advance(at(hours) - NOW)

    def window(self, one: float, other: float) -> None:
        self.project.store.materialize(at(min(one, other)), at(max(one, other)))

    def crash(self, batches: int) -> None:
        broken = self.project.online_through(lambda real: BreakingStore(real, batches))
        with small_batches(), broken, suppress(UnavailableError):
            self.project.store.materialize_incremental()

    def incremental(self, hours: float | None) -> None:
        end = None if hours is None else at(hours)
        self.project.store.materialize_incremental(end)
        self.check_reached(end or self.project.clock())

    def check_reached(self, end) -> None:
        """No key is behind the greatest row up to ``end``, and none holds anything that never was a row."""
        spec = self.project.spec()
        cells = list(encoded(spec, pa.concat_tables([self.arrived, self.pushed])))
        stored = self.project.stored([key for key, _, _ in cells])
        assert set(stored.items()) <= {(key, value) for key, value, _ in cells}
        for key, value, event in encoded(spec, self.arrived):
            if event <= to_us(end):
                assert stored[key] >= value
        for key, value, _ in encoded(spec, self.pushed):
            assert stored[key] >= value

    def check_all(self) -> None:
        self.project.clock.set(at(100))
        self.project.store.materialize_incremental()
        self.project.check(pa.concat_tables([self.arrived, self.pushed]))
        before = self.project.store._workspace.registry.state().views["stats"]
        assert counts(self.project.store.materialize_incremental()).get("written", 0) == 0
        after = self.project.store._workspace.registry.state().views["stats"]
        assert before == after


@pytest.mark.parametrize(("online_store", "created"), [("memory", True), ("sqlite", False)])
def test_law_whatever_happened_the_greatest_rows_are_online(online_store, created):
    @FEWER
    @given(ACTIONS)
    def law(actions):
        with new_project(online_store) as project:
            history = History(project, created=created)
            for action in actions:
                history.act(*action)
            history.check_all()

    law()


@FEWER
@given(ROWS, ROWS, st.randoms(use_true_random=False), st.integers(1, 3))
def test_law_the_order_of_rows_and_files_does_not_matter(one, other, random, batch):
    rows = one + other
    with new_project() as project:
        project.write(rides(*rows, created=True), "rides/a.parquet")
        project.apply(project.view(source={"created_timestamp_column": "created"}))
        project.store.materialize_incremental(at(100))
        expected = project.values(rides(*rows, created=True))
        assert project.stored(list(expected)) == expected
    shuffled = list(rows)
    random.shuffle(shuffled)
    cut = random.randint(0, len(rows))
    with new_project() as project, small_batches(batch):
        project.write(rides(*shuffled[:cut], created=True), "rides/z.parquet")
        project.write(rides(*shuffled[cut:], created=True), "rides/y/a.parquet")
        project.apply(project.view(source={"created_timestamp_column": "created"}))
        project.store.materialize_incremental(at(100))
        assert project.stored(list(expected)) == expected
        assert project.online.count(project.table()) == len(expected)
