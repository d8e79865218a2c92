"""What offline engines on SQL databases have in common; a new one is a dialect, a :class:`Session` and a constructor.

An engine subclasses :class:`SqlEngine`: it names the ``kind`` of sources it reads (the type that
feature_store.yaml has for it), the ``dialect``, and the driver's ``errors``; ``connect`` opens a session and
``translate`` turns the driver's errors into ours. A session is one connection, used by one plan at a time: when the
last batch was read it waits to be used again, if its ``reset`` says that it can; it is closed if the reader is
dropped. Everything else is here: compiling, types, checks, streaming. Statements that change nothing are the only
ones that are ever made, besides what ``upload`` and ``insert`` do.
"""

from __future__ import annotations

import weakref
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from repast.backends.offline.conform import conform
from repast.backends.offline.sql_session import Session, SessionPool
from repast.backends.offline.statement import check_select, refusal_in, source_table, subject_of
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import CREATED, EVENT, ROW, TIME, CountRows, OfflinePlan, PointInTimeJoin, ReadRows
from repast.core.source_kind import unreadable
from repast.core.sql.dialect import SqlDialect
from repast.core.sql.plan import check_columns, compile_plan
from repast.core.sql.relation import Relation, SourceColumn
from repast.core.sql.spine import SpineFacts
from repast.errors import ClosedError, InvalidValueError, RepastError, UnsupportedError
from repast.ports.offline import OfflineEngine

__all__ = ["Session", "SqlEngine"]


class SqlEngine(OfflineEngine):
    """Runs plans in a database."""

    kind: ClassVar[str]
    """The source type that it reads, which is its own type in feature_store.yaml."""
    dialect: SqlDialect
    levels: ClassVar[tuple[str, str]] = ("", "")
    """Options of a source with the database and the schema of its table, where it has such options."""
    errors: tuple[type[BaseException], ...] = ()
    """What the driver raises. Arrow's errors and those of the system are translated too."""

    def __init__(self) -> None:
        self._closed = False
        self._idle = SessionPool()
        weakref.finalize(self, self._idle.close)

    @abstractmethod
    def connect(self, source: SourceSpec | None = None) -> Session:
        """Open a session, for a source if there is one (it may name a warehouse, say)."""

    @abstractmethod
    def translate(self, error: BaseException, subject: str) -> RepastError:
        """Return the error that users see; ``subject`` names the source or statement."""

    # -- the port ---------------------------------------------------------------------------------

    def inspect(self, source: SourceSpec) -> pa.Schema:
        """See :meth:`OfflineEngine.inspect`."""
        with self._session(source) as session:
            columns = session.inspect(self._table(source))
            return pa.schema([(name, column.type) for name, column in columns.items()])

    def run(self, plan: OfflinePlan, spine: pa.Table | None = None) -> pa.RecordBatchReader:
        """See :meth:`OfflineEngine.run`."""
        rows = plan.rows if isinstance(plan, CountRows) else plan
        subject = subject_of(rows.source)
        session = self._open(rows.source)
        try:
            with self._translated(subject):
                relation, columns = self._relation(session, rows)
                check_columns(plan, relation)
                table = None if spine is None else session.upload(spine)
                statement = self.dialect.render(compile_plan(plan, relation, spine_facts(spine, table)))
                reader = session.execute(statement)
        except BaseException:
            session.close()
            raise
        return self._stream(rows.source, session, reader, result_schema(plan, columns), subject)

    def explain(self, plan: OfflinePlan, spine: pa.Table | None = None) -> str:
        """Return the SQL that :meth:`run` would execute; ``spine`` is the name of the spine in it."""
        rows = plan.rows if isinstance(plan, CountRows) else plan
        with self._session(rows.source) as session:
            relation, _ = self._relation(session, rows)
            return self.dialect.render(compile_plan(plan, relation, spine_facts(spine)), pretty=True)

    def query(self, statement: str) -> pa.RecordBatchReader:
        """Run one SELECT of the user's, in the database's own SQL."""
        subject = "The SQL of the spine"
        text = check_select(statement, self.dialect.name, subject=subject)
        session = self._open(None)
        try:
            with self._translated(subject):
                text, schema = self.plain_query(session, text)
                reader = session.execute(text)
        except BaseException:
            session.close()
            raise
        return self._stream(None, session, reader, schema or reader.schema, subject)

    def plain_query(self, session: Session, text: str) -> tuple[str, pa.Schema | None]:  # noqa: ARG002
        """Return a user's SELECT such that it yields plain Arrow types, and which, if not those of the driver."""
        return text, None

    def files(self, source: SourceSpec) -> Mapping[str, str] | None:
        """Return None: tables are not made of files."""
        self._check_open()
        self._check_kind(source)
        return None

    def append(self, source: SourceSpec, rows: pa.Table) -> None:
        """See :meth:`OfflineEngine.append`."""
        table = self._table(source)
        if not isinstance(table, exp.Table):
            raise UnsupportedError(
                f"Source {source.name!r} is a query, and rows cannot be added to one.",
                hint="give the source table= instead of query=",
                context={"source": source.name},
            )
        with self._session(source) as session:
            columns = session.inspect(table)
            schema = pa.schema([(name, column.type) for name, column in columns.items()])
            session.insert(table, conform(source, rows, schema))

    def close(self) -> None:
        """See :meth:`OfflineEngine.close`. Results that are being read may be read to their end."""
        self._closed = True
        self._idle.close()

    # -- parts ------------------------------------------------------------------------------------

    def _table(self, source: SourceSpec) -> exp.Expr:
        self._check_kind(source)
        return source_table(source, self.dialect.name, levels=self.levels)

    def _check_kind(self, source: SourceSpec) -> None:
        if source.source_type != self.kind:
            raise unreadable(source, engine=self.kind)

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("The offline engine was closed.")

    def _relation(
        self, session: Session, rows: PointInTimeJoin | ReadRows
    ) -> tuple[Relation, Mapping[str, SourceColumn]]:
        table = self._table(rows.source)
        columns = session.inspect(table)
        relation = Relation(
            spec=rows.source,
            table=table,
            columns={name: column.type for name, column in columns.items()} | _bytes(rows, columns),
            outputs={name: column.output for name, column in columns.items() if column.output},
            dialect=self.dialect,
            rows=session.estimate_rows(table),
            indexed=isinstance(rows, PointInTimeJoin)
            and self.dialect.lookup_share > 0
            and session.has_index(table, [key.column for key in rows.keys], rows.source.timestamp_field),
            view=rows.view,
        )
        return relation, columns

    def _open(self, source: SourceSpec | None) -> Session:
        self._check_open()
        if source is not None:
            self._check_kind(source)
        idle = self._idle.take(self.place(source))
        if idle is not None:
            return idle
        with self._translated(f"offline_store {self.kind}"):
            return self.connect(source)

    def place(self, source: SourceSpec | None) -> str:  # noqa: ARG002 - for those whose sources say where they are read
        """Return a name for the sessions that can be used for a source: by default all are alike."""
        return ""

    @contextmanager
    def _session(self, source: SourceSpec) -> Iterator[Session]:
        session = self._open(source)
        try:
            with self._translated(subject_of(source)):
                yield session
        except BaseException:
            session.close()
            raise
        self._idle.give(session, self.place(source))

    @contextmanager
    def _translated(self, subject: str) -> Iterator[None]:
        try:
            yield
        except RepastError:
            raise
        except (*self.errors, pa.ArrowException, OSError) as error:
            refusal = refusal_in(str(error))
            raise (refusal or self.translate(error, subject)) from error

    def _stream(
        self,
        source: SourceSpec | None,
        session: Session,
        reader: pa.RecordBatchReader,
        schema: pa.Schema,
        subject: str,
    ) -> pa.RecordBatchReader:
        """Stream rows in the types that were announced; read to the end, the session can be used again."""

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                with self._translated(subject):
                    for batch in reader:
                        yield cast_batch(batch, schema, subject)
            except BaseException:  # also where the reader is dropped half way
                session.close()
                raise
            unread.detach()
            self._idle.give(session, self.place(source))

        stream = batches()
        unread = weakref.finalize(stream, session.close)  # where nobody ever asks for the first batch
        return pa.RecordBatchReader.from_batches(schema, stream)


