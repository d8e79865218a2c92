"""What the rules share: a bench with an engine, and comparisons with the oracle."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pyarrow as pa
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st

from repast.core.manifest import SourceSpec
from repast.core.oracle import Row, candidates, moment
from repast.core.plan.offline import (
    CREATED,
    EVENT,
    ROW,
    TIME,
    AsOf,
    Changed,
    FeatureColumn,
    KeyColumn,
    OfflinePlan,
    PointInTimeJoin,
    ReadRows,
)
from repast.ports.offline import OfflineEngine
from repast.testing.example import unhurried
from repast.testing.strategy import Frame, frames, spines
from repast.types import DataType, Int64


class EngineBase:
    """What a subclass provides."""

    gaps: ClassVar[Mapping[str, str]] = {}
    """Name of a rule, or of one of its cases (``test_units[ns-UTC]``) -> why this engine does not keep it. The day it
    does, the test fails: remove it."""
    examples: ClassVar[int | None] = None
    """How many random examples each law takes, if not as many as others: where each is several calls of a server."""
    appends: ClassVar[bool] = True
    """Whether sources as ``store_rows`` makes them can be appended to."""
    copies: ClassVar[int] = 5_001
    """How often forty rows are repeated for a large spine."""

    def make_engine(self, folder: Path) -> OfflineEngine:
        """Return an engine whose relative paths start at ``folder``."""
        raise NotImplementedError

    def make_variants(self, folder: Path) -> list[OfflineEngine]:
        """Return engines that must give the same answers: other numbers of threads, other memory limits."""
        return [self.make_engine(folder)]

    def store_rows(self, folder: Path, name: str, rows: pa.Table) -> SourceSpec:
        """Store rows, replacing those of that name, and return the source. The suite adds the time columns."""
        raise NotImplementedError

    def storable(self, value: Any) -> Any:
        """Return what a source can hold in place of a value that it cannot: a database whose text has no NUL, say.

        Values that differ have to stay different.
        """
        return value

    def missing_source(self, folder: Path) -> SourceSpec:
        """Return a source where there is nothing."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def bench(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterable[Bench]:
        """One engine and folder for all rules of a class."""
        suite, folder = cls(), tmp_path_factory.mktemp("engine")
        bench = Bench(suite, folder, suite.make_engine(folder), suite.make_variants(folder))
        yield bench
        for engine in (bench.engine, *bench.variants):
            engine.close()

    @pytest.fixture(autouse=True)
    def _random_examples(self, request: pytest.FixtureRequest) -> Iterable[None]:
        # Of a declared gap nobody reads the smallest example.
        phases = [phase for phase in settings().phases if self._gap(request) is None or phase is not Phase.shrink]
        with unhurried(max_examples=self.examples, phases=phases):
            yield

    @pytest.fixture(autouse=True)
    def _declared_gap(self, request: pytest.FixtureRequest) -> None:
        reason = self._gap(request)
        if reason is not None:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    def _gap(self, request: pytest.FixtureRequest) -> str | None:
        rule = getattr(request.node, "originalname", request.node.name)
        return self.gaps.get(request.node.name, self.gaps.get(rule))


@dataclass
class Bench:
    """An engine, a place for its sources, and short ways to ask it."""

    suite: EngineBase
    folder: Path
    engine: OfflineEngine
    variants: list[OfflineEngine] = field(default_factory=list)
    _stored: int = 0
    tables: int = 0
    """How many results were written to tables."""

    def store(
        self,
        rows: pa.Table,
        *,
        event: str = "event_timestamp",
        created: str | None = "created",
        timezone: str = "UTC",
        name: str | None = None,
    ) -> SourceSpec:
        """Store rows as a source with these time columns; under a new name unless one is given."""
        self._stored += 1
        source = self.suite.store_rows(self.folder, name or f"rows_{self._stored}", rows)
        return msgspec.structs.replace(
            source, timestamp_field=event, created_timestamp_column=created, timezone=timezone
        )

    def frames(self, **options: Any) -> st.SearchStrategy[Frame]:
        """Return a strategy for rows that a source can hold; see :func:`repast.testing.strategy.frames`."""
        return frames(**options).map(lambda frame: replace(frame, rows=self.fit(frame.rows)))

    def spines(self, frame: Frame) -> st.SearchStrategy[list[Row]]:
        """Return a strategy for spine rows for such a frame."""
        return spines(frame).map(self.fit)

    def fit(self, value: Any) -> Any:
        """Return values, rows or lists of these with only what a source can hold."""
        if isinstance(value, list):
            return [self.fit(item) for item in value]
        if isinstance(value, dict):
            return {self.suite.storable(key): self.fit(item) for key, item in value.items()}
        return tuple(map(self.fit, value)) if isinstance(value, tuple) else self.suite.storable(value)

    def read(self, plan: OfflinePlan, spine: pa.Table | None = None, engine: OfflineEngine | None = None) -> list[Row]:
        """Run a plan and return its rows."""
        rows: list[Row] = (engine or self.engine).run(plan, spine).read_all().to_pylist()
        return rows


