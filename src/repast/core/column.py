"""Columns of an online request, as callers give them and as Repast passes them on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from repast.core.manifest import FieldSpec
from repast.errors import InvalidRequestError
from repast.types import DataType

if TYPE_CHECKING:
    import pyarrow as pa

Column: TypeAlias = "list[Any] | pa.Array"
"""Canonical Python values, or an Arrow array of the declared type."""

_PLAIN: Mapping[str, type] = {"int64": int, "float64": float, "string": str, "bool": bool, "bytes": bytes}
"""Types whose Python values need no cast if they have exactly this class (integers: if in range)."""


def to_list(column: Column) -> list[Any]:
    """Return Python values of a column; a list is returned as it is."""
    return column if isinstance(column, list) else column.to_pylist()


def to_array(column: Column, dtype: DataType) -> pa.Array:
    """Return a column of canonical values as an Arrow array of its type."""
    if not isinstance(column, list):
        return column
    import pyarrow as pa

    return pa.array(column, dtype.arrow)


def to_values(name: str, column: object) -> Column:
    """Return a caller's column as a list or an Arrow array. NaN in a pandas Series is null, elsewhere a value.

    Raises:
        InvalidRequestError: It is a single value, not a column.

    """
    if isinstance(column, list):
        return column
    if isinstance(column, tuple | range):
        return list(column)
    module = type(column).__module__.partition(".")[0]
    if module == "numpy" and getattr(column, "ndim", 0) == 1:
        return _numpy_values(column)
    if module in ("pandas", "pyarrow", "polars") and hasattr(column, "__len__"):
        return _arrow_values(column)
    raise InvalidRequestError(
        f"entity_rows is a mapping of columns, but {name!r} is {column!r} of type {type(column).__name__}.",
        hint=f"give a list of values per column, or one mapping per row: [{{{name!r}: {column!r}}}]",
    )


def _numpy_values(column: Any) -> list[Any]:
    if column.dtype.kind == "M":
        column = column.astype("datetime64[us]")
    values: list[Any] = column.tolist()
    return values


def _arrow_values(column: Any) -> Column:
    import pyarrow as pa

    try:
        array = column.to_arrow() if hasattr(column, "to_arrow") else pa.array(column, from_pandas=True)
    except (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError):
        return list(column)  # of mixed types: each value is looked at on its own
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def cast_input(spec: FieldSpec, values: Column) -> Column:
    """Return a request field's values in its declared type.

    Raises:
        InvalidValueError: A value is not losslessly of that type.

    """
    subject = f"request field {spec.name!r}"
    if not isinstance(values, list):
        from repast.core.cast import cast_array

        return cast_array(values, spec.type, subject=subject)
    if _is_plain(spec, values):
        return values
    from repast.core.literal import from_values

    return from_values(values, spec.type, subject=subject)


def _is_plain(spec: FieldSpec, values: Sequence[Any]) -> bool:
    exact = _PLAIN.get(str(spec.dtype))
    if exact is None:
        return False
    for value in values:
        if value is not None and type(value) is not exact:
            return False
    return exact is not int or all(v is None or -(1 << 63) <= v < 1 << 63 for v in values)
