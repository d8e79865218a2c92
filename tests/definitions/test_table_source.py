"""Sources in databases: what they are given, how they go to the registry and back, who reads them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from repast import (
    AthenaSource,
    BigQuerySource,
    ClickhouseSource,
    Entity,
    FeatureStore,
    FeatureView,
    PostgreSQLSource,
    RedshiftSource,
    SnowflakeSource,
    SparkSource,
    TrinoSource,
)
from repast.core.definitions import TableSource
from repast.core.describe import get_definition
from repast.core.manifest import Manifest, ProjectSpec, decode_manifest, encode_manifest
from repast.core.source_kind import READERS
from repast.core.spec import source_spec
from repast.errors import InvalidDefinitionError
from repast.types import Int64

COMMON = {
    "timestamp_field": "ts",
    "created_timestamp_column": "made",
    "field_mapping": {"a": "b"},
    "timezone": "Europe/Paris",
    "lateness": timedelta(hours=1),
    "description": "d",
    "tags": {"team": "x"},
    "owner": "o",
}
SOURCES: list[TableSource] = [
    PostgreSQLSource(table='public."Driver Stats"', **COMMON),
    PostgreSQLSource(name="q", query="SELECT 1 AS a", **COMMON),
    BigQuerySource(table="my-project.data.driver_stats", **COMMON),
    SnowflakeSource(database="DB", schema="PUBLIC", warehouse="WH", table="DRIVER_STATS", **COMMON),
    RedshiftSource(database="dev", schema="public", table="driver_stats", **COMMON),
    AthenaSource(data_source="AwsDataCatalog", database="lake", table="driver_stats", **COMMON),
    TrinoSource(table="hive.lake.driver_stats", **COMMON),
    ClickhouseSource(table="default.driver_stats", **COMMON),
    SparkSource(path="s3://bucket/driver_stats.parquet", file_format="parquet", **COMMON),
    SparkSource(table="lake.driver_stats", **COMMON),
]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: type(source).__name__)
def test_the_registry_gives_back_the_same_source(source: TableSource) -> None:
    spec = source_spec(source, timestamp_field="ts")
    manifest = Manifest(project=ProjectSpec(name="p"), data_sources={source.name: spec})
    again = decode_manifest(encode_manifest(manifest), where="test")
    assert get_definition(again, "data_sources", source.name) == source
    assert source.source_type in READERS


def test_names_come_from_tables() -> None:
    assert PostgreSQLSource(table='public."Driver Stats"').name == "Driver_Stats"
    assert BigQuerySource(table="`my-project.data.trips`").name == "trips"
    assert SparkSource(path="s3://bucket/day.parquet/").name == "day"
    assert TrinoSource(table="hive.lake.2024").name == "source_2024"
    assert TrinoSource(table="hive.lake.x", name="mine").name == "mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give table or query, exactly one; given: none of them"),
        ({"table": "t", "query": "SELECT 1"}, "given: table and query"),
        ({"query": "SELECT 1"}, "a source that is a query needs a name"),
        ({"table": 3}, "table must be a string, not 3"),
        ({"table": "t", "timezone": "Paris"}, "not a time zone"),
    ],
)
def test_what_cannot_be_a_source(options: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidDefinitionError, match=words):
        PostgreSQLSource(**options)


def test_an_option_of_another_kind_is_an_error() -> None:
    with pytest.raises(TypeError, match="schema"):
        BigQuerySource(table="t", schema="s")


def test_another_engine_says_who_can_read_it(tmp_path: Path) -> None:
    store = _store(tmp_path)
    source = BigQuerySource(table="data.trips", timestamp_field="ts")
    with pytest.raises(
        InvalidDefinitionError, match=r"the duckdb offline store reads sources of type 'file'"
    ) as caught:
        store.apply(FeatureView(name="v", entities=[_driver()], source=source))
    assert "offline_store: {type: bigquery}" in str(caught.value)


def _driver() -> Entity:
    return Entity(name="driver", join_keys={"driver_id": Int64})


def _store(folder: Path) -> FeatureStore:
    (folder / "feature_store.yaml").write_text("project: p\nregistry: data/registry\nonline_store: {type: memory}\n")
    return FeatureStore(repo_path=folder)
