"""Hypothesis strategies for types, columns and rows, built apart from the codec."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal as PyDecimal

import pyarrow as pa
from hypothesis import strategies as st

from repast.core.manifest import LayoutSpec
from repast.types import (
    Array,
    Bool,
    Bytes,
    DataType,
    Date,
    Decimal,
    Float32,
    Float64,
    Int32,
    Int64,
    Json,
    Map,
    Set,
    String,
    Struct,
    UnixTimestamp,
    Uuid,
)

PRIMITIVES = (Bool, Int32, Int64, Float32, Float64, String, Bytes, UnixTimestamp, Date, Uuid, Json)
INT64 = st.integers(-(2**63), 2**63 - 1)

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)

_LEAVES: dict[DataType, st.SearchStrategy[object]] = {
    Bool: st.booleans(),
    Int32: st.integers(-(2**31), 2**31 - 1),
    Int64: INT64,
    Float32: st.floats(width=32),
    Float64: st.floats(),
    String: TEXT,
    Bytes: st.binary(max_size=12),
    UnixTimestamp: st.datetimes(timezones=st.just(UTC)),
    Date: st.dates(),
    Uuid: st.uuids().map(str),
    Json: st.dictionaries(TEXT, st.integers() | st.none() | TEXT, max_size=3).map(json.dumps),
}


def types() -> st.SearchStrategy[DataType]:
    decimals = st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: Decimal(p, s)))
    leaves = st.sampled_from(PRIMITIVES) | decimals
    return st.recursive(
        leaves,
        lambda inner: (
            inner.map(Array)
            | inner.map(Set)
            | st.builds(Map, st.sampled_from((String, Int64, Date, Uuid)), inner)
            | st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3).map(Struct)
        ),
        max_leaves=4,
    )


def values(dtype: DataType, *, nulls: bool = True) -> st.SearchStrategy[object]:
    """Values as pyarrow takes them."""
    return (st.none() | _present(dtype)) if nulls else _present(dtype)


def _present(dtype: DataType) -> st.SearchStrategy[object]:
    if isinstance(dtype, Decimal):
        largest = 10**dtype.precision - 1
        return st.integers(-largest, largest).map(lambda n: PyDecimal(f"{n}E-{dtype.scale}"))
    if isinstance(dtype, Array | Set):
        return st.lists(values(dtype.item), max_size=4)
    if isinstance(dtype, Map):
        return st.lists(st.tuples(values(dtype.key, nulls=False), values(dtype.value)), max_size=3)
    if isinstance(dtype, Struct):
        return st.fixed_dictionaries({name: values(t) for name, t in dtype.fields})
    return _LEAVES[dtype]


@st.composite
def columns(draw: st.DrawFn, dtype: DataType, rows: int) -> pa.Array:
    """A column, sometimes a slice of a longer one, so that Arrow offsets are not always zero."""
    before = draw(st.integers(0, 3))
    cells = draw(st.lists(values(dtype), min_size=rows + before, max_size=rows + before))
    return pa.array(cells, dtype.arrow)[before:]


def layout(features: Sequence[DataType], version: int = 1) -> LayoutSpec:
    return LayoutSpec(version=version, features=tuple((f"f{i:03d}", t.to_json()) for i, t in enumerate(features)))


def same(left: object, right: object) -> bool:
    """Equality in which NaN is NaN and -0.0 is not 0.0."""
    return _exact(left) == _exact(right)


def _exact(value: object) -> object:
    if isinstance(value, float):
        return ("float", "nan" if value != value else value.hex())
    if isinstance(value, list | tuple):
        return (type(value).__name__, [_exact(v) for v in value])
    if isinstance(value, dict):
        return {k: _exact(v) for k, v in value.items()}
    if isinstance(value, datetime | date | PyDecimal | str | bytes | bool | int):
        return (type(value).__name__, str(value) if isinstance(value, PyDecimal) else value)
    assert value is None, value
    return None
