"""Types as Trino and Athena write them, and Arrow's."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
from sqlglot import exp
from sqlglot.errors import SqlglotError

from repast.core.sql.relation import SourceColumn

_KINDS: Mapping[str, pa.DataType] = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "CHAR": pa.string(),
    "JSON": pa.string(),
    "VARBINARY": pa.binary(),
    "DATE": pa.date32(),
}
_TEXT = "CAST(:x AS VARCHAR)"


def source_column(name: str) -> SourceColumn:
    """Return a column of a type, given as ``typeof`` writes it; what Arrow does not have is selected as text."""
    dtype = _arrow_type(_parsed(name))
    return SourceColumn(pa.string(), _TEXT) if dtype is None else SourceColumn(dtype)


def exported_column(name: str) -> SourceColumn:
    """Return a column as UNLOAD can write it: milliseconds, and no time zones."""
    tree = _parsed(name)
    if tree is not None and tree.this == exp.DataType.Type.TIMESTAMPTZ:
        return SourceColumn(pa.timestamp("us", "UTC"), "CAST(:x AT TIME ZONE 'UTC' AS TIMESTAMP(6))")
    if tree is not None and tree.this == exp.DataType.Type.JSON:
        return SourceColumn(pa.string(), "JSON_FORMAT(:x)")
    return source_column(name)


def _parsed(name: str) -> exp.DataType | None:
    try:
        tree = exp.DataType.build(name, dialect="trino")
    except SqlglotError:
        return None
    # Of an interval, the type is a tree of its own.
    return tree if isinstance(tree, exp.DataType) and isinstance(tree.this, exp.DataType.Type) else None


def _arrow_type(tree: exp.DataType | None) -> pa.DataType | None:
    if tree is None:
        return None
    kind = tree.this.value
    if kind in ("ARRAY", "MAP", "STRUCT"):
        return _nested(kind, tree)
    sizes = [int(str(size.this)) for size in tree.expressions if isinstance(size, exp.DataTypeParam)]
    if kind == "DECIMAL":
        return pa.decimal128(*(sizes or (38, 0)))
    if kind in ("TIMESTAMP", "TIMESTAMPTZ"):
        unit = "ns" if sizes and sizes[0] > 6 else "us"
        return pa.timestamp(unit, "UTC" if kind == "TIMESTAMPTZ" else None)
    return _KINDS.get(kind)


def _nested(kind: str, tree: exp.DataType) -> pa.DataType | None:
    parts = [part.args.get("kind") if isinstance(part, exp.ColumnDef) else part for part in tree.expressions]
    types = [_arrow_type(part) if isinstance(part, exp.DataType) else None for part in parts]
    if not types or any(dtype is None for dtype in types):
        return None
    if kind == "ARRAY":
        return pa.list_(types[0])
    if kind == "MAP":
        return pa.map_(*types)
    names = [part.name or f"field{place}" for place, part in enumerate(tree.expressions)]
    return pa.struct(list(zip(names, types, strict=True)))
