"""Training data: features as they were at each row's time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from repast.app.retrieval import RetrievalJob, RetrievalRequest
from repast.app.spine import Spine, read_spine
from repast.core.clock import to_us
from repast.core.plan.historical import (
    HistoricalPlan,
    MomentPlan,
    ViewJoin,
    plan_historical,
    plan_moments,
)
from repast.core.plan.offline import ROW, AsOf, ReadRows
from repast.errors import InvalidRequestError, UnsupportedError

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.app.frame_retrieval import FrameRetrievalJob
    from repast.app.workspace import Workspace
    from repast.core.assemble import BoundSpine
    from repast.core.definitions import FeatureService
    from repast.core.tie import Column, Rows
    from repast.ports.table import Result
    from repast.ports.worker import Frame

    Features: TypeAlias = Sequence[str] | FeatureService | str


def retrieve(
    workspace: Workspace,
    entity_df: Any,
    features: Features,
    *,
    full_feature_names: bool = False,
    start_date: datetime | None = None,
    end_date: datetime | None = None,
    last_n: int | None = None,
    as_of: AsOf = "event",
    timestamp_column: str | None = None,
) -> RetrievalJob:
    """Return a job for what FeatureStore.get_historical_features says.

    The request is checked here, spine columns included; sources are read when the job is.

    Raises:
        InvalidRequestError: The request does not fit what is registered.
        InvalidValueError: A key or time of the spine is not losslessly of its type.
        NotFoundError: A service, view, feature or spine file does not exist.

    """
    import pyarrow as pa

    from repast.app.online import resolve_features

    manifest = workspace.registry.manifest()
    selection = resolve_features(manifest, features, full_feature_names)
    service = features if isinstance(features, str) else getattr(features, "name", None)
    request = RetrievalRequest(selection.references, full_feature_names, service)
    if entity_df is None:
        if timestamp_column is not None:
            raise InvalidRequestError(
                "timestamp_column names a column of entity_df, and there is none.", hint="leave it out"
            )
        start_us, end_us = _check_range(start_date, end_date, last_n)
        moments = plan_moments(manifest, selection, start_us=start_us, end_us=end_us, last_n=last_n)
        plan = plan_historical(manifest, selection, moments.spine, as_of=as_of)
        return RetrievalJob(_Retriever(workspace, request, plan, moments))
    if start_date is not None or end_date is not None or last_n is not None:
        raise InvalidRequestError(
            "start_date, end_date and last_n choose rows where there is no entity_df; here there is one.",
            hint="leave them out, or filter entity_df",
        )
    frame = None if isinstance(entity_df, pa.Table) else _open_frame(workspace, entity_df)
    if frame is not None:
        from repast.app.frame_retrieval import FrameRetrievalJob

        columns = dict(zip(frame.schema.names, frame.schema.types, strict=True))
        plan = plan_historical(manifest, selection, columns, as_of=as_of, timestamp_column=timestamp_column)
        return FrameRetrievalJob(workspace, request, plan, frame)
    spine = Spine(read_spine(entity_df, workspace.engine, workspace.config.repo_path))
    try:
        plan = plan_historical(manifest, selection, spine.columns, as_of=as_of, timestamp_column=timestamp_column)
    except InvalidRequestError as error:
        if not spine.is_index(error.context.get("column")):
            raise
        raise InvalidRequestError(
            error.message, hint="it is in the index: give entity_df.reset_index()", context=error.context
        ) from error
    return RetrievalJob(_Retriever(workspace, request, plan, spine))


def _open_frame(workspace: Workspace, entity_df: Any) -> Frame | None:
    """Return a spine that stays where the engine's workers are; None: it is here, or the engine has none."""
    from repast.ports.worker import SupportsFrames

    if not isinstance(workspace.engine, SupportsFrames):
        return None
    return workspace.engine.open_frame(entity_df)


def _check_range(
    start_date: datetime | None, end_date: datetime | None, last_n: int | None
) -> tuple[int | None, int | None]:
    for name, value in (("start_date", start_date), ("end_date", end_date)):
        if value is not None and not isinstance(value, datetime):
            raise InvalidRequestError(
                f"{name} must be a datetime, not {value!r}.", hint="datetime(2024, 1, 31, tzinfo=timezone.utc)"
            )
    if last_n is not None and (isinstance(last_n, bool) or not isinstance(last_n, int) or last_n < 1):
        raise InvalidRequestError(
            f"last_n must be a whole number from 1 on, not {last_n!r}.",
            hint="last_n=1 keeps the latest values of every key",
        )
    if start_date is None and end_date is None and last_n is None:
        raise InvalidRequestError(
            "There is neither a spine (entity_df) nor a range.",
            hint="give entity_df; or start_date and end_date; or last_n=1 for the latest values of every key",
        )
    start_us = None if start_date is None else to_us(start_date)
    end_us = None if end_date is None else to_us(end_date)
    if start_us is not None and end_us is not None and start_us > end_us:
        raise InvalidRequestError(f"start_date {start_date} is after end_date {end_date}.", hint="swap them")
    return start_us, end_us


