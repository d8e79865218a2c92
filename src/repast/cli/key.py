"""Values that a person types, read as the type that was declared for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from repast.core.clock import to_utc
from repast.errors import InvalidRequestError, InvalidValueError, did_you_mean
from repast.types import Bool, Bytes, DataType, Date, Float32, Float64, Int32, Int64, Json, String, UnixTimestamp, Uuid
from repast.types import Decimal as DecimalType

_TRUTH = {"true": True, "false": False}


def read_pairs(pairs: Sequence[str]) -> dict[str, list[str]]:
    """Split ``name=value`` arguments into columns of text; a name given twice makes two rows.

    A column of one value stands for every row.

    Raises:
        InvalidRequestError: A pair has no "=", or columns differ in length.

    """
    columns: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            raise InvalidRequestError(f"{pair!r} is not a key and its value.", hint="write -e tailnum=N324JB")
        columns.setdefault(name.strip(), []).append(text)
    rows = max((len(texts) for texts in columns.values()), default=0)
    uneven = [f"{name!r} has {len(texts)}" for name, texts in columns.items() if len(texts) not in (1, rows)]
    if uneven:
        raise InvalidRequestError(
            f"The keys do not make rows: {', '.join(uneven)} of {rows} values.",
            hint="give every key once, or once per row",
        )
    return {name: texts * rows if len(texts) == 1 else texts for name, texts in columns.items()}


def type_rows(columns: Mapping[str, Sequence[str]], types: Mapping[str, DataType]) -> list[dict[str, object]]:
    """Turn columns of text into rows of typed values.

    Raises:
        InvalidRequestError: A column is not among ``types``, or one of those is missing.
        InvalidValueError: A text is not of its column's type.

    """
    for name in columns:
        if name not in types:
            wanted = ", ".join(types)
            raise InvalidRequestError(
                f"None of these features has a key or request field {name!r}.",
                hint=did_you_mean(name, types) or (f"they need: {wanted}" if wanted else "they need none"),
            )
    if missing := [name for name in types if name not in columns]:
        raise InvalidRequestError(
            f"These features need {', '.join(repr(name) for name in missing)} too.",
            hint="add " + " ".join(f"-e {name}=VALUE" for name in missing),
        )
    typed = {name: [read_value(t, types[name], column=name) for t in texts] for name, texts in columns.items()}
    rows = zip(*typed.values(), strict=True)
    return [dict(zip(typed, row, strict=True)) for row in rows]


def read_value(text: str, dtype: DataType, *, column: str) -> object:
    """Read one value. Empty text is null, except for strings and bytes.

    Raises:
        InvalidValueError: The text is not of the type; names column, text and type.

    """
    if dtype in (String, Json, Uuid):
        return text
    if not text and dtype != Bytes:
        return None
    read = _READ.get(dtype) or (Decimal if isinstance(dtype, DecimalType) else json.loads)
    try:
        return read(text)
    except (ValueError, KeyError, InvalidOperation):
        raise InvalidValueError(
            f"{column!r} is {dtype}; {text!r} is not.",
            hint=f"write for example {_EXAMPLES.get(dtype, '[1, 2]')}",
            context={"column": column, "value": text, "type": str(dtype)},
        ) from None


_READ: Mapping[DataType, Callable[[str], Any]] = {
    Int32: int,
    Int64: int,
    Float32: float,
    Float64: float,
    Bool: lambda text: _TRUTH[text.lower()],
    UnixTimestamp: lambda text: to_utc(datetime.fromisoformat(text)),
    Date: date.fromisoformat,
    Bytes: lambda text: bytes.fromhex(text[2:]) if text.startswith("0x") else text.encode(),
}
_EXAMPLES: Mapping[DataType, str] = {
    Int32: "1001",
    Int64: "1001",
    Float32: "1.5",
    Float64: "1.5",
    Bool: "true",
    UnixTimestamp: "2013-03-31T20:00:00Z",
    Date: "2013-03-31",
    Bytes: "0x00ff",
}
