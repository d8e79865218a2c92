"""A source made of rows that arrive over time, and what plans of loads read of it: the naive reading of a plan."""

from __future__ import annotations

from dataclasses import dataclass, field

from repast.core.manifest import EntitySpec, FeatureViewSpec, FieldSpec, LayoutSpec, SourceSpec, ViewState
from repast.core.plan.materialize import LoadPlan, plan_incremental, plan_window

ENTITY = EntitySpec(name="driver", join_keys=(FieldSpec(name="driver_id", dtype="int64"),))
VIEW = FeatureViewSpec(
    name="stats",
    entities=("driver",),
    join_keys=ENTITY.join_keys,
    features=(FieldSpec(name="trips", dtype="int64"),),
    source="rides",
    layouts=(LayoutSpec(version=1, features=(("trips", "int64"),)),),
)
SOURCE = SourceSpec(
    name="rides", source_type="file", options={"path": "rides.parquet"}, timestamp_field="event_timestamp"
)


@dataclass(frozen=True)
class Arrival:
    """One row of the source; its number tells rows apart that are otherwise equal."""

    number: int
    event: int
    created: int | None
    file: str


@dataclass
class World:
    """A source, a clock, the rows that loads have offered to the online store, and their bookkeeping."""

    view: FeatureViewSpec = VIEW
    source: SourceSpec = SOURCE
    has_files: bool = True
    now: int = 0
    rows: list[Arrival] = field(default_factory=list)
    offered: set[Arrival] = field(default_factory=set)
    state: ViewState | None = None

    def arrive(self, event: int, created: int | None = None, file: str = "a") -> Arrival:
        row = Arrival(len(self.rows), event, created, file)
        self.rows.append(row)
        return row

    @property
    def files(self) -> dict[str, str] | None:
        if not self.has_files:
            return None
        return {
            name: ",".join(str(r.number) for r in self.rows if r.file == name) for name in {r.file for r in self.rows}
        }

    def plan(self, start: int | None = None, end: int | None = None) -> LoadPlan:
        end = self.now if end is None else end
        common = {"end_us": end, "now_us": self.now, "files": self.files}
        if start is not None:
            return plan_window("p", self.view, self.source, start_us=start, **common)
        return plan_incremental("p", self.view, self.source, state=self.state, **common)

    def read(self, plan: LoadPlan) -> list[Arrival]:
        """What an engine reads for the plan, by the docstrings of core.plan.offline."""
        return [row for row in self.rows if self._in_window(row, plan) and self._is_changed(row, plan)]

    def _in_window(self, row: Arrival, plan: LoadPlan) -> bool:
        start, end = plan.rows.start_us, plan.rows.end_us
        return (start is None or start <= row.event) and (end is None or row.event <= end)

    def _is_changed(self, row: Arrival, plan: LoadPlan) -> bool:
        changed = plan.rows.changed
        if changed is None:
            return True
        after, created_from = changed.event_after_us, changed.created_from_us
        return (
            (after is not None and row.event > after)
            or (created_from is not None and (row.created is None or row.created >= created_from))
            or (changed.files is not None and row.file in changed.files)
        )

    def load(self, start: int | None = None, end: int | None = None) -> list[Arrival]:
        plan = self.plan(start, end)
        return self.finish(plan, self.read(plan))

    def finish(self, plan: LoadPlan, read: list[Arrival]) -> list[Arrival]:
        created = max((row.created for row in read if row.created is not None), default=None)
        new = set(read) - self.offered
        self.offered |= new
        self.state = plan.state_after(self.state, created_max_us=created, written=len(new))
        return read

    def missing(self, end: int | None = None) -> list[Arrival]:
        """Rows that a read at ``min(now, end)`` may need and that no load has offered."""
        end = self.now if end is None else end
        moment = min(self.now, end)
        ttl = self.view.ttl_us
        return [
            row
            for row in self.rows
            if row.event <= end and (ttl is None or row.event >= moment - ttl) and row not in self.offered
        ]
