"""Spines made of the views' own rows: which keys had a value at which time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from repast.core.cast import cast_array
from repast.core.plan.historical import TIME_COLUMN, MomentPlan
from repast.core.plan.offline import EVENT, ReadRows


def typed_moments(plan: MomentPlan, read: ReadRows, columns: Sequence[str], found: pa.Table) -> pa.Table:
    """Return the rows of one read under the spine's names and types; times are int64 microseconds.

    Raises:
        InvalidValueError: A key is not losslessly of its type.

    """
    arrays = {TIME_COLUMN: found[EVENT]}
    for key, column in zip(read.keys, columns, strict=True):
        subject = f"join key {key.name!r} of feature view {read.view!r}"
        arrays[column] = cast_array(found[key.name], plan.keys[column], subject=subject)
    return pa.table({name: arrays[name] for name in (*plan.keys, TIME_COLUMN)})


def lacks_moments(moments: pa.Table, asked: int, wanted: int) -> bool:
    """Whether some key may have further times: ``asked`` rows of it were returned, but less than ``wanted`` times."""
    keys = [name for name in moments.column_names if name != TIME_COLUMN]
    counts = moments.group_by(keys).aggregate([(TIME_COLUMN, "count"), (TIME_COLUMN, "count_distinct")])
    rows, times = counts[f"{TIME_COLUMN}_count"], counts[f"{TIME_COLUMN}_count_distinct"]
    short = pc.and_(pc.greater_equal(rows, asked), pc.less(times, wanted))
    return bool(pc.any(short).as_py())


def distinct_moments(plan: MomentPlan, tables: Sequence[pa.Table]) -> pa.Table:
    """Return the distinct (keys, time) of all tables, sorted; of each key only the ``last_n`` latest."""
    names = [*plan.keys, TIME_COLUMN]
    rows = pa.concat_tables(tables).group_by(names).aggregate([]).select(names)
    rows = rows.sort_by([(name, "ascending") for name in names]).combine_chunks()
    if plan.last_n is not None and rows.num_rows:
        rows = rows.filter(pa.array(_counted_from_last(rows, list(plan.keys)) < plan.last_n))
    instants = rows[TIME_COLUMN].cast(plan.spine[TIME_COLUMN])
    return rows.set_column(len(plan.keys), TIME_COLUMN, instants)


def _counted_from_last(rows: pa.Table, keys: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return for each row how many of the same key come after it."""
    changes = np.zeros(rows.num_rows, np.bool_)
    changes[-1] = True
    for name in keys:
        column = rows[name]
        changes[:-1] |= np.asarray(pc.not_equal(column.slice(0, len(column) - 1), column.slice(1)))
    ends = np.flatnonzero(changes)
    counted: npt.NDArray[np.int64] = np.repeat(ends, np.diff(ends, prepend=-1)) - np.arange(rows.num_rows)
    return counted
