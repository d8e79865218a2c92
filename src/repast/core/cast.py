"""Casts from what a source, spine or request holds to declared types: lossless, or refused with the value.

Lossless means that casting back gives the same value, with one exception: a float is rounded to the
nearest of the declared width, because Float32 is a request for that precision (docs/decisions, 5). On top of that
a kind is never guessed: a bool is not a number, text is not a number, a number is not text or a time.
What is allowed:

=================  ======================================================================================
to                 from
=================  ======================================================================================
Bool               booleans
Int32, Int64       integers in range; floats with an integral value that is exact (up to 2**53, float32
                   2**24); decimals with an integral value
Float32, Float64   floats, to the nearest Float32 unless that is infinite; integers up to 2**24 and 2**53;
                   decimals that come back
String             text
Bytes              binary
UnixTimestamp      timestamps of any unit and zone (nanoseconds are floored), dates (midnight), ISO 8601 text
Date               dates; timestamps at midnight (UTC if they have a zone); ISO 8601 text
Decimal            numbers without loss of digits
Uuid               text that is a UUID, made canonical; 16 bytes of fixed size
Json               text that is one JSON value, kept as it is
Array, Set         lists; a Set keeps the first of equal values (nulls are equal, and so are NaNs)
Map                maps; structs without null fields, one entry per field
Struct             structs with the same fields, in any order; maps whose keys are the fields, in their order
=================  ======================================================================================

Dictionary, run-end, large, view and fixed-size Arrow types count as what they encode. A column that
is all null becomes nulls of any type.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from repast.core.castable import castable
from repast.core.conversion import FAILURES, convert, is_already, plain
from repast.core.instant import to_microseconds
from repast.errors import InvalidValueError
from repast.types import DataType, Date, Decimal, Json, Map, UnixTimestamp, Uuid

__all__ = ["cast_array", "castable", "to_instants"]


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
    if is_already(array.type, dtype):
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
        return to_microseconds(plain(array), timezone)
    except FAILURES as error:
        raise _refusal(
            array, subject, UnixTimestamp, lambda a: to_microseconds(plain(a), timezone), _TIME_HINT
        ) from error


_TIME_HINT = 'use timestamps, datetimes, dates or ISO 8601 text such as "2024-05-01T12:00:00Z"'


def _cast(array: pa.Array, dtype: DataType, subject: str, timezone: str, start: int) -> pa.Array:
    try:
        return convert(array, dtype, timezone)
    except FAILURES as error:
        hint = _hint(array.type, dtype)
        raise _refusal(array, subject, dtype, lambda a: convert(a, dtype, timezone), hint, start) from error


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
        except FAILURES:
            bad = middle
    row = _odd_one(array, dtype, bad - 1)
    value = _value(array, row)
    shown = repr(value) if len(repr(value)) <= 100 else repr(value)[:100] + "..."
    problem = f"is not {dtype}" if castable(array.type, dtype) is False else f"does not fit {dtype} without loss"
    return InvalidValueError(
        f"{subject}: {shown} ({array.type}) {problem}.",
        hint=hint,
        context={"subject": subject, "value": value, "row": start + row, "type": str(dtype)},
    )


def _odd_one(array: pa.Array, dtype: DataType, first: int) -> int:
    """Of texts where numbers belong, return the first that is no number: it made a CSV's column text."""
    if str(dtype) not in _NUMBERS or not pa.types.is_string(array.type):
        return first
    for row in range(first, len(array)):
        try:
            float(array[row].as_py() or 0)
        except ValueError:
            return row
    return first


_NUMBERS = ("Int32", "Int64", "Float32", "Float64")


def _value(array: pa.Array, row: int) -> object:
    try:
        value: object = array[row].as_py()
        return value
    except (ValueError, OverflowError, ImportError):  # out of datetime's range, or nanoseconds without pandas
        return f"a {array.type} out of range"


def _hint(source: pa.DataType, dtype: DataType) -> str:
    if pa.types.is_floating(source) and str(dtype) == "Float32":
        return "declare it Float64: the value is beyond the largest Float32"
    if isinstance(dtype, Decimal):
        return "declare a Decimal with more digits"
    if pa.types.is_struct(source) and isinstance(dtype, Map):
        return "give maps as lists of (key, value) pairs: a null field may be an absent key or a null value"
    if castable(source, dtype) is False:
        return f"convert the values to {dtype} first"
    return "correct the value" if dtype in _WRITTEN else "correct the value, or declare a wider type"


_WRITTEN = (Uuid, Json, UnixTimestamp, Date)
