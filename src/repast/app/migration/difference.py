"""Where Repast's values differ from Feast's by rule: what a definition says about it, without reading rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from repast.app.migration.finding import Finding
from repast.core.definitions import BatchSource, Entity, FeatureView, PushSource
from repast.core.manifest import Manifest

if TYPE_CHECKING:
    import pyarrow as pa

RULES: Mapping[str, str] = {
    "ttl": "A value older than its ttl is not served: null, status OUTSIDE_MAX_AGE. Feast serves it as PRESENT.",
    "lost_row": "Every row of the entity frame comes back, in order; a miss is null. "
    "Feast drops rows and moves misses to the front.",
    "tie": "Of rows with one event time the one created last wins, then one chosen by content: always the same. "
    "In Feast the winner varies.",
    "late_row": "A row that arrives after a load is in the next incremental load, and an older push never wins. "
    "Feast's loads pass late rows by.",
    "cast": "A value is cast to its declared type without loss, or refused by name; integers stay integers beside "
    "nulls. Feast makes floats of them, and cuts fractions off when it serves.",
    "key": "A key is of its entity's type without loss, or refused. Feast serves entity 1 for 1.9 and for True.",
}
"""Cause -> what is different, and how."""


def differences(definition: object, manifest: Manifest | None, columns: Mapping[str, pa.Schema]) -> Iterator[Finding]:
    """Yield where the values of a definition may differ from Feast's.

    Args:
        definition: An entity or a feature view; others add no difference of their own.
        manifest: What the definitions resolve to; None if they do not.
        columns: The columns of the sources that could be looked at, by the source's name.

    """
    if isinstance(definition, Entity):
        yield from _keys(definition, manifest)
    elif isinstance(definition, FeatureView):
        source = definition.source.batch_source if isinstance(definition.source, PushSource) else definition.source
        yield from _time(definition, source if isinstance(source, BatchSource) else None)
        if isinstance(source, BatchSource) and source.name in columns:
            yield from _casts(definition, source, columns[source.name])


def _differs(code: str, message: str) -> Finding:
    return Finding("differs", message, code=code)


def _span(ttl: timedelta) -> str:
    return str(ttl).removesuffix(", 0:00:00")


def _keys(entity: Entity, manifest: Manifest | None) -> Iterator[Finding]:
    resolved = manifest.entities.get(entity.name) if manifest else None
    types = {key.name: str(key.type) for key in resolved.join_keys if key.dtype} if resolved else {}
    for key in entity.join_keys:
        dtype = types.get(key.name) or (str(key.dtype) if key.dtype else "")
        if dtype in ("Int32", "Int64"):
            yield _differs("key", f"{key.name} is {dtype}: 1.0 is a key, while 1.9, True, NaN and '1' are refused")
        elif dtype:
            yield _differs("key", f"{key.name} is {dtype}: a key of another type is refused, not converted")


def _time(view: FeatureView, source: BatchSource | None) -> Iterator[Finding]:
    if view.ttl and view.ttl > timedelta(0):
        yield _differs("ttl", f"ttl {_span(view.ttl)} holds online too: what is older is OUTSIDE_MAX_AGE")
        yield _differs("lost_row", "rows without a value within the ttl stay in training data, as nulls")
    else:
        yield _differs("lost_row", "rows before a key's first value stay in training data, as nulls")
    if source is None:
        return
    if source.created_timestamp_column:
        yield _differs("tie", f"of equal event times the greatest {source.created_timestamp_column!r} wins, always")
    else:
        yield _differs("tie", "of equal event times one row wins by its content, always the same")
    if view.online:
        yield _differs("late_row", "rows that arrive late are loaded by the next incremental load")


def _casts(view: FeatureView, source: BatchSource, schema: pa.Schema) -> Iterator[Finding]:
    from repast.core.castable import castable, rounds

    mapping = {name: column for column, name in source.field_mapping.items()}
    types = {field.name: field.type for field in schema}
    keys = {key.name for entity in view.entities for key in entity.join_keys}
    for feature in view.schema:
        found = types.get(mapping.get(feature.name, feature.name))
        if found is None or feature.name in keys:
            continue
        if rounds(found, feature.dtype):
            yield _differs("cast", f"{feature.name}: {found} is rounded to the nearest {feature.dtype}, everywhere")
        elif castable(found, feature.dtype) is None:
            yield _differs(
                "cast", f"{feature.name}: the column is {found}; what is no {feature.dtype} is refused, not cut"
            )
        elif str(feature.dtype) in ("Int32", "Int64"):
            yield _differs("cast", f"{feature.name}: stays {feature.dtype} in training data where values are missing")
