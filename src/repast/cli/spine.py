"""Spines as they are named or written on the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repast.cli.key import read_value
from repast.errors import InvalidRequestError, NotFoundError, did_you_mean
from repast.types import DataType, String, UnixTimestamp

if TYPE_CHECKING:
    import pyarrow as pa

TIME = "event_timestamp"
FILES = (".parquet", ".csv", ".csv.gz")


def read_spine(text: str, types: Mapping[str, DataType], time_column: str | None) -> pa.Table | str:
    """Return rows written as JSON as a table, and a file's path or SQL as it is.

    Raises:
        InvalidRequestError: It looks like JSON and is none; see :func:`read_rows`.
        NotFoundError: It looks like a file's path, and there is no such file.

    """
    if text.lstrip()[:1] in ("[", "{"):
        return read_rows(text, types, time_column or TIME)
    path = Path(text)
    if text.endswith(FILES) and "://" not in text and not path.exists():
        beside = [str(path.parent / other.name) for other in path.parent.glob("*") if other.name.endswith(FILES)]
        raise NotFoundError(f"There is no file {text!r}.", hint=did_you_mean(text, beside) or "check the path")
    return text


def read_rows(text: str, types: Mapping[str, DataType], time_column: str = TIME) -> pa.Table:
    """Read JSON objects as a table; text in columns of other declared types is read as such.

    Args:
        text: One object or a list of them.
        types: Declared types of join keys and request fields.
        time_column: Name of the rows' time.

    Raises:
        InvalidRequestError: It is not JSON, not objects, or a column has values of several types.

    """
    import pyarrow as pa

    rows = _parse(text)
    names = list(dict.fromkeys(name for row in rows for name in row))
    declared = {**types, time_column: UnixTimestamp}
    arrays = {}
    for name in names:
        values = [_typed(name, row.get(name), declared.get(name, String)) for row in rows]
        try:
            arrays[name] = pa.array(values)
        except (pa.ArrowException, OverflowError) as error:
            raise InvalidRequestError(
                f"The values of {name!r} in the JSON rows are not all of one type.", hint="write them alike"
            ) from error
    return pa.table(arrays)


def _parse(text: str) -> list[dict[str, Any]]:
    example = '[{"origin": "JFK", "event_timestamp": "2013-03-01T12:00:00Z"}]'
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise InvalidRequestError(f"The rows are not JSON: {error}.", hint=f"for example '{example}'") from None
    rows = parsed if isinstance(parsed, list) else [parsed]
    if not rows or not all(isinstance(row, dict) and row for row in rows):
        raise InvalidRequestError("The rows must be a list of JSON objects.", hint=f"for example '{example}'")
    return rows


def _typed(name: str, value: object, dtype: DataType) -> object:
    if not isinstance(value, str):
        return value
    return read_value(value, dtype, column=name)
