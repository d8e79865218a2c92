"""Erase keys from the online store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from repast.app.load import online_table
from repast.app.view import get_online_view
from repast.core.codec.key import KeyCodec
from repast.core.manifest import FeatureViewSpec, Manifest
from repast.errors import InvalidRequestError, InvalidValueError, did_you_mean

if TYPE_CHECKING:
    from repast.app.workspace import Workspace


def erase(
    workspace: Workspace, entity_rows: Sequence[Mapping[str, Any]], feature_views: Sequence[str] | None = None
) -> int:
    """Remove the online rows of these keys; return how many there were.

    Without ``feature_views``, that is every online view all of whose join keys are given; entityless
    views only by name. Sources are not touched: a load may bring a row back as long as they have it.

    Raises:
        InvalidRequestError: A column is nobody's join key, or a named view's keys are not all given.
        InvalidValueError: A value is not losslessly of its key's type.
        NotFoundError: A named view does not exist.

    """
    manifest = workspace.registry.manifest()
    given = _given_columns(entity_rows)
    views = _erasable(manifest, given, feature_views)
    # All keys first: a wrong one stops the erasing of all.
    erasures = [(online_table(workspace.project, view), _keys(view, entity_rows)) for view in views]
    return sum(workspace.online.erase(table, keys) for table, keys in erasures if keys)


def _given_columns(entity_rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not isinstance(entity_rows, Sequence) or isinstance(entity_rows, str):
        raise InvalidRequestError(
            f"entity_rows must be a list of mappings, not {type(entity_rows).__name__}.",
            hint='for example [{"driver_id": 1001}]',
        )
    for i, row in enumerate(entity_rows):
        if not isinstance(row, Mapping):
            raise InvalidRequestError(
                f"entity_rows[{i}] must be a mapping of join key to value, not {row!r}.", hint='[{"driver_id": 1001}]'
            )
        if set(row) != set(entity_rows[0]):
            raise InvalidRequestError(
                f"entity_rows[{i}] has other columns than entity_rows[0]: {sorted(row)} and {sorted(entity_rows[0])}.",
                hint="erase rows with other keys in a call of their own",
            )
    return list(entity_rows[0]) if entity_rows else []


def _erasable(manifest: Manifest, given: Sequence[str], names: Sequence[str] | None) -> list[FeatureViewSpec]:
    known = {key.name for view in manifest.feature_views.values() for key in view.join_keys}
    for column in given:
        if column not in known:
            raise InvalidRequestError(
                f"No feature view has the join key {column!r}; nothing was erased.",
                hint=did_you_mean(column, known) or f"join keys are {', '.join(sorted(known)) or 'none'}",
            )
    if isinstance(names, str):
        raise InvalidRequestError(f"feature_views must be a list of names, not {names!r}.", hint=f"[{names!r}]")
    if names is None:
        views = [view for view in manifest.feature_views.values() if view.online and view.join_keys]
        return [view for view in views if all(key.name in given for key in view.join_keys)]
    views = [get_online_view(manifest, name) for name in names]
    for view in views:
        missing = [key.name for key in view.join_keys if key.name not in given]
        if missing and given:
            raise InvalidRequestError(
                f"entity_rows lack {', '.join(map(repr, missing))}, join key of feature view {view.name!r}; "
                "nothing was erased.",
                hint="give all its join keys: " + ", ".join(key.name for key in view.join_keys),
            )
    return views


def _keys(view: FeatureViewSpec, entity_rows: Sequence[Mapping[str, Any]]) -> list[bytes]:
    """Return each key once; a null key is nobody's."""
    codec = KeyCodec(view.join_keys)
    found: dict[bytes, None] = {}
    for i, row in enumerate(entity_rows):
        key = [row[name] for name in codec.names]
        if any(value is None for value in key):
            continue
        try:
            found[codec.encode_row(key)] = None
        except InvalidValueError as error:
            context = {**error.context, "row": i}
            raise InvalidValueError(f"entity_rows[{i}]: {error.message}", hint=error.hint, context=context) from None
    return list(found)
