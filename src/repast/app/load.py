"""Run one load plan: rows from the engine, encoded, into the online store, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from repast.core.cast import cast_array
from repast.core.codec.key import KeyCodec
from repast.core.codec.row import RowCodec
from repast.core.codec.shape import event_times
from repast.core.manifest import FeatureViewSpec, ProjectState
from repast.core.plan.materialize import LoadPlan
from repast.core.plan.offline import CREATED, EVENT, FeatureColumn, KeyColumn
from repast.ports.offline import OfflineEngine, Progress
from repast.ports.online import OnlineStore, OnlineTable, SupportsExpiry, SupportsFlush, WriteResult

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.app.workspace import Workspace

BATCH_ROWS = 20_000
BATCH_BYTES = 8 << 20
"""A write is at most so many rows, and about so many bytes of Arrow columns. Small, for others write too."""
SORTED_BYTES = 64 << 20
"""So much is put in the order of keys at a time: in a B-tree, neighbours are written two to three times faster."""

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


def write_online(
    store: OnlineStore, table: OnlineTable, view: FeatureViewSpec, keys: Sequence[bytes], values: Sequence[bytes]
) -> WriteResult:
    """Write rows of a view; where the store is told to, it drops each when its ttl is over."""
    if view.ttl_us and isinstance(store, SupportsExpiry) and store.expires:
        until_us = (event_times(values) + view.ttl_us).tolist()
        return store.write_until(table, keys, values, until_us)
    return store.write(table, keys, values)


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
    loader, workers = workspace.loader, workspace.workers
    count_rows(loader, plan, tally)
    if workers is not None:
        from repast.app.worker_load import write_on_workers

        write_on_workers(workspace, workers, plan, view, tally)
    else:
        store, table = workspace.online, online_table(plan.project, view)
        batches = encode_rows(loader.run(plan.rows), plan, view)
        write_rows(partial(write_online, store, table, view), batches, tally, progress)
        if isinstance(store, SupportsFlush):
            store.flush()
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
        for table in _gather(rows):
            for batch in _bounded(_in_key_order(table, plan)):
                features = [_cast(batch.column(f.name), f, "feature", plan) for f in plan.rows.features]
                yield _greatest(
                    keys.encode_columns([batch.column(name) for name in keys.names], rows=batch.num_rows),
                    values.encode(features, batch.column(EVENT), batch.column(CREATED)),
                )


def _gather(rows: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Yield the rows in pieces of about SORTED_BYTES."""
    import pyarrow as pa

    gathered: list[pa.RecordBatch] = []
    size = 0
    for batch in rows:
        gathered.append(batch)
        size += batch.nbytes
        if size >= SORTED_BYTES:
            yield pa.Table.from_batches(gathered)
            gathered, size = [], 0
    if gathered:
        yield pa.Table.from_batches(gathered)


def _in_key_order(rows: pa.Table, plan: LoadPlan) -> pa.Table:
    """Return the rows sorted by their keys, which are cast to the declared types."""
    import pyarrow.compute as pc

    for key in plan.rows.keys:
        column = _cast(rows.column(key.name), key, "join key", plan)
        rows = rows.set_column(rows.schema.get_field_index(key.name), key.name, column)
    if not plan.rows.keys:
        return rows
    return rows.take(pc.sort_indices(rows, sort_keys=[(key.name, "ascending") for key in plan.rows.keys]))


def _bounded(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    by_bytes = BATCH_BYTES * rows.num_rows // max(rows.nbytes, 1)
    yield from rows.to_batches(max_chunksize=max(1, min(BATCH_ROWS, by_bytes)))


def _cast(
    column: pa.Array | pa.ChunkedArray, to: KeyColumn | FeatureColumn, word: str, plan: LoadPlan
) -> pa.Array | pa.ChunkedArray:
    """Return a column of the declared type; timestamps without a zone are in the source's."""
    subject = f"{word} {to.name!r} of feature view {plan.view!r}"
    return cast_array(column, to.dtype, subject=subject, timezone=plan.rows.source.timezone)


def _greatest(keys: list[bytes], values: list[bytes]) -> _Cells:
    """Leave out rows that lose a tie against one of the same batch; the store would, but count them."""
    if len(set(keys)) == len(keys):
        return keys, values
    greatest: dict[bytes, bytes] = {}
    for key, value in zip(keys, values, strict=True):
        if value > greatest.get(key, b""):
            greatest[key] = value
    return list(greatest), list(greatest.values())


def write_rows(
    write: Callable[[Sequence[bytes], Sequence[bytes]], WriteResult],
    batches: Iterator[_Cells],
    tally: LoadTally,
    progress: Progress | None,
) -> None:
    """Write batches while the next one is being encoded; at most two are in memory."""

    def settle(done: Future[WriteResult]) -> None:
        tally.result += done.result()
        if progress is not None:
            progress(tally.done, None)

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="repast-load") as writer:
        pending: Future[WriteResult] | None = None
        try:
            for keys, values in batches:
                if pending is not None:
                    settle(pending)
                pending = writer.submit(write, keys, values)
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
