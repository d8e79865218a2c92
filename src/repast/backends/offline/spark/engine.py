"""The offline engine on Spark: classic PySpark on any cluster, or a Spark Connect server."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from sqlglot import exp

from repast.backends.offline.spark.arrow import check_names, schema_of, stream, tells_case
from repast.backends.offline.spark.failure import is_stopped, translated
from repast.backends.offline.spark.frame import SparkFrame
from repast.backends.offline.spark.location import spark_path
from repast.backends.offline.spark.question import questions_of
from repast.backends.offline.spark.schema import SchemaMemory
from repast.backends.offline.spark.session import open_session
from repast.backends.offline.spark.source import (
    SOURCE_VIEW,
    Scan,
    append,
    nanos_of,
    open_source,
    source_files,
    subject_of,
)
from repast.backends.offline.spark.staging import Staging
from repast.backends.offline.spark.table import read_table
from repast.backends.offline.spark.worker import (
    Conformed,
    asked,
    bound_rows,
    in_spine_order,
    look_at,
    numbered,
    packed_found,
    parted_by,
    settled,
    ship,
    sorted_line,
    with_incomplete,
    work_on,
)
from repast.core.finish import SPINE
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import ROW, TIME, CountRows, OfflinePlan, PointInTimeJoin, ReadRows
from repast.core.sql.dialect.spark import SPARK
from repast.core.sql.node import table
from repast.core.sql.plan import compile_plan
from repast.core.sql.spine import SpineFacts
from repast.errors import ClosedError, InvalidRequestError
from repast.ports.offline import OfflineEngine
from repast.ports.table import SupportsTableReads
from repast.ports.worker import Frame, FrameJoin, SupportsFrames, SupportsWorkers

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from repast.ports.worker import Work

_SPINE_VIEW = "__repast_spine"
_SPINE_FILES = (".parquet", ".parquet/", ".csv", ".csv.gz")


class SparkEngine(OfflineEngine, SupportsWorkers, SupportsFrames, SupportsTableReads):
    """Runs plans on Spark. The session is the process's own: the one that is there, or a new one.

    Args:
        repo_path: Where relative paths start.
        spark_conf: Settings of the session, ``spark.master`` among them.
        remote: Address of a Spark Connect server, ``sc://host:15002``, to use instead of a session in this process.
        staging_location: A folder that driver and executors reach, for what is kept between steps of a retrieval.
        region: Of the object store that staging_location is in.
        partitions: How many partitions a load is written from; 0: as many as Spark makes.

    """

    def __init__(
        self,
        *,
        repo_path: Path,
        spark_conf: Mapping[str, str | int | float | bool] | None = None,
        remote: str | None = None,
        staging_location: str | None = None,
        region: str | None = None,
        partitions: int = 0,
    ) -> None:
        self.repo_path = Path(repo_path)
        self._conf = {name: _text(value) for name, value in (spark_conf or {}).items()}
        if region is not None:
            self._conf.setdefault("spark.hadoop.fs.s3a.endpoint.region", region)
        self._remote = remote
        folder = None if staging_location is None else spark_path(staging_location, self.repo_path).rstrip("/")
        self._staging = Staging(folder)
        self._schemas = SchemaMemory()
        self._partitions = partitions
        self._session: SparkSession | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def session(self) -> SparkSession:
        """The Spark session, opened when first needed, and again if somebody stopped it."""
        with self._lock:
            if self._closed:
                raise ClosedError("The offline engine was closed.")
            if self._session is None or is_stopped(self._session):
                self._session = open_session(self._conf, self._remote)
            return self._session

    def inspect(self, source: SourceSpec) -> pa.Schema:
        """See :meth:`OfflineEngine.inspect`."""
        return self._open(source).schema

    def run(self, plan: OfflinePlan, spine: pa.Table | None = None) -> pa.RecordBatchReader:
        """See :meth:`OfflineEngine.run`."""
        scan = self._open(rows_of(plan).source, plan)
        given = None if spine is None else self.session.createDataFrame(spine)
        facts = None if spine is None else facts_of(spine)
        with translated(subject_of(scan.source)):
            frame = self.frame(plan, scan, given, facts)
            return stream(frame, schema_of(frame, nanos_of(plan, scan)), subject_of(scan.source))

    def frame(
        self, plan: OfflinePlan, scan: Scan, spine: DataFrame | None = None, facts: SpineFacts | None = None
    ) -> DataFrame:
        """Return the answer of a plan as a data frame."""
        frames = {SOURCE_VIEW: scan.frame} | ({} if spine is None else {_SPINE_VIEW: spine})
        return self._ask(statement(plan, scan, facts), frames)

    def _ask(self, text: str, frames: Mapping[str, DataFrame]) -> DataFrame:
        """Return the answer of a statement in which frames have these names."""
        # Braces are Spark's way to name frames in a statement.
        text = text.replace("{", "{{").replace("}", "}}")
        for name in frames:
            text = text.replace(f"`{name}`", f"{{{name}}}")
        return self.session.sql(text, None, **frames)

    def explain(self, plan: OfflinePlan, spine: pa.Table | None = None) -> str:
        """Return the SQL that :meth:`run` would execute."""
        scan = self._open(rows_of(plan).source, plan)
        return statement(plan, scan, None if spine is None else facts_of(spine), pretty=True)

    def query(self, statement: str) -> pa.RecordBatchReader:
        """Run one SELECT."""
        frame = self.select(statement)
        return stream(frame, schema_of(frame), "The SQL of the spine")

    def select(self, statement: str) -> DataFrame:
        """Return a user's SELECT as a data frame."""
        check_select(statement)
        session = self.session
        with translated("The SQL of the spine"):
            frame = session.sql(statement)
            _ = frame.schema
        return frame

    def read_table(self, name: str) -> pa.RecordBatchReader:
        """See :meth:`SupportsTableReads.read_table`."""
        return read_table(self.session, name)

    def files(self, source: SourceSpec) -> Mapping[str, str] | None:
        """Return path -> fingerprint of local files; None for what Spark alone can reach."""
        _ = self.session
        return source_files(source, self.repo_path)

    def append(self, source: SourceSpec, rows: pa.Table) -> None:
        """See :meth:`OfflineEngine.append`."""
        session = self.session
        if source.source_type == "file" or source_files(source, self.repo_path) is not None:
            from repast.backends.offline.append import append_rows

            append_rows(msgspec.structs.replace(source, source_type="file"), rows, repo_path=self.repo_path)
        else:
            append(session, source, rows, self.repo_path)

    def map(self, plan: ReadRows, work: Work, schema: pa.Schema) -> pa.RecordBatchReader:
        """See :meth:`SupportsWorkers.map`."""
        scan = self._open(plan.source, plan)
        with translated(subject_of(plan.source)):
            rows = self.frame(plan, scan)
            parted = parted_by(rows, [key.name for key in plan.keys], self._partitions)
            conformed = Conformed(work, schema_of(rows, nanos_of(plan, scan)))
            # All partitions at once: what comes back is small.
            return work_on(parted, conformed, schema).toArrow().to_reader()

    def open_frame(self, spine: Any) -> Frame | None:
        """See :meth:`SupportsFrames.open_frame`."""
        if isinstance(spine, pa.Table):
            return _opened(self.session.createDataFrame(spine), "entity_df")
        if type(spine).__module__.startswith("pyspark.sql."):
            return _opened(spine, "entity_df") if hasattr(spine, "mapInArrow") else None
        if isinstance(spine, str) and not spine.endswith(_SPINE_FILES):
            return _opened(self.select(spine), "The SQL of the spine")
        if isinstance(spine, str | Path):
            source = SourceSpec(name="entity_df", source_type="file", options=_spine_options(str(spine)))
            return _opened(self._open(source).frame, "entity_df")
        return None

    def join(self, spine: Frame, request: FrameJoin) -> Frame:
        """See :meth:`SupportsFrames.join`."""
        with translated("The retrieval", spine.native.sparkSession):
            bound, folder = self._staging.keep(bound_rows(numbered(spine.native), request))
            try:
                joined = self._join(bound, request)
            except BaseException:
                if folder is not None:
                    self._staging.release(folder, self.session)
                raise
        answer = SparkFrame(joined, "The retrieval")
        if folder is not None:
            answer.when_done(partial(self._staging.release, folder))
        return answer

    def _join(self, bound: DataFrame, request: FrameJoin) -> DataFrame:
        shape = look_at(bound)
        facts = SpineFacts(shape.rows, shape.first_us, shape.last_us, table(_SPINE_VIEW))
        ship(request.functions)
        union = bound.select(ROW, SPINE)
        types: dict[int, Mapping[str, pa.DataType]] = {}
        for question in questions_of(request, self._scan, facts):
            spine = asked(bound, question.keys)
            frames = {name: scan.frame for name, scan in question.scans.items()} | {_SPINE_VIEW: spine}
            found = self._ask(SPARK.render(question.tree), frames)
            timeline = question.timeline
            if timeline is None:
                found = packed_found(found, question.numbers[0])
            else:
                line = sorted_line(found, spine, question.keys, timeline, shape)
                if timeline.shared is not None:
                    line = with_incomplete(line, bound, question.keys, timeline)
                    numbered_answer = request.answer.insert(0, pa.field(ROW, pa.int64()))
                    finished = work_on(line, request.finish_line(timeline), numbered_answer)
                    return in_spine_order(finished, shape).drop(ROW)
                found = settled(line, request.settle(timeline), question.found_schema)
            union = union.unionByName(found, allowMissingColumns=True)
            types |= question.types
        return work_on(in_spine_order(union, shape), request.finish(types), request.answer)

    def explain_join(self, request: FrameJoin) -> list[tuple[tuple[int, ...], str]]:
        """See :meth:`SupportsFrames.explain_join`."""
        facts = SpineFacts(1, 0, 0, table(_SPINE_VIEW))
        return [(q.numbers, SPARK.render(q.tree, pretty=True)) for q in questions_of(request, self._scan, facts)]

    def close(self) -> None:
        """Remove staged spines, which unread answers read, and forget the session.

        The session stays open: others of this process may use it, and Spark has but one.
        """
        with self._lock:
            session, self._session, self._closed = self._session, None, True
        self._staging.clear(session)

    def _scan(self, plan: PointInTimeJoin) -> Scan:
        return self._open(plan.source, plan)

    def _open(self, source: SourceSpec, plan: OfflinePlan | None = None) -> Scan:
        return open_source(self.session, source, self.repo_path, plan, self._schemas)