def spine_facts(spine: pa.Table | None, table: exp.Expr | None = None) -> SpineFacts | None:
    """Return what the compiler may know of a spine, and where it is if not under its own name."""
    if spine is None:
        return None
    ends = pc.min_max(spine.column(TIME)).as_py()
    first, last = (0, 0) if ends["min"] is None else (ends["min"], ends["max"])
    return SpineFacts(spine.num_rows, first, last) if table is None else SpineFacts(spine.num_rows, first, last, table)


def result_schema(plan: OfflinePlan, columns: Mapping[str, SourceColumn]) -> pa.Schema:
    """Return the columns of a plan's result: the source's types, and int64 for positions, times and counts."""
    if isinstance(plan, CountRows):
        return pa.schema([(name, pa.int64()) for name in ("read", "rejected", "created_max")])
    features = [(f.name, columns[f.column].type_for(f.dtype)) for f in plan.features]
    times = [(EVENT, pa.int64()), (CREATED, pa.int64())]
    if isinstance(plan, PointInTimeJoin):
        return pa.schema([(ROW, pa.int64()), *times, *features])
    return pa.schema([*((k.name, columns[k.column].type_for(k.dtype)) for k in plan.keys), *times, *features])


def _bytes(rows: PointInTimeJoin | ReadRows, columns: Mapping[str, SourceColumn]) -> dict[str, pa.DataType]:
    """Return the key columns that are bytes to who declared them and could have been text."""
    keys = [key for key in rows.keys if key.column in columns and columns[key.column].any_bytes]
    return {key.column: columns[key.column].type_for(key.dtype) for key in keys}


def cast_batch(batch: pa.RecordBatch, schema: pa.Schema, subject: str) -> pa.RecordBatch:
    """Return a batch in the types of a schema, without loss.

    Raises:
        InvalidValueError: A value does not fit; the message names the column and the source.

    """
    arrays: list[pa.Array] = []
    for array, field in zip(batch.columns, schema, strict=True):
        try:
            arrays.append(_cast(array, field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InvalidValueError(
                f"{subject}: column {field.name!r} has a value that is not a {field.type}: {error}",
                hint="declare the feature with a type that holds it, or convert the column in the source",
                context={"column": field.name},
            ) from error
    return pa.record_batch(arrays, schema=schema)


def _cast(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    if isinstance(array, pa.ExtensionArray) and not isinstance(dtype, pa.BaseExtensionType):
        array = array.storage
    return array if array.type == dtype else array.cast(dtype)
