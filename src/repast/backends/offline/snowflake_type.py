"""Snowflake's types and Arrow's, and how rows are staged: as Parquet of plain values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlglot import exp

from repast.core.sql.dialect import SNOWFLAKE
from repast.core.sql.node import named
from repast.core.sql.relation import SourceColumn

_TYPES: Mapping[int, pa.DataType] = {
    1: pa.float64(),
    2: pa.string(),
    3: pa.date32(),
    4: pa.timestamp("us"),
    6: pa.timestamp("us", "UTC"),
    7: pa.timestamp("us", "UTC"),
    8: pa.timestamp("us"),
    11: pa.binary(),
    12: pa.time64("us"),
    13: pa.bool_(),
    16: pa.list_(pa.float32()),
}
"""The connector's codes; what is not here (VARIANT, OBJECT, ARRAY, GEOGRAPHY) arrives as text, most of it JSON."""
_NUMBER = 0
_SEMI_STRUCTURED = (5, 9, 10)


def source_columns(description: Iterable[Any]) -> dict[str, SourceColumn]:
    """Return the columns that a cursor describes."""
    return {column.name: _source_column(column) for column in description}


def _source_column(column: Any) -> SourceColumn:
    if column.type_code != _NUMBER:
        return SourceColumn(_TYPES.get(column.type_code, pa.string()))
    precision, scale = column.precision or 38, column.scale or 0
    if scale == 0 and precision == 38:
        # What INTEGER and BIGINT mean there. More digits than an int64 has are read where they are declared.
        return SourceColumn(pa.int64(), any_number=True)
    return SourceColumn(pa.int64() if scale == 0 and precision <= 18 else pa.decimal128(precision, scale))


def json_columns(description: Iterable[Any]) -> set[str]:
    """Return the columns whose text has to be parsed when it is written."""
    return {column.name for column in description if column.type_code in _SEMI_STRUCTURED}


@dataclass(frozen=True, slots=True)
class Staged:
    """Rows on their way into Snowflake, in values that a file has only one way to write."""

    rows: pa.Table
    """With columns c0, c1, ... of integers, booleans and text."""
    kinds: tuple[str, ...]
    """The types of these columns there."""
    values: tuple[exp.Expr, ...]
    """What makes the rows' own values of these columns, under the rows' names."""


def stage(rows: pa.Table, json: Collection[str] = ()) -> Staged:
    """Return rows as they are staged; columns in ``json`` are text that is parsed when it is read back.

    COPY knows few functions, and what a time or a float is in a file depends on options; so COPY is left to read
    integers and text, and the rest is done by a SELECT.
    """
    columns, kinds, values = [], [], []
    for place, field in enumerate(rows.schema):
        encode, kind, template = _encoding(field.type)
        columns.append(encode(rows.column(place)))
        kinds.append(kind)
        template = "PARSE_JSON(:x)" if field.name in json else template
        values.append(named(SNOWFLAKE.fill(template, x=exp.column(f"c{place}", quoted=True)), field.name))
    return Staged(pa.table(columns, names=[f"c{place}" for place in range(len(columns))]), tuple(kinds), tuple(values))


def _encoding(dtype: pa.DataType) -> tuple[Callable[[pa.ChunkedArray], Any], str, str]:
    types = pa.types
    if types.is_timestamp(dtype):
        template = SNOWFLAKE.us_instant if dtype.tz else SNOWFLAKE.us_wall
        return lambda a: a.cast(pa.timestamp("us", dtype.tz)).cast(pa.int64()), "BIGINT", template.replace(":us", ":x")
    if types.is_date(dtype):
        return lambda a: a.cast(pa.date32()).cast(pa.int32()), "BIGINT", "DATEADD(DAY, :x, CAST('1970-01-01' AS DATE))"
    if types.is_binary(dtype) or types.is_large_binary(dtype):
        return _hex, "VARCHAR", "TO_BINARY(:x, 'HEX')"
    if types.is_boolean(dtype):
        return lambda a: a, "BOOLEAN", ":x"
    if types.is_integer(dtype):
        return lambda a: a, "BIGINT", ":x"
    kind = "FLOAT" if types.is_floating(dtype) else "TIME" if types.is_time(dtype) else "VARCHAR"
    if types.is_decimal(dtype):
        kind = f"NUMBER({dtype.precision}, {dtype.scale})"
    return lambda a: a.cast(pa.string()), "VARCHAR", ":x" if kind == "VARCHAR" else f"CAST(:x AS {kind})"


def _hex(array: pa.ChunkedArray) -> pa.Array:
    return pa.array([None if value is None else value.hex() for value in array.to_pylist()], pa.string())
