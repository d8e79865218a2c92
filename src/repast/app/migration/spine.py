"""The entity frames of a comparison: the user's, or moments around the last rows of the views themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from repast.app.migration.feast_script import ROW

if TYPE_CHECKING:
    import pyarrow as pa

TIME = "event_timestamp"
_SECOND = timedelta(seconds=1)


def sample(table: pa.Table, rows: int) -> pa.Table:
    """Return at most so many rows, evenly spread: the same ones for the same table."""
    import pyarrow as pa

    if table.num_rows <= rows:
        return table
    return table.take(pa.array([i * table.num_rows // rows for i in range(rows)]))


def around(moments: pa.Table, ttl: timedelta | None, rows: int) -> pa.Table:
    """Return a spine that asks at, just before and, with a ttl, just after the end of each moment.

    Args:
        moments: Keys and the time of one of their rows.
        ttl: The shortest of the views asked for.
        rows: How many at most.

    """
    import pyarrow as pa
    import pyarrow.compute as pc

    steps = [timedelta(0), -_SECOND, *([ttl + _SECOND] if ttl else [])]
    some = sample(moments, max(1, rows // len(steps)))
    at = some.schema.get_field_index(TIME)
    asked = [some.set_column(at, TIME, pc.add(some[TIME], pa.scalar(step, pa.duration("us")))) for step in steps]
    return pa.concat_tables(asked)


def numbered(spine: pa.Table) -> pa.Table:
    """Return a spine with the number of each row in a column that Feast hands through."""
    import pyarrow as pa

    return spine.append_column(ROW, pa.array(range(spine.num_rows), pa.int64()))


def distinct_keys(spine: pa.Table, columns: list[str]) -> pa.Table:
    """Return the keys of a spine, each once, in the order of their first rows."""
    import pyarrow as pa

    first: dict[tuple[Any, ...], int] = {}
    lists = [spine[name].to_pylist() for name in columns]
    for i, key in enumerate(zip(*lists, strict=True)):
        if None not in key:
            first.setdefault(key, i)
    return spine.select(columns).take(pa.array(first.values(), pa.int64()))
