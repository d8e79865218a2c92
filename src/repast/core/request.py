"""Entity rows of one online request: from what the caller gave to typed columns and key bytes.

Rows are numbered from 0 in messages, as ``entity_rows[i]``. A null key (None, or what pandas writes
for it) finds no row; anything else that is not losslessly of the key's type is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from repast.core.codec.key import KeyCodec, coerce_key
from repast.core.column import Column, cast_input, to_array, to_list, to_values
from repast.core.plan.online import OnlinePlan, RequestColumn
from repast.errors import InvalidRequestError, InvalidValueError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

VECTOR_ROWS = 500
"""From this many rows on, keys are encoded through Arrow."""

_MISSING = frozenset({"NoneType", "NAType", "NaTType"})


class Request:
    """The rows of one request, bound to a plan.

    Args:
        rows: Number of rows.
        columns: Aligned with the plan's columns.
        keys: Per key group the bytes of each row's key; None where a part of the key is null.
        distinct: Per key group the keys to read: each once, without None.
        inputs: Request fields by name.

    """

    __slots__ = ("_keys", "columns", "distinct", "inputs", "rows")

    def __init__(
        self,
        rows: int,
        columns: Sequence[Column],
        keys: Sequence[Sequence[bytes | None]],
        distinct: Sequence[Sequence[bytes]],
        inputs: Mapping[str, Column],
    ) -> None:
        self.rows = rows
        self.columns = columns
        self._keys = keys
        self.distinct = distinct
        self.inputs = inputs

    def spread(self, group: int, values: Sequence[bytes | None]) -> Sequence[bytes | None]:
        """Give each row the value that was read for its key."""
        distinct = self.distinct[group]
        if len(distinct) == self.rows:
            return values
        found: dict[bytes | None, bytes | None] = dict(zip(distinct, values, strict=True))
        return [found.get(key) for key in self._keys[group]]

    def keys_of(self, group: int) -> Sequence[bytes | None]:
        """Return the bytes of each row's key; None where a part of the key is null."""
        if self.rows == 1:  # where keys are kept in no other form
            return list(self.distinct[group]) or [None]
        return self._keys[group]


def bind_rows(plan: OnlinePlan, entity_rows: Sequence[Mapping[str, Any]]) -> Request:
    """Bind one mapping per row.

    Raises:
        InvalidRequestError: A row is not a mapping or lacks a key or request field.
        InvalidValueError: A value is not losslessly of its column's type.

    """
    try:
        if len(entity_rows) == 1 and plan.columns:
            return _bind_row(plan, entity_rows[0])
        columns = [[row[name] for row in entity_rows] for name in plan.column_names]
        inputs = [[row[name] for row in entity_rows] for name in plan.input_names] if plan.input_names else []
    except (KeyError, TypeError, IndexError) as error:
        raise _explain_rows(plan, entity_rows) from error
    if not (columns or inputs) and not all(isinstance(row, Mapping) for row in entity_rows):
        raise _explain_rows(plan, entity_rows)
    return _bind(plan, len(entity_rows), columns, inputs)


def bind_columns(plan: OnlinePlan, given: Mapping[str, Any]) -> Request:
    """Bind one mapping of columns: lists, NumPy and Arrow arrays, pandas and polars Series.

    Raises:
        InvalidRequestError: A key or request field is missing, is no column, or lengths differ.
        InvalidValueError: A value is not losslessly of its column's type.

    """
    names = [*plan.column_names, *plan.input_names]
    for name in names:
        if name not in given:
            raise _missing(plan, name, given, "entity_rows")
    taken = {name: to_values(name, given[name]) for name in names} or {k: to_values(k, v) for k, v in given.items()}
    lengths = {name: len(column) for name, column in taken.items()}
    if not lengths:
        raise InvalidRequestError(
            "entity_rows has no column, so the number of rows is not known.", hint="use one mapping per row: [{}]"
        )
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        raise InvalidRequestError(f"The columns of entity_rows differ in length: {listing}.")
    columns = [taken[name] for name in plan.column_names]
    inputs = [taken[name] for name in plan.input_names]
    return _bind(plan, next(iter(lengths.values())), columns, inputs)


def _bind(plan: OnlinePlan, rows: int, columns: Sequence[Column], inputs: Sequence[Column]) -> Request:
    typed = list(map(cast_keys, plan.columns, columns))
    try:
        keys = [_encode(group.codec, [typed[i] for i in group.columns], rows) for group in plan.groups]
    except InvalidValueError:
        raise _name_row(plan, typed) from None
    distinct = [[key for key in dict.fromkeys(group) if key is not None] for group in keys]
    fields = dict(zip(plan.input_names, map(cast_input, plan.request_fields, inputs), strict=True))
    return Request(rows, typed, keys, distinct, fields)