def fewer_examples(part: int = 4) -> settings:
    """Return settings for rules whose examples are many rows or several runs each: one of ``part``, at least five."""
    usual = settings().max_examples
    return settings(max_examples=min(usual, max(5, usual // part)))


def join_plan(frame: Frame, source: SourceSpec, *, ttl_us: int | None = None, as_of: AsOf = "event") -> PointInTimeJoin:
    """Return the join that reads a frame."""
    return PointInTimeJoin(
        view="view", source=source, keys=key_columns(frame), features=feature_columns(frame), ttl_us=ttl_us, as_of=as_of
    )


def read_plan(
    frame: Frame,
    source: SourceSpec,
    *,
    start_us: int | None = None,
    end_us: int | None = None,
    last_n: int | None = None,
    changed: Changed | None = None,
) -> ReadRows:
    """Return the read that reads a frame."""
    return ReadRows(
        view="view",
        source=source,
        keys=key_columns(frame),
        features=feature_columns(frame),
        start_us=start_us,
        end_us=end_us,
        last_n=last_n,
        changed=changed,
    )


def key_columns(frame: Frame) -> tuple[KeyColumn, ...]:
    return tuple(KeyColumn(name, name, dtype) for name, dtype in frame.keys)


def feature_columns(frame: Frame) -> tuple[FeatureColumn, ...]:
    return tuple(FeatureColumn(name, name, dtype) for name, dtype in frame.features)


def frame_of(*rows: tuple[Any, ...], key: DataType = Int64, value: DataType = Int64) -> Frame:
    """Return a frame of (k, event, created, v) with times in microseconds."""
    names = ("k", EVENT, CREATED, "v")
    return Frame((("k", key),), (("v", value),), [dict(zip(names, row, strict=True)) for row in rows])


def asked(*pairs: tuple[Any, int]) -> list[Row]:
    """Return spine rows of (k, time in microseconds)."""
    return [{"k": key, TIME: time} for key, time in pairs]


def spine_table(frame: Frame, spine: Sequence[Row]) -> pa.Table:
    """Return spine rows as an engine gets them."""
    columns = {
        ROW: pa.array(range(len(spine)), pa.int64()),
        TIME: pa.array([row[TIME] for row in spine], pa.int64()),
    }
    return pa.table(columns | {name: pa.array([row[name] for row in spine], dtype.arrow) for name, dtype in frame.keys})


def by_row(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """Group the rows of a join by the spine row they answer."""
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[ROW]].append(row)
    return dict(groups)


def shown(row: Row, names: Iterable[str]) -> str:
    """Return a row's values as text: NaN equals itself, -0.0 is not 0.0, 1 is not 1.0."""
    return repr([row[name] for name in (EVENT, CREATED, *names)])


def check_join(
    frame: Frame, spine: Sequence[Row], rows: Iterable[Row], *, ttl_us: int | None = None, as_of: AsOf = "event"
) -> None:
    """Hold the rows of a join against the oracle: all that tie for the first place, no row that may not win."""
    names = [name for name, _ in frame.features]
    groups = by_row(rows)
    assert set(groups) <= set(range(len(spine)))
    for position, row in enumerate(spine):
        possible = candidates(frame.rows, row, keys=frame.key_names, ttl_us=ttl_us, as_of=as_of)
        latest = max((other[EVENT] for other in possible), default=None)
        allowed = Counter(shown(other, names) for other in possible if other[EVENT] == latest)
        top = max((moment(other) for other in possible), default=None)
        needed = {shown(other, names) for other in possible if moment(other) == top}
        found = Counter(shown(other, names) for other in groups.get(position, []))
        assert found <= allowed, f"row {position} {row}: {found - allowed} may not answer it"
        assert needed <= set(found), f"row {position} {row}: {needed - set(found)} left out"


def check_rows(frame: Frame, expected: Iterable[Row], rows: Iterable[Row]) -> None:
    """Hold the rows of a read against the oracle's, as multisets."""
    names = [*frame.key_names, *(name for name, _ in frame.features)]
    assert Counter(shown(row, names) for row in rows) == Counter(shown(row, names) for row in expected)
