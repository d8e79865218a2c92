"""Rows from programs: pushed, written online or offline, erased.

Online, an older row never replaces a newer one, so writes may come late, twice or in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from repast.app.write_report import SourceAppend, ViewWrite, WriteReport
from repast.core.codec.key import KeyCodec
from repast.core.definitions import PushMode
from repast.core.intake import ViewRows, check_source_rows, check_view_rows
from repast.core.manifest import FeatureViewSpec, Manifest, SourceSpec
from repast.errors import ConflictError, InvalidRequestError, InvalidValueError, NotFoundError, did_you_mean
from repast.ports.online import OnlineTable, WriteResult

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.app.workspace import Workspace

__all__ = ["WriteReport", "erase", "push", "write_to_offline_store", "write_to_online_store"]


def push(workspace: Workspace, push_source_name: str, df: Any, to: PushMode | str = "online") -> WriteReport:
    """Write rows to every view of a push source; nothing is written unless all rows fit all of them.

    Args:
        workspace: The project.
        push_source_name: Name of a PushSource.
        df: pandas, polars, Arrow, a dict of columns or a list of dicts. Columns are named as in the batch
            source, or as in the views where it has a field_mapping. Online, further columns are ignored;
            offline they are refused, and rows are appended once, however many views read the source.
        to: "online", "offline" or "online_and_offline". The online write is first: it may be repeated.

    Raises:
        NotFoundError: There is no such push source.
        InvalidRequestError: Columns are missing, or no view takes the rows.
        InvalidValueError: A value does not fit its declared type; names view, column and value.

    """
    mode = _mode(to)
    manifest = workspace.registry.manifest()
    views = _views_of(manifest, push_source_name)
    online = [view for view in views if view.online]
    if mode is not PushMode.OFFLINE and not online:
        raise InvalidRequestError(
            f"No view of push source {push_source_name!r} is served online "
            f"({', '.join(repr(view.name) for view in views)}: online=False).",
            hint='set online=True and run repast apply, or push with to="offline"',
        )
    rows = _rows(df)
    checked = {view.name: check_view_rows(view, _source(manifest, view), rows) for view in views}
    appends = [] if mode is PushMode.ONLINE else [_check_append(workspace, manifest, list(checked.values()), rows)]
    written = [] if mode is PushMode.OFFLINE else [_write(workspace, checked[view.name]) for view in online]
    return WriteReport(views=tuple(written), sources=tuple(_append(workspace, *append) for append in appends))


def write_to_online_store(workspace: Workspace, feature_view_name: str, df: Any) -> WriteReport:
    """Write rows of one view online; arguments and errors as for :func:`push`."""
    manifest = workspace.registry.manifest()
    view = _view(manifest, feature_view_name)
    _refuse_offline_view(view)
    return WriteReport(views=(_write(workspace, check_view_rows(view, _source(manifest, view), _rows(df))),))


def write_to_offline_store(workspace: Workspace, feature_view_name: str, df: Any) -> WriteReport:
    """Append rows to the batch source of a view, all or none; arguments and errors as for :func:`push`."""
    manifest = workspace.registry.manifest()
    view = _view(manifest, feature_view_name)
    rows = _rows(df)
    checked = check_view_rows(view, _source(manifest, view), rows)
    return WriteReport(sources=(_append(workspace, *_check_append(workspace, manifest, [checked], rows)),))


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
    keys = {view.name: _keys(view, entity_rows) for view in views}
    return sum(workspace.online.erase(_table(workspace, view), keys[view.name]) for view in views if keys[view.name])


# -- online ---------------------------------------------------------------------------------------


def _write(workspace: Workspace, rows: ViewRows) -> ViewWrite:
    result = WriteResult()
    for keys, values in rows.batches():
        result += _write_batch(workspace, rows.view, keys, values)
    return ViewWrite(view=rows.view.name, read=rows.read, rejected=rows.rejected, result=result)


def _write_batch(
    workspace: Workspace, view: FeatureViewSpec, keys: Sequence[bytes], values: Sequence[bytes]
) -> WriteResult:
    table = _table(workspace, view)
    try:
        return workspace.online.write(table, keys, values)
    except NotFoundError:
        # The table is gone, or was never made in this store (one in memory, say): the registry knows.
        workspace.registry.refresh()
        current = workspace.registry.manifest().feature_views.get(view.name)
        if current is None or not current.online or current.incarnation != view.incarnation:
            raise ConflictError(
                f"Feature view {view.name!r} was changed or removed while rows were written to it.",
                hint="write the rows again: what was written already stays as it is",
                context={"view": view.name},
            ) from None
        workspace.online.create([table])
        return workspace.online.write(table, keys, values)


def _table(workspace: Workspace, view: FeatureViewSpec) -> OnlineTable:
    return OnlineTable(workspace.project, view.name, view.incarnation)


# -- offline --------------------------------------------------------------------------------------


def _check_append(
    workspace: Workspace, manifest: Manifest, checked: Sequence[ViewRows], rows: pa.Table
) -> tuple[SourceSpec, pa.Table, int]:
    import pyarrow.compute as pc

    source = _source(manifest, checked[0].view)
    keep = checked[0].whole
    for view_rows in checked[1:]:
        keep = pc.or_(keep, view_rows.whole)
    schema = workspace.engine.inspect(source)
    return source, check_source_rows(source, schema, rows, keep=keep), rows.num_rows


def _append(workspace: Workspace, source: SourceSpec, rows: pa.Table, read: int) -> SourceAppend:
    if rows.num_rows:
        workspace.engine.append(source, rows)
    return SourceAppend(source=source.name, read=read, appended=rows.num_rows)


# -- what is meant --------------------------------------------------------------------------------


def _mode(to: PushMode | str) -> PushMode:
    if isinstance(to, PushMode):
        return to
    known = [mode.value for mode in PushMode]
    if to not in known:
        raise InvalidRequestError(
            f"to={to!r} is not where a push can go.",
            hint=did_you_mean(str(to), known) or "use one of " + ", ".join(map(repr, known)),
        )
    return PushMode(to)


def _views_of(manifest: Manifest, push_source_name: str) -> list[FeatureViewSpec]:
    source = manifest.get("data_sources", push_source_name)
    assert isinstance(source, SourceSpec)
    push_sources = [s.name for s in manifest.data_sources.values() if s.source_type == "push"]
    if source.source_type != "push":
        raise InvalidRequestError(
            f"Data source {push_source_name!r} is a {source.source_type} source, not a push source.",
            hint=f"push sources are {', '.join(push_sources)}" if push_sources else "define a PushSource",
        )
    views = [view for _, view in sorted(manifest.feature_views.items()) if view.push_source == push_source_name]
    if not views:
        raise InvalidRequestError(
            f"No feature view reads push source {push_source_name!r}.", hint="give it to a FeatureView as its source"
        )
    return views


def _view(manifest: Manifest, name: str) -> FeatureViewSpec:
    view = manifest.get("feature_views", name)
    assert isinstance(view, FeatureViewSpec)
    return view


def _refuse_offline_view(view: FeatureViewSpec) -> None:
    if not view.online:
        raise InvalidRequestError(
            f"Feature view {view.name!r} is not served online (online=False).",
            hint="set online=True and run repast apply",
            context={"view": view.name},
        )


def _source(manifest: Manifest, view: FeatureViewSpec) -> SourceSpec:
    source = manifest.get("data_sources", view.source)
    assert isinstance(source, SourceSpec)
    return source


def _rows(df: Any) -> pa.Table:
    from repast.app.spine import to_arrow

    return to_arrow(df)


# -- erasing --------------------------------------------------------------------------------------


def _given_columns(entity_rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not isinstance(entity_rows, Sequence) or isinstance(entity_rows, str):
        raise InvalidRequestError(
            f"entity_rows must be a list of mappings, not {type(entity_rows).__name__}.",
            hint='for example [{"driver_id": 1001}]',
        )
    for i, row in enumerate(entity_rows):
        if not isinstance(row, Mapping):
            raise InvalidRequestError(f"entity_rows[{i}] must be a mapping of join key to value, not {row!r}.")
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
    views = [_view(manifest, name) for name in names]
    for view in views:
        _refuse_offline_view(view)
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
