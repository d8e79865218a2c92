"""The API's document is valid, complete, and what it says holds for whatever is sent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from feature_server.conftest import Client
from repast.app.config import load_config
from repast.server.application import ROUTES, Application
from repast.server.openapi import OPERATIONS, make_document
from repast.server.settings import ServerSettings

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
UNDOCUMENTED = {"/search", "/retrieve-online-documents", "/metrics"}


def test_the_document_is_valid() -> None:
    validate(make_document())


def test_every_route_is_in_it_and_nothing_else(client: Client) -> None:
    routes = {
        (path, method.lower())
        for path, methods in ROUTES.items()
        for method in methods
        if method != "HEAD" and path not in UNDOCUMENTED and not path.startswith("/v1/online")
    }
    assert routes == set(OPERATIONS)
    assert client.request("GET", "/openapi.json").json() == json.loads(json.dumps(make_document()))


@pytest.fixture(scope="module")
def application(made_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    repo = shutil.copytree(made_project, tmp_path_factory.mktemp("fuzzed") / "repo")
    application = Application(load_config(repo), ServerSettings(access_log=False))
    yield application
    application.close()


@pytest.fixture(scope="module")
def api(application: Application) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", application)


@pytest.fixture(scope="module")
def api_client(application: Application) -> Client:
    return Client(application)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:schemathesis")
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # loads in the background do, meanwhile
@settings(max_examples=25)
@given(data=st.data())
def test_no_request_gets_more_than_the_document_says(
    api: schemathesis.BaseSchema, path: str, method: str, data: st.DataObject
) -> None:
    """No 5xx above all; and the status, the content type and the body are as documented."""
    data.draw(api[path][method].as_strategy()).call_and_validate(checks=CHECKS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150)
@given(
    features=st.lists(st.sampled_from(["trips:count", "every:note", "spend:total", "scaled:scaled", "nope:x", ":"])),
    entities=st.dictionaries(st.sampled_from(["driver_id", "customer", "factor", "x"]), JSON | st.lists(JSON)),
)
def test_whatever_the_keys_are_the_answer_is_clear(api_client: Client, features: object, entities: object) -> None:
    """Names that exist, with values of any kind: an answer, or a body that says what is wrong."""
    response = api_client.post("/get-online-features", {"features": features, "entities": entities})
    assert response.status_code in (200, 404, 422)
    if response.status_code != 200:
        body = response.json()
        message = json.loads(body)["message"] if isinstance(body, str) else body["detail"][0]["msg"]
        assert message
        assert "Traceback" not in message
