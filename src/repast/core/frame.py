"""Arrow tables as pandas DataFrames in which a whole number stays a whole number, whatever is missing."""

from __future__ import annotations

from functools import cache
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

    columns: dict[str, Any] = {
        field.name: _own_array(column) if field.type in _NUMPY else column.to_pandas(types_mapper=_mapper())
        for field, column in zip(table.schema, table.columns, strict=True)
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), copy=False)


def _own_array(column: pa.ChunkedArray) -> Any:
    """Return a nullable array of pandas, whose values and mask are its own to change."""
    import pandas as pd

    values, mask = column, np.zeros(len(column), bool)
    if column.null_count:
        values, mask = column.fill_null(0), np.array(column.is_null())
    array = pd.arrays.FloatingArray if pa.types.is_floating(column.type) else pd.arrays.IntegerArray
    return array(np.array(values, _NUMPY[column.type]), mask)


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
