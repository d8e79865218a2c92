"""POST /materialize and /materialize-incremental; ``?async=true`` answers at once, ``?force=true`` does not mind
a load of the same view that is under way. Views are served all the while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import msgspec

from repast.app.materialize import LoadReport
from repast.app.materialize import materialize as load_range
from repast.app.materialize import materialize_incremental as load_new
from repast.core.clock import to_utc
from repast.errors import InvalidRequestError, InvalidValueError, RepastError
from repast.server.body import Materialize, MaterializeIncremental
from repast.server.reply import Reply, body_reader, done, encode

if TYPE_CHECKING:
    from repast.server.worker import Worker

_logger = logging.getLogger("repast.server")
_decode_range = body_reader(msgspec.json.Decoder(Materialize).decode)
_decode_incremental = body_reader(msgspec.json.Decoder(MaterializeIncremental).decode)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def materialize(worker: Worker, body: bytes, query: bytes) -> Reply:
    """Load a time range's newest values."""
    asked = _decode_range(body)
    _refuse_version(asked.version)
    start, end = _range(worker, asked)
    return await _load(worker, asked.feature_views, query, partial(load_range, worker.workspace, start, end))


async def materialize_incremental(worker: Worker, body: bytes, query: bytes) -> Reply:
    """Load what earlier loads have not read."""
    asked = _decode_incremental(body)
    _refuse_version(asked.version)
    end = _instant("end_ts", asked.end_ts)
    return await _load(worker, asked.feature_views, query, partial(load_new, worker.workspace, end))


async def _load(
    worker: Worker,
    views: Sequence[str] | None,
    query: bytes,
    run: Callable[[Sequence[str] | None], LoadReport],
) -> Reply:
    flags = parse_qs(query.decode("latin-1"))
    names = _names(worker, views)
    loop = asyncio.get_running_loop()
    if not _is_set(flags, "async"):
        rejected = await loop.run_in_executor(worker.loads, _load_now, worker, names, partial(run, views))
        return done(b"null", rejected)
    busy = sorted({name for under_way in list(worker.loading.values()) for name in under_way}.intersection(names))
    if busy and not _is_set(flags, "force"):
        message = f"Loads of {', '.join(busy)} are under way; ?force=true starts another one all the same."
        return Reply(409, encode({"error": message, "feature_views": busy}))
    load = object()
    worker.loading[load] = names
    future = worker.loads.submit(_load_later, worker, load, partial(run, views))
    future.add_done_callback(partial(_say_if_dropped, names))
    return Reply(202, encode({"status": "accepted", "feature_views": names}))


def _load_now(worker: Worker, names: Sequence[str], run: Callable[[], LoadReport]) -> int:
    """Load; return how many rows were left out."""
    report: object = None
    _logger.info("loading %s", ", ".join(names))
    try:
        report = run()
    except RepastError as error:
        report = error.context.get("report")
        raise
    finally:
        views = report.views if isinstance(report, LoadReport) else ()
        loaded = {view.view for view in views if view.error is None}
        if worker.metrics is not None:
            worker.metrics.load([name for name in names if name in loaded], worked=True)
            worker.metrics.load([name for name in names if name not in loaded], worked=False)
        rejected = worker.note_rejected(views)
    _logger.info("loaded %s", ", ".join(names))
    return rejected


def _load_later(worker: Worker, load: object, run: Callable[[], LoadReport]) -> None:
    names = worker.loading[load]
    try:
        _load_now(worker, names, run)
    except Exception:
        _logger.exception("the load of %s failed", ", ".join(names))
    finally:
        del worker.loading[load]


def _say_if_dropped(names: Sequence[str], load: Future[None]) -> None:
    if load.cancelled():
        _logger.warning("the load of %s was accepted but not begun: the server stops", ", ".join(names))


def _names(worker: Worker, views: Sequence[str] | None) -> list[str]:
    from repast.app.view import get_online_view

    manifest = worker.workspace.registry.manifest()
    if views is None:
        return sorted(name for name, view in manifest.feature_views.items() if view.online)
    return [get_online_view(manifest, name).name for name in views]


def _range(worker: Worker, asked: Materialize) -> tuple[datetime, datetime]:
    if asked.disable_event_timestamp:
        return _EPOCH, worker.workspace.clock()
    if not asked.start_ts or not asked.end_ts:
        raise InvalidRequestError("start_ts and end_ts are needed.", hint='or "disable_event_timestamp": true')
    start, end = _instant("start_ts", asked.start_ts), _instant("end_ts", asked.end_ts)
    if start >= end:
        raise InvalidRequestError(f"start_ts ({start.isoformat()}) must be before end_ts ({end.isoformat()}).")
    return start, end


def _instant(name: str, text: str) -> datetime:
    try:
        return to_utc(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        raise InvalidValueError(
            f"{name} is {text[:50]!r}, which is not a moment.", hint="ISO 8601, for example 2026-01-31T00:00:00Z"
        ) from None


def _is_set(flags: dict[str, list[str]], name: str) -> bool:
    return flags.get(name, [""])[-1].lower() in ("true", "1", "yes", "on")


def _refuse_version(version: str | None) -> None:
    if version is not None:
        raise InvalidRequestError(
            "Views have no versions to choose from: every change is a generation of the registry.",
            hint="leave version out",
        )
