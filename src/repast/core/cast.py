"""Casts from what a source, spine or request holds to declared types: lossless, or refused with the value.

Lossless means that casting back gives the same value. On top of that a kind is never guessed: a bool
is not a number, text is not a number, a number is not text or a time. What is allowed:

=================  ======================================================================================
to                 from
=================  ======================================================================================
Bool               booleans
Int32, Int64       integers in range; floats with an integral value that is exact (up to 2**53, float32
                   2**24); decimals with an integral value
Float32, Float64   floats without loss of digits; integers up to 2**24 and 2**53; decimals that come back
String             text
Bytes              binary
UnixTimestamp      timestamps of any unit and zone (nanoseconds are floored), dates (midnight), ISO 8601 text
Date               dates; timestamps at midnight (UTC if they have a zone); ISO 8601 text
Decimal            numbers without loss of digits
Uuid               text that is a UUID, made canonical; 16 bytes of fixed size
Json               text that is one JSON value, kept as it is
Array, Set         lists; a Set keeps the first of equal values (nulls are equal, and so are NaNs)
Map                maps; structs without null fields, one entry per field
Struct             structs with the same fields, in any order
=================  ======================================================================================

Dictionary, run-end, large, view and fixed-size Arrow types count as what they encode. A column that
is all null becomes nulls of any type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.castable import castable
from repast.core.instant import MisfitError, to_date, to_microseconds
from repast.errors import InvalidValueError
from repast.types import Array, DataType, Date, Decimal, Json, Map, Set, Struct, UnixTimestamp, Uuid

if TYPE_CHECKING:
    Convert = Callable[[pa.Array, str], pa.Array]

__all__ = ["cast_array", "castable", "to_instants"]

_FAILURES = (MisfitError, pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError)


def cast_array(
    array: pa.Array | pa.ChunkedArray, dtype: DataType, *, subject: str, timezone: str = "UTC"
) -> pa.Array | pa.ChunkedArray:
    """Return the values of ``array`` in the Arrow type of ``dtype``; costs nothing if they are there already.

    Args:
        array: Any Arrow array. Chunks stay chunks.
        subject: What the values are, for messages: ``"feature driver_stats:trips"``.
        timezone: IANA zone of timestamps without one.

    Raises:
        InvalidValueError: A value would change; names the subject, the first such value and its row.

    """
    if _is_already(array.type, dtype):
        return array
    if isinstance(array, pa.ChunkedArray):
        starts = np.cumsum([0, *(len(chunk) for chunk in array.chunks)])
        chunks = [
            _cast(chunk, dtype, subject, timezone, int(s)) for chunk, s in zip(array.chunks, starts, strict=False)
        ]
        return pa.chunked_array(chunks, dtype.arrow)
    return _cast(array, dtype, subject, timezone, 0)


def to_instants(array: pa.Array | pa.ChunkedArray, *, timezone: str = "UTC", subject: str) -> pa.Array:
    """Return times as int64 microseconds since 1970 UTC; nulls stay null.

    Takes timestamps of any unit (nanoseconds are floored) and zone, dates (midnight) and ISO 8601 text.
    A time without a zone is in ``timezone``: of a wall time that occurs twice the first is meant, one
    that is skipped moves forward by the change, as Python's ``fold=0`` has it.

    Raises:
        InvalidValueError: The values are no times, or one is out of range.

    """
    if isinstance(array, pa.ChunkedArray):
        array = _unchunk(array)
    try:
        return to_microseconds(_plain(array), timezone)
    except _FAILURES as error:
        raise _refusal(
            array, subject, UnixTimestamp, lambda a: to_microseconds(_plain(a), timezone), _TIME_HINT
        ) from error


_TIME_HINT = 'use timestamps, datetimes, dates or ISO 8601 text such as "2024-05-01T12:00:00Z"'


def _cast(array: pa.Array, dtype: DataType, subject: str, timezone: str, start: int) -> pa.Array:
    try:
        return _convert(array, dtype, timezone)
    except _FAILURES as error:
        hint = _hint(array.type, dtype)
        raise _refusal(array, subject, dtype, lambda a: _convert(a, dtype, timezone), hint, start) from error


def _unchunk(array: pa.ChunkedArray) -> pa.Array:
    return array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()


# -- refusals -------------------------------------------------------------------------------------


def _refusal(
    array: pa.Array,
    subject: str,
    dtype: DataType,
    convert: Callable[[pa.Array], pa.Array],
    hint: str,
    start: int = 0,
) -> InvalidValueError:
    """Find the first value that does not convert. A prefix fails from that value on, so bisection finds it.

    Args:
        start: Row of the array's first value.

    """
    good, bad = 0, len(array)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            convert(array.slice(0, middle))
            good = middle
        except _FAILURES:
            bad = middle
    row = bad - 1
    value = _value(array, row)
    shown = repr(value) if len(repr(value)) <= 100 else repr(value)[:100] + "..."
    problem = f"is not {dtype}" if castable(array.type, dtype) is False else f"does not fit {dtype} without loss"
    return InvalidValueError(
        f"{subject}: {shown} ({array.type}) {problem}.",
        hint=hint,
        context={"subject": subject, "value": value, "row": start + row, "type": str(dtype)},
    )


def _value(array: pa.Array, row: int) -> object:
    try:
        value: object = array[row].as_py()
        return value
    except (ValueError, OverflowError, ImportError):  # out of datetime's range, or nanoseconds without pandas
        return f"a {array.type} out of range"


def _hint(source: pa.DataType, dtype: DataType) -> str:
    if pa.types.is_floating(source) and str(dtype) == "Float32":
        return "declare it Float64, or make the source's values float32"
    if isinstance(dtype, Decimal):
        return "declare a Decimal with more digits"
    if pa.types.is_struct(source) and isinstance(dtype, Map):
        return "give maps as lists of (key, value) pairs: a null field may be an absent key or a null value"
    if castable(source, dtype) is False:
        return f"convert the values to {dtype} first"
    return "correct the value" if dtype in _WRITTEN else "correct the value, or declare a wider type"


_WRITTEN = (Uuid, Json, UnixTimestamp, Date)


# -- conversion -----------------------------------------------------------------------------------


def _is_already(source: pa.DataType, dtype: DataType) -> bool:
    """Whether nothing is left to do. Arrow's equality overlooks how a list's items are called; results do not."""
    same = source == dtype.arrow and (not pa.types.is_nested(source) or str(source) == str(dtype.arrow))
    return same and not _is_checked(dtype)


@lru_cache(maxsize=1024)
def _is_checked(dtype: DataType) -> bool:
    """Whether values of the right Arrow type may still be wrong."""
    if isinstance(dtype, Array):
        return _is_checked(dtype.item)
    if isinstance(dtype, Map):
        return _is_checked(dtype.key) or _is_checked(dtype.value)
    if isinstance(dtype, Struct):
        return any(_is_checked(t) for _, t in dtype.fields)
    return isinstance(dtype, Set) or dtype in (Uuid, Json)


def _convert(array: pa.Array, dtype: DataType, timezone: str) -> pa.Array:
    if array.null_count == len(array):
        return pa.nulls(len(array), dtype.arrow)
    array = _plain(array)
    if _is_already(array.type, dtype):
        return array
    if isinstance(dtype, Decimal):
        return _decimal(array, dtype)
    if isinstance(dtype, Array | Set):
        return _list(array, dtype, timezone)
    if isinstance(dtype, Map):
        return _map(array, dtype, timezone)
    if isinstance(dtype, Struct):
        return _struct(array, dtype, timezone)
    return _PRIMITIVE[str(dtype)](array, timezone)


def _plain(array: pa.Array) -> pa.Array:
    """Undo encodings: dictionary, run-end, extension, large, view and fixed-size layouts."""
    t = pa.types
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(array.storage)
    if t.is_dictionary(kind):
        return _plain(array.dictionary_decode())
    if t.is_run_end_encoded(kind):
        return _plain(pc.run_end_decode(array))
    if t.is_large_string(kind) or t.is_string_view(kind):
        return array.cast(pa.string())
    if t.is_large_binary(kind) or t.is_binary_view(kind):
        return array.cast(pa.binary())
    if t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return array.cast(pa.list_(kind.value_type))
    if t.is_list_view(kind) or t.is_large_list_view(kind):
        return _rebuild_list(array, array.flatten())
    return array


def _need(found: bool) -> None:
    if not found:
        raise MisfitError


def _round_trip(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Cast, and check that casting back gives the same values; NaN is NaN."""
    result = array.cast(target)
    same = pc.equal(result.cast(array.type), array)
    if pa.types.is_floating(array.type):
        same = pc.or_(same, pc.is_nan(array))
    _need(pc.all(same).as_py() is not False)
    return result