def rows_of(plan: OfflinePlan) -> PointInTimeJoin | ReadRows:
    """Return the part of a plan that names source and columns."""
    return plan.rows if isinstance(plan, CountRows) else plan


def statement(plan: OfflinePlan, scan: Scan, facts: SpineFacts | None, *, pretty: bool = False) -> str:
    """Return the SQL of a plan over a source and, for a join, a spine."""
    return SPARK.render(compile_plan(plan, scan.relation(rows_of(plan).view), facts), pretty=pretty)


def facts_of(spine: pa.Table) -> SpineFacts:
    """Return what the compiler may know of a spine."""
    ends = pc.min_max(spine.column(TIME)).as_py()
    if ends["min"] is None:
        ends = {"min": 0, "max": 0}
    return SpineFacts(spine.num_rows, ends["min"], ends["max"], table(_SPINE_VIEW))


def _opened(frame: DataFrame, subject: str) -> SparkFrame:
    """Return a spine, if it is one."""
    with translated(subject, frame.sparkSession):
        check_names(frame.columns, subject, case=tells_case(frame.sparkSession))
        if frame.isStreaming:
            raise InvalidRequestError(f"{subject} is a stream: a spine has an end.", hint="give a DataFrame of a batch")
    return SparkFrame(frame, subject)


def _spine_options(path: str) -> dict[str, str]:
    return {"path": path, "file_format": "parquet" if path.rstrip("/").endswith((".parquet", ".pq")) else "csv"}


def check_select(statement: str) -> None:
    """Refuse anything but one SELECT: spines are read, nothing is changed."""
    try:
        parsed = [tree for tree in sqlglot.parse(statement, read=SPARK.name) if tree is not None]
    except sqlglot.errors.ParseError as error:
        said = error.errors[0] if error.errors else {}
        where = f", line {said['line']}, column {said['col']}" if said.get("line") else ""
        raise InvalidRequestError(
            f"The SQL of the spine is no SQL: {said.get('description') or error}{where}", hint="it must be one SELECT"
        ) from error
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query):
        raise InvalidRequestError("The SQL of the spine must be one SELECT.", hint='for example "SELECT ... FROM t"')


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
