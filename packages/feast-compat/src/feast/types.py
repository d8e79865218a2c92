"""Feast's types, and the Repast types that they are."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from feast.adapter.notice import refuse, without_effect
from feast.value_type import ValueType
from repast import types as repast_types

if TYPE_CHECKING:
    import pyarrow as pa


class PrimitiveFeastType(enum.Enum):
    """A type without parameters."""

    INVALID = 0
    BYTES = 1
    STRING = 2
    INT32 = 3
    INT64 = 4
    FLOAT64 = 5
    FLOAT32 = 6
    BOOL = 7
    UNIX_TIMESTAMP = 8
    PDF_BYTES = 9
    IMAGE_BYTES = 10
    MAP = 11
    JSON = 12
    UUID = 13
    TIME_UUID = 14
    DECIMAL = 15
    SCALAR_MAP = 16
    ZONED_TIMESTAMP = 17

    def to_value_type(self) -> ValueType:
        """Return the older name of the type."""
        return _VALUE_TYPES[self]

    def __str__(self) -> str:
        return _LABELS[self]

    def __repast_type__(self) -> repast_types.DataType:
        if self is PrimitiveFeastType.INVALID:
            refuse("The type Invalid", hint="declare one of feast.types")
        if self is PrimitiveFeastType.SCALAR_MAP:
            refuse("The type ScalarMap", hint="declare a Map, or a repast.types.Map(Int64, String)")
        if self is PrimitiveFeastType.ZONED_TIMESTAMP:
            without_effect("ZonedTimestamp", "instants are kept in UTC, their zone is not")
        return _REPAST[self]


class ComplexFeastType:
    """A type made of others."""

    def to_value_type(self) -> ValueType:
        """Return the older name of the type."""
        refuse("ComplexFeastType", hint="use Array, Set or Struct")

    def __repast_type__(self) -> repast_types.DataType:
        refuse("ComplexFeastType", hint="use Array, Set or Struct")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self).__name__, str(self)))


class Array(ComplexFeastType):
    """A list of values of one type."""

    def __init__(self, base_type: PrimitiveFeastType | ComplexFeastType) -> None:
        self.base_type = base_type

    def to_value_type(self) -> ValueType:
        return _collection(self.base_type, "LIST")

    def __repast_type__(self) -> repast_types.DataType:
        return repast_types.Array(repast_type(self.base_type))

    def __str__(self) -> str:
        return f"Array({self.base_type})"

    __repr__ = __str__


class Set(ComplexFeastType):
    """A list without repeats."""

    def __init__(self, base_type: PrimitiveFeastType | ComplexFeastType) -> None:
        self.base_type = base_type

    def to_value_type(self) -> ValueType:
        return _collection(self.base_type, "SET")

    def __repast_type__(self) -> repast_types.DataType:
        return repast_types.Set(repast_type(self.base_type))

    def __str__(self) -> str:
        return f"Set({self.base_type})"

    __repr__ = __str__


class Struct(ComplexFeastType):
    """Named values, each with its type."""

    def __init__(self, fields: Mapping[str, PrimitiveFeastType | ComplexFeastType]) -> None:
        self.fields = dict(fields)

    def to_value_type(self) -> ValueType:
        return ValueType.STRUCT

    def to_pyarrow_type(self) -> pa.DataType:
        """Return the Arrow type that carries it."""
        return self.__repast_type__().arrow

    def __repast_type__(self) -> repast_types.DataType:
        return repast_types.Struct({name: repast_type(t) for name, t in self.fields.items()})

    def __str__(self) -> str:
        return "Struct({" + ", ".join(f"{name}: {t}" for name, t in self.fields.items()) + "})"

    __repr__ = __str__


FeastType: TypeAlias = PrimitiveFeastType | ComplexFeastType

Invalid = PrimitiveFeastType.INVALID
Bytes = PrimitiveFeastType.BYTES
String = PrimitiveFeastType.STRING
Bool = PrimitiveFeastType.BOOL
Int32 = PrimitiveFeastType.INT32
Int64 = PrimitiveFeastType.INT64
Float32 = PrimitiveFeastType.FLOAT32
Float64 = PrimitiveFeastType.FLOAT64
UnixTimestamp = PrimitiveFeastType.UNIX_TIMESTAMP
PdfBytes = PrimitiveFeastType.PDF_BYTES
ImageBytes = PrimitiveFeastType.IMAGE_BYTES
Map = PrimitiveFeastType.MAP
Json = PrimitiveFeastType.JSON
Uuid = PrimitiveFeastType.UUID
TimeUuid = PrimitiveFeastType.TIME_UUID
Decimal = PrimitiveFeastType.DECIMAL
ScalarMap = PrimitiveFeastType.SCALAR_MAP
ZonedTimestamp = PrimitiveFeastType.ZONED_TIMESTAMP

_LABELS = {value: name for name, value in list(globals().items()) if isinstance(value, PrimitiveFeastType)}

_REPAST: Mapping[PrimitiveFeastType, repast_types.DataType] = {
    Bytes: repast_types.Bytes,
    String: repast_types.String,
    Bool: repast_types.Bool,
    Int32: repast_types.Int32,
    Int64: repast_types.Int64,
    Float32: repast_types.Float32,
    Float64: repast_types.Float64,
    UnixTimestamp: repast_types.UnixTimestamp,
    PdfBytes: repast_types.Bytes,
    ImageBytes: repast_types.Bytes,
    Map: repast_types.Map(),
    Json: repast_types.Json,
    Uuid: repast_types.Uuid,
    TimeUuid: repast_types.Uuid,
    Decimal: repast_types.Decimal(),
    ZonedTimestamp: repast_types.UnixTimestamp,
}

_VALUE_TYPES: Mapping[PrimitiveFeastType, ValueType] = {
    Invalid: ValueType.UNKNOWN,
    Bytes: ValueType.BYTES,
    String: ValueType.STRING,
    Bool: ValueType.BOOL,
    Int32: ValueType.INT32,
    Int64: ValueType.INT64,
    Float32: ValueType.FLOAT,
    Float64: ValueType.DOUBLE,
    UnixTimestamp: ValueType.UNIX_TIMESTAMP,
    PdfBytes: ValueType.PDF_BYTES,
    ImageBytes: ValueType.IMAGE_BYTES,
    Map: ValueType.MAP,
    Json: ValueType.JSON,
    Uuid: ValueType.UUID,
    TimeUuid: ValueType.TIME_UUID,
    Decimal: ValueType.DECIMAL,
    ScalarMap: ValueType.SCALAR_MAP,
    ZonedTimestamp: ValueType.ZONED_TIMESTAMP,
}
_PRIMITIVES = {value_type: primitive for primitive, value_type in _VALUE_TYPES.items()}

FEAST_TYPES_TO_PYARROW_TYPES: dict[FeastType, Any] = {}


def _collection(base: FeastType, suffix: str) -> ValueType:
    if isinstance(base, Array | Set):
        return ValueType.VALUE_LIST if suffix == "LIST" else ValueType.VALUE_SET
    name = f"{base.to_value_type().name}_{suffix}"
    if name not in ValueType.__members__:
        refuse(f"{suffix.capitalize()} of {base}", hint="use a type that Feast has a value type for")
    return ValueType[name]


def from_feast_type(feast_type: FeastType) -> ValueType:
    """Return the older name of a type."""
    return feast_type.to_value_type()


def from_value_type(value_type: ValueType) -> FeastType:
    """Return the type that an older name stands for."""
    if value_type in _PRIMITIVES:
        return _PRIMITIVES[value_type]
    base, _, suffix = value_type.name.rpartition("_")
    if base == "STRUCT":
        return Array(Struct({"_value": String})) if suffix == "LIST" else Struct({"_value": String})
    if value_type is ValueType.STRUCT:
        return Struct({"_value": String})
    if base == "VALUE":
        return Array(Array(String)) if suffix == "LIST" else Set(Array(String))
    if base in ValueType.__members__ and suffix in ("LIST", "SET"):
        item = _PRIMITIVES[ValueType[base]]
        return Array(item) if suffix == "LIST" else Set(item)
    refuse(f"ValueType.{value_type.name}", hint="declare a type of feast.types")


def from_feast_to_pyarrow_type(feast_type: FeastType) -> pa.DataType:
    """Return the Arrow type that carries a type."""
    return repast_type(feast_type).arrow


def repast_type(value: object) -> repast_types.DataType:
    """Return the Repast type of a type in any of Feast's spellings."""
    if isinstance(value, ValueType):
        value = from_value_type(value)
    if isinstance(value, PrimitiveFeastType | ComplexFeastType):
        return value.__repast_type__()
    return repast_types.as_type(value)


def feast_type(dtype: repast_types.DataType, label: str = "") -> Any:
    """Return Feast's type of a Repast type; Repast's own where Feast has none (Date, maps of other types).

    Args:
        label: The name of the type as it was declared, where several of Feast's are one of Repast's.

    """
    if label and label in PrimitiveFeastType.__members__:
        return PrimitiveFeastType[label]
    for primitive, known in _REPAST.items():
        if known == dtype:
            return primitive
    if isinstance(dtype, repast_types.Array):
        return Array(feast_type(dtype.item))
    if isinstance(dtype, repast_types.Set):
        return Set(feast_type(dtype.item))
    if isinstance(dtype, repast_types.Struct):
        return Struct({name: feast_type(t) for name, t in dtype.fields})
    return dtype
