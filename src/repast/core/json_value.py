"""Values of declared types as JSON has them, there and back; the feature server's and Feast's spelling.

Out: bytes as base64, instants as seconds since 1970 (a whole number where they are whole), dates, UUIDs
and decimals as text, NaN and infinities as the strings "NaN", "Infinity", "-Infinity", maps as objects.
In: the same, and what casting understands (ISO 8601 text for instants, say). A JSON number is a decimal
numeral, not a float64: it is read as the declared type, so 0.1 is a Float32 though no float64 0.1 is.
"""

from __future__ import annotations

import struct
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal as PythonDecimal
from functools import lru_cache
from math import inf, isfinite, isnan, nan
from typing import Any, TypeAlias

from repast.core.clock import to_us
from repast.errors import InvalidValueError
from repast.types import Array, Bytes, DataType, Decimal, Float32, Float64, Int64, Map, Set, Struct, UnixTimestamp

Convert: TypeAlias = "Callable[[list[Any]], list[Any]]"

_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AMBIGUOUS = 2.0**53
"""From here on a float64 may stand for more than one whole number."""
_NOT_FINITE: Mapping[str, float] = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}
_KEEP = struct.Struct("<f")


# -- out ------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def json_writer(dtype: DataType) -> Convert | None:
    """Return what turns Python values of a type into those that are encoded as JSON; None: they are."""
    if dtype in (Float32, Float64):
        return write_floats
    if dtype == UnixTimestamp:
        return _each(_write_instant)
    if isinstance(dtype, Array | Set):
        item = json_writer(dtype.item)
        return _each(item) if item else None
    if isinstance(dtype, Map):
        return _map_writer(dtype)
    if isinstance(dtype, Struct):
        return _struct_writer(dtype)
    return None


def _each(one: Callable[[Any], Any]) -> Convert:
    return lambda values: [None if value is None else one(value) for value in values]


def write_floats(values: list[Any]) -> list[Any]:
    """Name what is not finite. A list of finite floats and no nulls is returned itself."""
    try:
        if isfinite(sum(values)):
            return values
    except TypeError:  # nulls
        pass
    return [value if value is None or isfinite(value) else _name_float(value) for value in values]


def _name_float(value: float) -> str:
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _write_instant(value: datetime) -> int | float:
    us = to_us(value)
    return us / _SECOND if us % _SECOND else us // _SECOND


def _map_writer(dtype: Map) -> Convert:
    item = json_writer(dtype.value)

    def one(pairs: Any) -> dict[str, Any]:
        entries = dict(pairs)
        values = list(entries.values())
        return dict(zip(map(_write_key, entries), item(values) if item else values, strict=True))

    return _each(one)


def _write_key(key: object) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return key.isoformat() if hasattr(key, "isoformat") else str(key)


def _struct_writer(dtype: Struct) -> Convert | None:
    writers = {name: writer for name, t in dtype.fields if (writer := json_writer(t))}
    if not writers:
        return None

    def one(value: Mapping[str, Any]) -> dict[str, Any]:
        return {**value, **{name: writer([value[name]])[0] for name, writer in writers.items()}}

    return _each(one)


# -- in -------------------------------------------------------------------------------------------


def read_json(values: Sequence[Any], dtype: DataType, *, subject: str) -> list[Any]:
    """Return Python values for what JSON had for a type; what does not fit is left for the cast to refuse.

    Raises:
        InvalidValueError: Text that is no base64, or a number that no Float32 is near to.

    """
    reader = json_reader(dtype)
    if reader is None:
        return list(values)
    try:
        return reader(list(values))
    except (ValueError, OverflowError, Base64Error) as error:
        raise InvalidValueError(
            f"{subject}: a value is not {dtype} as JSON has it ({error}).",
            hint="bytes are base64 text, instants ISO 8601 text or seconds since 1970",
            context={"subject": subject, "type": str(dtype)},
        ) from None


@lru_cache(maxsize=1024)
def json_reader(dtype: DataType) -> Convert | None:
    """Return what turns JSON values into Python values of a type; None: they are."""
    if dtype in (Float32, Float64):
        return _each(_read_float32 if dtype == Float32 else _read_float)
    if dtype == Int64:
        return _read_integers
    if dtype == Bytes:
        return _each(_read_bytes)
    if dtype == UnixTimestamp:
        return _each(_read_instant)
    if isinstance(dtype, Decimal):
        return _each(_read_decimal)
    if isinstance(dtype, Array | Set):
        item = json_reader(dtype.item)
        return _each(lambda value: item(value) if isinstance(value, list) else value) if item else None
    if isinstance(dtype, Map):
        return _map_reader(dtype)
    return _struct_reader(dtype) if isinstance(dtype, Struct) else None


def _read_float(value: Any) -> Any:
    return _NOT_FINITE.get(value, value) if isinstance(value, str) else value


def _read_float32(value: Any) -> Any:
    value = _read_float(value)
    return _KEEP.unpack(_KEEP.pack(value))[0] if type(value) is float else value


def _read_integers(values: list[Any]) -> list[Any]:
    """Refuse what was rounded when it was parsed: 9007199254740993.0 is another key than it says."""
    if float in set(map(type, values)):
        for value in values:
            if type(value) is float and abs(value) >= _AMBIGUOUS:
                raise ValueError(f"{value} may be rounded; write whole numbers without point and exponent")
    return values


def _read_bytes(value: Any) -> Any:
    return b64decode(value, validate=True) if isinstance(value, str) else value


def _read_instant(value: Any) -> Any:
    if type(value) is int:
        return _EPOCH + timedelta(seconds=value)
    if type(value) is float and isfinite(value):
        return _EPOCH + timedelta(microseconds=round(value * _SECOND))
    return value


def _read_decimal(value: Any) -> Any:
    if type(value) is float:
        return PythonDecimal(repr(value))
    return value


def _map_reader(dtype: Map) -> Convert:
    item, key = json_reader(dtype.value), _KEY_READERS.get(str(dtype.key))

    def one(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        values = list(value.values())
        return dict(zip(map(key, value) if key else value, item(values) if item else values, strict=True))

    return _each(one)


_KEY_READERS: Mapping[str, Callable[[str], Any]] = {
    "Int32": int,
    "Int64": int,
    "Float32": float,
    "Float64": float,
    "Bool": lambda text: {"true": True, "false": False}.get(text, text),
}


def _struct_reader(dtype: Struct) -> Convert | None:
    readers = {name: reader for name, t in dtype.fields if (reader := json_reader(t))}
    if not readers:
        return None

    def one(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: readers[k]([v])[0] if k in readers else v for k, v in value.items()}

    return _each(one)
