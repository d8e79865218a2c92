"""Training data and online reads from the command line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import MOMENT, Repast, Result, run_repast

FLIGHT = ("-e", "tailnum=N324JB", "-e", "origin=JFK", "-e", "distance=828", "-e", "scheduled_minutes=151")
SNOW = (
    '[{"origin": "JFK", "event_timestamp": "2013-03-08T18:59:59Z"},'
    ' {"origin": "JFK", "event_timestamp": "2013-03-08 19:00"}]'
)


def values(result: Result) -> dict[str, object]:
    (row,) = result.json["rows"]
    return {name: found["value"] for name, found in row["features"].items()}


# -- training data --------------------------------------------------------------------------------


def test_training_data_keeps_the_spine(repast: Repast, tmp_path: Path, served: Path) -> None:
    written = tmp_path / "training.parquet"
    result = repast("get-historical-features", "-s", "delay_model", "-d", "data/departures.parquet", "-o", str(written))
    assert result.out == f"Wrote 27,902 rows of 18 columns to {written}.\n"
    spine, training = pq.read_table(served / "data/departures.parquet"), pq.read_table(written)
    assert training.select(spine.column_names).equals(spine)
    assert training.column_names[len(spine.column_names) :] == [
        "last_arr_delay",
        "mean_arr_delay_5",
        "arrivals",
        "last_dest",
        "temp",
        "wind_speed",
        "precip",
        "visib",
        "slack_minutes",
        "knock_on_minutes",
    ]


def test_training_row_is_what_is_served(repast: Repast) -> None:
    row = (
        '{"tailnum": "N324JB", "origin": "JFK", "distance": 828, "scheduled_minutes": 151,'
        f' "event_timestamp": "{MOMENT}"}}'
    )
    (trained,) = repast("get-historical-features", "-s", "delay_model", "-d", row, "--json").json
    online = values(repast("get-online-features", "-s", "delay_model", *FLIGHT, "--now", MOMENT, "--json"))
    assert {name: trained[name] for name in online} == online
    assert online["last_arr_delay"] == 72


def test_as_of_available_leaves_out_what_was_not_on_record(repast: Repast) -> None:
    ask = ("get-historical-features", "-f", "weather:visib", "-d", SNOW, "--json")
    assert [row["visib"] for row in repast(*ask).json] == [1.5, 8.0]
    assert [row["visib"] for row in repast(*ask, "--as-of", "available").json] == [2.0, 1.5]


def test_preview_says_how_many_rows_it_leaves_out(repast: Repast) -> None:
    result = repast("get-historical-features", "-f", "weather:temp", "-d", "data/departures.parquet")
    lines = result.out.splitlines()
    assert len(lines) == 12
    assert lines[0].split()[-2:] == ["arr_delay", "temp"]
    assert lines[-1] == "… 27,892 more rows"


def test_rows_without_a_spine(repast: Repast) -> None:
    ask = ("get-historical-features", "-f", "weather:temp", "--json")
    rows = repast(*ask, "--start-date", "2013-03-08T10:00", "--end-date", "2013-03-08T11:00").json
    assert len(rows) == 6
    assert {row["origin"] for row in rows} == {"EWR", "JFK", "LGA"}


def test_spine_as_sql(repast: Repast) -> None:
    query = "SELECT 'JFK' AS origin, TIMESTAMPTZ '2013-03-08 19:00:00+00' AS event_timestamp"
    (row,) = repast("get-historical-features", "-f", "weather:visib", "-d", query, "--json").json
    assert row["visib"] == 8.0


def test_rows_with_another_time_column(repast: Repast) -> None:
    rows = SNOW.replace("event_timestamp", "at")
    ask = ("get-historical-features", "-f", "weather:visib", "-d", rows, "--timestamp-column", "at", "--json")
    assert [(row["at"], row["visib"]) for row in repast(*ask).json] == [
        ("2013-03-08T18:59:59Z", 1.5),
        ("2013-03-08T19:00:00Z", 8.0),
    ]


def test_output_as_json_tells_what_was_written(repast: Repast, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    facts = repast("get-historical-features", "-f", "weather:temp", "-d", SNOW, "-o", str(path), "--json").json
    assert facts == {"output": str(path), "rows": 2, "columns": ["origin", "event_timestamp", "temp"]}


# -- online reads ---------------------------------------------------------------------------------


def test_online_read_of_one_row(repast: Repast) -> None:
    result = repast(
        "get-online-features", "-f", "weather:temp", "-f", "weather:visib", "-e", "origin=JFK", "--now", MOMENT
    )
    assert result.out.splitlines() == [
        "origin JFK",
        "feature  value  status   event time",
        "temp     48.92  PRESENT  2013-03-28T18:00:00Z",
        "visib    10.0   PRESENT  2013-03-28T18:00:00Z",
    ]


def test_online_read_of_several_rows(repast: Repast) -> None:
    keys = ("-e", "origin=JFK", "-e", "origin=XXX")
    result = repast("get-online-features", "-f", "weather:temp", *keys, "--now", MOMENT, "--json")
    first, second = result.json["rows"]
    assert first["keys"] == {"origin": "JFK"}
    assert first["features"]["temp"]["status"] == "PRESENT"
    assert second == {
        "keys": {"origin": "XXX"},
        "features": {"temp": {"value": None, "status": "NOT_FOUND", "event_timestamp": None}},
    }


def test_one_value_of_a_key_stands_for_every_row(repast: Repast) -> None:
    features = ("-f", "weather:temp", "-f", "plane_history:arrivals")
    keys = ("-e", "origin=JFK", "-e", "tailnum=N324JB", "-e", "tailnum=N725MQ")
    rows = repast("get-online-features", *features, *keys, "--now", MOMENT, "--json").json["rows"]
    assert [row["keys"] for row in rows] == [
        {"origin": "JFK", "tailnum": "N324JB"},
        {"origin": "JFK", "tailnum": "N725MQ"},
    ]


def test_without_now_the_present_counts(repast: Repast) -> None:
    (row,) = repast("get-online-features", "-f", "weather:temp", "-e", "origin=JFK", "--json").json["rows"]
    assert (row["features"]["temp"]["value"], row["features"]["temp"]["status"]) == (None, "OUTSIDE_MAX_AGE")


def test_full_feature_names(repast: Repast) -> None:
    ask = ("-f", "weather:temp", "--full-feature-names", "--json")
    assert list(values(repast("get-online-features", *ask, "-e", "origin=JFK"))) == ["weather__temp"]
    assert "weather__temp" in repast("get-historical-features", *ask, "-d", SNOW).json[0]


TYPES = """
from datetime import timedelta
from repast import Entity, Field, FeatureView, FileSource
from repast.types import {type}

