"""What an offline engine is asked to do: frozen values, no objects, no callbacks.

Column names of results that are not features start with ``__`` and are fixed here, so that the core
can finish what engines begin (ties, types, order).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from repast.core.manifest import SourceSpec
from repast.types import DataType

ROW = "__row"
"""int64: position of the spine row that a result row answers."""
EVENT = "__event"
"""int64: event time, microseconds since 1970 UTC."""
CREATED = "__created"
"""int64, nullable: created time, microseconds since 1970 UTC; absent from sources without one -> all null."""
TIME = "__time"
"""int64: time of a spine row, microseconds since 1970 UTC."""

AsOf: TypeAlias = Literal["event", "available"]


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A key column: its name in results and spines, the source's column, the entity's type."""

    name: str
    column: str
    dtype: DataType


@dataclass(frozen=True, slots=True)
class FeatureColumn:
    """A feature: its name in results, the source's column, the declared type (the core casts, not the engine)."""

    name: str
    column: str
    dtype: DataType


@dataclass(frozen=True, slots=True, kw_only=True)
class PointInTimeJoin:
    """For each spine row, the rows of one view that may be its answer.

    The spine is an Arrow table with ``__row`` (int64), ``__time`` (int64 us) and one column per key,
    named ``KeyColumn.name`` and already of the entity's type; null keys do not occur (the core leaves
    such rows out). (key, time) pairs may repeat.

    Result columns: ``__row``, ``__event``, ``__created``, then the features in the source's own types.
    For spine time T the engine returns **every** candidate row with the greatest event time among
    those with ``event <= T`` (and ``event >= T - ttl_us``); it may leave out rows that another one
    with the same event time beats by created time. The core picks the greatest by (created, content).
    ``as_of="available"`` also asks ``created <= T`` (a null created is always available).
    Rows without a candidate are absent. Result order is free.
    """

    view: str
    source: SourceSpec
    keys: tuple[KeyColumn, ...]
    features: tuple[FeatureColumn, ...]
    ttl_us: int | None = None
    as_of: AsOf = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRows:
    """Rows of one view without a spine.

    ``start_us``/``end_us`` bound the event time, both inclusive. ``last_n`` keeps, per key, the n
    greatest by (event, created) and **every** row that ties with the n-th; None keeps all rows.
    ``changed`` narrows to what an incremental load has not read yet.
    Result columns: the keys (by ``KeyColumn.name``, in the source's types), ``__event``,
    ``__created``, then the features in the source's own types. Rows with a null key or event time are left out.
    """

    view: str
    source: SourceSpec
    keys: tuple[KeyColumn, ...]
    features: tuple[FeatureColumn, ...]
    start_us: int | None = None
    end_us: int | None = None
    last_n: int | None = None
    changed: Changed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Rows that earlier loads cannot have read: event time after ``event_after_us``, or created at or
    after ``created_from_us`` (or null), or in one of ``files``. None leaves a clause out.
    """

    event_after_us: int | None = None
    created_from_us: int | None = None
    files: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRows:
    """One row of counts for the window of a load: ``read``, ``rejected`` (null key or event time; these
    are counted whatever the window) and ``created_max`` (int64 us, nullable: greatest created time read).
    """

    rows: ReadRows


OfflinePlan: TypeAlias = PointInTimeJoin | ReadRows | CountRows
