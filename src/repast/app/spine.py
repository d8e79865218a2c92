"""Tables from whatever a caller has: data frames, Arrow, mappings, rows, SQL text, files.

pandas and polars are never imported here: an object that comes from them brings them along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repast.core.literal import from_values
from repast.errors import CorruptDataError, InvalidRequestError, NotFoundError
from repast.types import DataType

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from repast.ports.offline import OfflineEngine

_FILES = (".parquet", ".csv", ".csv.gz")
_ACCEPTED = "a pandas or polars DataFrame, an Arrow table, a mapping of columns or a list of mappings"


def to_arrow(
    frame: Any,
    *,
    columns: Sequence[str] | None = None,
    types: Mapping[str, DataType] | None = None,
    subject: str = "the table",
) -> pa.Table:
    """Return a frame as an Arrow table: pandas (without its index), polars, Arrow, columns, or rows.

    Anything with ``__arrow_c_stream__`` counts as Arrow. In pandas NaN is null, elsewhere a value.
    Rows may lack columns that other rows have: null.

    Args:
        frame: What the caller has.
        columns: Only these, if they are there; the others are not even looked at. None: all.
        types: Declared types of columns. They are used where Python objects (dicts, lists, ...) would
            have to be guessed at; every other column keeps its own type.
        subject: What the frame is, for messages.

    Raises:
        InvalidRequestError: It is nothing of that kind, or a column mixes types.
        InvalidValueError: A Python object does not fit its declared type.

    """
    import pyarrow as pa

    types = types or {}
    module = type(frame).__module__.partition(".")[0]
    if module == "pandas" and hasattr(frame, "columns"):
        return _from_pandas(frame, columns, types, subject)
    if module == "polars" and hasattr(frame, "collect_schema"):
        return _from_polars(frame, columns)
    if isinstance(frame, pa.RecordBatch):
        frame = pa.Table.from_batches([frame])
    elif isinstance(frame, Mapping):
        return _from_columns(frame, columns, types, subject)
    elif isinstance(frame, Sequence) and not isinstance(frame, str | bytes):
        return _from_rows(frame, columns, types, subject)
    elif not isinstance(frame, pa.Table):
        frame = _from_stream(frame, subject)
    return frame if columns is None else frame.select([c for c in columns if c in frame.column_names])


def read_spine(frame: Any, engine: OfflineEngine, folder: Path, *, subject: str = "entity_df") -> Any:
    """Return a spine that is in memory: files are read and SQL text is run; anything else comes back as it is.

    Args:
        folder: That of feature_store.yaml: relative paths start where the process is, or else there, in SQL too.

    Raises:
        InvalidRequestError: Text that is neither a file's path nor a query.
        NotFoundError: There is no such file.
        CorruptDataError: The file cannot be read.

    """
    if isinstance(frame, str):
        words = frame.split(None, 1)
        if words and words[0].lower().strip("(") in ("select", "with", "from", "values", "table", ""):
            return _read_sql(frame, engine)
        return _read_file(Path(frame), folder, subject)
    return _read_file(frame, folder, subject) if isinstance(frame, Path) else frame


def _read_sql(statement: str, engine: OfflineEngine) -> pa.Table:
    try:
        return engine.query(statement).read_all()
    except (InvalidRequestError, NotFoundError) as error:
        if error.hint:
            raise
        hint = "relative paths in the SQL start at the folder of feature_store.yaml; check syntax and names"
        raise type(error)(error.message, hint=hint, context=error.context) from error


def _read_file(path: Path, folder: Path, subject: str) -> pa.Table:
    import pyarrow as pa

    if not path.name.endswith(_FILES):
        raise InvalidRequestError(
            f"{subject} is {str(path)!r}, which is neither SQL nor a path that ends in {', '.join(_FILES)}.",
            hint='for example entity_df="SELECT * FROM \'orders.parquet\'" or entity_df="orders.parquet"',
        )
    found = next((place for place in (path, folder / path) if place.exists()), None)
    if found is None:
        raise NotFoundError(
            f"{subject}: there is no file {str(folder / path)!r}.",
            hint="a relative path starts where you are, or else at the folder of feature_store.yaml",
        )
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            return pq.read_table(found, partitioning=None)
        import pyarrow.csv

        return pyarrow.csv.read_csv(found)
    except (pa.ArrowException, OSError) as error:
        raise CorruptDataError(f"{subject}: {str(found)!r} cannot be read: {error}", hint="write it anew") from error


# -- data frames ----------------------------------------------------------------------------------


def _from_pandas(frame: Any, columns: Sequence[str] | None, types: Mapping[str, DataType], subject: str) -> pa.Table:
    import pyarrow as pa

    given = frame.columns.tolist()
    names = given if columns is None else [name for name in given if name in columns]
    for name in names:
        if not isinstance(name, str):
            raise InvalidRequestError(
                f"{subject} has a column named {name!r}; names must be text.", hint="rename it: df.columns = [...]"
            )
        if names.count(name) > 1:
            raise InvalidRequestError(f"{subject} has two columns named {name!r}.", hint="rename or drop one of them")
    # By position where all are read: a look-up of names takes longer to make than a few rows to convert.
    found = frame.items() if len(names) == len(given) else ((name, frame[name]) for name in names)
    arrays = [_from_series(series, types.get(name), f"column {name!r} of {subject}") for name, series in found]
    return pa.Table.from_arrays(arrays, names=names) if names else _rows_only(len(frame))


def _from_series(series: Any, dtype: DataType | None, subject: str) -> pa.Array | pa.ChunkedArray:
    import pyarrow as pa

    kind = series.dtype.kind
    if kind == "O" and str(series.dtype) == "object":
        return _from_objects([_or_none(value) for value in series], dtype, subject)
    try:
        # What a type is need not be asked where it is known: that takes longer than to convert a few rows.
        plain = kind in "biuf" and type(series.dtype).__module__.startswith("numpy")
        return pa.array(series.to_numpy() if plain else series, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidRequestError(f"{subject} cannot be read: {error}", hint="give it one plain type") from error


def _or_none(value: object) -> object:
    """In a pandas object column a missing value may also be written NaN."""
    return None if isinstance(value, float) and value != value else value


def _from_polars(frame: Any, columns: Sequence[str] | None) -> pa.Table:
    names = frame.collect_schema().names()
    if columns is not None:
        frame = frame.select([name for name in columns if name in names])
    if hasattr(frame, "collect"):
        frame = frame.collect()
    return frame.to_arrow() if frame.width else _rows_only(frame.height)


def _from_stream(frame: Any, subject: str) -> pa.Table:
    import pyarrow as pa

    if not hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "to_frame"):
        how = ".to_frame()" if hasattr(frame, "to_frame") else "pandas.DataFrame(...)"
        raise InvalidRequestError(
            f"{subject} must be {_ACCEPTED}, not {type(frame).__name__}.", hint=f"convert it, for example with {how}"
        )
    try:
        return pa.RecordBatchReader.from_stream(frame).read_all()
    except pa.ArrowException as error:
        raise InvalidRequestError(f"{subject} is no stream of record batches: {error}", hint=f"use {_ACCEPTED}") from (
            error
        )


# -- Python values --------------------------------------------------------------------------------


def _from_columns(
    frame: Mapping[str, Any], columns: Sequence[str] | None, types: Mapping[str, DataType], subject: str
) -> pa.Table:
    import pyarrow as pa

    names = [name for name in frame if columns is None or name in columns]
    arrays = {name: _from_column(frame[name], types.get(name), f"column {name!r} of {subject}") for name in names}
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{name!r} has {length}" for name, length in lengths.items())
        raise InvalidRequestError(
            f"The columns of {subject} differ in length: {listing}.", hint="give every row a value, or None"
        )
    return pa.table(arrays)


def _from_column(column: Any, dtype: DataType | None, subject: str) -> pa.Array | pa.ChunkedArray:
    import pyarrow as pa

    if isinstance(column, pa.Array | pa.ChunkedArray):
        return column
    if type(column).__module__.partition(".")[0] == "pandas" and hasattr(column, "dtype"):
        return _from_series(column, dtype, subject)
    if hasattr(column, "to_arrow"):
        return column.to_arrow()
    if type(column).__module__ == "numpy" and getattr(column, "ndim", 0) == 1 and column.dtype.kind in "biufM":
        return pa.array(column)
    if not hasattr(column, "__iter__") or isinstance(column, str | bytes | Mapping):
        raise InvalidRequestError(
            f"{subject} is {column!r}, which is no list of values.", hint="give every column a list, or give rows"
        )
    return _from_objects(list(column), dtype, subject)


def _from_rows(
    rows: Sequence[Any], columns: Sequence[str] | None, types: Mapping[str, DataType], subject: str
) -> pa.Table:
    import pyarrow as pa

    names: dict[str, None] = {}
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InvalidRequestError(
                f"Row {i} of {subject} must be a mapping of column to value, not {row!r}.",
                hint=f"{subject} may be {_ACCEPTED}",
            )
        names |= dict.fromkeys(row)
    wanted = [name for name in names if columns is None or name in columns]
    arrays = [
        _from_objects([row.get(name) for row in rows], types.get(name), f"column {name!r} of {subject}")
        for name in wanted
    ]
    return pa.Table.from_arrays(arrays, names=wanted) if wanted else _rows_only(len(rows))


def _from_objects(values: list[Any], dtype: DataType | None, subject: str) -> pa.Array:
    import pyarrow as pa

    if dtype is not None:
        return from_values(values, dtype, subject=subject)
    try:
        return pa.array(values, from_pandas=False)
    except (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError) as error:
        kinds = sorted({type(value).__name__ for value in values if value is not None})
        if isinstance(error, OverflowError):
            raise InvalidRequestError(
                f"{subject} holds a whole number that does not fit 64 bits.",
                hint="make it text, if it is a name and not a number",
            ) from error
        raise InvalidRequestError(
            f"{subject} holds {', '.join(kinds)}: not of one type.", hint="give it values of one type"
        ) from error


def _rows_only(rows: int) -> pa.Table:
    """A table without columns that still has a length, as spines of entityless views may have."""
    import pyarrow as pa

    return pa.table({"": pa.nulls(rows)}).select([])


# -- spines ---------------------------------------------------------------------------------------


class Spine:
    """The rows that a retrieval answers, as the caller gave them: nothing of them is ever changed.

    Attributes:
        frame: A pandas or polars DataFrame, or an Arrow table.
        kind: Which of them.

    """

    kind: str
    frame: Any

    def __init__(self, frame: Any, *, subject: str = "entity_df") -> None:
        self.subject = subject
        module = type(frame).__module__.partition(".")[0]
        if module == "pandas" and hasattr(frame, "columns"):
            self.kind, self.frame = "pandas", _snapshot(frame)
        elif module == "polars" and hasattr(frame, "collect_schema"):
            self.kind, self.frame = "polars", frame.collect() if hasattr(frame, "collect") else frame
        else:
            self.kind, self.frame = "arrow", to_arrow(frame, subject=subject)

    @property
    def rows(self) -> int:
        return len(self.frame)

    @cached_property
    def columns(self) -> dict[str, pa.DataType | None]:
        """The columns with their Arrow types; None where only the values tell."""
        if self.kind == "pandas":
            return {name: _series_type(self.frame.dtypes.iloc[i]) for i, name in enumerate(self.frame.columns)}
        table = self.frame if self.kind == "arrow" else self.frame.head(0).to_arrow()
        return dict(zip(table.schema.names, table.schema.types, strict=True))

    def is_index(self, name: object) -> bool:
        """Return whether a name is not that of a column but of a pandas index."""
        return self.kind == "pandas" and name not in self.frame.columns and name in self.frame.index.names

    def select(self, columns: Sequence[str], types: Mapping[str, DataType] | None = None) -> pa.Table:
        """Return some columns as an Arrow table; types as for :func:`to_arrow`."""
        return to_arrow(self.frame, columns=columns, types=types, subject=self.subject)

    @cached_property
    def table(self) -> pa.Table:
        """All columns as an Arrow table."""
        return self.frame if self.kind == "arrow" else to_arrow(self.frame, subject=self.subject)


def _snapshot(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame as it is now, whatever its owner does to it; from pandas 3 on that copies nothing."""
    import pandas as pd

    return frame.copy(deep=int(pd.__version__.partition(".")[0]) < 3)


def _series_type(dtype: Any) -> pa.DataType | None:
    import pandas as pd
    import pyarrow as pa

    if str(dtype) == "object":
        return None
    try:
        return pa.array(pd.Series([], dtype=dtype), from_pandas=True).type
    except (pa.ArrowException, TypeError, ValueError):
        return None
