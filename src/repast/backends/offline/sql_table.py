"""Results of retrievals as tables of a SQL database: an engine that can is a :class:`SqlTableEngine`, and its
sessions are :class:`TableSession`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
from sqlglot import exp

from repast.backends.offline.sql_engine import SqlEngine, spine_facts
from repast.backends.offline.sql_session import Session
from repast.backends.offline.statement import named_table
from repast.core.plan.offline import ROW
from repast.core.sql.node import select
from repast.core.sql.plan import check_columns
from repast.core.sql.relation import SourceColumn
from repast.core.sql.result import (
    CompiledJoin,
    compile_result,
    compile_settled,
    compile_ties,
    is_exact,
    ties_column,
)
from repast.errors import ConflictError, InvalidValueError, NotFoundError
from repast.ports.table import Result, ResultJoin, SupportsTables
from repast.types import DataType

_TAKEN = "choose another name, or pass allow_overwrite=True"


class TableSession(Session):
    """A session that can make tables. It is closed after that."""

    @abstractmethod
    def keep(self, query: str) -> exp.Expr:
        """Store what a SELECT yields as :meth:`upload` stores rows; return the table."""

    @abstractmethod
    def create(self, table: exp.Table, query: str, *, replace: bool) -> None:
        """Make a lasting table of what a SELECT yields: nobody sees half of it, nor that it fails.

        ``replace`` puts it in the place of one that may be there; else it is an error if there is one.
        """

    def read(self, query: str) -> pa.Table:
        """Return what a SELECT of few rows yields, or a table without columns; tables can be made after it."""
        return self.execute(query).read_all()


class SqlTableEngine(SqlEngine, SupportsTables):
    """An engine whose results can be tables of its database."""

    nullable_nests: bool = True
    """Whether a list, map or tuple that was not found is null, not empty."""
    forgets_digits: bool = False
    """Whether a decimal that is uploaded, or computed, no longer says how many digits it has."""

    def write_table(self, name: str, result: Result, *, overwrite: bool = False) -> None:
        """See :meth:`SupportsTables.write_table`."""
        table = named_table(name, self.dialect.name, subject="The table to write")
        if not overwrite and self._is_there(table, f"Table {name}"):
            raise ConflictError(f"There is a table {name} already.", hint=_TAKEN)
        with self._making(f"Table {name}") as session:
            query = self.dialect.render(self._compose(session, result))
            session.create(table, query, replace=overwrite)

    def read_table(self, name: str) -> pa.RecordBatchReader:
        """See :meth:`SupportsTables.read_table`."""
        table = named_table(name, self.dialect.name, subject="The table to read")
        subject = f"Table {name}"
        session = self._open(None)
        try:
            with self._translated(subject):
                columns = session.inspect(table)
                outputs = [self._output(name, column) for name, column in columns.items()]
                aliased = exp.alias_(table, "source", table=True, quoted=True)
                reader = session.execute(self.dialect.render(select(*outputs).from_(aliased)))
        except BaseException:
            session.close()
            raise
        schema = pa.schema([(name, column.type) for name, column in columns.items()])
        return self._stream(None, session, reader, schema, subject)

    # -- parts ------------------------------------------------------------------------------------

    def _output(self, name: str, found: SourceColumn) -> exp.Expr:
        node: exp.Expr = exp.column(name, table="source", quoted=True)
        filled = self.dialect.fill(found.output, x=node) if found.output else node
        return exp.Alias(this=filled, alias=exp.to_identifier(name, quoted=True))

    def _is_there(self, table: exp.Table, subject: str) -> bool:
        session = self._open(None)
        try:
            with self._translated(subject):
                session.inspect(table)
        except NotFoundError:
            return False
        finally:
            self._idle.give(session, "")  # what cannot be used again is closed there
        return True

    @contextmanager
    def _making(self, subject: str) -> Iterator[TableSession]:
        session = self._open(None)
        assert isinstance(session, TableSession)
        try:
            with self._translated(subject):
                yield session
        finally:
            session.close()

    def _compose(self, session: TableSession, result: Result) -> exp.Select:
        """Return the statement that selects the result from what this session was given and has kept."""
        native: list[tuple[int, CompiledJoin]] = []
        rows = result.rows
        for number, one in enumerate(result.joins):
            compiled = self._compile(session, one)
            if rows.num_rows and all(self._can_make(source, dtype) for source, dtype in _features(compiled)):
                native.append((number, compiled))
            else:
                rows = _beside(rows, result.answer(number, None))
        spine = session.upload(storable(rows))
        if not native:
            return compile_settled(result.columns, spine, [], self._decimals(result))
        joins = [joined for _, joined in native]
        made = {name for joined in joins for name in joined.columns}
        kept = [name for name in result.columns if name not in made]
        facts = spine_facts(rows)
        assert facts is not None
        statement = compile_result(joins, spine, facts, kept)
        work = session.keep(self.dialect.render(statement))
        ties = session.read(self.dialect.render(compile_ties(work, len(native))))
        settled = []
        for place, (number, joined) in enumerate(native if ties.num_rows else ()):
            tied = np.asarray(ties[ROW])[np.asarray(ties[ties_column(place)]) > 1].astype(np.int64)
            if len(tied):
                answers = storable(result.answer(number, np.sort(tied)))
                settled.append((session.upload(answers), joined.columns))
        return compile_settled(result.columns, work, settled, self._decimals(result))

    def _decimals(self, result: Result) -> dict[str, pa.DataType]:
        if not self.forgets_digits:
            return {}
        types = dict(zip(result.rows.schema.names, result.rows.schema.types, strict=True))
        for one in result.joins:
            types |= {name: f.dtype.arrow for name, f in zip(one.columns, one.join.features, strict=True)}
        return {name: types[name] for name in result.columns if pa.types.is_decimal(types[name])}

    def _compile(self, session: TableSession, one: ResultJoin) -> CompiledJoin:
        relation, columns = self._relation(session, one.join)
        check_columns(one.join, relation)
        sources = tuple(columns[feature.column] for feature in one.join.features)
        return CompiledJoin(join=one.join, relation=relation, sources=sources, keys=one.keys, columns=one.columns)

    def _can_make(self, source: SourceColumn, dtype: DataType) -> bool:
        return is_exact(source, dtype) and (self.nullable_nests or not pa.types.is_nested(source.type))


def _features(one: CompiledJoin) -> Iterable[tuple[SourceColumn, DataType]]:
    return [(source, feature.dtype) for source, feature in zip(one.sources, one.join.features, strict=True)]


def _beside(rows: pa.Table, answers: pa.Table) -> pa.Table:
    for name in answers.column_names:
        if name != ROW:
            rows = rows.append_column(name, answers[name])
    return rows


def storable(rows: pa.Table) -> pa.Table:
    """Return rows in types that databases have: no encodings, no sizes, times in microseconds.

    Raises:
        InvalidValueError: A time is finer than that.

    """
    arrays = []
    for name, array in zip(rows.column_names, rows.columns, strict=True):
        try:
            arrays.append(array.cast(_stored(array.type)))
        except pa.ArrowInvalid as error:
            raise InvalidValueError(
                f"Column {name!r} has a value that a table cannot hold: {error}",
                hint="round the times of the spine to microseconds",
                context={"column": name},
            ) from error
    return pa.table(arrays, names=rows.column_names)


def _stored(dtype: pa.DataType) -> pa.DataType:
    types = pa.types
    if isinstance(dtype, pa.BaseExtensionType):
        return _stored(dtype.storage_type)
    if types.is_dictionary(dtype) or types.is_run_end_encoded(dtype):
        return _stored(dtype.value_type)
    if types.is_timestamp(dtype):
        return pa.timestamp("us", dtype.tz and "UTC")
    if types.is_uint64(dtype):
        return pa.decimal128(20, 0)
    if types.is_unsigned_integer(dtype) or types.is_int8(dtype):
        return pa.int64()
    others = {
        pa.null(): pa.string(),
        pa.large_string(): pa.string(),
        pa.string_view(): pa.string(),
        pa.large_binary(): pa.binary(),
        pa.binary_view(): pa.binary(),
        pa.date64(): pa.date32(),
        pa.float16(): pa.float32(),
    }
    return others.get(dtype, dtype)
