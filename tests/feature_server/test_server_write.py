"""Pushes, writes and loads over HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from feature_server.conftest import Client
from feature_server.server_project import NOW, OLD, RECENT
from repast.app.config import load_config
from repast.server.load import materialize
from repast.server.settings import ServerSettings
from repast.server.worker import LOADS, Worker

ROW: dict[str, list[Any]] = {
    "driver_id": [5],
    "count": [50],
    "rate": [0.1],
    "city": ["E"],
    "event_timestamp": [NOW.isoformat()],
    "created": [NOW.isoformat()],
}


def values(client: Client, feature: str, key: int) -> list[Any]:
    found: list[Any] = client.read([feature], driver_id=[key]).json()["results"][1]["values"]
    return found


def test_a_push_goes_where_it_is_told(client: Client, project: Path) -> None:
    rows = pq.read_table(project / "data/trips.parquet").num_rows
    response = client.post("/push", {"push_source_name": "trips_push", "df": ROW, "to": "online_and_offline"})
    assert (response.status_code, response.content) == (200, b"")
    assert values(client, "trips:count", 5) == [50]
    assert pq.read_table(project / "data/trips.parquet").num_rows == rows + 1


def test_a_json_number_is_read_as_its_declared_type(client: Client) -> None:
    """0.1 is no float64 that a Float32 holds, but JSON says 0.1, and the nearest Float32 is meant."""
    assert client.post("/push", {"push_source_name": "trips_push", "df": ROW}).status_code == 200
    assert values(client, "trips:rate", 5) == [pytest.approx(0.1)]


@pytest.mark.parametrize(
    "moment",
    [NOW.isoformat(), NOW.timestamp(), int(NOW.timestamp())],
    ids=["text", "seconds with a fraction", "seconds"],
)
def test_instants_are_text_or_seconds(client: Client, moment: object) -> None:
    df = {"driver_id": [1], "flag": [False], "blob": ["AA=="], "day": ["2026-01-01"], "seen": [moment]}
    df |= {"scores": [["NaN", 1]], "labels": [{"b": 2}], "note": ["{}"], "event_timestamp": [moment]}
    response = client.post("/write-to-online-store", {"feature_view_name": "every", "df": df})
    assert (response.status_code, response.content) == (200, b"null")
    assert values(client, "every:seen", 1) == [int(NOW.timestamp())]
    assert values(client, "every:scores", 1) == [["NaN", 1.0]]
    assert values(client, "every:labels", 1) == [{"b": 2}]
    assert values(client, "every:blob", 1) == ["AA=="]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/push", {"push_source_name": "trips_psuh", "df": ROW}, 422, "did you mean 'trips_push'?"),
        ("/push", {"push_source_name": "trips_push", "df": {**ROW, "count": [1.5]}}, 422, "count"),
        ("/push", {"push_source_name": "trips_push", "df": ROW, "to": "everywhere"}, 422, "to"),
        ("/write-to-online-store", {"feature_view_name": "tripz", "df": ROW}, 404, "did you mean 'trips'?"),
        ("/write-to-online-store", {"feature_view_name": "every", "df": {"blob": ["!"]}}, 422, "blob"),
        ("/materialize", {"start_ts": "x", "end_ts": "y"}, 422, "start_ts"),
        ("/materialize", {"start_ts": "2026-01-02", "end_ts": "2026-01-01"}, 422, "before"),
        ("/materialize", {"end_ts": "2026-01-01"}, 422, "start_ts"),
        ("/materialize-incremental", {"end_ts": "2026-01-01", "feature_views": ["nope"]}, 404, "nope"),
        ("/search", {}, 501, "vector"),
        ("/retrieve-online-documents", {}, 501, "vector"),
    ],
)
def test_what_cannot_be_done_says_why(client: Client, path: str, body: Any, status: int, says: str) -> None:
    response = client.post(path, body)
    assert response.status_code == status
    assert says in response.text


def test_rows_that_are_left_out_are_told_of(
    open_client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    client = open_client(metrics=True)
    rows = {name: [*values, *values] for name, values in ROW.items()} | {"driver_id": [6, None]}
    response = client.post("/push", {"push_source_name": "trips_push", "df": rows, "to": "online_and_offline"})
    assert (response.status_code, response.content, response.headers["repast-rejected"]) == (200, b"", "1")
    assert values(client, "trips:count", 6) == [50]
    response = client.post("/write-to-online-store", {"feature_view_name": "trips", "df": rows})
    assert (response.content, response.headers["repast-rejected"]) == (b"null", "1")
    assert "trips: 2 read, 1 written, 1 rejected (null key or event time)" in caplog.text
    metrics = client.request("GET", "/metrics").text
    assert 'repast_rejected_rows_total{target="trips"} 3.0' in metrics  # a view and its source are named alike
    whole = client.post("/push", {"push_source_name": "trips_push", "df": ROW})
    assert "repast-rejected" not in whole.headers


def test_a_load_counts_the_views_that_failed_and_no_others(open_client: Callable[..., Client], project: Path) -> None:
    client = open_client(metrics=True)
    (project / "data/spend.parquet").unlink()
    body = {"start_ts": OLD.isoformat(), "end_ts": NOW.isoformat(), "feature_views": ["trips", "spend"]}
    response = client.post("/materialize", body)
    assert response.status_code != 200
    assert "spend" in response.text
    metrics = client.request("GET", "/metrics").text
    assert 'feast_materialization_result_total{feature_view="trips",status="success"} 1.0' in metrics
    assert 'feast_materialization_result_total{feature_view="spend",status="failure"} 1.0' in metrics
    assert 'feature_view="trips",status="failure"' not in metrics


def test_loads_that_wait_are_known_and_are_told_of_when_they_are_dropped(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(load_config(project), ServerSettings())
    release = threading.Event()
    for _ in range(LOADS):
        worker.loads.submit(release.wait)
    queries = [b"async=true", b"async=true", b"async=true&force=true"]
    assert [ask_for_load(worker, query) for query in queries] == [202, 409, 202]
    stop = threading.Thread(target=worker.close)
    stop.start()
    deadline = time.monotonic() + 60
    while caplog.text.count("the load of trips was accepted but not begun") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    release.set()
    stop.join(60)


def test_a_view_is_busy_until_its_last_load_ended(project: Path) -> None:
    worker = Worker(load_config(project), ServerSettings())
    release, first_ended = threading.Event(), threading.Event()

    def block() -> None:
        first_ended.set()
        release.wait()

    for _ in range(LOADS - 1):  # loads run one after the other
        worker.loads.submit(release.wait)
    assert ask_for_load(worker, b"async=true") == 202
    worker.loads.submit(block)
    assert ask_for_load(worker, b"async=true&force=true") == 202
    assert first_ended.wait(60)
    assert ask_for_load(worker, b"async=true") == 409
    release.set()
    worker.close()


def ask_for_load(worker: Worker, query: bytes) -> int:
    body = {"start_ts": OLD.isoformat(), "end_ts": NOW.isoformat(), "feature_views": ["trips"]}
    return asyncio.run(materialize(worker, json.dumps(body).encode(), query)).status


def test_loads_run_over_http(client: Client) -> None:
    assert client.post("/write-to-online-store", {"feature_view_name": "trips", "df": ROW}).status_code == 200
    body = {"start_ts": OLD.isoformat(), "end_ts": NOW.isoformat(), "feature_views": ["trips"]}
    response = client.post("/materialize", body)
    assert (response.status_code, response.content) == (200, b"null")
    assert client.post("/materialize-incremental", {"end_ts": NOW.isoformat()}).content == b"null"
    assert values(client, "trips:count", 1) == [10]


def test_a_load_in_the_background_is_accepted_and_then_done(
    open_client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "repast.server")
    client = open_client(metrics=True)
    body = {"start_ts": RECENT.isoformat(), "end_ts": NOW.isoformat(), "feature_views": ["trips"]}
    response = client.post("/materialize?async=true", body)
    assert (response.status_code, response.json()) == (202, {"status": "accepted", "feature_views": ["trips"]})
    deadline = time.monotonic() + 60
    done = 'feast_materialization_result_total{feature_view="trips",status="success"} 1.0'
    while done not in client.request("GET", "/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    while "loaded trips" not in caplog.text:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert caplog.text.index("loading trips") < caplog.text.index("loaded trips")
