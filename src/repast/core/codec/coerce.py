"""Key values as callers give them, turned into the one Python value that a type has for them, or refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite
from uuid import UUID

from repast.core.clock import to_utc
from repast.errors import InvalidValueError
from repast.types import Bool, Bytes, DataType, Date, Int32, Int64, String, UnixTimestamp, Uuid

_ACCEPTS: dict[DataType, str] = {
    Bool: "True or False",
    Int32: "a whole number from -2147483648 to 2147483647",
    Int64: "a whole number from -9223372036854775808 to 9223372036854775807",
    String: "a str of valid Unicode",
    Bytes: "bytes",
    UnixTimestamp: "a datetime (naive means UTC), a date or ISO 8601 text",
    Date: "a date, a datetime at midnight UTC or ISO 8601 text",
    Uuid: "a UUID or its text",
}


def coerce_key(value: object, dtype: DataType, *, column: str) -> object:
    """Return the canonical Python value of a key: int, bool, str, bytes, aware UTC datetime, date, uuid as str.

    Only lossless changes are made: 1.0 is an Int64 key; 1.9, True, NaN and "1" are not. NumPy scalars
    are taken for what they hold. Timestamps finer than a microsecond are floored, as everywhere.

    Raises:
        InvalidValueError: The value is null, or not of the type; names column, value and type.

    """
    plain = _unwrap(value)
    convert = _CONVERT.get(dtype)
    found = convert(plain) if convert is not None and plain is not None else None
    if found is None:
        raise refuse_key(column, dtype, value)
    return found


def refuse_key(column: str, dtype: DataType, value: object) -> InvalidValueError:
    """Return the error for a value that is not a key of this type; null has its own words."""
    context = {"column": column, "value": value, "type": str(dtype)}
    expected = _ACCEPTS.get(dtype, f"a value of type {dtype}")
    if _is_null(value):
        return InvalidValueError(
            f"Key {column!r} is null ({value!r}); a key is never null. Expected {expected}.",
            hint="leave such rows out, or give the key a value that stands for unknown",
            context=context,
        )
    shown = repr(value) if len(repr(value)) <= 100 else repr(value)[:100] + "..."
    return InvalidValueError(
        f"Key {column!r} is {dtype}; {shown} ({type(value).__name__}) is not. Expected {expected}.",
        hint=f"convert {column!r} to {dtype} first",
        context=context,
    )


def _is_null(value: object) -> bool:
    """None, NaN and NaT (which is a datetime to Python) are null."""
    return value is None or (isinstance(_unwrap(value), float | datetime) and value != value) or _unwrap(value) is None


def _unwrap(value: object) -> object:
    """Return what a NumPy scalar holds; NaT becomes None."""
    if type(value).__module__ != "numpy":
        return value
    if type(value).__name__ == "datetime64":
        value = value.astype("datetime64[us]")  # type: ignore[attr-defined]
    item: object = value.item()  # type: ignore[attr-defined]
    return item


def _bool(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _integer(bits: int) -> Callable[[object], int | None]:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def convert(value: object) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return None
        if not isinstance(value, int) and not isfinite(value):
            return None
        # The bounds come first: int() of Decimal("1e999999999") would never end.
        return int(value) if low <= value <= high and value == int(value) else None

    return convert


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return str(value)


def _bytes(value: object) -> bytes | None:
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else None


def _datetime(value: object) -> datetime | None:
    if isinstance(value, str):
        value = _parse(value)
    if isinstance(value, datetime):
        if value != value:  # NaT
            return None
        try:
            utc = to_utc(value)
        except OverflowError:
            return None
        return datetime(*utc.timetuple()[:6], utc.microsecond, tzinfo=UTC)  # a plain one: no subclass, no nanoseconds
    return datetime.combine(value, time.min, UTC) if isinstance(value, date) else None


def _date(value: object) -> date | None:
    moment = _datetime(value)
    return moment.date() if moment is not None and moment.time() == time.min else None


def _parse(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _uuid(value: object) -> str | None:
    if isinstance(value, str):
        try:
            return str(UUID(value))
        except ValueError:
            return None
    return str(value) if isinstance(value, UUID) else None


_CONVERT: dict[DataType, Callable[[object], object | None]] = {
    Bool: _bool,
    Int32: _integer(32),
    Int64: _integer(64),
    String: _text,
    Bytes: _bytes,
    UnixTimestamp: _datetime,
    Date: _date,
    Uuid: _uuid,
}