def _bool(array: pa.Array, _timezone: str) -> pa.Array:
    _need(pa.types.is_boolean(array.type))
    return array


def _integer(target: pa.DataType) -> Convert:
    def convert(array: pa.Array, _timezone: str) -> pa.Array:
        kind = array.type
        if pa.types.is_integer(kind):
            return array.cast(target)
        if pa.types.is_decimal(kind):
            return array.cast(pa.decimal256(76, 0)).cast(target)
        _need(pa.types.is_floating(kind))
        limit = 2.0**53 if pa.types.is_float64(kind) else 2.0**24
        wide = array if pa.types.is_float64(kind) else array.cast(pa.float64())
        _need(pc.all(pc.less_equal(pc.abs(wide), limit)).as_py() is not False)
        return wide.cast(target)

    return convert


def _floating(target: pa.DataType) -> Convert:
    def convert(array: pa.Array, _timezone: str) -> pa.Array:
        kind = array.type
        if pa.types.is_integer(kind):
            return array.cast(target)  # Arrow refuses integers that the mantissa does not hold
        if pa.types.is_floating(kind) and kind.bit_width <= target.bit_width:
            return array.cast(target)
        _need(pa.types.is_floating(kind) or pa.types.is_decimal(kind))
        return _round_trip(array, target)

    return convert


