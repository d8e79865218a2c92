"""The result of a historical retrieval, computed when it is first read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from repast.app.spine import Spine
from repast.core.clock import from_us
from repast.errors import InvalidRequestError, RepastError, UnavailableError, require
from repast.temporary_file import temporary_file

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from repast.core.assemble import BoundSpine
    from repast.core.plan.historical import HistoricalPlan
    from repast.core.tie import Column
    from repast.ports.offline import Progress

ROW_GROUP = 1 << 17
"""Rows of a Parquet row group, and the step that chunks are a multiple of."""
_CHUNK_CELLS = 1 << 25
"""Features times rows that a chunk of a streamed result holds about."""


@dataclass(frozen=True)
class RetrievalMetadata:
    """What a retrieval was made from."""

    features: tuple[str, ...]
    """The feature columns of the result."""
    keys: tuple[str, ...]
    """The key columns of the spine."""
    time_column: str
    rows: int
    min_event_timestamp: datetime | None
    max_event_timestamp: datetime | None


@dataclass(frozen=True)
class RetrievalRequest:
    """What was asked for."""

    features: tuple[str, ...]
    """References ``view:feature``, resolved: a view's alias if it was asked by one."""
    full_feature_names: bool = False
    feature_service: str | None = None


class Retriever(Protocol):
    """What a job asks to do the work."""

    plan: HistoricalPlan
    request: RetrievalRequest

    def spine(self) -> tuple[Spine, BoundSpine]:
        """Return the spine, and its columns as joins need them."""

    def features(self, spine: BoundSpine) -> Mapping[str, Column]:
        """Return the feature columns for a spine, or for some rows of it."""

    def explain(self, spine: BoundSpine) -> Mapping[str, str]:
        """Return per view the text of its query."""

    def refuse_source(self, path: Path) -> None:
        """Raise InvalidRequestError if a file there would be, or be among, those that the features are read from."""

    @property
    def writes_objects(self) -> bool:
        """Whether the engine has a place in a bucket for results."""

    def to_table(self, name: str, features: Mapping[str, Column] | None, *, allow_overwrite: bool) -> None:
        """Write the result to a table of the engine's; ``features`` are those that were read already, if they were."""

    def to_remote_storage(
        self, folder: str | None, features: Mapping[str, Column] | None, *, allow_overwrite: bool
    ) -> list[str]:
        """Write the result to files in a bucket; return their addresses."""

    def to_workers(self) -> RetrievalJob:
        """Return the same retrieval as the engine's workers do it, or raise UnsupportedError."""


