"""POST /push and /write-to-online-store. Writes run in threads: they may wait for files and stores."""

from __future__ import annotations

from asyncio import to_thread
from typing import TYPE_CHECKING

import msgspec

from repast.app.write import WriteReport
from repast.app.write import push as push_rows
from repast.app.write import write_to_online_store as write_rows
from repast.errors import NotFoundError, RepastError
from repast.server.body import Push, WriteToOnlineStore
from repast.server.intake import read_columns
from repast.server.reply import Reply, body_reader, done, failure

if TYPE_CHECKING:
    from repast.server.worker import Worker

_decode_push = body_reader(msgspec.json.Decoder(Push).decode)
_decode_write = body_reader(msgspec.json.Decoder(WriteToOnlineStore).decode)


async def push(worker: Worker, body: bytes, _query: bytes) -> Reply:
    """Write rows to every view of a push source."""
    asked = _decode_push(body)
    try:
        report = await to_thread(_push, worker, asked)
    except NotFoundError as error:
        if error.context.get("kind") != "data source":
            raise
        return failure(_unknown_source(error))._replace(status=422)  # as Feast has it
    if worker.metrics is not None:
        worker.metrics.push(asked.push_source_name, asked.to)
    return done(b"", worker.note_rejected([*report.views, *report.sources]))


def _push(worker: Worker, asked: Push) -> WriteReport:
    if not asked.allow_registry_cache:
        worker.workspace.registry.refresh()
    manifest = worker.workspace.registry.manifest()
    views = [view for view in manifest.feature_views.values() if view.push_source == asked.push_source_name]
    return push_rows(worker.workspace, asked.push_source_name, read_columns(manifest, views, asked.df), asked.to)


def _unknown_source(error: NotFoundError) -> RepastError:
    return NotFoundError(error.message, hint=error.hint, context={**error.context, "kind": "push source"})


async def write_to_online_store(worker: Worker, body: bytes, _query: bytes) -> Reply:
    """Write rows of one view to the online store."""
    report = await to_thread(_write, worker, _decode_write(body))
    return done(b"null", worker.note_rejected(report.views))


def _write(worker: Worker, asked: WriteToOnlineStore) -> WriteReport:
    if not asked.allow_registry_cache:
        worker.workspace.registry.refresh()
    manifest = worker.workspace.registry.manifest()
    view = manifest.feature_views.get(asked.feature_view_name)
    columns = read_columns(manifest, [view], asked.df) if view else asked.df
    return write_rows(worker.workspace, asked.feature_view_name, columns)