def _bind_row(plan: OnlinePlan, row: Mapping[str, Any]) -> Request:
    """Do for one row, faster, what :func:`_bind` does."""
    columns: list[list[Any]] = []
    for column in plan.columns:
        value = row[column.name]
        columns.append([value] if type(value) is column.exact else _coerce(column, [value]))
    distinct: list[list[bytes]] = []
    try:
        for group in plan.groups:
            parts = [columns[at][0] for at in group.columns]
            distinct.append([] if None in parts else [group.codec.encode_row(parts)])
    except InvalidValueError:
        raise _name_row(plan, columns) from None
    inputs = {spec.name: cast_input(spec, [row[spec.name]]) for spec in plan.request_fields}
    return Request(1, columns, [[None]] * len(distinct), distinct, inputs)


def _name_row(plan: OnlinePlan, columns: Sequence[Column]) -> InvalidValueError:
    """Return the error for the first key that an encoder refused, with its row."""
    try:
        for column, values in zip(plan.columns, columns, strict=True):
            _coerce(column, values)
    except InvalidValueError as error:
        return error
    raise AssertionError("an encoder refused a key that its column takes")


# -- keys -----------------------------------------------------------------------------------------


def cast_keys(column: RequestColumn, values: Column) -> Column:
    """Return a key column's values in canonical form; integers out of range are left to the encoder."""
    if not isinstance(values, list):
        return _cast_array(column, values)
    exact = column.exact
    for value in values:
        if type(value) is not exact:
            return _coerce(column, values)
    return values


def _coerce(column: RequestColumn, values: Column) -> list[Any]:
    found: list[Any] = []
    for i, value in enumerate(to_list(values)):
        if type(value).__name__ in _MISSING:
            found.append(None)
            continue
        try:
            found.append(coerce_key(value, column.dtype, column=column.name))
        except InvalidValueError as error:
            context = {**error.context, "row": i}
            raise InvalidValueError(f"entity_rows[{i}]: {error.message}", hint=error.hint, context=context) from None
    return found


def _cast_array(column: RequestColumn, array: pa.Array) -> Column:
    if array.type == column.dtype.arrow and column.exact is not None:
        return array
    from repast.core.cast import cast_array

    try:
        return cast_array(array, column.dtype, subject=f"entity_rows column {column.name!r}")
    except InvalidValueError:
        _coerce(column, array)  # names the row, if a row is what is wrong
        raise


def _encode(codec: KeyCodec, parts: Sequence[Column], rows: int) -> list[bytes | None]:
    if not parts:
        return [codec.encode_row(())] * rows
    if rows >= VECTOR_ROWS:
        return _encode_arrays(codec, parts)
    lists = list(map(to_list, parts))
    for values in lists:
        if None in values:
            return [None if None in key else codec.encode_row(key) for key in zip(*lists, strict=True)]
    return codec.encode_lists(lists)  # type: ignore[return-value]  # a new list, nobody else's


def _encode_arrays(codec: KeyCodec, parts: Sequence[Column]) -> list[bytes | None]:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        arrays = [to_array(part, dtype) for part, dtype in zip(parts, codec.types, strict=True)]
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        raise InvalidValueError("A key is not of its column's type.") from error  # _name_row finds which
    if not any(array.null_count for array in arrays):
        return list(codec.encode_columns(arrays))
    whole = arrays[0].is_valid()
    for array in arrays[1:]:
        whole = pc.and_(whole, array.is_valid())
    encoded = iter(codec.encode_columns([array.filter(whole) for array in arrays]))
    return [next(encoded) if found else None for found in whole.to_pylist()]


# -- messages -------------------------------------------------------------------------------------


def _explain_rows(plan: OnlinePlan, entity_rows: Sequence[object]) -> InvalidRequestError:
    names = [*plan.column_names, *plan.input_names]
    for i, row in enumerate(entity_rows):
        if not isinstance(row, Mapping):
            return InvalidRequestError(
                f"entity_rows[{i}] must be a mapping of column to value, not {row!r}.",
                hint=f'for example entity_rows=[{{"{names[0]}": 1}}]' if names else "for views without entities: [{}]",
            )
        for name in names:
            if name not in row:
                return _missing(plan, name, row, f"entity_rows[{i}]")
    return InvalidRequestError("entity_rows must be a list of mappings of column to value.")


def _missing(plan: OnlinePlan, name: str, given: Mapping[str, object], where: str) -> InvalidRequestError:
    by_view = next((f"join key of feature view {c.needed_by!r}" for c in plan.columns if c.name == name), "")
    near = did_you_mean(name, given)
    has = ", ".join(repr(column) for column in given)
    return InvalidRequestError(
        f"{where} lacks {name!r} ({by_view or 'request field of an on demand feature view'}).",
        hint=f"{near} the column must be named {name!r}" if near else f"it has {has}" if has else f"add {name!r}",
        context={"column": name},
    )
