"""Python values as Arrow arrays of declared types: for requests, rows as mappings, and what user functions return."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal as PythonDecimal
from itertools import accumulate
from typing import Any
from uuid import UUID

import pyarrow as pa

from repast.core.cast import cast_array
from repast.core.clock import to_utc
from repast.errors import InvalidValueError
from repast.types import Array, DataType, Date, Decimal, Json, Map, Set, Struct, UnixTimestamp, Uuid

_EXACT: Mapping[str, type] = {
    "Bool": bool,
    "Int32": int,
    "Int64": int,
    "Float64": float,
    "String": str,
    "Bytes": bytes,
    "UnixTimestamp": datetime,
    "Date": date,
}
"""The one class whose values Arrow takes as they are, without loss."""

_MISSING = frozenset({"NoneType", "NAType", "NaTType"})
_FAILURES = (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError)


def from_values(values: Sequence[object], dtype: DataType, *, subject: str, timezone: str = "UTC") -> pa.Array:
    """Return Python values as an array of a declared type, by the rules of :mod:`repast.core.cast`.

    None, NaT and pandas.NA are null; NaN is a value. Lists, tuples, NumPy arrays and Python sets (in
    sorted order) are lists; mappings or pairs are maps; mappings are structs, whose absent fields are
    null and whose unknown ones are refused; mappings and lists are also Json.

    Args:
        values: One value per row.
        subject: What they are, for messages.
        timezone: IANA zone of datetimes without one.

    Raises:
        InvalidValueError: A value is not losslessly of the type; names subject, value and row.

    """
    exact = _EXACT.get(str(dtype))
    classes = set(map(type, values))
    if exact in classes and classes <= {exact, type(None)} and (exact is not datetime or timezone == "UTC"):
        try:
            return pa.array(values, dtype.arrow)
        except _FAILURES:
            pass  # one value is out of range: the way below finds it
    plain = [_plain(value) for value in values]
    try:
        return _build(plain, dtype, subject, timezone)
    except (InvalidValueError, *_FAILURES):
        return pa.concat_arrays(
            [pa.nulls(0, dtype.arrow), *(_single(v, dtype, subject, timezone, row) for row, v in enumerate(plain))]
        )


def _single(value: object, dtype: DataType, subject: str, timezone: str, row: int) -> pa.Array:
    try:
        return _build([value], dtype, subject, timezone)
    except (InvalidValueError, *_FAILURES) as error:
        shown = repr(value) if len(repr(value)) <= 100 else repr(value)[:100] + "..."
        raise InvalidValueError(
            f"{subject}: {shown} ({type(value).__name__}) is not {dtype}, or not without loss.",
            hint=error.hint if isinstance(error, InvalidValueError) else f"convert the values to {dtype} first",
            context={"subject": subject, "value": value, "row": row, "type": str(dtype)},
        ) from error


def _plain(value: Any) -> object:
    """Return what NumPy and pandas scalars stand for; their nulls become None."""
    if type(value).__name__ in _MISSING:
        return None
    if type(value).__module__ == "numpy":
        if type(value).__name__ == "datetime64":
            value = value.astype("datetime64[us]")
        return value.tolist()
    if type(value).__module__.startswith("pandas.") and isinstance(value, datetime):
        return value.to_pydatetime(warn=False)  # type: ignore[attr-defined]
    return value


def _build(values: Sequence[object], dtype: DataType, subject: str, timezone: str) -> pa.Array:
    if isinstance(dtype, Array | Set):
        return _build_list(values, dtype, subject, timezone)
    if isinstance(dtype, Map):
        return _build_map(values, dtype, subject, timezone)
    if isinstance(dtype, Struct):
        return _build_struct(values, dtype, subject, timezone)
    if dtype == Uuid:
        values = [str(value) if isinstance(value, UUID) else value for value in values]
    elif dtype == Json:
        values = [_to_json(value) for value in values]
    elif dtype in (UnixTimestamp, Date):
        values = [_to_time(value) for value in values]
    elif isinstance(dtype, Decimal) and all(isinstance(value, PythonDecimal | None) for value in values):
        return pa.array(values, dtype.arrow)
    return cast_array(pa.array(values), dtype, subject=subject, timezone=timezone)


def _to_json(value: object) -> object:
    if isinstance(value, Mapping | list | tuple):
        import msgspec

        return msgspec.json.encode(value).decode()
    return value


def _to_time(value: object) -> object:
    """Aware datetimes become UTC, so that a list may hold several zones; text keeps its own."""
    if isinstance(value, datetime):
        return to_utc(value).isoformat() if value.tzinfo else value.isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _offsets(lists: Sequence[Sequence[object] | None]) -> pa.Array:
    return pa.array(accumulate((len(items or ()) for items in lists), initial=0), pa.int32())


def _nulls(values: Sequence[object]) -> pa.Array | None:
    return pa.array([value is None for value in values], pa.bool_()) if None in values else None


def _items(value: object) -> Sequence[object] | None:
    if value is None or isinstance(value, list | tuple):
        return value
    if isinstance(value, AbstractSet):
        try:
            return sorted(value)
        except TypeError:
            return sorted(value, key=repr)
    raise TypeError(f"{value!r} is no list")


def _pairs(value: Any) -> list[tuple[object, object]] | None:
    if value is None:
        return None
    pairs: Any = value.items() if isinstance(value, Mapping) else _items(value) or ()
    return [(key, item) for key, item in pairs]


def _chain(lists: Sequence[Sequence[object] | None]) -> Iterator[object]:
    return (item for items in lists if items is not None for item in items)


def _build_list(values: Sequence[object], dtype: Array | Set, subject: str, timezone: str) -> pa.Array:
    lists = [_items(value) for value in values]
    items = from_values(list(_chain(lists)), dtype.item, subject=subject, timezone=timezone)
    built = pa.ListArray.from_arrays(_offsets(lists), items, type=dtype.arrow, mask=_nulls(lists))
    return cast_array(built, dtype, subject=subject)


def _build_map(values: Sequence[object], dtype: Map, subject: str, timezone: str) -> pa.Array:
    maps = [_pairs(value) for value in values]
    pairs = [pair for entries in maps if entries is not None for pair in entries]
    keys = from_values([key for key, _ in pairs], dtype.key, subject=f"{subject} (keys)", timezone=timezone)
    items = from_values([item for _, item in pairs], dtype.value, subject=subject, timezone=timezone)
    if keys.null_count:
        raise TypeError("the key of a map is null")
    return pa.MapArray.from_arrays(_offsets(maps), keys, items, type=dtype.arrow, mask=_nulls(maps))


def _build_struct(values: Sequence[object], dtype: Struct, subject: str, timezone: str) -> pa.Array:
    names = {name for name, _ in dtype.fields}
    for value in values:
        if value is not None and not (isinstance(value, Mapping) and value.keys() <= names):
            raise TypeError(f"{value!r} has not the fields of {dtype}")
    found = [value if isinstance(value, Mapping) else {} for value in values]
    children = [
        from_values([value.get(name) for value in found], t, subject=f"{subject}.{name}", timezone=timezone)
        for name, t in dtype.fields
    ]
    return pa.StructArray.from_arrays(children, fields=list(dtype.arrow), mask=_nulls(values))
