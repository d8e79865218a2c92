"""What an online read found, decoded in whatever form is asked for; on-demand features are computed here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from repast.core.codec.row import event_us
from repast.core.column import Column, to_array, to_list
from repast.core.plan.online import KEYS, REQUEST, OnlinePlan
from repast.core.request import Request
from repast.core.transform import run_on_demand, run_on_demand_python

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from repast.types import DataType

Function = Callable[..., Any]

_ZIPPED = 1000
"""Up to so many rows, unpacking all at once turns them into columns fastest."""


class Answer:
    """The rows of one request, bound to the stored values of its views.

    Args:
        plan: What is read and how it is decoded.
        request: The rows of the request.
        values: Per view one stored value (or None) per row.
        cutoffs: Per view the least stored value that its ttl lets through; values sort by event time.
        functions: Of the plan's on-demand views, in order; they are called now.

    """

    __slots__ = ("_computed", "_cutoffs", "_plan", "_request", "_values")

    def __init__(
        self,
        plan: OnlinePlan,
        request: Request,
        values: Sequence[Sequence[bytes | None]],
        cutoffs: Sequence[bytes | None],
        functions: Sequence[Function] = (),
    ) -> None:
        self._plan = plan
        self._request = request
        self._values = values
        self._cutoffs = cutoffs
        self._computed: dict[str, Column] = {}
        for at in range(len(plan.on_demand)):
            self._computed |= self._compute(at, functions[at])

    # -- stored rows ------------------------------------------------------------------------------

    def _live(self, at: int) -> Sequence[bytes | None]:
        """Return the stored values of a view without those that are too old."""
        values, cutoff = self._values[at], self._cutoffs[at]
        if cutoff is None:
            return values
        return [value if value is not None and value >= cutoff else None for value in values]

    def _lists(self, at: int, live: Sequence[bytes | None] | None = None) -> list[list[Any]]:
        """Return Python values of a view: one new list per feature that is read."""
        view = self._plan.views[at]
        rows = view.reader.decode_rows(self._live(at) if live is None else live)
        if len(rows) == 1:
            row = rows[0]
            return [[None] for _ in view.features] if row is None else [[value] for value in row]
        if None in rows:
            blank = (None,) * len(view.features)
            rows = [blank if row is None else row for row in rows]
        if 0 < len(rows) <= _ZIPPED:
            return list(map(list, zip(*rows, strict=True)))
        return [list(map(itemgetter(i), rows)) for i in range(len(view.features))]  # type: ignore[arg-type]

    def _arrays(self, at: int) -> Sequence[pa.Array]:
        """Return Arrow columns of a view: one per feature that is read."""
        return self._plan.views[at].reader.decode_columns(self._live(at))

    def _event_times(self, at: int) -> list[int | None]:
        """Return the event times of a view's rows, those that are too old included."""
        return [None if value is None else event_us(value) for value in self._values[at]]

    # -- all columns ------------------------------------------------------------------------------

    def _to_lists(self) -> dict[str, Any]:
        """Return Python values of all columns, in order, in lists that are nobody else's."""
        plan, request = self._plan, self._request
        found: dict[str, Any] = dict(plan.answer)
        for at in plan.echoed:
            found[plan.column_names[at]] = list(to_list(request.columns[at]))
        for at, view in enumerate(plan.views):
            if request.rows == 1:
                self._add_row(at, found)
            elif view.outputs:
                columns = self._lists(at)
                for name, position in view.outputs:
                    found[name] = columns[position]
        for name, column in self._computed.items():
            found[name] = list(to_list(column))
        return found

    def _add_row(self, at: int, found: dict[str, Any]) -> None:
        """Do for one row, faster, what :meth:`_lists` is for."""
        view, value, cutoff = self._plan.views[at], self._values[at][0], self._cutoffs[at]
        row = None
        if value is not None and (cutoff is None or value >= cutoff):
            row = view.reader.decode_row(value)
        if row is None:
            for name, _ in view.outputs:
                found[name] = [None]
        else:
            for name, position in view.outputs:
                found[name] = [row[position]]

    def _to_arrays(self) -> dict[str, pa.Array]:
        """Return Arrow columns of the declared types, in order."""
        plan, request = self._plan, self._request
        found: dict[str, Any] = dict(plan.answer)
        for at in plan.echoed:
            found[plan.columns[at].name] = to_array(request.columns[at], plan.columns[at].dtype)
        for at, view in enumerate(plan.views):
            if view.outputs:
                arrays = self._arrays(at)
                for name, position in view.outputs:
                    found[name] = arrays[position]
        for name, values in self._computed.items():
            found[name] = to_array(values, plan.types[name])
        return found

    def _to_numpy(self) -> dict[str, npt.NDArray[Any]]:
        """Return NumPy columns, in order; see OnlineResponse.to_numpy for nulls."""
        plan, request = self._plan, self._request
        found: dict[str, Any] = dict(plan.answer)
        for at in plan.echoed:
            column = plan.columns[at]
            found[column.name] = _numpy_of(to_array(request.columns[at], column.dtype), column.dtype)
        for at, view in enumerate(plan.views):
            if view.outputs:
                decoded = view.reader.decode_numpy(self._live(at))
                for name, position in view.outputs:
                    found[name] = _with_nulls(*decoded[position])
        for name, values in self._computed.items():
            found[name] = _numpy_of(to_array(values, plan.types[name]), plan.types[name])
        return found

    # -- on-demand features -----------------------------------------------------------------------

    def _compute(self, at: int, function: Function) -> Mapping[str, Column]:
        step, rows = self._plan.on_demand[at], self._request.rows
        if step.view.mode == "python":
            return run_on_demand_python(step, function, self._input_lists(at), rows)
        return run_on_demand(step, function, self._input_arrays(at), rows)

    def _input_lists(self, at: int) -> dict[str, list[Any]]:
        plan, request = self._plan, self._request
        columns: dict[int, Sequence[list[Any]]] = {view: self._lists(view) for view in self._input_views(at)}
        columns[KEYS] = list(map(to_list, request.columns))
        columns[REQUEST] = [to_list(request.inputs[name]) for name in plan.input_names]
        # Copies: what a function does to its lists is its own affair.
        return {name: columns[source][position][:] for name, (source, position) in plan.on_demand_inputs[at].items()}

    def _input_arrays(self, at: int) -> dict[str, pa.Array]:
        plan, request = self._plan, self._request
        columns: dict[int, Sequence[pa.Array]] = {view: self._arrays(view) for view in self._input_views(at)}
        columns[KEYS] = [to_array(v, column.dtype) for column, v in zip(plan.columns, request.columns, strict=True)]
        columns[REQUEST] = [to_array(request.inputs[spec.name], spec.type) for spec in plan.request_fields]
        return {name: columns[source][position] for name, (source, position) in plan.on_demand_inputs[at].items()}

    def _input_views(self, at: int) -> set[int]:
        return {column.view for column in self._plan.on_demand[at].inputs}


def _numpy_of(array: pa.Array, dtype: DataType) -> npt.NDArray[Any]:
    import numpy as np

    from repast.core.codec.decoder import numpy_type
    from repast.core.codec.fixed import encode_slots, valid_mask

    kind = numpy_type(dtype)
    if kind is not None:
        return _with_nulls(encode_slots(array, dtype).astype(kind), valid_mask(array))
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
