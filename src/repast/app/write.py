"""Rows from programs: pushed, or written online or offline.

Online, an older row never replaces a newer one, so writes may come late, twice or in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from repast.app.erase import erase
from repast.app.load import online_table, write_online
from repast.app.view import get_online_view, get_source, get_view
from repast.app.write_report import SourceAppend, ViewWrite, WriteReport
from repast.core.definitions import PushMode
from repast.core.definitions.base import duplicates
from repast.core.intake import ViewRows, check_source_rows, check_view_rows, input_types
from repast.core.manifest import FeatureViewSpec, Manifest, SourceSpec
from repast.errors import ConflictError, InvalidRequestError, NotFoundError, did_you_mean
from repast.ports.online import WriteResult

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.app.workspace import Workspace
    from repast.types import DataType

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
    given = _column_names(df)
    subject = f"the rows for push source {push_source_name!r}"
    rows = _rows(df, given, manifest, views, subject, whole=mode is not PushMode.ONLINE)
    checked = {view.name: _check(manifest, view, rows, given) for view in views}
    appends = [] if mode is PushMode.ONLINE else [_check_append(workspace, manifest, list(checked.values()), rows)]
    written = [] if mode is PushMode.OFFLINE else [_write(workspace, checked[view.name]) for view in online]
    return WriteReport(views=tuple(written), sources=tuple(_append(workspace, *append) for append in appends))


def write_to_online_store(workspace: Workspace, feature_view_name: str, df: Any) -> WriteReport:
    """Write rows of one view online; arguments and errors as for :func:`push`."""
    manifest = workspace.registry.manifest()
    view = get_online_view(manifest, feature_view_name)
    given = _column_names(df)
    checked = _check(manifest, view, _rows(df, given, manifest, [view], _subject(view)), given)
    return WriteReport(views=(_write(workspace, checked),))


def write_to_offline_store(workspace: Workspace, feature_view_name: str, df: Any) -> WriteReport:
    """Append rows to the batch source of a view, all or none; arguments and errors as for :func:`push`."""
    manifest = workspace.registry.manifest()
    view = get_view(manifest, feature_view_name)
    given = _column_names(df)
    rows = _rows(df, given, manifest, [view], _subject(view), whole=True)
    checked = _check(manifest, view, rows, given)
    return WriteReport(sources=(_append(workspace, *_check_append(workspace, manifest, [checked], rows)),))


# -- online ---------------------------------------------------------------------------------------


def _write(workspace: Workspace, rows: ViewRows) -> ViewWrite:
    result = WriteResult()
    for keys, values in rows.batches():
        result += _write_batch(workspace, rows.view, keys, values)
    return ViewWrite(view=rows.view.name, read=rows.read, rejected=rows.rejected, result=result)


def _write_batch(
    workspace: Workspace, view: FeatureViewSpec, keys: Sequence[bytes], values: Sequence[bytes]
) -> WriteResult:
    table = online_table(workspace.project, view)
    try:
        return write_online(workspace.online, table, view, keys, values)
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
        return write_online(workspace.online, table, view, keys, values)


# -- offline --------------------------------------------------------------------------------------


def _check_append(
    workspace: Workspace, manifest: Manifest, checked: Sequence[ViewRows], rows: pa.Table
) -> tuple[SourceSpec, pa.Table, int]:
    import pyarrow.compute as pc

    source = get_source(manifest, checked[0].view)
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


# -- rows -----------------------------------------------------------------------------------------


def _rows(
    df: Any,
    given: Sequence[str],
    manifest: Manifest,
    views: Sequence[FeatureViewSpec],
    subject: str,
    *,
    whole: bool = False,
) -> pa.Table:
    """Return the columns of a frame that the views read, or the whole of it."""
    from repast.app.spine import to_arrow

    declared: dict[str, DataType | None] = {}
    for view in views:
        for name, dtype in input_types(view, get_source(manifest, view)).items():
            # Where views differ in a type, nobody may guess: each view casts what it gets.
            declared[name] = dtype if declared.get(name, dtype) == dtype else None
    types = {name: dtype for name, dtype in declared.items() if dtype is not None}
    if repeated := duplicates(given):
        raise InvalidRequestError(f"Two columns of {subject} are named {repeated[0]!r}.", hint="leave one of them out")
    return to_arrow(df, columns=None if whole else list(declared), types=types, subject=subject)


def _column_names(df: Any) -> list[str]:
    if type(df).__module__.partition(".")[0] == "pandas" and hasattr(df, "columns"):
        return [str(name) for name in df.columns.tolist()]  # asked for what it lacks, a frame looks in its columns
    if isinstance(df, Sequence):
        return list(dict.fromkeys(name for row in df if isinstance(row, Mapping) for name in row))
    if isinstance(df, Mapping):
        return [str(name) for name in df]
    if hasattr(df, "collect_schema"):
        return list(df.collect_schema().names())
    return [str(name) for name in getattr(df, "column_names" if hasattr(df, "column_names") else "columns", ())]


def _subject(view: FeatureViewSpec) -> str:
    return f"the rows for feature view {view.name!r}"


def _check(manifest: Manifest, view: FeatureViewSpec, rows: pa.Table, given: Sequence[str]) -> ViewRows:
    return check_view_rows(view, get_source(manifest, view), rows, given=given)
