"""Rows of drivers that know no Arrow: tuples of Python's values in, literals out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
from sqlglot import exp

from repast.core.sql.dialect import SqlDialect
from repast.errors import InvalidValueError, UnsupportedError

BATCH_ROWS = 10_000
_HOLE = "__value__"


def read_batches(cursor: Any, schema: pa.Schema, *, size: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """Fetch what is left of a cursor, some rows at a time."""
    while rows := cursor.fetchmany(size):
        yield to_batch(rows, schema)


def to_batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as Arrow, without loss.

    Raises:
        InvalidValueError: A value is not of the type that the database has announced.

    """
    arrays = []
    for column, field in zip(zip(*rows, strict=True), schema, strict=True):
        values = [_plain(value, field.type) for value in column]
        try:
            # Given a type, Arrow makes integers of floats.
            whole = pa.types.is_integer(field.type)
            arrays.append(pa.array(values).cast(field.type) if whole else pa.array(values, field.type))
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise InvalidValueError(
                f"Column {field.name!r} has a value that is not a {field.type}: {error}",
                context={"column": field.name},
            ) from error
    return pa.record_batch(arrays, schema=schema)


def _plain(value: Any, dtype: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_list(dtype):
        return [_plain(item, dtype.value_type) for item in value]
    if pa.types.is_map(dtype):
        pairs = value.items() if isinstance(value, Mapping) else value
        return [(_plain(key, dtype.key_type), _plain(item, dtype.item_type)) for key, item in pairs]
    if pa.types.is_struct(dtype):
        items = value.values() if isinstance(value, Mapping) else value
        return {part.name: _plain(item, part.type) for part, item in zip(dtype, items, strict=True)}
    if pa.types.is_decimal(dtype) and isinstance(value, int):
        return Decimal(value)
    return str(value) if isinstance(value, uuid.UUID) else value


def value_lists(rows: pa.Table, dialect: SqlDialect, *, most_bytes: int) -> Iterator[str]:
    """Return what follows VALUES: rows of literals, as many at a time as fit into so many bytes."""
    batch: list[str] = []
    length = 0
    writers = [_writer(dtype, dialect) for dtype in rows.schema.types]
    for values in zip(*(_values(column) for column in rows.columns), strict=True):
        text = f"({', '.join(write(value) for write, value in zip(writers, values, strict=True))})"
        if batch and length + len(text) > most_bytes:
            yield ", ".join(batch)
            batch, length = [], 0
        batch.append(text)
        length += len(text) + 2
    if batch:
        yield ", ".join(batch)


def _values(column: pa.ChunkedArray) -> Iterable[Any]:
    """Times as microseconds: Python's own have fewer years."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values


def _writer(dtype: pa.DataType, dialect: SqlDialect) -> Callable[[Any], str]:
    """Return what writes a value as SQL, such that the column it makes is of that type."""
    types, kind = pa.types, column_type(dtype)
    null = dialect.render(exp.cast(exp.null(), kind))
    if types.is_string(dtype) or types.is_large_string(dtype):
        write: Callable[[Any], str] = lambda value: exp.Literal.string(value).sql(dialect=dialect.name)  # noqa: E731
    elif types.is_boolean(dtype):
        write = {True: "TRUE", False: "FALSE"}.__getitem__
    elif types.is_binary(dtype) or types.is_large_binary(dtype):
        write = lambda value: f"FROM_HEX('{value.hex()}')"  # noqa: E731
    elif types.is_timestamp(dtype):
        template = dialect.us_instant if dtype.tz else dialect.us_wall
        pattern = dialect.render(dialect.fill(template, us=exp.Var(this=_HOLE)))
        write = lambda value: pattern.replace(_HOLE, f"({value})" if value < 0 else str(value))  # noqa: E731
    else:
        # A tree for each value would take a hundred times as long.
        quoted = dialect.render(exp.cast(exp.Literal.string(_HOLE), kind))
        floats = types.is_floating(dtype)
        write = lambda value: quoted.replace(_HOLE, _float(value) if floats else str(value))  # noqa: E731
    return lambda value: null if value is None else write(value)


def _float(value: float) -> str:
    return repr(float(value)).replace("inf", "Infinity")


def column_type(dtype: pa.DataType) -> exp.DataType:
    """Return the type of a column that holds such values, in sqlglot's words."""
    types = pa.types
    if types.is_decimal(dtype):
        return exp.DataType.build(f"DECIMAL({dtype.precision}, {dtype.scale})")
    if types.is_timestamp(dtype):
        return exp.DataType.build("TIMESTAMPTZ" if dtype.tz else "TIMESTAMP")
    kinds = {"BOOLEAN": types.is_boolean, "BIGINT": types.is_integer, "DOUBLE": types.is_floating}
    kinds |= {"DATE": types.is_date, "VARBINARY": types.is_binary, "VARCHAR": types.is_string}
    for name, fits in kinds.items():
        if fits(dtype):
            return exp.DataType.build(name)
    raise UnsupportedError(
        f"Values of type {dtype} cannot be written to this offline store.",
        hint="write them with the database's own tools",
    )