thing = Entity(name="thing", join_keys={{"id": {type}}})
things = FeatureView(
    name="things", entities=[thing], schema=[Field(name="x", dtype=Int64)],
    source=FileSource(path="data/things.parquet", timestamp_field="at"),
)
"""


@pytest.mark.parametrize(
    ("type_name", "arrow", "key", "text"),
    [
        ("Int64", "int64", 1001, "1001"),
        ("Int64", "int64", -(2**53) - 1, str(-(2**53) - 1)),
        ("String", "string", "001", "001"),
        ("String", "string", "a=b", "a=b"),
        ("String", "string", "", ""),
        ("Bool", "bool", True, "true"),
        ("Bytes", "binary", b"\x00\xff", "0x00ff"),
        ("Date", "date32", date(2013, 3, 8), "2013-03-08"),
        ("UnixTimestamp", "timestamp", 1362769200000000, "2013-03-08T19:00:00Z"),
    ],
)
def test_keys_are_read_as_their_declared_type(
    type_name: str, arrow: str, key: object, text: str, tmp_path: Path
) -> None:
    """1001 on the command line is the number of an Int64 entity and the text of a String entity."""
    run_repast("init", "shop", "-t", "minimal", cwd=tmp_path)
    project = tmp_path / "shop"
    dtype = pa.timestamp("us", tz="UTC") if arrow == "timestamp" else pa.type_for_alias(arrow)
    at = pa.array([1362769200000000], pa.timestamp("us", tz="UTC"))
    (project / "data").mkdir()
    pq.write_table(pa.table({"id": pa.array([key], dtype), "at": at, "x": [7]}), project / "data/things.parquet")
    imports = type_name if type_name == "Int64" else f"{type_name}, Int64"
    definitions = TYPES.format(type=type_name).replace(f"import {type_name}\n", f"import {imports}\n")
    (project / "features.py").write_text(definitions)
    for args in (["apply"], ["materialize", "2013-03-01", "2013-04-01"]):
        done = run_repast(*args, cwd=project)
        assert done.code == 0, done.err
    result = run_repast("get-online-features", "-f", "things:x", "-e", f"id={text}", "--json", cwd=project)
    assert result.code == 0, result.err
    assert values(result) == {"x": 7}


# -- the demo -------------------------------------------------------------------------------------


def test_demo_shows_everything_and_leaves_a_project(tmp_path: Path) -> None:
    result = run_repast("demo", "here", cwd=tmp_path)
    assert result.code == 0, result.err
    typed = [line.split()[2] for line in result.out.splitlines() if line.startswith("$ repast")]
    assert typed == ["init", "apply", "get-historical-features", "materialize", "get-online-features"]
    assert "last_arr_delay    72        PRESENT" in result.out
    assert "plane_history  74,638    3,543" in result.out
    assert "Traceback" not in result.out
    assert run_repast("plan", "--json", cwd=tmp_path / "here/flights").json["changes"] == []


def test_demo_leaves_other_projects_alone(mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even an environment variable that names their configuration leads it there."""
    run_repast("teardown", "--yes", "flights", cwd=mine)
    before = sorted(path for path in mine.rglob("*") if "__pycache__" not in str(path))
    monkeypatch.setenv("FEAST_FS_YAML_FILE_PATH", str(mine / "feature_store.yaml"))
    assert run_repast("demo", "here", cwd=tmp_path).code == 0
    assert sorted(path for path in mine.rglob("*") if "__pycache__" not in str(path)) == before


def test_demo_says_only_what_is_true(served: Path) -> None:
    """The told numbers are those of the data."""
    departures = pq.read_table(served / "data/departures.parquet").to_pylist()
    (flight,) = [row for row in departures if row["flight"] == "B6615" and row["event_timestamp"].day == 28]
    assert (flight["tailnum"], flight["origin"], flight["arr_delay"]) == ("N324JB", "JFK", 66)
    assert (flight["distance"], flight["scheduled_minutes"]) == (828, 151)
    assert flight["event_timestamp"].strftime("%Y-%m-%dT%H:%M:%SZ") == MOMENT