def refuse_source(workspace: Workspace, plan: HistoricalPlan, path: Path) -> None:
    """Raise InvalidRequestError if a result at a path would be, or be among, the files that the plan reads."""
    target = os.path.realpath(path)
    for view in plan.views:
        source = view.join.source
        place = str(source.options.get("path", "")).removeprefix("file://")
        if source.source_type not in ("file", "spark") or not place or "://" in place:
            continue
        found = os.path.realpath(workspace.config.repo_path / Path(place).expanduser())
        if target == found or target.startswith(found + os.sep) or fnmatch(target, found):
            raise InvalidRequestError(
                f"{str(path)!r} is a file of source {source.name!r}, or would be one.",
                hint="write the result to another place: the features are read from there",
            )


class _Retriever:
    """Runs a plan: a join per view on the engine, then the on-demand functions."""

    def __init__(
        self, workspace: Workspace, request: RetrievalRequest, plan: HistoricalPlan, rows: Spine | MomentPlan
    ) -> None:
        from repast.core.assemble import bind_spine

        self.request = request
        self.plan = plan
        self._workspace = workspace
        self._moments = rows if isinstance(rows, MomentPlan) else None
        self._spine: tuple[Spine, BoundSpine] | None = None
        if isinstance(rows, Spine):
            types = {field.name: field.type for field in plan.request_fields}
            self._spine = rows, bind_spine(plan, rows.select(plan.spine_columns, types))

    def spine(self) -> tuple[Spine, BoundSpine]:
        from repast.core.assemble import bind_spine

        if self._spine is None:
            assert self._moments is not None
            table = _read_moments(self._workspace, self._moments)
            self._spine = Spine(table), bind_spine(self.plan, table)
        return self._spine

    def features(self, spine: BoundSpine) -> Mapping[str, Column]:
        from repast.core.finish import answer_features

        columns = [self._join(view, spine) for view in self.plan.views]
        return answer_features(self.plan, columns, spine, load_functions(self._workspace, self.plan))

    def to_workers(self) -> FrameRetrievalJob:
        """Return the same retrieval as the engine's workers do it.

        Raises:
            UnsupportedError: The engine has none.

        """
        from repast.app.frame_retrieval import FrameRetrievalJob

        frame = _open_frame(self._workspace, self.spine()[0].table)
        if frame is None:
            kind = self._workspace.config.offline_store.type
            raise UnsupportedError(
                f"The {kind} engine keeps no data frames of its own.", hint="use to_arrow(), to_pandas() or to_polars()"
            )
        return FrameRetrievalJob(self._workspace, self.request, self.plan, frame)

    @property
    def writes_objects(self) -> bool:
        """Whether the engine has a place in a bucket for results."""
        from repast.ports.table import SupportsObjects

        engine = self._workspace.engine
        return isinstance(engine, SupportsObjects) and engine.has_folder

    def to_table(self, name: str, features: Mapping[str, Column] | None, *, allow_overwrite: bool) -> None:
        """Have the engine write the result to a table of its database."""
        from repast.ports.table import SupportsTables
        from repast.ports.worker import SupportsFrames

        engine = self._workspace.engine
        if isinstance(engine, SupportsTables):
            engine.write_table(name, self._result(features), overwrite=allow_overwrite)
        elif isinstance(engine, SupportsFrames):
            self.to_workers().to_table(name, allow_overwrite=allow_overwrite)
        else:
            raise self._unable("writes no tables", "to_parquet(path)")

    def to_remote_storage(
        self, folder: str | None, features: Mapping[str, Column] | None, *, allow_overwrite: bool
    ) -> list[str]:
        """Have the engine write the result as files in a bucket."""
        from repast.ports.table import SupportsObjects
        from repast.ports.worker import SupportsFrames

        engine = self._workspace.engine
        if isinstance(engine, SupportsObjects):
            return engine.write_objects(folder, self._result(features), overwrite=allow_overwrite)
        if isinstance(engine, SupportsFrames):
            return self.to_workers().to_remote_storage(folder, allow_overwrite=allow_overwrite)
        raise self._unable("writes no files to buckets", "to_parquet(path) and upload the file")

    def _unable(self, what: str, instead: str) -> UnsupportedError:
        kind = self._workspace.config.offline_store.type
        return UnsupportedError(f"The {kind} engine {what}.", hint=f"use {instead}")

    def _result(self, features: Mapping[str, Column] | None) -> Result:
        """Return the result as an engine gets it: joins to make, or the features where they were read already."""
        import numpy as np
        import pyarrow as pa

        from repast.core.finish import key_columns, key_of
        from repast.core.plan.offline import TIME
        from repast.ports.table import Result, ResultJoin

        spine, bound = self.spine()
        reserved = [name for name in spine.columns if name in (ROW, TIME) or name.startswith("__key_")]
        if reserved:
            raise InvalidRequestError(f"The spine has a column {reserved[0]!r}, which is ours.", hint="rename it")
        if features is None and self.plan.on_demand:
            features = self.features(bound)  # functions are Python
        numbers = pa.array(np.arange(bound.rows))
        columns = {ROW: numbers, **dict(zip(spine.table.column_names, spine.table.columns, strict=True))}
        joins: tuple[ResultJoin, ...] = ()
        if features is not None:
            columns |= features
        else:
            columns |= {TIME: bound.times}
            columns |= {key_of(i): bound.keys[key.column, key.dtype] for i, key in enumerate(self.plan.keys)}
            joins = tuple(
                ResultJoin(join=view.join, keys=key_columns(self.plan, view), columns=outputs_of(view))
                for view in self.plan.views
            )
        names = (*spine.table.column_names, *self.plan.outputs)
        return Result(rows=pa.table(columns), columns=names, joins=joins, answer=self._answer)

    def _answer(self, number: int, rows: Rows | None) -> pa.Table:
        import numpy as np
        import pyarrow as pa

        view, bound = self.plan.views[number], self.spine()[1]
        numbers = pa.array(np.arange(bound.rows) if rows is None else rows)
        found = self._join(view, bound if rows is None else bound.take(numbers))
        return pa.table({ROW: numbers, **dict(zip(outputs_of(view), found, strict=True))})

    def explain(self, spine: BoundSpine) -> Mapping[str, str]:
        from repast.core.assemble import spine_of

        engine = self._workspace.engine
        return {view.selection.name: engine.explain(view.join, spine_of(view, spine)) for view in self.plan.views}

    def refuse_source(self, path: Path) -> None:
        refuse_source(self._workspace, self.plan, path)

    def _join(self, view: ViewJoin, spine: BoundSpine) -> list[Column]:
        import pyarrow as pa

        from repast.core.assemble import assemble, collect, spine_of

        asked = spine_of(view, spine)
        if not asked.num_rows:
            return [pa.nulls(spine.rows, feature.dtype.arrow) for feature in view.join.features]
        found = collect(view, self._workspace.engine.run(view.join, asked), spine.rows)
        return assemble(view, found, spine.rows, partial(self._refetch, view, asked))

    def _refetch(self, view: ViewJoin, asked: pa.Table, rows: Rows) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        from repast.core.assemble import collect

        some = asked.filter(pc.is_in(asked[ROW], pa.array(rows)))
        complete = replace(view, join=view.complete_join)
        return collect(complete, self._workspace.engine.run(complete.join, some), len(rows))