class RetrievalJob:
    """A training set: the spine as it was given, and the features as they were at each row's time.

    Nothing is read before the first ``to_...``; what was read then is kept for the next one.
    """

    def __init__(self, retriever: Retriever) -> None:
        self._retriever = retriever

    @cached_property
    def _sides(self) -> tuple[Spine, BoundSpine]:
        return self._retriever.spine()

    @cached_property
    def _features(self) -> Mapping[str, Column]:
        return self._retriever.features(self._sides[1])

    @property
    def request(self) -> RetrievalRequest:
        """What was asked for."""
        return self._retriever.request

    @property
    def columns(self) -> list[str]:
        """Columns of the result: the spine's, then the features as they were asked for."""
        return [*self._sides[0].columns, *self._retriever.plan.outputs]

    @property
    def metadata(self) -> RetrievalMetadata:
        """What the result is made from."""
        import pyarrow.compute as pc

        plan, bound = self._retriever.plan, self._sides[1]
        ends = pc.min_max(bound.times).as_py()
        return RetrievalMetadata(
            features=plan.outputs,
            keys=tuple(dict.fromkeys(key.column for key in plan.keys)),
            time_column=plan.time_column,
            rows=bound.rows,
            min_event_timestamp=None if ends["min"] is None else from_us(ends["min"]),
            max_event_timestamp=None if ends["max"] is None else from_us(ends["max"]),
        )

    def __len__(self) -> int:
        return self._sides[1].rows

    def __repr__(self) -> str:
        return f"RetrievalJob(features={list(self._retriever.plan.outputs)})"

    # -- forms ------------------------------------------------------------------------------------

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table: the spine's columns, then the features in their declared types."""
        return _beside(self._sides[0].table, self._features)

    def to_pandas(self) -> pd.DataFrame:
        """Return a pandas DataFrame.

        A pandas spine keeps its columns, dtypes and index. Features have nullable dtypes: an int64 stays
        Int64 whatever is missing. So has every column of a spine that was not pandas.

        Raises:
            MissingDependencyError: pandas is not installed.

        """
        require("pandas", extra="pandas", purpose="to_pandas()")
        from repast.core.frame import to_pandas

        spine = self._sides[0]
        if spine.kind != "pandas":
            return to_pandas(self.to_arrow())
        import pandas as pd
        import pyarrow as pa

        features = to_pandas(pa.table(dict(self._features)))
        features.index = spine.frame.index
        joined: pd.DataFrame = pd.concat([spine.frame, features], axis=1)
        return joined

    to_df = to_pandas

    def to_polars(self) -> pl.DataFrame:
        """Return a polars DataFrame; a polars spine keeps its columns as they are.

        Raises:
            MissingDependencyError: polars is not installed.

        """
        polars: Any = require("polars", extra="polars", purpose="to_polars()")
        spine = self._sides[0]
        if spine.kind != "polars":
            frame: pl.DataFrame = polars.from_arrow(self.to_arrow())
            return frame
        import pyarrow as pa

        features = polars.from_arrow(pa.table(dict(self._features)))
        joined: pl.DataFrame = spine.frame.hstack(features)
        return joined

    def to_spark_df(self) -> Any:
        """Return a Spark DataFrame that the executors compute: nothing of it passes through this process.

        Raises:
            UnsupportedError: The offline store is not Spark.

        """
        return self._retriever.to_workers().to_spark_df()

    def to_table(self, name: str, *, allow_overwrite: bool = False) -> None:
        """Write the result to a table of the offline store: rows and values as ``to_arrow`` has them, in no order.

        The features of views do not pass through this process: the database joins them. Only what its SQL cannot
        make as exactly does: rows that tie to the last, casts that may lose (text to Uuid, say), and whatever
        on-demand functions make. The table appears when it is complete.

        Args:
            name: As the database writes it: ``dataset.table``, say. Odd characters are quoted.
            allow_overwrite: Whether the new table may take the place of one of that name.

        Raises:
            ConflictError: There is a table of that name, and ``allow_overwrite`` is False.
            NotFoundError: The schema or dataset of the table is not there.
            UnavailableError: The offline store may not be written to, or cannot answer.
            UnsupportedError: The offline store writes no tables.

        """
        self._retriever.to_table(name, self._read, allow_overwrite=allow_overwrite)

    def to_remote_storage(self, folder: str | None = None, *, allow_overwrite: bool = False) -> list[str]:
        """Have the offline store write the result as Parquet files in a bucket; return their addresses.

        What does not pass through this process, and what does: see :meth:`to_table`.

        Args:
            folder: For example ``gs://bucket/folder``; by default a new one in the ``gcs_staging_location`` of
                offline_store.
            allow_overwrite: Whether files of an earlier result there may be replaced.

        Raises:
            ConflictError: There are files already, and ``allow_overwrite`` is False.
            InvalidRequestError: There is no folder, or the offline store cannot write there.
            UnsupportedError: The offline store writes no files to buckets.

        """
        return self._retriever.to_remote_storage(folder, self._read, allow_overwrite=allow_overwrite)

    @property
    def supports_remote_storage(self) -> bool:
        """Whether :meth:`to_remote_storage` works, and needs no folder."""
        return self._retriever.writes_objects

    @property
    def _read(self) -> Mapping[str, Column] | None:
        """The features, if they were read already."""
        return self.__dict__.get("_features")

    def to_batches(self, batch_size: int = 1 << 16) -> Iterator[pa.RecordBatch]:
        """Yield the result in batches of ``batch_size`` rows (the last one may be smaller), in spine order.

        The features of a large spine are read part by part, so that memory is bounded by the spine, not
        by the result. On-demand functions see one part at a time.

        Raises:
            InvalidRequestError: ``batch_size`` is not a positive number.

        """
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise InvalidRequestError(
                f"batch_size must be a whole number from 1 on, not {batch_size!r}.", hint="leave it out"
            )
        return _rebatch(self.parts(), batch_size)

    def to_parquet(self, path: str | Path, *, progress: Progress | None = None) -> Path:
        """Write the result to one Parquet file, in bounded memory and atomically: no reader sees half of it.

        Args:
            path: Where to.
            progress: Called with (rows written, rows in total): at the start and after each part.

        Raises:
            InvalidRequestError: The file is one that the features are read from, or would be among them.
            UnavailableError: The file cannot be written; what was at the path is untouched.

        """
        self.refuse_source(Path(path))
        parts = self.parts() if progress is None else _telling(self.parts(), len(self), progress)
        return write_parquet(parts, Path(path))

    def refuse_source(self, path: Path) -> None:
        """Refuse to write a result over what its features are read from.

        Raises:
            InvalidRequestError: A file at the path is one that the features are read from, or would be among them.

        """
        self._retriever.refuse_source(path)

    def to_sql(self) -> str:
        """Return the statements that the engine runs, one per view. ``spine`` is the name of the spine in them."""
        texts = self._retriever.explain(self._sides[1])
        return "\n\n".join(f"-- {view}\n{text}" for view, text in texts.items())

    def explain(self) -> str:
        """Return what is read for which column, and the engine's statements."""
        plan, rows = self._retriever.plan, self._sides[1].rows
        return explain_plan(plan, f"spine: {rows:,} rows, time {plan.time_column!r}") + "\n\n" + self.to_sql()

    def parts(self) -> Iterator[pa.Table]:
        """Yield the result in parts of bounded size, or whole if it was read already."""
        spine, bound = self._sides
        size = self._part_rows()
        if self._read is not None or bound.rows <= size:
            yield self.to_arrow()
            return
        for start in range(0, bound.rows, size):
            part = self._retriever.features(bound.slice(start, size))
            yield _beside(spine.table.slice(start, size), part)

    def _part_rows(self) -> int:
        width = sum(len(view.join.features) for view in self._retriever.plan.views) or 1
        return max(1, _CHUNK_CELLS // width // ROW_GROUP) * ROW_GROUP


def explain_plan(plan: HistoricalPlan, spine: str) -> str:
    """Return what is read for which column; ``spine`` is the first line."""
    lines = [spine]
    for view in plan.views:
        keys = ", ".join(view.columns) or "no key"
        ttl = "no ttl" if view.selection.view.ttl is None else f"ttl {view.selection.view.ttl}"
        names = ", ".join(feature.name for feature in view.join.features)
        lines.append(f"join {view.selection.name} on {keys} ({ttl}, as of {view.join.as_of} time): {names}")
    lines += [f"compute {one.name}: {', '.join(f.field.name for f in one.features)}" for one in plan.on_demand]
    return "\n".join(lines)


def _beside(spine: pa.Table, features: Mapping[str, Column]) -> pa.Table:
    import pyarrow as pa

    names = [*spine.column_names, *features]
    return pa.Table.from_arrays([*spine.columns, *features.values()], names=names)


def _telling(parts: Iterator[pa.Table], total: int, progress: Progress) -> Iterator[pa.Table]:
    """Yield the parts, and tell how many rows of those asked for before have been dealt with."""
    done = 0
    progress(done, total)
    for part in parts:
        yield part
        done += part.num_rows
        progress(done, total)


def _rebatch(parts: Iterator[pa.Table], size: int) -> Iterator[pa.RecordBatch]:
    """Yield record batches of exactly ``size`` rows, whatever the sizes of the parts."""
    import pyarrow as pa

    left: pa.Table | None = None
    for part in parts:
        table = part if left is None else pa.concat_tables([left, part])
        whole = table.num_rows - table.num_rows % size
        for start in range(0, whole, size):
            yield _one_batch(table.slice(start, size))
        left = table.slice(whole)
    if left is not None and left.num_rows:
        yield _one_batch(left)


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = [column.combine_chunks() for column in table.columns]
    arrays = [pa.concat_arrays(a.chunks) if isinstance(a, pa.ChunkedArray) else a for a in arrays]
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def write_parquet(parts: Iterator[pa.Table], path: Path, *, place: Callable[[Path, Path], object] = os.replace) -> Path:
    """Write tables to one Parquet file beside ``path`` and put it in place when it is complete.

    The same rows give the same bytes if each part but the last is a multiple of ``ROW_GROUP`` rows.

    Args:
        place: Moves the finished file to the path; by default it replaces what is there.

    Raises:
        UnavailableError: The file cannot be written; what was at the path is untouched.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary_file(path) as temporary:
            with temporary.open("wb") as file:
                _write_groups(parts, file)
                file.flush()
                os.fsync(file.fileno())
            place(temporary, path)
    except RepastError:  # of the parts; some of these are OSErrors too
        raise
    except OSError as error:
        raise UnavailableError(
            f"{str(path)!r} cannot be written: {error}.", hint="check the path, its rights and the space left"
        ) from error
    return path


def _write_groups(parts: Iterator[pa.Table], file: BinaryIO) -> None:
    import pyarrow.parquet as pq

    first = next(parts)
    with pq.ParquetWriter(file, first.schema) as writer:
        for part in chain([first], parts):
            writer.write_table(part, row_group_size=ROW_GROUP)
