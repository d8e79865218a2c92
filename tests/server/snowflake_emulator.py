"""Starts the Snowflake emulator with what today's connector wants to know after a login."""

import importlib
import json
import sys

import pyarrow as pa
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

fakesnow_server = importlib.import_module("fakesnow.server")  # the package has a function of that name too
LOGIN = "/session/v1/login-request"


async def login(request: Request) -> JSONResponse:
    """Answer with a master token beside the token of the session."""
    body = json.loads((await fakesnow_server.login_request(request)).body)
    token = body["data"]["token"]
    body["data"] |= {"masterToken": token, "validityInSeconds": 3600, "masterValidityInSeconds": 14400, "sessionId": 1}
    return JSONResponse(body)


def stage_info(request: Request, expression: object, answer: dict[str, object]) -> dict[str, object]:
    """Say where a file is to be uploaded, as the connector wants to hear it."""
    answer["overwrite"] = True  # else the address would have to be signed
    usual = gcs_stage_info(request, expression, answer)
    return {"region": "us", "endPoint": None, "storageAccount": None, "path": "", **usual}


def timestamps(times: pa.ChunkedArray) -> pa.Array:
    """Return times as Snowflake sends them, where some are null: the emulator's own forgets which."""
    times = times.combine_chunks() if isinstance(times, pa.ChunkedArray) else times
    filled = timestamp_to_sf_struct(times.fill_null(pa.scalar(0, pa.int64()).cast(times.type)))
    fields = [filled.type.field(place) for place in range(filled.type.num_fields)]
    arrays = [filled.field(place) for place in range(filled.type.num_fields)]
    return pa.StructArray.from_arrays(arrays, fields=fields, mask=times.is_null())


fakesnow_arrow = importlib.import_module("fakesnow.arrow")
timestamp_to_sf_struct, fakesnow_arrow.timestamp_to_sf_struct = fakesnow_arrow.timestamp_to_sf_struct, timestamps
gcs_stage_info, fakesnow_server.gcs_stage_info = fakesnow_server.gcs_stage_info, stage_info

if __name__ == "__main__":
    others = [route for route in fakesnow_server.routes if route.path != LOGIN]
    app = Starlette(routes=[Route(LOGIN, login, methods=["POST"]), *others])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
