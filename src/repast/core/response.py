"""The answer of an online read: stored bytes that become values in the form they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from repast.core.answer import Answer
from repast.core.clock import from_us
from repast.core.column import to_list
from repast.errors import InvalidValueError, require

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    import polars as pl
    import pyarrow as pa

TIMESTAMP_SUFFIX = "__ts"
STATUS_SUFFIX = "__status"
_SECOND = 1_000_000


class ViewRows(NamedTuple):
    """The rows of one view of an answer."""

    stored: Sequence[bytes | None]
    live: Sequence[bytes | None]
    """Without those that are too old to be served."""
    columns: Sequence[list[Any]]
    """Python values of the features that are read."""


class FieldStatus(IntEnum):
    """What stands behind a value of the answer."""

    INVALID = 0
    PRESENT = 1
    NULL_VALUE = 2
    """There is a row, and the value in it is null. Also an on-demand feature that is null."""
    NOT_FOUND = 3
    """There is no row for the key, or a part of the key is null."""
    OUTSIDE_MAX_AGE = 4
    """There is a row, but its event time is older than the view's ttl allows; its value is not served."""


class OnlineResponse(Answer):
    """The newest values of some keys, decoded when they are asked for.

    The columns are the keys, then the features in the order they were asked for; the rows are those
    of the request. Every form decodes the stored bytes itself; asking for one form costs nothing of
    another. A value is null unless its status is PRESENT.

    With a ttl, a row is served while ``event time >= now - ttl``. A row whose event time is after
    ``now`` is the newest there is, and is served. On-demand features are computed when the response
    is made.
    """

    __slots__ = ()

    def __len__(self) -> int:
        return self._request.rows

    def __repr__(self) -> str:
        return f"OnlineResponse(rows={len(self)}, columns={self.columns})"

    @property
    def columns(self) -> list[str]:
        """Names of the answer's columns: keys, then features as asked for."""
        return list(self._plan.answer)

    def to_dict(self, include_event_timestamps: bool = False, include_statuses: bool = False) -> dict[str, list[Any]]:
        """Return column -> Python values.

        Args:
            include_event_timestamps: Add ``<feature>__ts``: event time in whole seconds since 1970 UTC,
                None where there is no row. :attr:`event_timestamps` has them exactly.
            include_statuses: Add ``<feature>__status``: the name of each value's :class:`FieldStatus`.

        """
        columns = self._to_lists()
        if include_event_timestamps:
            columns = _interleave(columns, self._seconds(), TIMESTAMP_SUFFIX)
        if include_statuses:
            statuses = {name: [status.name for status in found] for name, found in self.statuses.items()}
            columns = _interleave(columns, statuses, STATUS_SUFFIX)
        return columns

    def to_arrow(self, include_event_timestamps: bool = False) -> pa.Table:
        """Return an Arrow table of the declared types; ``<feature>__ts`` as for :meth:`to_dict`."""
        import pyarrow as pa

        arrays = self._to_arrays()
        if include_event_timestamps:
            seconds = {name: pa.array(found, pa.int64()) for name, found in self._seconds().items()}
            arrays = _interleave(arrays, seconds, TIMESTAMP_SUFFIX)
        return pa.Table.from_arrays(list(arrays.values()), names=list(arrays))

    def to_df(self, include_event_timestamps: bool = False) -> pd.DataFrame:
        """Return a pandas DataFrame of nullable dtypes: an int64 feature stays Int64 whatever is missing.

        Raises:
            MissingDependencyError: pandas is not installed.

        """
        require("pandas", extra="pandas", purpose="to_df()")
        from repast.core.frame import to_pandas

        return to_pandas(self.to_arrow(include_event_timestamps))

    def to_polars(self, include_event_timestamps: bool = False) -> pl.DataFrame:
        """Return a polars DataFrame.

        Raises:
            MissingDependencyError: polars is not installed.

        """
        polars: Any = require("polars", extra="polars", purpose="to_polars()")
        frame: pl.DataFrame = polars.from_arrow(self.to_arrow(include_event_timestamps))
        return frame

    def to_numpy(self) -> dict[str, npt.NDArray[Any]]:
        """Return column -> NumPy array.

        Fixed-width types have their own dtype. A null is NaN in floats, NaT in times, None in objects
        (strings, bytes, lists, ...); whole numbers and booleans with nulls are masked arrays.
        """
        return self._to_numpy()

    def to_json(self, *, name_views: bool = False) -> bytes:
        """Return the JSON that the feature server sends: columns with values, statuses and event times.

        Args:
            name_views: Also name the views that were read, as ``metadata.feature_view_metadata``.

        """
        from repast.core.json_answer import encode_answer

        return encode_answer(self._plan, self._request, self._computed, self._view_rows, name_views=name_views)

    def count_rows(self) -> list[tuple[str, FieldStatus, int]]:
        """Return per view that was read how many of the answer's rows are found, missing or too old."""
        counts: list[tuple[str, FieldStatus, int]] = []
        for at, view in enumerate(self._plan.views):
            absent, missing = self._live(at).count(None), self._values[at].count(None)
            numbers = (len(self) - absent, missing, absent - missing)
            statuses = (FieldStatus.PRESENT, FieldStatus.NOT_FOUND, FieldStatus.OUTSIDE_MAX_AGE)
            counts += [(view.name, status, n) for status, n in zip(statuses, numbers, strict=True) if n]
        return counts

    def _view_rows(self, at: int) -> ViewRows:
        live = self._live(at)
        return ViewRows(self._values[at], live, self._lists(at, live))

    @property
    def statuses(self) -> dict[str, list[FieldStatus]]:
        """Feature -> status of each value, in the order asked for."""
        found: dict[str, Any] = dict.fromkeys(self._plan.outputs)
        for at, view in enumerate(self._plan.views):
            if view.outputs:
                columns, rows = self._lists(at), self._row_statuses(at)
                for name, position in view.outputs:
                    found[name] = [
                        FieldStatus.NULL_VALUE if value is None and status is FieldStatus.PRESENT else status
                        for value, status in zip(columns[position], rows, strict=True)
                    ]
        for name, column in self._computed.items():
            found[name] = [FieldStatus.NULL_VALUE if v is None else FieldStatus.PRESENT for v in to_list(column)]
        return found

    @property
    def event_timestamps(self) -> dict[str, list[datetime | None]]:
        """Feature -> event time of the row of each value; None where there is no row, and for on-demand features.

        A row that is too old to be served shows its time here.

        Raises:
            InvalidValueError: A time lies outside the years 1 to 9999, which is all that datetime has.

        """
        return {name: [None if us is None else _datetime(us) for us in times] for name, times in self._times().items()}

    def _row_statuses(self, at: int) -> list[FieldStatus]:
        found = []
        for value, live in zip(self._values[at], self._live(at), strict=True):
            if value is None:
                found.append(FieldStatus.NOT_FOUND)
            else:
                found.append(FieldStatus.OUTSIDE_MAX_AGE if live is None else FieldStatus.PRESENT)
        return found

    def _times(self) -> dict[str, list[int | None]]:
        found: dict[str, list[int | None]] = {name: [None] * len(self) for name in self._plan.outputs}
        for at, view in enumerate(self._plan.views):
            found |= {name: self._event_times(at) for name, _ in view.outputs}
        return found

    def _seconds(self) -> dict[str, list[int | None]]:
        return {name: [None if us is None else us // _SECOND for us in times] for name, times in self._times().items()}


def _datetime(microseconds: int) -> datetime:
    try:
        return from_us(microseconds)
    except OverflowError as error:
        raise InvalidValueError(
            f"The event time {microseconds} us since 1970 lies outside the years 1 to 9999.",
            hint="read it as a number: to_dict(include_event_timestamps=True)",
        ) from error


def _interleave(columns: Mapping[str, Any], extras: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    """Put each extra column, named like the column it belongs to and a suffix, after it."""
    found: dict[str, Any] = {}
    for name, values in columns.items():
        found[name] = values
        if name in extras:
            found[name + suffix] = extras[name]
    return found
