"""A bare ASGI application: JSON in, JSON of the size of a feature server's answer out, and nothing between."""

from __future__ import annotations

from typing import Any

import msgspec

_HEADERS = [(b"content-type", b"application/json")]
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    message = await receive()
    body = b""
    if scope["method"] == "POST":
        asked = _decode(message["body"])
        keys = asked["entities"]["key"]
        column = {"values": [key / 7 for key in keys], "statuses": ["PRESENT"] * len(keys)}
        body = _encode({"results": [column] * len(asked["features"]), "metadata": {"feature_names": asked["features"]}})
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": body})
