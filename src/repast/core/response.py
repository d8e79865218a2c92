"""The answer of an online read: stored bytes that become values in the form they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from repast.core.clock import from_us
from repast.core.codec.row import event_us
from repast.core.plan.online import OnlinePlan
from repast.core.request import Column, Request, to_array, to_list
from repast.errors import require
from repast.types import DataType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import polars as pl
    import pyarrow as pa

TIMESTAMP_SUFFIX = "__ts"
STATUS_SUFFIX = "__status"
_SECOND = 1_000_000


class FieldStatus(IntEnum):
    """What stands behind a value of the answer."""

    INVALID = 0
    PRESENT = 1
    NULL_VALUE = 2
    """There is a row, and the value in it is null."""
    NOT_FOUND = 3
    """There is no row for the key, or a part of the key is null."""
    OUTSIDE_MAX_AGE = 4
    """There is a row, but its event time is older than the view's ttl allows; its value is not served."""


class OnlineResponse:
    """The newest values of some keys, decoded when they are asked for.

    The columns are the keys, then the features in the order they were asked for; the rows are those
    of the request. Every form decodes the stored bytes itself; asking for one form costs nothing of
    another. A value is null if its status is not PRESENT.

    With a ttl, a row is served while ``event time >= now - ttl``. A row whose event time is after
    ``now`` is the newest there is, and is served.
    """

    __slots__ = ("_computed", "_cutoffs", "_plan", "_request", "_values")

    def __init__(
        self,
        plan: OnlinePlan,
        request: Request,
        values: Sequence[Sequence[bytes | None]],
        cutoffs: Sequence[bytes | None],
        computed: Mapping[str, Column] | None = None,
    ) -> None:
        """Take what was read: per view one stored value (or None) per row, and the least value that is served."""
        self._plan = plan
        self._request = request
        self._values = values
        self._cutoffs = cutoffs
        self._computed = computed or {}

    def __len__(self) -> int:
        return self._request.rows

    def __repr__(self) -> str:
        return f"OnlineResponse(rows={len(self)}, columns={self.columns})"

    @property
    def columns(self) -> list[str]:
        """Names of the answer's columns: keys, then features as asked for."""
        return list(self._plan.answer)

    # -- forms ------------------------------------------------------------------------------------

    def to_dict(self, include_event_timestamps: bool = False, include_statuses: bool = False) -> dict[str, list[Any]]:
        """Return column -> Python values.

        Args:
            include_event_timestamps: Add ``<feature>__ts``: event time in whole seconds since 1970 UTC,
                None where there is no row. :attr:`event_timestamps` has them exactly.
            include_statuses: Add ``<feature>__status``: the name of each value's :class:`FieldStatus`.

        """
        plan, request = self._plan, self._request
        answer: dict[str, Any] = dict(plan.answer)
        for at in plan.echoed:
            answer[plan.column_names[at]] = list(to_list(request.columns[at]))
        for at, view in enumerate(plan.views):
            columns = self._lists(at)
            for name, position in view.outputs:
                answer[name] = columns[position]
        for name, column in self._computed.items():
            answer[name] = list(to_list(column))
        if include_event_timestamps or include_statuses:
            return self._with_extras(answer, include_event_timestamps, include_statuses)
        return answer

    def to_arrow(self, include_event_timestamps: bool = False) -> pa.Table:
        """Return an Arrow table of the declared types; ``<feature>__ts`` as for :meth:`to_dict`."""
        import pyarrow as pa

        arrays = self._arrays()
        if include_event_timestamps:
            seconds = {f"{name}{TIMESTAMP_SUFFIX}": pa.array(s, pa.int64()) for name, s in self._seconds().items()}
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
        plan, request = self._plan, self._request
        found: dict[str, Any] = dict(plan.answer)
        for at in plan.echoed:
            column = plan.columns[at]
            found[column.name] = _numpy_of(to_array(request.columns[at], column.dtype), column.dtype)
        for at, view in enumerate(plan.views):
            decoded = view.reader.decode_numpy(self._live(at))
            for name, position in view.outputs:
                found[name] = _with_nulls(*decoded[position])
        for name, values in self._computed.items():
            found[name] = _numpy_of(to_array(values, plan.types[name]), plan.types[name])
        return found

    # -- statuses and times -----------------------------------------------------------------------

    @property
    def statuses(self) -> dict[str, list[FieldStatus]]:
        """Feature -> status of each value, in the order asked for."""
        found: dict[str, Any] = dict.fromkeys(self._plan.outputs)
        for at, view in enumerate(self._plan.views):
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
        """
        return {name: [None if us is None else from_us(us) for us in times] for name, times in self._times().items()}

    # -- inside -----------------------------------------------------------------------------------

    def _live(self, at: int) -> Sequence[bytes | None]:
        """The stored values of a view without those that are too old."""
        values, cutoff = self._values[at], self._cutoffs[at]
        if cutoff is None:
            return values
        return [value if value is not None and value >= cutoff else None for value in values]

    def _lists(self, at: int) -> list[list[Any]]:
        view = self._plan.views[at]
        rows = view.reader.decode_rows(self._live(at))
        if len(rows) == 1:
            row = rows[0]
            return [[None] for _ in view.features] if row is None else [[value] for value in row]
        if None in rows:
            blank = (None,) * len(view.features)
            return [list(column) for column in zip(*[blank if row is None else row for row in rows], strict=True)]
        return [list(map(itemgetter(i), rows)) for i in range(len(view.features))]  # type: ignore[arg-type]

    def _arrays(self) -> dict[str, pa.Array]:
        plan, request = self._plan, self._request
        found: dict[str, Any] = dict(plan.answer)
        for at in plan.echoed:
            column = plan.columns[at]
            found[column.name] = to_array(request.columns[at], column.dtype)
        for at, view in enumerate(plan.views):
            arrays = view.reader.decode_columns(self._live(at))
            for name, position in view.outputs:
                found[name] = arrays[position]
        for name, values in self._computed.items():
            found[name] = to_array(values, plan.types[name])
        return found

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
            times = [None if value is None else event_us(value) for value in self._values[at]]
            found |= {name: times for name, _ in view.outputs}
        return found

    def _seconds(self) -> dict[str, list[int | None]]:
        return {name: [None if us is None else us // _SECOND for us in times] for name, times in self._times().items()}

    def _with_extras(self, answer: dict[str, Any], timestamps: bool, statuses: bool) -> dict[str, Any]:
        if timestamps:
            seconds = {f"{name}{TIMESTAMP_SUFFIX}": values for name, values in self._seconds().items()}
            answer = _interleave(answer, seconds, TIMESTAMP_SUFFIX)
        if statuses:
            named = {f"{name}{STATUS_SUFFIX}": [s.name for s in found] for name, found in self.statuses.items()}
            answer = _interleave(answer, named, STATUS_SUFFIX)
        return answer


def _interleave(columns: Mapping[str, Any], extras: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    """Put each extra column after the column it belongs to."""
    found: dict[str, Any] = {}
    for name, values in columns.items():
        found[name] = values
        if name + suffix in extras:
            found[name + suffix] = extras[name + suffix]
    return found


def _numpy_of(array: pa.Array, dtype: DataType) -> npt.NDArray[Any]:
    from repast.core.codec.decoder import numpy_type
    from repast.core.codec.fixed import encode_slots, valid_mask

    kind = numpy_type(dtype)
    if kind is not None:
        return _with_nulls(encode_slots(array, dtype).astype(kind), valid_mask(array))
    import numpy as np

    objects = np.empty(len(array), object)
    for i, value in enumerate(array.to_pylist()):  # assigned one by one: NumPy would unfold lists
        objects[i] = value
    return objects


def _with_nulls(values: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    import numpy as np

    if valid.all() or values.dtype == object:
        return values
    if values.dtype.kind not in "fM":
        return np.ma.masked_array(values, mask=~valid)
    missing = np.nan if values.dtype.kind == "f" else np.datetime64("NaT")
    return np.where(valid, values, values.dtype.type(missing))
