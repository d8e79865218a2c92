"""An online answer as the JSON that the feature server sends: Feast's shape, columns beside their statuses.

What rows of one view share (statuses, event times) is encoded once for all of its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from repast.core.column import Column, to_list
from repast.core.instant_text import EPOCH_TEXT, event_text
from repast.core.json_value import Convert, write_floats
from repast.core.plan.online import OnlinePlan, ViewRead
from repast.core.request import Request

if TYPE_CHECKING:
    from repast.core.response import ViewRows

Writers: TypeAlias = "Mapping[str, Convert | None]"

_encode = msgspec.json.Encoder().encode

_PRESENT, _NULL, _MISSING, _OLD = "PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"


class JsonColumn(msgspec.Struct):
    """One column of the answer."""

    values: list[Any]
    statuses: list[str] | msgspec.Raw
    event_timestamps: list[str] | msgspec.Raw


class JsonAnswer(msgspec.Struct):
    """``results[i]`` belongs to ``metadata.feature_names[i]``: keys first, then features as asked for."""

    results: list[JsonColumn]
    metadata: dict[str, Any] | msgspec.Raw


def encode_answer(
    plan: OnlinePlan,
    request: Request,
    computed: Mapping[str, Column],
    rows_of: Callable[[int], ViewRows],
    *,
    name_views: bool = False,
) -> bytes:
    """Return an answer as JSON; see OnlineResponse.to_json.

    Args:
        plan: What was read.
        request: The keys that it was read for.
        computed: On-demand features.
        rows_of: Returns the rows of a view of the plan, by position.
        name_views: Also name the views that were read.

    """
    found: dict[str, Any] = dict(plan.answer)
    for at in plan.echoed:
        name = plan.column_names[at]
        found[name] = _known(to_list(request.columns[at]), plan.json_writers[name])
    for at, view in enumerate(plan.views):
        if view.outputs:
            found |= _view_columns(view, rows_of(at), plan.json_writers)
    for name, values in computed.items():
        found[name] = _known(to_list(values), plan.json_writers[name])
    return _encode(JsonAnswer(list(found.values()), _metadata(plan, name_views)))


def _view_columns(view: ViewRead, rows: ViewRows, writers: Writers) -> dict[str, JsonColumn]:
    stored, live, columns = rows
    missing = live.count(None)
    statuses = _statuses(stored, live) if missing else []
    packed = _encode(statuses) if missing else _present(len(live))
    times = msgspec.Raw(_encode([EPOCH_TEXT if value is None else event_text(value[:8]) for value in stored]))
    shared = msgspec.Raw(packed)
    found: dict[str, JsonColumn] = {}
    for name, position in view.outputs:
        values = columns[position]
        writer = writers[name]
        written = writer(values) if writer else values
        of_column: Any = shared
        # Floats that are sent as they are have no null among them; elsewhere it takes a look.
        if not (writer is write_floats and written is values) and values.count(None) != missing:
            names = statuses if missing else [_PRESENT] * len(values)
            of_column = [_NULL if v is None and s is _PRESENT else s for v, s in zip(values, names, strict=True)]
        found[name] = JsonColumn(written, of_column, times)
    return found


def _statuses(stored: Sequence[bytes | None], live: Sequence[bytes | None]) -> list[str]:
    return [
        (_MISSING if value is None else _OLD) if alive is None else _PRESENT
        for value, alive in zip(stored, live, strict=True)
    ]


def _known(values: list[Any], writer: Convert | None) -> JsonColumn:
    """Return a column that came with the request or was computed: it has no event time."""
    statuses: Any = msgspec.Raw(_present(len(values)))
    if None in values:
        statuses = [_NULL if value is None else _PRESENT for value in values]
    return JsonColumn(writer(values) if writer else values, statuses, msgspec.Raw(_epochs(len(values))))


@lru_cache(maxsize=256)
def _present(rows: int) -> bytes:
    return _encode([_PRESENT] * rows)


@lru_cache(maxsize=256)
def _epochs(rows: int) -> bytes:
    return _encode([EPOCH_TEXT] * rows)


@lru_cache(maxsize=512)
def _metadata(plan: OnlinePlan, name_views: bool) -> msgspec.Raw:
    described: Mapping[str, Any] = {"feature_names": list(plan.answer)}
    if name_views:
        described = {**described, "feature_view_metadata": [{"name": view.name} for view in plan.views]}
    return msgspec.Raw(_encode(described))
