"""POST /get-online-features: values, statuses, times and types as Feast's server has them."""

from __future__ import annotations

from typing import Any

import pytest

from feature_server.conftest import Client
from feature_server.server_project import OLD, RECENT

EPOCH = "1970-01-01T00:00:00Z"


def text(moment: Any) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_an_answer_has_feasts_shape(client: Client) -> None:
    response = client.read(["trips:count", "trips:city"], driver_id=[1, 2, 3, 9])
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "results": [
            {"values": [1, 2, 3, 9], "statuses": ["PRESENT"] * 4, "event_timestamps": [EPOCH] * 4},
            {
                "values": [10, None, None, None],
                "statuses": ["PRESENT", "NULL_VALUE", "OUTSIDE_MAX_AGE", "NOT_FOUND"],
                "event_timestamps": [text(RECENT), text(RECENT), text(OLD), EPOCH],
            },
            {
                "values": ["A", "B", None, None],
                "statuses": ["PRESENT", "PRESENT", "OUTSIDE_MAX_AGE", "NOT_FOUND"],
                "event_timestamps": [text(RECENT), text(RECENT), text(OLD), EPOCH],
            },
        ],
        "metadata": {"feature_names": ["driver_id", "count", "city"]},
    }


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        ("trips:rate", 0.5),
        ("every:flag", True),
        ("every:blob", "AP8="),
        ("every:day", RECENT.date().isoformat()),
        ("every:seen", RECENT.timestamp() + 0.5),
        ("every:scores", [1.0, "NaN", None]),
        ("every:labels", {"a": 1}),
        ("every:note", '{"k": 1}'),
    ],
    ids=["float", "bool", "bytes", "date", "instant", "list", "map", "json"],
)
def test_every_type_has_its_json(client: Client, feature: str, value: object) -> None:
    (_, column) = client.read([feature], driver_id=[1]).json()["results"]
    assert (column["values"], column["statuses"]) == ([value], ["PRESENT"])


def test_bytes_are_keys_as_base64_and_infinity_has_a_name(client: Client) -> None:
    key, total = client.read(["spend:total"], customer=["AQI="]).json()["results"]
    assert key["values"] == ["AQI="]
    assert total["values"] == ["Infinity"]


def test_a_service_is_read_by_name_with_what_the_request_brings(client: Client) -> None:
    body = {"feature_service": "model", "entities": {"driver_id": [1, 9], "factor": [2, 0.5]}}
    answer = client.post("/get-online-features", body).json()
    names = answer["metadata"]["feature_names"]
    assert names == ["driver_id", "rate", "count", "scaled"]
    assert answer["results"][3] == {
        "values": [20.0, None],
        "statuses": ["PRESENT", "NULL_VALUE"],
        "event_timestamps": [EPOCH, EPOCH],
    }


def test_whole_numbers_are_exact_or_refused(client: Client) -> None:
    """2**53 + 1 is a key; with a point it was rounded to its neighbour before anybody saw it."""
    keys = [2**53 + 1, -(2**63), 2**63 - 1, 1.0]
    assert client.read(["trips:count"], driver_id=keys).json()["results"][0]["values"] == keys
    for wrong in ("9007199254740993.0", "-9007199254740993e0", "1e300"):
        body = f'{{"features": ["trips:count"], "entities": {{"driver_id": [1, {wrong}]}}}}'
        response = client.request("POST", "/get-online-features", content=body)
        assert response.status_code == 422
        assert "may be rounded" in response.text
    beyond = client.read(["trips:count"], driver_id=[2**63])
    assert beyond.status_code == 422


def test_full_names_and_the_names_of_the_views_that_were_read(client: Client) -> None:
    body = {
        "features": ["trips:count"],
        "entities": {"driver_id": [1], "nobody_asked": ["x"]},
        "full_feature_names": True,
        "include_feature_view_version_metadata": True,
    }
    assert client.post("/get-online-features", body).json()["metadata"] == {
        "feature_names": ["driver_id", "trips__count"],
        "feature_view_metadata": [{"name": "trips"}],
    }
