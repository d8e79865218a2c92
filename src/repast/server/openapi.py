"""GET /openapi.json: the API as a document, made from the structs that requests are read with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from repast import __version__
from repast.core.json_answer import JsonAnswer
from repast.server.body import GetOnlineFeatures, Materialize, MaterializeIncremental, Push, WriteToOnlineStore
from repast.server.reply import Detail, Malformed, Reply, encode

if TYPE_CHECKING:
    from repast.server.worker import Worker

_TEMPLATE = "#/components/schemas/{name}"
_ERROR = {
    "type": "string",
    "contentMediaType": "application/json",
    "description": "A JSON object as text, as Feast's SDK reads it: module, class, message, code and hint.",
}
_NULL = {"type": "null"}


class Operation(NamedTuple):
    """One operation of the document."""

    summary: str
    body: type[msgspec.Struct] | None = None
    success: Mapping[str, Any] | None = None
    """Schema of the 200; None: it has no body."""
    errors: Sequence[int] = ()
    is_load: bool = False


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("/get-online-features", "post"): Operation(
        "Read the newest values of some keys.",
        GetOnlineFeatures,
        {"$ref": _TEMPLATE.format(name="OnlineFeatures")},
        (404,),
    ),
    ("/push", "post"): Operation("Write rows to every view of a push source.", Push, errors=(409,)),
    ("/write-to-online-store", "post"): Operation(
        "Write rows of one view to the online store.", WriteToOnlineStore, _NULL, (404, 409)
    ),
    ("/materialize", "post"): Operation(
        "Load a time range's newest values.", Materialize, _NULL, (404, 409), is_load=True
    ),
    ("/materialize-incremental", "post"): Operation(
        "Load what earlier loads have not read.", MaterializeIncremental, _NULL, (404, 409), is_load=True
    ),
    ("/health", "get"): Operation("Tell whether features can be served."),
    ("/openapi.json", "get"): Operation("Return this document.", success={"type": "object"}),
}

_ANSWERS: Mapping[int, str] = {
    400: "The body ended before it was whole.",
    401: "The token is missing or wrong.",
    404: "There is no such view, feature or service.",
    409: "Somebody else changed or loads the same thing.",
    413: "The body is too large.",
    422: "The request is malformed, or its values do not fit what is registered.",
    503: "The online store or the registry cannot be reached now.",
    504: "There was no answer in time.",
}


async def openapi(_worker: Worker, _body: bytes, _query: bytes) -> Reply:
    """Return the document."""
    return Reply(200, _document())


@cache
def _document() -> bytes:
    return encode(make_document())


def make_document() -> dict[str, Any]:
    """Return the API as an OpenAPI 3.1 document."""
    bodies = [operation.body for operation in OPERATIONS.values() if operation.body]
    _, schemas = msgspec.json.schema_components([*bodies, JsonAnswer, Detail, Malformed], ref_template=_TEMPLATE)
    schemas["OnlineFeatures"] = _answer_schema()
    for unused in ("JsonAnswer", "JsonColumn"):
        schemas.pop(unused, None)
    schemas["Error"] = _ERROR
    paths: dict[str, dict[str, Any]] = {}
    for (path, method), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method] = _operation(path, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Repast feature server", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
        "security": [{}, {"token": []}],
    }


def _answer_schema() -> dict[str, Any]:
    """The answer is encoded in pieces, so its struct says less than this."""
    statuses = ["PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"]
    column = {
        "values": {"type": "array", "items": {}},
        "statuses": {"type": "array", "items": {"enum": statuses}},
        "event_timestamps": {"type": "array", "items": {"type": "string", "format": "date-time"}},
    }
    metadata = {
        "feature_names": {"type": "array", "items": {"type": "string"}},
        "feature_view_metadata": {"type": "array", "items": _object({"name": {"type": "string"}})},
    }
    return _object(
        {
            "results": {"type": "array", "items": _object(column)},
            "metadata": _object(metadata, required=["feature_names"]),
        }
    )


def _object(properties: Mapping[str, Any], required: Sequence[str] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(required or properties)}


def _operation(path: str, operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": _response("It worked.", operation.success)}
    found: dict[str, Any] = {"operationId": path.strip("/").replace("-", "_"), "summary": operation.summary}
    if operation.body:
        reference = {"$ref": _TEMPLATE.format(name=operation.body.__name__)}
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": reference}}}
        for status in sorted({400, 401, 413, 422, 503, 504, *operation.errors}):
            responses[str(status)] = _response(_ANSWERS[status], _error_schema(status))
    if operation.is_load:
        flags = [("async", "Answer at once."), ("force", "Load even if a load of the same view is under way.")]
        found["parameters"] = [
            {"name": name, "in": "query", "description": text, "schema": {"type": "boolean", "default": False}}
            for name, text in flags
        ]
        responses["202"] = _response("The load was accepted.", {"type": "object"})
    if path == "/health":
        responses["503"] = _response(_ANSWERS[503], None)
    return {**found, "responses": responses}


def _error_schema(status: int) -> dict[str, Any]:
    names = {400: ["Detail"], 401: ["Detail"], 413: ["Detail"], 422: ["Malformed", "Error"], 504: ["Detail"]}.get(
        status, ["Error"]
    )
    schemas: list[dict[str, Any]] = [{"$ref": _TEMPLATE.format(name=name)} for name in names]
    if status == 409:
        schemas.append({"type": "object"})
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _response(description: str, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    if schema is None:
        return {"description": description}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
