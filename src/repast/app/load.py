"""Run one load plan: rows from the engine, encoded, into the online store, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from repast.core.cast import cast_array
from repast.core.codec.key import KeyCodec
from repast.core.codec.row import RowCodec
from repast.core.manifest import FeatureViewSpec, ProjectState
from repast.core.plan.materialize import LoadPlan
from repast.core.plan.offline import CREATED, EVENT, FeatureColumn, KeyColumn
from repast.ports.offline import OfflineEngine, Progress
from repast.ports.online import OnlineStore, OnlineTable, WriteResult

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.app.workspace import Workspace

BATCH_ROWS = 20_000
BATCH_BYTES = 8 << 20
"""A write is at most so many rows, and about so many bytes of Arrow columns."""

_Cells: TypeAlias = tuple[list[bytes], list[bytes]]


@dataclass
class LoadTally:
    """Counts of a load while it runs; they are right however it ends."""

    read: int = 0
    rejected: int = 0
    created_max_us: int | None = None
    result: WriteResult = field(default_factory=WriteResult)

    @property
    def done(self) -> int:
        """Rows that the store has answered for."""
        return self.result.written + self.result.unchanged + self.result.late


def online_table(project: str, view: FeatureViewSpec) -> OnlineTable:
    """Return the table that rows of the view are written to."""
    return OnlineTable(project, view.name, view.incarnation)


def execute_load(
    workspace: Workspace, plan: LoadPlan, view: FeatureViewSpec, tally: LoadTally, progress: Progress | None
) -> None:
    """Write the plan's rows, then remember that they were read.

    Raises:
        InvalidValueError: A value does not fit its declared type. Nothing of its batch was written;
            batches before it were, which is harmless: they are right, and the next load finds them unchanged.
        RepastError: The engine, the store or the registry failed. Running the load again completes it.

    """
    # Counting comes first: rows that arrive between the two queries are then read but not yet
    # accounted for, and the next load reads them again.
    count_rows(workspace.engine, plan, tally)
    batches = encode_rows(workspace.engine.run(plan.rows), plan, view)
    write_rows(workspace.online, online_table(plan.project, view), batches, tally, progress)
    _remember(workspace, plan, tally)
    if progress is not None:
        progress(tally.done, tally.done)


def count_rows(engine: OfflineEngine, plan: LoadPlan, tally: LoadTally) -> None:
    """Ask the engine what there is to read."""
    table = engine.run(plan.count).read_all()
    counts = table.to_pylist()[0]
    tally.read, tally.rejected = int(counts["read"]), int(counts["rejected"])
    tally.created_max_us = counts["created_max"]


def encode_rows(rows: pa.RecordBatchReader, plan: LoadPlan, view: FeatureViewSpec) -> Iterator[_Cells]:
    """Yield keys and values of bounded batches, cast to the declared types.

    Raises:
        InvalidValueError: A value does not fit its declared type.

    """
    keys, values = KeyCodec(view.join_keys), RowCodec(view.layouts[-1])
    with rows:
        for batch in rows:
            for part in _bounded(batch):
                features = _cast_columns(part, plan.rows.features, plan, "feature")
                yield _greatest(
                    keys.encode_columns(_cast_columns(part, plan.rows.keys, plan, "join key"), rows=part.num_rows),
                    values.encode(features, part.column(EVENT), part.column(CREATED)),
                )


def _bounded(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    by_bytes = BATCH_BYTES * batch.num_rows // max(batch.nbytes, 1)
    size = max(1, min(BATCH_ROWS, by_bytes))
    for start in range(0, batch.num_rows, size):
        yield batch.slice(start, size)


def _greatest(keys: list[bytes], values: list[bytes]) -> _Cells:
    """Leave out rows that lose a tie against one of the same batch; the store would, but count them."""
    if len(set(keys)) == len(keys):
        return keys, values
    greatest: dict[bytes, bytes] = {}
    for key, value in zip(keys, values, strict=True):
        if value > greatest.get(key, b""):
            greatest[key] = value
    return list(greatest), list(greatest.values())


def _cast_columns(
    batch: pa.RecordBatch, columns: Sequence[KeyColumn] | Sequence[FeatureColumn], plan: LoadPlan, word: str
) -> list[pa.Array]:
    """Return columns of the declared types; timestamps without a zone are in the source's."""
    return [
        cast_array(
            batch.column(column.name),
            column.dtype,
            subject=f"{word} {column.name!r} of feature view {plan.view!r}",
            timezone=plan.rows.source.timezone,
        )
        for column in columns
    ]


def write_rows(
    store: OnlineStore, table: OnlineTable, batches: Iterator[_Cells], tally: LoadTally, progress: Progress | None
) -> None:
    """Write batches while the next one is being encoded; at most two are in memory."""

    def settle(write: Future[WriteResult]) -> None:
        tally.result += write.result()
        if progress is not None:
            progress(tally.done, None)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="repast-load") as writer:
        pending: Future[WriteResult] | None = None
        try:
            for keys, values in batches:
                if pending is not None:
                    settle(pending)
                pending = writer.submit(store.write, table, keys, values)
        finally:
            if pending is not None:
                settle(pending)


def _remember(workspace: Workspace, plan: LoadPlan, tally: LoadTally) -> None:
    def change(state: ProjectState) -> ProjectState:
        after = plan.state_after(
            state.views.get(plan.view), created_max_us=tally.created_max_us, written=tally.result.written
        )
        return msgspec.structs.replace(state, views={**state.views, plan.view: after})

    workspace.registry.update_state(change)
