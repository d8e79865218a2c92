"""Key columns of a source in the entity's type, without loss: what does not fit is refused, never rounded."""

from __future__ import annotations

from typing import Literal, TypeAlias

import pyarrow as pa
from sqlglot import exp

from repast.core.plan.offline import KeyColumn
from repast.core.sql.instant import REFUSAL, instant_us, time_kind
from repast.core.sql.node import all_of, any_of, case, cast, column, integer, is_null, not_null
from repast.core.sql.relation import Relation
from repast.errors import InvalidValueError
from repast.types import DataType, Date, String, UnixTimestamp, Uuid

KeyFit: TypeAlias = Literal["same", "widen", "check", "never"]

_INTEGER_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64, "uint8": 9, "uint16": 17, "uint32": 33, "uint64": 65}
"""Bits of a signed integer that holds every value."""
_EXACT_BITS = {"float": 25, "double": 54}
"""Bits of the signed integers that a float holds exactly."""
_SQL_TYPES = {
    "bool": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INT",
    "int64": "BIGINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINT",
    "uint64": "UBIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "TEXT",
    "large_string": "TEXT",
    "binary": "VARBINARY",
    "large_binary": "VARBINARY",
    "date32[day]": "DATE",
}


def key_fit(source: pa.DataType, dtype: DataType) -> KeyFit:
    """Return how values of a source column become keys of an entity's type.

    "check": it depends on the value; "never": no value of that type is a key (text for an int64, say).
    """
    target, types = dtype.arrow, pa.types
    if dtype == UnixTimestamp:
        return "widen" if time_kind(source) else "never"
    if dtype == Uuid:
        return "check" if _is_text(source) else "never"
    if dtype == Date:
        return "same" if source == target else "check" if types.is_timestamp(source) else "never"
    if _is_text(source) or _is_text(target):
        return "widen" if _is_text(source) and dtype == String else "never"
    if source == target:
        return "same"
    if types.is_large_binary(source) and types.is_binary(target):
        return "widen"
    numeric = all(types.is_integer(t) or types.is_floating(t) or types.is_decimal(t) for t in (source, target))
    if not numeric:
        return "never"
    return "widen" if _holds(target, source) else "check"


def _is_text(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype))


def _holds(target: pa.DataType, source: pa.DataType) -> bool:
    wide, narrow = str(target), str(source)
    if narrow in _INTEGER_BITS:
        return _INTEGER_BITS[narrow] <= (_INTEGER_BITS.get(wide) or _EXACT_BITS.get(wide, 0))
    return (narrow, wide) == ("float", "double")


def key_node(relation: Relation, key: KeyColumn) -> exp.Expr:
    """Return a source's key column in the entity's type; null stays null.

    Raises:
        InvalidValueError: No value of the column's type can be such a key. (A single value that is none
            makes the statement fail with a message that names it.)

    """
    source = relation.columns[key.column]
    fit = key_fit(source, key.dtype)
    node = column(key.column)
    if fit == "same":
        return node
    if fit == "never":
        raise InvalidValueError(
            f"{relation.subject(key.column)} is {source}, which cannot be the key {key.name!r} of type {key.dtype}.",
            hint="change the type in the entity, or the column in the source",
            context={"view": relation.view, "column": key.column, "type": str(key.dtype)},
        )
    if key.dtype == UnixTimestamp:
        dialect = relation.dialect
        return dialect.fill(dialect.us_instant, us=instant_us(relation, key.column))
    return cast(node, _sql_type(key.dtype.arrow)) if fit == "widen" else _checked(relation, key, source)


def _checked(relation: Relation, key: KeyColumn, source: pa.DataType) -> exp.Expr:
    dialect, node = relation.dialect, column(key.column)
    if key.dtype == Uuid:
        converted = dialect.fill(dialect.canonical_uuid, x=node)
        fits: exp.Expr = not_null(converted.copy())
    else:
        converted = _try_cast(relation, node, source, key.dtype.arrow)
        fits = exp.EQ(this=cast(converted.copy(), _sql_type(source)), expression=node.copy())
    message = exp.Literal.string(
        f"{REFUSAL}{relation.subject(key.column)} has a value that is not a lossless {key.dtype} key {key.name!r}: "
    )
    refused = cast(dialect.fill(dialect.refuse, x=node, message=message), _sql_type(key.dtype.arrow))
    return case((any_of(is_null(node), fits), converted), default=refused)


def _try_cast(relation: Relation, node: exp.Expr, source: pa.DataType, target: pa.DataType) -> exp.Expr:
    """Return a cast that is null, or another value, where a value does not fit."""
    kind, dialect = _sql_type(target), relation.dialect
    if dialect.try_cast and (dialect.narrow_integers or not pa.types.is_integer(target) or target.bit_width == 64):
        return exp.TryCast(this=node.copy(), to=exp.DataType.build(kind, dialect="duckdb"), safe=True)
    if not pa.types.is_integer(target):
        return cast(node.copy(), kind)
    top = 1 << (target.bit_width - 1)
    # Of floats only the power of two itself is exact, so it is the bound that does not belong to the range.
    inside = all_of(
        exp.GTE(this=node.copy(), expression=_bound(-top, source)),
        exp.LT(this=node.copy(), expression=_bound(top, source)),
    )
    return case((inside, cast(node.copy(), kind)))


def _bound(value: int, source: pa.DataType) -> exp.Expr:
    """Return a power of two in a type that holds it and compares with the source's exactly."""
    if pa.types.is_floating(source):
        return cast(integer(value), "DOUBLE")
    return integer(value) if abs(value) < 1 << 63 else cast(integer(value), "DECIMAL(38, 0)")


def _sql_type(dtype: pa.DataType) -> str:
    if pa.types.is_decimal(dtype):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    if pa.types.is_timestamp(dtype):
        return "TIMESTAMP" if dtype.tz is None else "TIMESTAMPTZ"
    return _SQL_TYPES[str(dtype)]
