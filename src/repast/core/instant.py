"""Instants and dates from the many ways Arrow writes them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.clock import from_us, to_us

_HAS_ZONE = r"[T ]\d{2}.*(?:[Zz]|[+-]\d{2}(?::?\d{2})?)$"
_DAY_US = 86_400_000_000


class MisfitError(Exception):
    """Some value does not convert; whoever asked finds out which and raises an error for users."""


def to_microseconds(array: pa.Array, timezone: str) -> pa.Array:
    """Return int64 microseconds since 1970 UTC of timestamps, dates or ISO 8601 text.

    Args:
        array: Without dictionary, large or view encodings.
        timezone: Of times without a zone, dates among them. Of two instants with one wall time the first;
            a skipped wall time moves forward by the change (Python's ``fold=0``).

    Raises:
        MisfitError, pyarrow.ArrowInvalid: The values are no times, or out of range.

    """
    kind = array.type
    if pa.types.is_null(kind):
        return array.cast(pa.int64())
    if pa.types.is_string(kind):
        return _parse(array, timezone)
    if pa.types.is_date(kind):
        return to_microseconds(array.cast(pa.timestamp("us")), timezone)
    if not pa.types.is_timestamp(kind):
        raise MisfitError
    microseconds = _floor_nanoseconds(array) if kind.unit == "ns" else _scale(array)
    if kind.tz is None and timezone != "UTC":
        return _localize(microseconds, timezone)
    return microseconds


def to_date(array: pa.Array, _timezone: str) -> pa.Array:
    """Return date32 of dates, ISO 8601 text, or timestamps that are midnight: by the wall, or UTC if they have a zone.

    Raises:
        MisfitError, pyarrow.ArrowInvalid: A value is no date.

    """
    if pa.types.is_date32(array.type):
        return array
    microseconds = to_microseconds(array, "UTC")
    values = np.asarray(microseconds.fill_null(0))
    days, rest = np.divmod(values, _DAY_US)
    if rest.any():
        raise MisfitError
    mask = np.asarray(microseconds.is_null()) if microseconds.null_count else None
    return pa.array(days.astype(np.int32), pa.int32(), mask=mask).cast(pa.date32())


def _scale(array: pa.Array) -> pa.Array:
    return array.cast(pa.timestamp("us", tz=array.type.tz)).cast(pa.int64())


def _floor_nanoseconds(array: pa.Array) -> pa.Array:
    values = np.asarray(array.cast(pa.int64()).fill_null(0))
    mask = np.asarray(array.is_null()) if array.null_count else None
    return pa.array(np.floor_divide(values, 1000), pa.int64(), mask=mask)


def _localize(wall_us: pa.Array, timezone: str) -> pa.Array:
    latest = pc.max(wall_us).as_py()
    if latest is not None and latest >= _BEYOND_TABLES:
        return _localize_singly(wall_us, timezone)
    walls = wall_us.cast(pa.timestamp("us"))
    try:
        return pc.assume_timezone(walls, timezone, ambiguous="earliest", nonexistent="raise").cast(pa.int64())
    except pa.ArrowInvalid:
        return _localize_with_gaps(walls, timezone)


_BEYOND_TABLES = 2_145_916_800_000_000
"""2038-01-01: Arrow does not follow the rule that zones go on by after their tables end; Python does."""


def _localize_singly(wall_us: pa.Array, timezone: str) -> pa.Array:
    zone = ZoneInfo(timezone)
    distinct = wall_us.dictionary_encode()
    try:
        instants = [to_us(from_us(us).replace(tzinfo=zone)) for us in distinct.dictionary.to_pylist()]
    except OverflowError as error:
        raise MisfitError from error
    return pa.array(instants, pa.int64()).take(distinct.indices)


def _localize_with_gaps(walls: pa.Array, timezone: str) -> pa.Array:
    after = pc.assume_timezone(walls, timezone, ambiguous="earliest", nonexistent="latest")
    before = pc.assume_timezone(walls, timezone, ambiguous="earliest", nonexistent="earliest")
    wall = walls.cast(pa.int64())
    exists = pc.equal(pc.local_timestamp(after), walls)
    offset = pc.subtract(pc.local_timestamp(before).cast(pa.int64()), before.cast(pa.int64()))
    return pc.if_else(exists, after.cast(pa.int64()), pc.subtract(wall, offset))


def _parse(array: pa.Array, timezone: str) -> pa.Array:
    has_zone = pc.match_substring_regex(array, _HAS_ZONE)
    nothing = pa.scalar(None, pa.string())
    # Digits after the sixth are floored, like any nanoseconds: a time text counts its fraction upwards.
    short = pc.replace_substring_regex(array, r"(\.\d{6})\d+", r"\1")
    zoned = pc.if_else(has_zone, short, nothing).cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    naive = pc.if_else(has_zone, nothing, short).cast(pa.timestamp("us")).cast(pa.int64())
    return pc.coalesce(zoned, naive if timezone == "UTC" else _localize(naive, timezone))
