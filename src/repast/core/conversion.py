"""The conversions behind core.cast: from any Arrow array to a declared type, or a failure without words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.instant import MisfitError, to_date, to_microseconds
from repast.types import Array, DataType, Decimal, Json, Map, Set, Struct, Uuid

if TYPE_CHECKING:
    Convert = Callable[[pa.Array, str], pa.Array]

FAILURES = (MisfitError, pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError)
"""What a conversion raises if some value does not fit."""


def is_already(source: pa.DataType, dtype: DataType) -> bool:
    """Whether nothing is left to do. Arrow's equality overlooks how a list's items are called; results do not."""
    same = source == dtype.arrow and (not pa.types.is_nested(source) or str(source) == str(dtype.arrow))
    return same and not is_checked(dtype)


@lru_cache(maxsize=1024)
def is_checked(dtype: DataType) -> bool:
    """Whether values of the right Arrow type may still be wrong."""
    if isinstance(dtype, Array):
        return is_checked(dtype.item)
    if isinstance(dtype, Map):
        return is_checked(dtype.key) or is_checked(dtype.value)
    if isinstance(dtype, Struct):
        return any(is_checked(t) for _, t in dtype.fields)
    return isinstance(dtype, Set) or dtype in (Uuid, Json)


def convert(array: pa.Array, dtype: DataType, timezone: str) -> pa.Array:
    if array.null_count == len(array):
        return pa.nulls(len(array), dtype.arrow)
    array = plain(array)
    if is_already(array.type, dtype):
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


def plain(array: pa.Array) -> pa.Array:
    """Undo encodings: dictionary, run-end, extension, large, view and fixed-size layouts."""
    t = pa.types
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(array.storage)
    if t.is_dictionary(kind):
        return plain(array.dictionary_decode())
    if t.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(array))
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
    def typed(array: pa.Array, _timezone: str) -> pa.Array:
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

    return typed


def _floating(target: pa.DataType) -> Convert:
    def typed(array: pa.Array, _timezone: str) -> pa.Array:
        kind = array.type
        if pa.types.is_integer(kind):
            return array.cast(target)  # Arrow refuses integers that the mantissa does not hold
        if pa.types.is_floating(kind):
            return _nearest(array, target)
        _need(pa.types.is_decimal(kind))
        return _round_trip(array, target)

    return typed


def _nearest(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Return the nearest values of the declared width; a number that only infinity is near to does not fit."""
    result = array.cast(target)
    if target.bit_width < array.type.bit_width:
        escaped = pc.and_(pc.is_finite(array), pc.invert(pc.is_finite(result)))
        _need(pc.any(escaped).as_py() is not True)
    return result


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
    except (msgspec.DecodeError, RecursionError) as error:  # the latter of text nested too deep
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
    result = _rebuild_list(array, convert(array.flatten(), dtype.item, timezone))
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
    keys = convert(pairs.field("key"), dtype.key, timezone)
    values = convert(pairs.field("value"), dtype.value, timezone)
    return pa.MapArray.from_arrays(_offsets(lists), keys, values, type=dtype.arrow, mask=_nulls(lists))


def _map_of_struct(array: pa.Array, dtype: Map, timezone: str) -> pa.Array:
    """One entry per field, in the order of the fields."""
    found = array.drop_null()
    columns = found.flatten()
    _need(all(column.null_count == 0 for column in columns))
    width, rows = len(columns), len(found)
    names = convert(pa.array([f.name for f in array.type], pa.string()), dtype.key, timezone)
    keys = names.take(pa.array(np.tile(np.arange(width), rows), pa.int64()))
    nothing = pa.nulls(0, dtype.value.arrow)
    stacked = pa.concat_arrays([nothing, *(convert(column, dtype.value, timezone) for column in columns)])
    values = stacked.take(pa.array(np.arange(width * rows).reshape(width, rows).T.ravel()))  # row by row
    lengths = np.asarray(array.is_valid()).astype(np.int32) * width
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.MapArray.from_arrays(offsets, keys, values, type=dtype.arrow, mask=_nulls(array))


def _struct_of_map(array: pa.Array, dtype: Struct, timezone: str) -> pa.Array:
    """One field per entry: every map has exactly the fields as keys, in their order."""
    names = [name for name, _ in dtype.fields]
    pair = pa.struct([pa.field("key", array.type.key_type, nullable=False), ("value", array.type.item_type)])
    lists = array.cast(pa.list_(pair))
    found, pairs = lists.drop_null(), lists.flatten()
    keys = pairs.field("key").cast(pa.string())
    _need(pc.all(pc.equal(pc.list_value_length(found), len(names))).as_py() is not False)
    _need(keys.equals(pa.array(names * len(found), pa.string())))
    ordinal = pc.cumulative_sum(pc.cast(array.is_valid(), pa.int64()))
    first = pc.if_else(array.is_valid(), pc.multiply(pc.subtract(ordinal, 1), len(names)), None)
    values = pairs.field("value")
    children = [convert(values.take(pc.add(first, i)), t, timezone) for i, (_, t) in enumerate(dtype.fields)]
    return pa.StructArray.from_arrays(children, fields=list(dtype.arrow), mask=_nulls(array))


def _struct(array: pa.Array, dtype: Struct, timezone: str) -> pa.Array:
    if pa.types.is_map(array.type):
        return _struct_of_map(array, dtype, timezone)
    _need(pa.types.is_struct(array.type))
    names = [f.name for f in array.type]
    _need(sorted(names) == sorted(name for name, _ in dtype.fields))
    flat = dict(zip(names, array.flatten(), strict=True))  # a null struct's fields count as null
    children = [convert(flat[name], t, timezone) for name, t in dtype.fields]
    return pa.StructArray.from_arrays(children, fields=list(dtype.arrow), mask=_nulls(array))
