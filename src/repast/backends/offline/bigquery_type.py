"""BigQuery's types and Arrow's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from repast.core.sql.relation import SourceColumn

_SCALARS: Mapping[str, pa.DataType] = {
    "INTEGER": pa.int64(),
    "INT64": pa.int64(),
    "FLOAT": pa.float64(),
    "FLOAT64": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "BOOL": pa.bool_(),
    "STRING": pa.string(),
    "JSON": pa.string(),
    "BYTES": pa.binary(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "DATETIME": pa.timestamp("us"),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
}
_AS_TEXT = "CAST(:x AS STRING)"
"""What has no type in Arrow: GEOGRAPHY, INTERVAL, RANGE."""


def source_columns(schema: Iterable[Any]) -> dict[str, SourceColumn]:
    """Return the columns of a table or result."""
    return {field.name: _source_column(field) for field in schema}


def _source_column(field: Any) -> SourceColumn:
    dtype = _arrow_type(field)
    if dtype is None:
        return SourceColumn(pa.string(), _AS_TEXT)
    open_digits = field.field_type in ("NUMERIC", "BIGNUMERIC") and field.precision is None
    return SourceColumn(dtype, any_number=open_digits and field.mode != "REPEATED")


def _arrow_type(field: Any) -> pa.DataType | None:
    if field.field_type in ("RECORD", "STRUCT"):
        inner = [(part.name, _arrow_type(part) or pa.string()) for part in field.fields]
        dtype: pa.DataType | None = pa.struct(inner)
    elif field.field_type == "NUMERIC":
        dtype = pa.decimal128(field.precision or 38, field.scale or (0 if field.precision else 9))
    elif field.field_type == "BIGNUMERIC":
        dtype = pa.decimal256(field.precision or 76, field.scale or (0 if field.precision else 38))
    else:
        dtype = _SCALARS.get(field.field_type)
    return pa.list_(dtype) if dtype is not None and field.mode == "REPEATED" else dtype


def load_schema(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return the fields of a table that takes rows of these types, as BigQuery's API writes them."""
    return [_field(field.name, field.type) for field in schema]


def _field(name: str, dtype: pa.DataType) -> dict[str, Any]:
    types = pa.types
    if types.is_list(dtype) or types.is_large_list(dtype):
        return {**_field(name, dtype.value_type), "mode": "REPEATED"}
    if types.is_struct(dtype):
        return {"name": name, "type": "RECORD", "fields": [_field(part.name, part.type) for part in dtype]}
    if types.is_decimal(dtype):
        kind = "NUMERIC" if dtype.precision - dtype.scale <= 29 and dtype.scale <= 9 else "BIGNUMERIC"
        return {"name": name, "type": kind, "precision": str(dtype.precision), "scale": str(dtype.scale)}
    return {"name": name, "type": _name(dtype)}


def _name(dtype: pa.DataType) -> str:
    types = pa.types
    if types.is_timestamp(dtype):
        return "TIMESTAMP" if dtype.tz else "DATETIME"
    if types.is_integer(dtype):
        return "INTEGER"
    if types.is_floating(dtype):
        return "FLOAT"
    kinds = {"BOOLEAN": types.is_boolean, "DATE": types.is_date, "TIME": types.is_time}
    kinds |= {"BYTES": lambda t: types.is_binary(t) or types.is_large_binary(t)}
    return next((name for name, fits in kinds.items() if fits(dtype)), "STRING")