def _decimal(array: pa.Array, dtype: Decimal) -> pa.Array:
    kind = array.type
    if pa.types.is_decimal(kind):
        return array.cast(dtype.arrow)
    if pa.types.is_integer(kind):
        return array.cast(pa.decimal256(76, dtype.scale)).cast(dtype.arrow)
    _need(pa.types.is_floating(kind))
    return _round_trip(array, dtype.arrow)


def _string(array: pa.Array, _timezone: str) -> pa.Array:
    _need(pa.types.is_string(array.type))
    return array


def _bytes(array: pa.Array, _timezone: str) -> pa.Array:
    _need(pa.types.is_binary(array.type) or pa.types.is_fixed_size_binary(array.type))
    return array.cast(pa.binary())


def _timestamp(array: pa.Array, timezone: str) -> pa.Array:
    return to_microseconds(array, timezone).cast(pa.timestamp("us", tz="UTC"))


_CANONICAL_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def _uuid(array: pa.Array, _timezone: str) -> pa.Array:
    from uuid import UUID

    if pa.types.is_fixed_size_binary(array.type) and array.type.byte_width == 16:
        return pa.array([None if v is None else str(UUID(bytes=v)) for v in array.to_pylist()], pa.string())
    _need(pa.types.is_string(array.type))
    if pc.all(pc.match_substring_regex(array, _CANONICAL_UUID)).as_py() is not False:
        return array
    try:
        return pa.array([None if v is None else str(UUID(v)) for v in array.to_pylist()], pa.string())
    except ValueError as error:
        raise MisfitError from error


