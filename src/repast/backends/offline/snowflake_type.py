"""Snowflake's types and Arrow's, and how rows are staged: as Parquet of plain values that COPY casts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa
from sqlglot import exp

from repast.core.sql.dialect import SNOWFLAKE
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
_DAY_ONE = "CAST('1970-01-01' AS DATE)"


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


def column_type(dtype: pa.DataType) -> str:
    """Return the type of a column of a spine."""
    types = pa.types
    if types.is_decimal(dtype):
        return f"NUMBER({dtype.precision}, {dtype.scale})"
    if types.is_timestamp(dtype):
        return "TIMESTAMP_LTZ" if dtype.tz else "TIMESTAMP_NTZ"
    if types.is_integer(dtype):
        return "BIGINT"
    kinds = {"BOOLEAN": types.is_boolean, "FLOAT": types.is_floating, "DATE": types.is_date, "TIME": types.is_time}
    kinds |= {"BINARY": lambda t: types.is_binary(t) or types.is_large_binary(t)}
    return next((name for name, fits in kinds.items() if fits(dtype)), "VARCHAR")


def staged(rows: pa.Table, json: set[str] = frozenset()) -> tuple[pa.Table, list[exp.Expr]]:  # type: ignore[assignment]
    """Return rows in types that Parquet has only one of, and what reads each column of that file back.

    What a time or a float is in a file depends on options and on the server's version; integers and text do not.
    """
    columns, reads = [], []
    for place, field in enumerate(rows.schema):
        encode, template = _encoding(field.type)
        columns.append(encode(rows.column(place)))
        value = exp.Var(this=f"$1:c{place}")
        read = SNOWFLAKE.fill("PARSE_JSON(CAST(:x AS VARCHAR))" if field.name in json else template, x=value)
        reads.append(read)
    return pa.table(columns, names=[f"c{place}" for place in range(len(columns))]), reads


def _encoding(dtype: pa.DataType) -> tuple[Callable[[pa.ChunkedArray], Any], str]:
    types = pa.types
    if types.is_timestamp(dtype):
        return lambda a: a.cast(pa.timestamp("us", dtype.tz)).cast(pa.int64()), _moment(dtype)
    if types.is_date(dtype):
        return lambda a: a.cast(pa.date32()).cast(pa.int32()), f"DATEADD(DAY, CAST(:x AS BIGINT), {_DAY_ONE})"
    if types.is_binary(dtype) or types.is_large_binary(dtype):
        return _hex, "TO_BINARY(CAST(:x AS VARCHAR), 'HEX')"
    if types.is_integer(dtype) or types.is_boolean(dtype):
        return lambda a: a, f"CAST(:x AS {column_type(dtype)})"
    text = "CAST(:x AS VARCHAR)"
    if types.is_string(dtype) or types.is_large_string(dtype):
        return lambda a: a, text
    return lambda a: a.cast(pa.string()), f"CAST({text} AS {column_type(dtype)})"


def _moment(dtype: pa.TimestampType) -> str:
    template = SNOWFLAKE.us_instant if dtype.tz else SNOWFLAKE.us_wall
    return template.replace(":us", "CAST(:x AS BIGINT)")


def _hex(array: pa.ChunkedArray) -> pa.Array:
    return pa.array([None if value is None else value.hex() for value in array.to_pylist()], pa.string())
