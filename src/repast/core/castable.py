"""Which casts are lossless, and which round, told from the types alone."""

from __future__ import annotations

import pyarrow as pa

from repast.types import Array, DataType, Decimal, Float32, Map, Set, String, Struct, Uuid


def castable(source: pa.DataType, dtype: DataType) -> bool | None:
    """Return whether a cast is lossless: True for every value, False for none, None if it depends.

    Nulls and empty lists fit everything and do not count. Text as Uuid or Json depends on the value;
    nanoseconds are floored by rule, so that counts as lossless.
    """
    t = pa.types
    if isinstance(source, pa.BaseExtensionType):
        return True if dtype == Uuid and source == pa.uuid() else castable(source.storage_type, dtype)
    if t.is_dictionary(source) or t.is_run_end_encoded(source):
        return castable(source.value_type, dtype)
    if t.is_null(source):
        return True
    if isinstance(dtype, Decimal):
        return _castable_decimal(source, dtype)
    if isinstance(dtype, Array | Set):
        return castable(source.value_type, dtype.item) if _is_any_list(source) else False
    if isinstance(dtype, Map):
        return _castable_map(source, dtype)
    if isinstance(dtype, Struct):
        return _castable_struct(source, dtype)
    return _castable_primitive(source, str(dtype))


def rounds(source: pa.DataType, dtype: DataType) -> bool:
    """Return whether a cast may round: from wide floats to Float32, at any depth."""
    if isinstance(source, pa.BaseExtensionType):
        return rounds(source.storage_type, dtype)
    if pa.types.is_dictionary(source) or pa.types.is_run_end_encoded(source):
        return rounds(source.value_type, dtype)
    if isinstance(dtype, Array | Set):
        return _is_any_list(source) and rounds(source.value_type, dtype.item)
    if isinstance(dtype, Map):
        return pa.types.is_map(source) and rounds(source.item_type, dtype.value)
    if isinstance(dtype, Struct):
        if not pa.types.is_struct(source):
            return False
        return any(rounds(source.field(name).type, t) for name, t in dtype.fields if source.get_field_index(name) >= 0)
    return dtype == Float32 and bool(pa.types.is_float64(source))


def _is_any_list(source: pa.DataType) -> bool:
    t = pa.types
    return any(is_(source) for is_ in (t.is_list, t.is_large_list, t.is_fixed_size_list)) or (
        t.is_list_view(source) or t.is_large_list_view(source)
    )


def _all_of(*found: bool | None) -> bool | None:
    return False if False in found else None if None in found else True


def _castable_map(source: pa.DataType, dtype: Map) -> bool | None:
    if pa.types.is_map(source):
        return _all_of(castable(source.key_type, dtype.key), castable(source.item_type, dtype.value))
    if pa.types.is_struct(source):
        return _all_of(None, castable(pa.string(), dtype.key), *(castable(f.type, dtype.value) for f in source))
    return False


def _castable_struct(source: pa.DataType, dtype: Struct) -> bool | None:
    if pa.types.is_map(source):
        return _all_of(
            None, castable(source.key_type, String), *(castable(source.item_type, t) for _, t in dtype.fields)
        )
    if not pa.types.is_struct(source) or sorted(f.name for f in source) != sorted(name for name, _ in dtype.fields):
        return False
    return _all_of(*(castable(source.field(name).type, t) for name, t in dtype.fields))


def _castable_decimal(source: pa.DataType, dtype: Decimal) -> bool | None:
    if pa.types.is_decimal(source):
        whole, scale = source.precision - source.scale, source.scale
        return True if scale <= dtype.scale and whole <= dtype.precision - dtype.scale else None
    if pa.types.is_integer(source):
        digits = len(str((1 << (source.bit_width - (0 if _is_unsigned(source) else 1))) - 1))
        return True if digits <= dtype.precision - dtype.scale else None
    return None if pa.types.is_floating(source) else False


def _is_unsigned(source: pa.DataType) -> bool:
    return bool(pa.types.is_unsigned_integer(source))


def _castable_primitive(source: pa.DataType, name: str) -> bool | None:
    t = pa.types
    if name in ("Int32", "Int64"):
        return _castable_integer(source, 32 if name == "Int32" else 64)
    if name in ("Float32", "Float64"):
        return _castable_floating(source, 32 if name == "Float32" else 64)
    text = t.is_string(source) or t.is_large_string(source) or t.is_string_view(source)
    binary = t.is_binary(source) or t.is_large_binary(source) or t.is_binary_view(source)
    fixed = t.is_fixed_size_binary(source)
    some_text = None if text else False
    found: dict[str, bool | None] = {
        "Bool": t.is_boolean(source),
        "String": text,
        "Bytes": binary or fixed,
        "UnixTimestamp": True if t.is_timestamp(source) or t.is_date(source) else some_text,
        "Date": True if t.is_date32(source) else None if t.is_timestamp(source) or t.is_date(source) else some_text,
        "Uuid": True if fixed and source.byte_width == 16 else some_text,
        "Json": some_text,
    }
    return found[name]


def _castable_integer(source: pa.DataType, bits: int) -> bool | None:
    if pa.types.is_integer(source):
        return True if source.bit_width + _is_unsigned(source) <= bits else None
    return None if pa.types.is_floating(source) or pa.types.is_decimal(source) else False


def _castable_floating(source: pa.DataType, bits: int) -> bool | None:
    mantissa = 24 if bits == 32 else 53
    if pa.types.is_floating(source):
        return True if source.bit_width <= bits else None
    if pa.types.is_integer(source):
        return True if source.bit_width <= mantissa else None
    return None if pa.types.is_decimal(source) else False