def _json(array: pa.Array, _timezone: str) -> pa.Array:
    import msgspec

    _need(pa.types.is_string(array.type))
    decode = msgspec.json.Decoder(msgspec.Raw).decode  # checks the grammar and builds nothing
    try:
        for text in array.to_pylist():
            if text is not None:
                decode(text)
    except msgspec.DecodeError as error:
        raise MisfitError from error
    return array


_PRIMITIVE: Mapping[str, Convert] = {
    "Bool": _bool,
    "Int32": _integer(pa.int32()),
    "Int64": _integer(pa.int64()),
    "Float32": _floating(pa.float32()),
    "Float64": _floating(pa.float64()),
    "String": _string,
    "Bytes": _bytes,
    "UnixTimestamp": _timestamp,
    "Date": to_date,
    "Uuid": _uuid,
    "Json": _json,
}


# -- nested ---------------------------------------------------------------------------------------


def _offsets(array: pa.Array) -> pa.Array:
    """Return the offsets of a list array's flattened items: a slice starts at 0, null slots are empty."""
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int32())
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])


def _nulls(array: pa.Array) -> pa.Array | None:
    return array.is_null() if array.null_count else None


def _rebuild_list(array: pa.Array, items: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(_offsets(array), items, mask=_nulls(array))


def _list(array: pa.Array, dtype: Array | Set, timezone: str) -> pa.Array:
    _need(pa.types.is_list(array.type))
    result = _rebuild_list(array, _convert(array.flatten(), dtype.item, timezone))
    if isinstance(dtype, Set):
        from repast.core.distinct import distinct_items

        result = distinct_items(result)
    return result.cast(dtype.arrow)


def _map(array: pa.Array, dtype: Map, timezone: str) -> pa.Array:
    if pa.types.is_struct(array.type):
        return _map_of_struct(array, dtype, timezone)
    _need(pa.types.is_map(array.type))
    pair = pa.struct([pa.field("key", array.type.key_type, nullable=False), ("value", array.type.item_type)])
    lists = array.cast(pa.list_(pair))  # a map's own children know nothing of slices
    pairs = lists.flatten()
    keys = _convert(pairs.field("key"), dtype.key, timezone)
    values = _convert(pairs.field("value"), dtype.value, timezone)
    return pa.MapArray.from_arrays(_offsets(lists), keys, values, type=dtype.arrow, mask=_nulls(lists))


def _map_of_struct(array: pa.Array, dtype: Map, timezone: str) -> pa.Array:
    """One entry per field, in the order of the fields."""
    found = array.drop_null()
    columns = found.flatten()
    _need(all(column.null_count == 0 for column in columns))
    width, rows = len(columns), len(found)
    names = _convert(pa.array([f.name for f in array.type], pa.string()), dtype.key, timezone)
    keys = names.take(pa.array(np.tile(np.arange(width), rows), pa.int64()))
    nothing = pa.nulls(0, dtype.value.arrow)
    stacked = pa.concat_arrays([nothing, *(_convert(column, dtype.value, timezone) for column in columns)])
    values = stacked.take(pa.array(np.arange(width * rows).reshape(width, rows).T.ravel()))  # row by row
    lengths = np.asarray(array.is_valid()).astype(np.int32) * width
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.MapArray.from_arrays(offsets, keys, values, type=dtype.arrow, mask=_nulls(array))


def _struct(array: pa.Array, dtype: Struct, timezone: str) -> pa.Array:
    _need(pa.types.is_struct(array.type))
    names = [f.name for f in array.type]
    _need(sorted(names) == sorted(name for name, _ in dtype.fields))
    flat = dict(zip(names, array.flatten(), strict=True))  # a null struct's fields count as null
    children = [_convert(flat[name], t, timezone) for name, t in dtype.fields]
    return pa.StructArray.from_arrays(children, fields=list(dtype.arrow), mask=_nulls(array))
