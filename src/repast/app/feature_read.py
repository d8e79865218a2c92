"""Online reads through a store that answers features instead of bytes: a Feast server's.

What it says is encoded as if it were stored here, so that ttl, statuses, types and on-demand features
come from the same code as everywhere, and so do the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from repast.core.codec.row import RowCodec
from repast.core.column import to_list
from repast.core.json_value import json_writer, read_json
from repast.core.manifest import LayoutSpec
from repast.ports.online import FeatureColumn, FeatureRead

if TYPE_CHECKING:
    from repast.core.plan.online import OnlinePlan, ViewRead
    from repast.core.request import Request
    from repast.ports.online import Values


def plan_feature_reads(plan: OnlinePlan, request: Request) -> tuple[list[FeatureRead], list[int | None]]:
    """Return what to ask for, and per view of the plan which of the reads answers it.

    Views that find their rows by the same keys of the same names are asked for together.
    """
    groups: dict[tuple[int, tuple[str, ...]], list[ViewRead]] = {}
    for view in plan.views:
        groups.setdefault(_group(view), []).append(view)
    reads: list[FeatureRead] = []
    at: dict[tuple[int, tuple[str, ...]], int | None] = {}
    for (group, names), views in groups.items():
        keys = _distinct_keys(plan, request, group, names)
        at[group, names] = len(reads) if request.distinct[group] else None
        if request.distinct[group]:
            references = dict.fromkeys(f"{view.view.name}:{f.name}" for view in views for f in view.features)
            reads.append(FeatureRead(tuple(references), keys))
    return reads, [at[_group(view)] for view in plan.views]


def _group(view: ViewRead) -> tuple[int, tuple[str, ...]]:
    return view.group, tuple(key.name for key in view.view.join_keys)


def _distinct_keys(plan: OnlinePlan, request: Request, group: int, names: Sequence[str]) -> Mapping[str, Sequence[Any]]:
    columns = [to_list(request.columns[i]) for i in plan.groups[group].columns]
    encoded = request.keys_of(group)
    rows = list({key: row for row, key in reversed(list(enumerate(encoded))) if key is not None}.values())
    rows.sort()
    types = plan.groups[group].codec.types
    found: dict[str, Sequence[Any]] = {}
    for name, column, dtype in zip(names, columns, types, strict=True):
        values = [column[row] for row in rows]
        writer = json_writer(dtype)
        found[name] = writer(values) if writer else values
    return found


def to_values(
    plan: OnlinePlan, request: Request, at: Sequence[int | None], answers: Sequence[Mapping[str, FeatureColumn]]
) -> Values:
    """Return what was answered as stored values: per view of the plan one for each distinct key.

    Raises:
        InvalidValueError: A value is not losslessly of its feature's declared type.

    """
    return [
        [None] * len(request.distinct[view.group]) if answer is None else _encode(view, answers[answer])
        for view, answer in zip(plan.views, at, strict=True)
    ]


def _encode(view: ViewRead, answer: Mapping[str, FeatureColumn]) -> list[bytes | None]:
    import pyarrow as pa

    from repast.core.literal import from_values

    columns = {feature.name: answer[f"{view.view.name}:{feature.name}"] for feature in view.features}
    found = [any(flags) for flags in zip(*(column.found for column in columns.values()), strict=True)]
    times = [max(moments) for moments in zip(*(column.event_us for column in columns.values()), strict=True)]
    layout = view.view.layouts[-1]
    types = {feature.name: feature.type for feature in view.view.features}
    arrays = []
    for name, _ in layout.features:
        if name not in columns:
            arrays.append(pa.nulls(len(found), types[name].arrow))
            continue
        subject = f"feature {name!r} of feature view {view.view.name!r}, as the server has it"
        values = read_json(columns[name].values, types[name], subject=subject)
        arrays.append(from_values(values, types[name], subject=subject))
    created = pa.nulls(len(found), pa.int64())
    encoded = _codec(msgspec.json.encode(layout)).encode(arrays, pa.array(times, pa.int64()), created)
    return [value if is_found else None for value, is_found in zip(encoded, found, strict=True)]


@lru_cache(maxsize=256)
def _codec(layout: bytes) -> RowCodec:
    return RowCodec(msgspec.json.decode(layout, type=LayoutSpec))
