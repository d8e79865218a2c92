"""Loads that are written from where their rows are: by the engine's workers, each into the online store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from repast.core.manifest import FeatureViewSpec
from repast.core.plan.materialize import LoadPlan
from repast.errors import NotFoundError, UnavailableError, UnsupportedError
from repast.ports.online import OnlineTable, WriteResult
from repast.ports.worker import SupportsWorkers

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.app.config import RepoConfig
    from repast.app.load import LoadTally
    from repast.app.workspace import Workspace

_SEEN_WITHIN = 10.0
"""Seconds in which a store that has replicas must show this process what workers wrote."""


@dataclass(frozen=True)
class PartitionWriter:
    """Encodes the rows of one partition and writes them; yields one row that says what became of them.

    It may run twice for a partition, and twice at once: the store keeps the greater value, so the second
    time changes nothing. The counts are returned, not added up on the way: only those of the attempt that
    the engine keeps are counted. Rows that an attempt wrote before it died count as unchanged.
    """

    config: RepoConfig
    plan: LoadPlan
    view: FeatureViewSpec
    version: str
    """Of this package, where the load was planned."""

    @staticmethod
    def schema() -> pa.Schema:
        """Return the columns of what is yielded."""
        import pyarrow as pa

        counts = [(name, pa.int64()) for name in ("written", "unchanged", "late")]
        return pa.schema([*counts, ("key", pa.binary()), ("value", pa.binary())])

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from repast.app.load import LoadTally, encode_rows, online_table, write_online, write_rows
        from repast.app.plugin import open_online_store

        self._check_version()
        first = next(batches, None)
        if first is None:
            return
        rows = pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))
        tally, sample = LoadTally(), _Sample()
        store = open_online_store(self.config)
        try:
            cells = sample.of(encode_rows(rows, self.plan, self.view))
            table = online_table(self.plan.project, self.view)
            write_rows(partial(write_online, store, table, self.view), cells, tally, None)
        except NotFoundError as error:  # the planning process has made the table, where it could
            raise _not_shared(self.config, self.view.name) from error
        finally:
            store.close()
        result = tally.result
        values = [result.written, result.unchanged, result.late, sample.key, sample.value]
        yield pa.RecordBatch.from_arrays(
            [pa.array([value], field.type) for value, field in zip(values, self.schema(), strict=True)],
            schema=self.schema(),
        )

    def _check_version(self) -> None:
        from repast import __version__

        if __version__ != self.version:
            raise UnsupportedError(
                f"A worker has repast {__version__}; this load was planned by {self.version}.",
                hint=f"on every worker: pip install 'repast=={self.version}'",
            )


class _Sample:
    """Remembers one row of those that pass."""

    key = value = b""

    def of(self, cells: Iterator[tuple[list[bytes], list[bytes]]]) -> Iterator[tuple[list[bytes], list[bytes]]]:
        for keys, values in cells:
            if not self.value and keys:
                self.key, self.value = keys[0], values[0]
            yield keys, values


def write_on_workers(
    workspace: Workspace, engine: SupportsWorkers, plan: LoadPlan, view: FeatureViewSpec, tally: LoadTally
) -> None:
    """Write a plan's rows from the engine's workers and add up what they say.

    Raises:
        UnavailableError: The workers wrote to a store that this process does not see.
        UnsupportedError: The workers have another version of this package.

    """
    from repast import __version__
    from repast.app.load import online_table

    writer = PartitionWriter(workspace.config, plan, view, __version__)
    said = engine.map(plan.rows, writer, writer.schema()).read_all().to_pylist()
    for row in said:
        tally.result += WriteResult(row["written"], row["unchanged"], row["late"])
    for row in said:
        _check_seen(workspace, online_table(plan.project, view), row["key"], row["value"])


def _check_seen(workspace: Workspace, table: OnlineTable, key: bytes, value: bytes) -> None:
    """Look for a row that a worker wrote: a store in its memory, or on its disk, is not the one that is served."""
    deadline = time.monotonic() + _SEEN_WITHIN
    while True:
        found = workspace.online.read([(table, [key])])[0][0]
        if found is not None and found >= value:
            return
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    raise _not_shared(workspace.config, table.view)


def _not_shared(config: RepoConfig, view: str) -> UnavailableError:
    kind = config.online_store.type if config.online_store else ""
    return UnavailableError(
        f"The online store of the workers ({kind!r}) is not the one of this process: what they write for {view!r} "
        "is not seen here.",
        hint="use an online store that all machines share, or batch_engine: local to write from this process",
        context={"view": view},
    )