def outputs_of(view: ViewJoin) -> tuple[str, ...]:
    """Return what the features of a view are called in a result that has all of them."""
    return tuple(feature.output for feature in view.selection.features if feature.output is not None)


def load_functions(workspace: Workspace, plan: HistoricalPlan) -> dict[str, Callable[..., Any]]:
    """Return the functions of a plan's on-demand views, by reference."""
    specs = [selection.view.function for selection in plan.on_demand]
    return {spec.reference: workspace.functions.load(spec) for spec in specs}


# -- spines made of rows --------------------------------------------------------------------------


def _read_moments(workspace: Workspace, plan: MomentPlan) -> pa.Table:
    """Return the distinct keys and event times of the plan's reads, sorted."""
    from repast.core.moment import distinct_moments

    pairs = zip(plan.reads, plan.columns, strict=True)
    return distinct_moments(plan, [_read_keys(workspace, plan, read, columns) for read, columns in pairs])


def _read_keys(workspace: Workspace, plan: MomentPlan, read: ReadRows, columns: Sequence[str]) -> pa.Table:
    """Read keys and times of one view; for ``last_n``, as many rows as it takes to see so many times per key."""
    from repast.core.moment import lacks_moments, typed_moments

    while True:
        found = typed_moments(plan, read, columns, workspace.engine.run(read).read_all())
        if plan.last_n is None or read.last_n is None or not lacks_moments(found, read.last_n, plan.last_n):
            return found
        # Rows of one time (corrections, repeats) count as one: look further back.
        read = replace(read, last_n=read.last_n * 4)
