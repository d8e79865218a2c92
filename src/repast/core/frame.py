"""Arrow tables as pandas DataFrames in which a whole number stays a whole number, whatever is missing."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd


SMALL_ROWS = 2_000
_NUMPY = {
    dtype: str(dtype.to_pandas_dtype().__name__)
    for dtype in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64())
}
"""Types that pandas keeps as a NumPy array and a mask."""


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """Return a DataFrame of nullable dtypes with a fresh index.

    Int64, Float64, boolean and string (and their narrow forms) are pandas' own nullable dtypes;
    timestamps are datetime64 with their unit and zone (NaT is null); everything else (dates, decimals,
    bytes, lists, maps, structs) is ArrowDtype, whose elements are Python objects. pandas
    counts NaN as missing in Float64; Arrow and polars results keep the two apart.
    """
    if table.num_rows <= SMALL_ROWS and len(set(table.column_names)) == table.num_columns:
        return _small_frame(table)
    frame: pd.DataFrame = table.to_pandas(types_mapper=_mapper())
    return frame


def _small_frame(table: pa.Table) -> pd.DataFrame:
    """Convert column by column: what pyarrow does once per column then takes longer than copying the values."""
    import pandas as pd

    columns = [
        _own_array(column) if field.type in _NUMPY else column.to_pandas(types_mapper=_mapper())
        for field, column in zip(table.schema, table.columns, strict=True)
    ]
    frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(table.num_rows), copy=False)
    if columns:
        frame.columns = _names(tuple(table.column_names)).view()
    return frame


@lru_cache(maxsize=256)
def _names(names: tuple[str, ...]) -> pd.Index[str]:
    """Return the names of columns with their look-up table, which take as long to make as a frame of one row.

    Whoever uses them takes a view: the name of an Index may be changed.
    """
    import pandas as pd

    return pd.Index(names)


def _own_array(column: pa.ChunkedArray) -> Any:
    """Return a nullable array of pandas, whose values and mask are its own to change."""
    import pandas as pd

    values = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    mask = np.zeros(len(values), bool)
    if values.null_count:
        mask = np.array(values.is_null())
        values = values.fill_null(0)
    array = pd.arrays.FloatingArray if pa.types.is_floating(values.type) else pd.arrays.IntegerArray
    return array(values.to_numpy(zero_copy_only=False).copy(), mask)


@cache
def _mapper() -> Any:
    import pandas as pd

    text = pd.StringDtype("pyarrow", na_value=pd.NA)
    own: dict[pa.DataType, Any] = {
        pa.bool_(): pd.BooleanDtype(),
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.uint8(): pd.UInt8Dtype(),
        pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
        pa.float32(): pd.Float32Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.string(): text,
        pa.large_string(): text,
        pa.string_view(): text,
    }

    def dtype(arrow: pa.DataType) -> Any:
        if pa.types.is_timestamp(arrow) or pa.types.is_dictionary(arrow):
            return None
        return own.get(arrow) or pd.ArrowDtype(arrow)

    return dtype
