"""The types a feature or key can have; each is an Arrow type with a name.

Importing this module is cheap: pyarrow is loaded when ``.arrow`` is first asked for.

========================  ==============================  =========================================
type                      Arrow                           notes
========================  ==============================  =========================================
``Bool``                  bool
``Int32`` ``Int64``       int32, int64
``Float32`` ``Float64``   float32, float64                NaN is a value, not a null
``String`` ``Bytes``      string, binary
``UnixTimestamp``         timestamp[us, tz=UTC]           alias ``Timestamp``
``Date``                  date32
``Decimal(p, s)``         decimal128(p, s)                p <= 38
``Uuid``                  string                          canonical 8-4-4-4-12 lower case
``Json``                  string                          one JSON text
``Array(t)``              list<t>                         aliases ``List``
``Set(t)``                list<t>                         distinct, first occurrence kept
``Map(k, v)``             map<k, v>                       defaults to Map(String, String)
``Struct({...})``         struct<...>
========================  ==============================  =========================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from repast.errors import InvalidDefinitionError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Array",
    "Bool",
    "Bytes",
    "DataType",
    "Date",
    "Decimal",
    "Float32",
    "Float64",
    "Int32",
    "Int64",
    "Json",
    "List",
    "Map",
    "Primitive",
    "Set",
    "String",
    "Struct",
    "Timestamp",
    "UnixTimestamp",
    "Uuid",
    "as_type",
    "from_arrow",
    "from_json",
]

JsonType: TypeAlias = "str | dict[str, Any]"
"""How a type is written in the registry: a name, or one key with its parameters."""


class DataType:
    """Base of all types. Types are values: equal by content, hashable, immutable."""

    @cached_property
    def arrow(self) -> pa.DataType:
        """The Arrow type that carries it."""
        raise NotImplementedError

    def to_json(self) -> JsonType:
        raise NotImplementedError

    def __str__(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, repr=False)
class Primitive(DataType):
    """A type without parameters; use the instances ``Int64``, ``String``, ... of this module."""

    name: str
    label: str

    @cached_property
    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        kinds: dict[str, pa.DataType] = {
            "bool": pa.bool_(),
            "int32": pa.int32(),
            "int64": pa.int64(),
            "float32": pa.float32(),
            "float64": pa.float64(),
            "string": pa.string(),
            "bytes": pa.binary(),
            "timestamp": pa.timestamp("us", tz="UTC"),
            "date": pa.date32(),
            "uuid": pa.string(),
            "json": pa.string(),
        }
        return kinds[self.name]

    def to_json(self) -> JsonType:
        return self.name

    def __str__(self) -> str:
        return self.label


Bool = Primitive("bool", "Bool")
Int32 = Primitive("int32", "Int32")
Int64 = Primitive("int64", "Int64")
Float32 = Primitive("float32", "Float32")
Float64 = Primitive("float64", "Float64")
String = Primitive("string", "String")
Bytes = Primitive("bytes", "Bytes")
UnixTimestamp = Primitive("timestamp", "UnixTimestamp")
Timestamp = UnixTimestamp
Date = Primitive("date", "Date")
Uuid = Primitive("uuid", "Uuid")
Json = Primitive("json", "Json")

PRIMITIVES: Mapping[str, Primitive] = {
    t.name: t for t in (Bool, Int32, Int64, Float32, Float64, String, Bytes, UnixTimestamp, Date, Uuid, Json)
}


@dataclass(frozen=True, repr=False)
class Decimal(DataType):
    """An exact decimal of ``precision`` digits, ``scale`` of them after the point."""

    precision: int = 38
    scale: int = 9

    def __post_init__(self) -> None:
        if not (1 <= self.precision <= 38 and 0 <= self.scale <= self.precision):
            raise InvalidDefinitionError(
                f"Decimal({self.precision}, {self.scale}) is out of range.",
                hint="use 1 <= precision <= 38 and 0 <= scale <= precision",
            )

    @cached_property
    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.decimal128(self.precision, self.scale)

    def to_json(self) -> JsonType:
        return {"decimal": [self.precision, self.scale]}

    def __str__(self) -> str:
        return f"Decimal({self.precision}, {self.scale})"


@dataclass(frozen=True, repr=False, init=False)
class Array(DataType):
    """A list of values of one type; may hold nulls, may be empty, may be null."""

    item: DataType

    def __init__(self, item: object) -> None:
        object.__setattr__(self, "item", as_type(item))

    @cached_property
    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.list_(self.item.arrow)

    def to_json(self) -> JsonType:
        return {"array": self.item.to_json()}

    def __str__(self) -> str:
        return f"Array({self.item})"


List = Array


@dataclass(frozen=True, repr=False, init=False)
class Set(DataType):
    """A list without repeats: the first occurrence of each value is kept, in order."""

    item: DataType

    def __init__(self, item: object) -> None:
        object.__setattr__(self, "item", as_type(item))

    @cached_property
    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.list_(self.item.arrow)

    def to_json(self) -> JsonType:
        return {"set": self.item.to_json()}

    def __str__(self) -> str:
        return f"Set({self.item})"


@dataclass(frozen=True, repr=False, init=False)
class Map(DataType):
    """Keys to values; keys are never null. The order of entries is kept."""

    key: DataType
    value: DataType

    def __init__(self, key: object = String, value: object = String) -> None:
        object.__setattr__(self, "key", as_type(key))
        object.__setattr__(self, "value", as_type(value))

    @cached_property
    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.map_(self.key.arrow, self.value.arrow)

    def to_json(self) -> JsonType:
        return {"map": [self.key.to_json(), self.value.to_json()]}

    def __str__(self) -> str:
        return f"Map({self.key}, {self.value})"


@dataclass(frozen=True, repr=False, init=False)
class Struct(DataType):
    """Named values, each with its own type."""

    fields: tuple[tuple[str, DataType], ...]

    def __init__(self, fields: Mapping[str, object]) -> None:
        if not fields:
            raise InvalidDefinitionError(
                "A Struct needs at least one field.", hint='for example Struct({"lat": Float64, "lon": Float64})'
            )
        object.__setattr__(self, "fields", tuple((name, as_type(t)) for name, t in fields.items()))

    @cached_property
    def arrow(self) -> pa.DataType:
        import pyarrow as pa

        return pa.struct([pa.field(name, t.arrow) for name, t in self.fields])

    def to_json(self) -> JsonType:
        # A list of pairs: the order of the fields is part of the type, and JSON objects are sorted on disk.
        return {"struct": [[name, t.to_json()] for name, t in self.fields]}

    def __str__(self) -> str:
        return "Struct({" + ", ".join(f"{name!r}: {t}" for name, t in self.fields) + "})"


def as_type(value: object) -> DataType:
    """Return the type that ``value`` stands for: a type, or a parametric class with its defaults (``Map``).

    Raises:
        InvalidDefinitionError: ``value`` is not a type; the message names the nearest one.

    """
    if isinstance(value, DataType):
        return value
    if value is Map or value is Decimal:
        return Map() if value is Map else Decimal()
    raise InvalidDefinitionError(
        f"{value!r} is not a feature type.",
        hint=_type_hint(value) or "use one of repast.types, for example Int64, String or Array(Float32)",
    )


def _type_hint(value: object) -> str:
    """Say which type somebody may have meant."""
    if value is Array or value is Set:
        return f"say of what: {value.__name__}(String)"
    if value is Struct:
        return 'name its fields: Struct({"lat": Float64, "lon": Float64})'
    python: dict[object, DataType] = {bool: Bool, int: Int64, float: Float64, str: String, bytes: Bytes}
    try:
        suggestion = python.get(value)
    except TypeError:  # unhashable: certainly not a type
        suggestion = None
    if type(value).__module__.partition(".")[0] == "pyarrow":
        import pyarrow as pa

        suggestion = from_arrow(value) if isinstance(value, pa.DataType) else None
    named = value if isinstance(value, str) else getattr(value, "__name__", "")
    quoted = [name for name in _names() if isinstance(value, str) and name.lower() == value.lower()]
    if quoted:
        return f"without quotes: from repast.types import {quoted[0]}"
    return f"use repast.types.{suggestion}" if suggestion else did_you_mean(str(named), _names())


def _names() -> Iterator[str]:
    yield from (t.label for t in PRIMITIVES.values())
    yield from ("Decimal", "Array", "Set", "Map", "Struct")


def from_json(value: object) -> DataType:
    """Read a type as the registry writes it.

    Raises:
        InvalidDefinitionError: ``value`` is not a type.

    """
    if isinstance(value, str) and value in PRIMITIVES:
        return PRIMITIVES[value]
    if isinstance(value, Mapping) and len(value) == 1:
        ((kind, arg),) = value.items()
        if kind == "decimal":
            return Decimal(*arg)
        if kind == "array":
            return Array(from_json(arg))
        if kind == "set":
            return Set(from_json(arg))
        if kind == "map":
            return Map(from_json(arg[0]), from_json(arg[1]))
        if kind == "struct":
            return Struct({name: from_json(t) for name, t in arg})
    raise InvalidDefinitionError(f"{value!r} is not a type that this version of Repast knows.")


def from_arrow(arrow: pa.DataType) -> DataType | None:
    """Return the narrowest feature type that holds every value of an Arrow type, or None.

    Small and unsigned integers widen to Int32 or Int64, timestamps of any unit and zone become
    ``UnixTimestamp`` (nanoseconds are floored), dictionaries become their values. uint64, durations
    and times have no lossless feature type: None.
    """
    import pyarrow as pa

    t = pa.types
    if t.is_dictionary(arrow) or t.is_run_end_encoded(arrow):
        return from_arrow(arrow.value_type)
    simple: tuple[tuple[Any, DataType], ...] = (
        (t.is_boolean, Bool),
        (lambda a: a in (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16()), Int32),
        (lambda a: a in (pa.int64(), pa.uint32()), Int64),
        (lambda a: a in (pa.float16(), pa.float32()), Float32),
        (t.is_float64, Float64),
        (lambda a: t.is_string(a) or t.is_large_string(a) or t.is_string_view(a), String),
        (
            lambda a: t.is_binary(a) or t.is_large_binary(a) or t.is_fixed_size_binary(a) or t.is_binary_view(a),
            Bytes,
        ),
        (t.is_timestamp, UnixTimestamp),
        (t.is_date, Date),
    )
    for matches, data_type in simple:
        if matches(arrow):
            return data_type
    if t.is_decimal128(arrow) and arrow.scale >= 0:
        return Decimal(arrow.precision, arrow.scale)
    if t.is_list(arrow) or t.is_large_list(arrow) or t.is_fixed_size_list(arrow):
        item = from_arrow(arrow.value_type)
        return Array(item) if item else None
    if t.is_map(arrow):
        key, value = from_arrow(arrow.key_type), from_arrow(arrow.item_type)
        return Map(key, value) if key and value else None
    if t.is_struct(arrow):
        fields = {f.name: from_arrow(f.type) for f in arrow}
        return Struct(fields) if fields and all(fields.values()) else None
    return None
