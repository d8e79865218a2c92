"""Retrievals whose spine and result stay where the engine's workers are, until somebody asks for them here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repast.app.retrieval import RetrievalJob, RetrievalMetadata, RetrievalRequest, explain_plan
from repast.core.finish import Finisher, SpineBinder, answer_schema, bound_schema, key_columns, shared_columns
from repast.core.plan.offline import ROW
from repast.core.settle import LineFinisher, Settler
from repast.errors import InvalidRequestError, UnsupportedError, require
from repast.ports.worker import Frame, FrameJoin, SupportsFrames

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from repast.app.workspace import Workspace
    from repast.core.plan.historical import HistoricalPlan
    from repast.ports.offline import Progress


class FrameRetrievalJob(RetrievalJob):
    """A training set that the engine's workers make: joins, ties, casts, on-demand functions and all.

    Nothing is computed before the first ``to_...``. The rows come in the order of the spine, if it has one.
    """

    def __init__(self, workspace: Workspace, request: RetrievalRequest, plan: HistoricalPlan, spine: Frame) -> None:
        self._workspace = workspace
        self._request = request
        self._plan = plan
        self._spine = spine
        if ROW in spine.schema.names:
            raise InvalidRequestError(f"The spine has a column {ROW!r}, which is ours.", hint="rename it")

    @cached_property
    def _joins(self) -> FrameJoin:
        from repast.app.historical import load_functions

        plan, schema = self._plan, self._spine.schema
        functions = load_functions(self._workspace, plan)
        finish = partial(Finisher, plan, schema, functions)
        return FrameJoin(
            bind=SpineBinder(plan, schema),
            bound=bound_schema(plan, schema),
            shared=shared_columns(plan, schema),
            # All features: workers cannot ask again for those that decide between tied rows.
            joins=tuple((view.complete_join, key_columns(plan, view)) for view in plan.views),
            settle=partial(Settler, plan),
            finish_line=lambda line: LineFinisher(Settler(plan, line), finish(line.types)),
            finish=finish,
            answer=answer_schema(plan, schema),
            functions=tuple(functions.values()),
        )

    @cached_property
    def _frame(self) -> Frame:
        return self._engine.join(self._spine, self._joins)

    @property
    def _engine(self) -> SupportsFrames:
        engine = self._workspace.engine
        assert isinstance(engine, SupportsFrames)
        return engine

    @property
    def request(self) -> RetrievalRequest:
        """What was asked for."""
        return self._request

    @property
    def columns(self) -> list[str]:
        """Columns of the result: the spine's, then the features as they were asked for."""
        return [*self._spine.schema.names, *self._plan.outputs]

    @property
    def metadata(self) -> RetrievalMetadata:
        """What the result is made from; counts the spine. Its first and last time are not looked for."""
        return RetrievalMetadata(
            features=self._plan.outputs,
            keys=tuple(dict.fromkeys(key.column for key in self._plan.keys)),
            time_column=self._plan.time_column,
            rows=len(self),
            min_event_timestamp=None,
            max_event_timestamp=None,
        )

    def __len__(self) -> int:
        return self._spine.count()

    def __repr__(self) -> str:
        return f"FrameRetrievalJob(features={list(self._plan.outputs)})"

    # -- forms ------------------------------------------------------------------------------------

    def to_spark_df(self) -> Any:
        """Return the engine's own data frame; reading it runs the retrieval on the workers."""
        return self._frame.native

    def to_table(self, name: str, *, allow_overwrite: bool = False) -> None:
        """Have the workers write a table; one that is replaced is there until the new one is complete.

        Raises:
            ConflictError: There is one of that name, and ``allow_overwrite`` is False.

        """
        self._frame.write_table(name, overwrite=allow_overwrite)

    def to_remote_storage(self, folder: str | None = None, *, allow_overwrite: bool = False) -> list[str]:
        """Have the workers write a new folder of Parquet files; return its address.

        Raises:
            ConflictError: There is something at that address.
            InvalidRequestError: No folder is given.
            UnsupportedError: ``allow_overwrite``: workers replace no folder.

        """
        if allow_overwrite:
            raise UnsupportedError(
                "The engine's workers do not replace a folder.", hint="remove it first, and leave allow_overwrite out"
            )
        if folder is None:
            raise InvalidRequestError("There is no folder to write to.", hint='give one: "s3://bucket/folder"')
        self.to_parquet(folder)
        return [folder]

    @property
    def supports_remote_storage(self) -> bool:
        """False: workers need to be told a folder."""
        return False

    def to_parquet(self, path: str | Path, *, progress: Progress | None = None) -> Path:  # noqa: ARG002
        """Have the workers write a folder of Parquet files; relative paths start where this process is.

        What they have done so far is Spark's to show: ``progress`` is not called.

        Raises:
            ConflictError: There is something at the path.
            InvalidRequestError: The folder would be among the files that the features are read from.

        """
        if "://" not in str(path):
            self.refuse_source(Path(path))
        text = str(path) if "://" in str(path) else f"file://{Path(path).absolute()}"
        self._frame.write_parquet(text)
        return Path(path)

    def refuse_source(self, path: Path) -> None:
        """Refuse to write a result over what its features are read from."""
        from repast.app.historical import refuse_source

        refuse_source(self._workspace, self._plan, path)

    def to_arrow(self) -> pa.Table:
        """Return all rows as an Arrow table: they have to fit this process."""
        return self._frame.collect()

    def to_pandas(self) -> pd.DataFrame:
        """Return all rows as a pandas DataFrame of nullable dtypes."""
        require("pandas", extra="pandas", purpose="to_pandas()")
        from repast.core.frame import to_pandas

        return to_pandas(self.to_arrow())

    to_df = to_pandas

    def to_polars(self) -> pl.DataFrame:
        """Return all rows as a polars DataFrame."""
        polars: Any = require("polars", extra="polars", purpose="to_polars()")
        frame: pl.DataFrame = polars.from_arrow(self.to_arrow())
        return frame

    def parts(self) -> Iterator[pa.Table]:
        """Yield the result in parts of bounded size."""
        import pyarrow as pa

        with self._frame.stream() as reader:
            for batch in reader:
                yield pa.Table.from_batches([batch])

    def to_sql(self) -> str:
        """Return the statements that the engine runs, with the views that each answers."""
        texts = self._engine.explain_join(self._joins)
        names = [view.selection.name for view in self._plan.views]
        return "\n\n".join(f"-- {', '.join(names[number] for number in of)}\n{text}" for of, text in texts)

    def explain(self) -> str:
        """Return what is read for which column, and the engine's statements."""
        plan = self._plan
        return explain_plan(plan, f"spine: on the workers, time {plan.time_column!r}") + "\n\n" + self.to_sql()
