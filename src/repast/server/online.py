"""POST /get-online-features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from repast.errors import InvalidRequestError
from repast.server.body import GetOnlineFeatures
from repast.server.reply import Reply, body_reader

if TYPE_CHECKING:
    from repast.server.worker import Worker

_decode = body_reader(msgspec.json.Decoder(GetOnlineFeatures).decode)


async def get_online_features(worker: Worker, body: bytes, _query: bytes) -> Reply:
    """Answer one read."""
    asked = _decode(body)
    features: Any = asked.feature_service or asked.features
    if not features:
        raise InvalidRequestError(
            "The request names no features.", hint='give "features": ["view:feature"] or "feature_service": "name"'
        )
    for column in asked.entities.values():
        if len(column) > worker.max_rows:
            raise InvalidRequestError(
                f"The request has {len(column)} rows; at most {worker.max_rows} are read at a time.",
                hint="ask in several requests",
            )
    response = await worker.reader.aread_json(features, asked.entities, asked.full_feature_names)
    if worker.metrics is not None:
        worker.metrics.read(response)
    return Reply(200, response.to_json(name_views=asked.include_feature_view_version_metadata))
