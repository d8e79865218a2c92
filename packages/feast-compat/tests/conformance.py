"""Use every public name, parameter and method of Feast, and see what happens: it works, warns, or is refused.

A row is one of them. ``rows()`` lists them from the inventory; ``observe(row, folder)`` uses one, with the values
below, on a project of its own where it needs one.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import socket
import warnings
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import feast
import feast.types
from feast.adapter.notice import FeastCompatibilityWarning, forget_warnings
from repast.errors import MissingDependencyError, UnavailableError, UnsupportedError

HERE = Path(__file__).parent
NOW = datetime.now(UTC).replace(microsecond=0)
CHANGING = ("apply", "create_", "delete_", "materialize", "persist", "push", "teardown", "write_")
"""How methods begin that change a project: each gets one of its own."""


@dataclass(frozen=True)
class Row:
    module: str
    name: str
    member: str = ""
    param: str = ""

    def __str__(self) -> str:
        text = f"{self.module}.{self.name}" + (f".{self.member}" if self.member else "")
        return f"{text}({self.param})" if self.param else text


@cache
def inventory() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((HERE / "inventory.json").read_text(encoding="utf-8"))
    return loaded


def facts_of(row: Row) -> dict[str, Any]:
    facts: dict[str, Any] = inventory()["modules"][row.module][row.name]
    return facts


def found(row: Row) -> Any:
    return getattr(importlib.import_module(row.module), row.name)


def is_refused(row: Row) -> bool:
    return bool(getattr(found(row), "__refused__", False))


def rows() -> Iterator[Row]:
    """All rows. What belongs to a refused name is refused with it, and has no rows of its own."""
    for module, names in inventory()["modules"].items():
        for name, facts in names.items():
            row = Row(module, name)
            yield row
            if is_refused(row):
                continue
            yield from (Row(module, name, "", param) for param in facts.get("params", ()))
            yield from (Row(module, name, member) for member in facts.get("properties", ()))
            for member, params in facts.get("methods", {}).items():
                yield Row(module, name, member)
                if name == "FeatureStore":
                    yield from (Row(module, name, member, param) for param in params)


# -- what everything is called with -----------------------------------------------------------------


def entity() -> Any:
    return feast.Entity(name="driver", join_keys=["driver_id"], value_type=feast.ValueType.INT64)


def source(**options: Any) -> Any:
    return feast.FileSource(name="stats", path="data/stats.parquet", timestamp_field="event_timestamp", **options)


def field(name: str = "rate") -> Any:
    from feast.types import Float32

    return feast.Field(name=name, dtype=Float32)


def view(**options: Any) -> Any:
    return feast.FeatureView(
        **{"name": "stats_view", "entities": [entity()], "schema": [field()], "source": source()} | options
    )


def request() -> Any:
    return feast.RequestSource(name="asked", schema=[field("extra")])


def halve(inputs: Any) -> Any:
    return pd.DataFrame({"half": inputs["rate"] / 2})


def on_demand(**options: Any) -> Any:
    base = {"name": "halves", "sources": [view()], "schema": [field("half")], "udf": halve}
    return feast.OnDemandFeatureView(**base | options)


def aggregation() -> Any:
    return feast.Aggregation(column="rate", function="max", time_window=timedelta(days=1))


def push() -> Any:
    return feast.PushSource(name="live", batch_source=source())


def json_format() -> Any:
    from feast.data_format import JsonFormat

    return JsonFormat(schema_json="{}")


def logging() -> Any:
    from feast.feature_logging import LoggingConfig
    from feast.infra.offline_stores.file_source import FileLoggingDestination

    return LoggingConfig(destination=FileLoggingDestination(path="logs"))


def storage(path: str = "data/set.parquet") -> Any:
    from feast.infra.offline_stores.file_source import SavedDatasetFileStorage

    return SavedDatasetFileStorage(path=path)


def pandas_transformation() -> Any:
    from feast.transformation.pandas_transformation import PandasTransformation

    return PandasTransformation(udf=halve, udf_string="halve")


def spine() -> pd.DataFrame:
    return pd.DataFrame({"driver_id": [1], "event_timestamp": [NOW]})


def pushed() -> pd.DataFrame:
    return pd.DataFrame({"driver_id": [1], "rate": [0.5], "event_timestamp": [NOW]})


COMMON = {"description": "words", "tags": {"a": "b"}, "owner": "me", "labels": {"a": "b"}}
REFS = ["stats_view:rate"]
KEYS = [{"driver_id": 1}]
NO_VALUE = object()

BASES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "Aggregation": dict,
    "BaseFeatureView": lambda: {"name": "base", "features": [field()]},
    "FeatureView": lambda: {"name": "v", "entities": [entity()], "schema": [field()], "source": source()},
    "BatchFeatureView": lambda: {"name": "v", "entities": [entity()], "schema": [field()], "source": source()},
    "StreamFeatureView": lambda: {"name": "v", "entities": [entity()], "schema": [field()], "source": push()},
    "LabelView": lambda: {"name": "v", "entities": [entity()], "schema": [field()], "source": source()},
    "OnDemandFeatureView": lambda: {"name": "v", "sources": [view()], "schema": [field("half")], "udf": halve},
    "on_demand_feature_view": lambda: {"sources": [view()], "schema": [field("half")]},
    "stream_feature_view": lambda: {"schema": [field()], "source": push(), "entities": [entity()]},
    "DataSource": lambda: {"name": "s"},
    "RequestSource": lambda: {"name": "s", "schema": [field()]},
    "PushSource": lambda: {"name": "s", "batch_source": source()},
    "KafkaSource": lambda: {"name": "s", "timestamp_field": "t", "message_format": json_format()},
    "KafkaOptions": lambda: {"kafka_bootstrap_servers": "h:1", "message_format": json_format(), "topic": "t"},
    "KinesisSource": lambda: {"name": "s", "record_format": json_format(), "region": "r", "stream_name": "t"},
    "KinesisOptions": lambda: {"record_format": json_format(), "region": "r", "stream_name": "t"},
    "FileSource": lambda: {"path": "data/x.parquet", "name": "s", "timestamp_field": "t"},
    "SparkSource": lambda: {"table": "a.b", "name": "s"},
    "OracleSource": lambda: {"table_ref": "a.b", "name": "s"},
    "MsSqlServerSource": lambda: {"table_ref": "a.b", "name": "s"},
    "Entity": lambda: {"name": "e"},
    "Feature": lambda: {"name": "f", "dtype": feast.ValueType.INT64},
    "Field": lambda: {"name": "f", "dtype": field().dtype},
    "FeatureService": lambda: {"name": "s", "features": [view()]},
    "FeatureStore": dict,
    "FeatureViewProjection": lambda: (
        dict.fromkeys(("name_alias",)) | {"name": "v", "desired_features": [], "features": []}
    ),
    "FeastDataFrame": lambda: {"data": spine()},
    "LoggingConfig": lambda: {"destination": logging().destination},
    "OnlineResponse": lambda: {"online_response_proto": Answer()},
    "Permission": lambda: {"name": "p"},
    "User": lambda: {"username": "u"},
    "Project": lambda: {"name": "p"},
    "RepoConfig": lambda: {"project": "p"},
    "EmbeddingModelConfig": lambda: {"model": "m"},
    "SavedDataset": lambda: {"name": "d", "features": [], "join_keys": [], "storage": storage()},
    "SavedDatasetFileStorage": lambda: {"path": "x.parquet"},
    "FileLoggingDestination": lambda: {"path": "x"},
    "RetrievalMetadata": lambda: {"features": [], "keys": []},
    "Transformation": lambda: {"mode": "pandas", "udf": halve, "udf_string": ""},
    "transformation": lambda: {"mode": "pandas"},
    "PandasTransformation": lambda: {"udf": halve},
    "PythonTransformation": lambda: {"udf": halve},
    "TableFormat": lambda: {"format_type": table_format_type()},
    "create_table_format": lambda: {"format_type": table_format_type()},
    "table_format_from_dict": lambda: {"data": {"format_type": "delta"}},
    "table_format_from_json": lambda: {"json_str": '{"format_type": "delta"}'},
    "table_format_from_proto": lambda: {"proto": None},
    "RoleBasedPolicy": lambda: {"roles": ["r"]},
    "GroupBasedPolicy": lambda: {"groups": ["g"]},
    "NamespaceBasedPolicy": lambda: {"namespaces": ["n"]},
    "CombinedGroupNamespacePolicy": lambda: {"groups": ["g"], "namespaces": ["n"]},
    "AvroFormat": lambda: {"schema_json": "{}"},
    "JsonFormat": lambda: {"schema_json": "{}"},
    "ProtoFormat": lambda: {"class_path": "a.b"},
    "Array": lambda: {"base_type": field().dtype},
    "Set": lambda: {"base_type": field().dtype},
    "Struct": lambda: {"fields": {"a": field().dtype}},
    "from_feast_to_pyarrow_type": lambda: {"feast_type": field().dtype},
    "from_feast_type": lambda: {"feast_type": field().dtype},
    "from_value_type": lambda: {"value_type": feast.ValueType.INT64},
    "create_driver_hourly_stats_df": lambda: {"drivers": [1], "start_date": NOW - timedelta(days=1), "end_date": NOW},
    "load_repo_config": lambda: {"repo_path": Path(), "fs_yaml_file": Path("feature_store.yaml")},
}
"""What an object is made with; other sources by their table, configurations by what they need."""


def table_format_type() -> Any:
    from feast.table_format import TableFormatType

    return TableFormatType.DELTA


class Answer:
    """An answer of Repast's store, as small as can be."""

    def to_dict(self, include_event_timestamps: bool = False) -> dict[str, list[Any]]:
        return {"rate": [0.5]}

    def to_df(self, include_event_timestamps: bool = False) -> Any:
        return pd.DataFrame(self.to_dict())

    def to_arrow(self, include_event_timestamps: bool = False) -> Any:
        import pyarrow as pa

        return pa.table(self.to_dict())


VALUES: Mapping[str, Callable[[], Any]] = {
    "agg_specs": list,
    "aggregations": lambda: [aggregation()],
    "batch_source": source,
    "batch_engine": lambda: {"type": "local"},
    "conflict_policy": lambda: feast.ConflictPolicy.MAJORITY_VOTE,
    "created_timestamp": lambda: NOW,
    "last_updated_timestamp": lambda: NOW,
    "data_source": source,
    "date_partition_column": lambda: "day",
    "dtype": lambda: field().dtype,
    "enabled": lambda: False,
    "entities": lambda: [entity()],
    "enable_validation": lambda: True,
    "explode": lambda: True,
    "feature_transformation": pandas_transformation,
    "feature_view_projection": lambda: view().projection,
    "features": lambda: [field("rate")],
    "field_mapping": lambda: {"a": "b"},
    "file_format": lambda: json_free_format(),
    "format_type": table_format_type,
    "input_schema": lambda: [field()],
    "join_keys": lambda: ["driver_id"],
    "join_key_map": lambda: {"driver_id": "other_id"},
    "logging_config": logging,
    "materialization": lambda: {"pull_latest_features": True},
    "message_format": json_format,
    "mode": lambda: "pandas",
    "offline": lambda: True,
    "online": lambda: False,
    "precompute_online": lambda: True,
    "properties": lambda: {"a": "b"},
    "record_format": json_format,
    "schema": lambda: [field()],
    "sink_source": source,
    "singleton": lambda: True,
    "slide_interval": lambda: timedelta(hours=1),
    "source": source,
    "sources": lambda: [view()],
    "storage": storage,
    "stream_engine": lambda: {"type": "spark"},
    "table_format": lambda: table_format(),
    "time_window": lambda: timedelta(days=1),
    "tiling_hop_size": lambda: timedelta(hours=1),
    "track_metrics": lambda: True,
    "enable_tiling": lambda: True,
    "ttl": lambda: timedelta(days=1),
    "udf": lambda: halve,
    "value_type": lambda: feast.ValueType.INT64,
    "vector_index": lambda: True,
    "vector_length": lambda: 3,
    "watermark_delay_threshold": lambda: timedelta(minutes=1),
    "write_to_online_store": lambda: True,
    "connection_ref": lambda: {"provider": "env"},
    "user": lambda: user(),
    "resource": view,
    "requested_actions": lambda: [action()],
    "config": lambda: None,
    "sample_rate": lambda: 0.5,
    "cache_ttl_seconds": lambda: 60,
    **{name: partial(copy, value) for name, value in COMMON.items()},
}
"""What a parameter is given, by name; others get the text "text"."""

OWN_VALUES: Mapping[str, Callable[[], Any]] = {
    "Feature.dtype": lambda: feast.ValueType.INT64,
    "FeatureService.features": lambda: [view()],
    "StreamFeatureView.source": push,
    "StreamFeatureView.mode": lambda: "spark",
    "stream_feature_view.source": push,
    "OnDemandFeatureView.schema": lambda: [field("half")],
    "on_demand_feature_view.schema": lambda: [field("half")],
    "OnDemandFeatureView.singleton": lambda: False,
    "on_demand_feature_view.singleton": lambda: False,
    "RetrievalMetadata.features": list,
    "RetrievalMetadata.keys": list,
    "SavedDataset.features": list,
    "SavedDataset.full_feature_names": lambda: True,
    "OnlineResponse.online_response_proto": Answer,
    "FeatureViewProjection.batch_source": source,
    "FeastDataFrame.engine": lambda: feast.DataFrameEngine.PANDAS,
    "FeastDataFrame.data": spine,
    "FeastDataFrame.metadata": dict,
    "DataSource.timestamp_field": lambda: "t",
    "LoggingConfig.destination": lambda: logging().destination,
    "PandasTransformation.udf_string": lambda: "halve",
    "RepoConfig.project": lambda: "p",
    "RepoConfig.provider": lambda: "local",
    "RepoConfig.registry": lambda: "data/registry.db",
    "RepoConfig.online_store": lambda: {"type": "sqlite", "path": "data/online.db"},
    "RepoConfig.offline_store": lambda: {"type": "duckdb"},
    "RepoConfig.repo_path": Path,
    "RepoConfig.auth": lambda: {"type": "no_auth"},
    "RepoConfig.entity_key_serialization_version": lambda: 3,
    "RepoConfig.coerce_tz_aware": lambda: True,
    "RepoConfig.flags": dict,
    "RepoConfig.batch_engine": lambda: {"type": "local"},
    "RepoConfig.feature_server": lambda: {"type": "local", "enabled": True},
    "RepoConfig.openlineage": lambda: {"enabled": False},
    "RepoConfig.mlflow": lambda: {"enabled": False},
    "RepoConfig.embedding_model": lambda: {"model": "m"},
    "RepoConfig.data_quality_monitoring": lambda: {"auto_baseline": False},
    "FeatureStore.repo_path": lambda: ".",
    "FeatureStore.config": lambda: feast.RepoConfig(project="p"),
    "FeatureStore.fs_yaml_file": lambda: Path("feature_store.yaml"),
    "MsSqlServerSource.event_timestamp_column": lambda: "t",
    "User.roles": lambda: ["r"],
    "User.groups": lambda: ["g"],
    "User.namespaces": lambda: ["n"],
    "Permission.types": lambda: [feast.FeatureView],
    "Permission.actions": lambda: [action()],
    "Permission.policy": lambda: role_policy(),
    "Permission.required_tags": lambda: {"a": "b"},
    "BaseFeatureView.features": lambda: [field()],
    "SavedDatasetFileStorage.file_format": lambda: parquet_format(),
    "create_driver_hourly_stats_df.drivers": lambda: [1],
    "create_driver_hourly_stats_df.start_date": lambda: NOW - timedelta(days=1),
    "create_driver_hourly_stats_df.end_date": lambda: NOW,
    "OracleSource.event_timestamp_column": lambda: "t",
    "AthenaSource.data_source": lambda: "catalog",
    "SparkSource.file_format": lambda: "delta",
    "RedshiftSource.schema": lambda: "public",
    "SnowflakeSource.schema": lambda: "public",
    "load_repo_config.fs_yaml_file": lambda: Path("feature_store.yaml"),
    "table_format_from_dict.data": lambda: {"format_type": "iceberg"},
    "table_format_from_json.json_str": lambda: '{"format_type": "iceberg"}',
    "Struct.fields": lambda: {"b": field().dtype},
    "from_feast_to_pyarrow_type.feast_type": lambda: feast.types.Int64,
    "from_feast_type.feast_type": lambda: feast.types.Int64,
    "from_value_type.value_type": lambda: feast.ValueType.STRING_LIST,
}


def json_free_format() -> Any:
    from feast.data_format import ParquetFormat

    return ParquetFormat()


parquet_format = json_free_format


def table_format() -> Any:
    from feast.table_format import DeltaFormat

    return DeltaFormat()


def user() -> Any:
    from feast.permissions.user import User

    return User("u", roles=["r"])


def action() -> Any:
    from feast.permissions.action import AuthzedAction

    return AuthzedAction.READ_ONLINE


def role_policy() -> Any:
    from feast.permissions.policy import RoleBasedPolicy

    return RoleBasedPolicy(roles=["r"])


# -- a store to call ---------------------------------------------------------------------------------


def open_store(folder: Path) -> Any:
    """A project in a folder, applied and loaded the first time that it is opened."""
    if not (folder / "feature_store.yaml").exists():
        import pyarrow as pa
        import pyarrow.parquet as pq

        (folder / "data").mkdir(exist_ok=True)
        (folder / "feature_store.yaml").write_text("project: p\nregistry: data/registry.db\nonline_store: sqlite\n")
        at = pa.array([NOW - timedelta(hours=1)], pa.timestamp("us", "UTC"))
        rate = pa.array([0.25], pa.float32())
        pq.write_table(
            pa.table({"driver_id": [1], "rate": rate, "event_timestamp": at}), folder / "data" / "stats.parquet"
        )
        store = feast.FeatureStore(str(folder))
        stream = feast.StreamFeatureView(name="streamed", entities=[entity()], schema=[field()], source=push())
        labels = feast.LabelView(name="labels", entities=[entity()], schema=[field()], source=source())
        service = feast.FeatureService(name="service", features=[view()])
        pushed_view = view(name="pushed_view", source=push(), offline=True)
        unused = feast.Entity(name="unused", value_type=feast.ValueType.STRING)
        unused_source = feast.FileSource(
            name="unused_source", path="data/stats.parquet", timestamp_field="event_timestamp"
        )
        known = [view(), pushed_view, stream, labels, on_demand(), service, unused, unused_source]
        store.apply([feast.Project(name="p"), *known])
        store.materialize(NOW - timedelta(days=1), NOW)
        job = store.get_historical_features(spine(), REFS)
        store.create_saved_dataset(job, "kept", storage("data/kept.parquet"))
    return feast.FeatureStore(str(folder))


CALLS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "apply": lambda store: {"objects": [view()]},
    "create_dataset_from_retrieval": lambda store: {
        "name": "new",
        "entity_df": spine(),
        "features": REFS,
        "storage": storage(),
    },
    "create_saved_dataset": lambda store: {
        "from_": store.get_historical_features(spine(), REFS),
        "name": "new",
        "storage": storage(),
    },
    "delete_feature_service": lambda store: {"name": "service"},
    "delete_feature_view": lambda store: {"name": "pushed_view"},
    "delete_project": lambda store: {"name": "p"},
    "disable_feature_view": lambda store: {"name": "stats_view"},
    "enable_feature_view": lambda store: {"name": "stats_view"},
    "get_data_source": lambda store: {"name": "stats"},
    "get_entity": lambda store: {"name": "driver"},
    "get_feature_service": lambda store: {"name": "service"},
    "get_feature_view": lambda store: {"name": "stats_view"},
    "get_historical_features": lambda store: {"entity_df": spine(), "features": REFS},
    "get_label_view": lambda store: {"name": "labels"},
    "get_on_demand_feature_view": lambda store: {"name": "halves"},
    "get_online_features": lambda store: {"features": REFS, "entity_rows": KEYS},
    "get_online_features_async": lambda store: {"features": REFS, "entity_rows": KEYS},
    "get_permission": lambda store: {"name": "x"},
    "get_project": lambda store: {"name": "p"},
    "get_saved_dataset": lambda store: {"name": "kept"},
    "get_stream_feature_view": lambda store: {"name": "streamed"},
    "get_validation_reference": lambda store: {"name": "x"},
    "list_feature_view_versions": lambda store: {"name": "stats_view"},
    "materialize": lambda store: {"start_date": NOW - timedelta(days=1), "end_date": NOW},
    "materialize_incremental": lambda store: {"end_date": NOW},
    "openai_search": lambda store: {"vector_store_id": "v", "query": "q"},
    "plan": lambda store: {"desired_repo_contents": [view()]},
    "push": lambda store: {"push_source_name": "live", "df": pushed()},
    "push_async": lambda store: {"push_source_name": "live", "df": pushed()},
    "retrieve_dataset_data": lambda store: {"name": "kept"},
    "retrieve_online_documents": lambda store: {"query": [1.0], "top_k": 1, "features": REFS},
    "retrieve_online_documents_v2": lambda store: {"features": REFS, "top_k": 1},
    "serve": lambda store: {"host": "127.0.0.1", "port": 0},
    "serve_offline": lambda store: {"host": "127.0.0.1", "port": 0},
    "serve_registry": lambda store: {"port": 0},
    "serve_transformations": lambda store: {"port": 0},
    "serve_ui": lambda store: {"host": "127.0.0.1", "port": 0},
    "set_current_project": lambda store: {"project": "other"},
    "reset_current_project": lambda store: {"token": None},
    "set_feature_view_state": lambda store: {"name": "stats_view", "state": None},
    "update_online_store": lambda store: {"feature_view_name": "stats_view", "df": pushed(), "update_expressions": {}},
    "validate_logged_features": lambda store: {"source": None, "start": NOW, "end": NOW, "reference": None},
    "write_logged_features": lambda store: {"logs": None, "source": None},
    "write_to_offline_store": lambda store: {"feature_view_name": "stats_view", "df": pushed()},
    "write_to_online_store": lambda store: {"feature_view_name": "stats_view", "df": pushed()},
    "write_to_online_store_async": lambda store: {"feature_view_name": "stats_view", "df": pushed()},
}

CALL_VALUES: Mapping[str, Callable[[], Any]] = {
    "objects_to_delete": list,
    "partial": lambda: False,
    "skip_feature_view_validation": lambda: True,
    "no_promote": lambda: True,
    "allow_cache": lambda: True,
    "allow_registry_cache": lambda: True,
    "allow_overwrite": lambda: True,
    "commit": lambda: False,
    "disable_event_timestamp": lambda: True,
    "start_date": lambda: NOW - timedelta(days=1),
    "end_date": lambda: NOW,
    "filter_by_created_timestamp": lambda: False,
    "full_feature_names": lambda: True,
    "force": lambda: True,
    "run_async": lambda: True,
    "feature_views": lambda: ["stats_view"],
    "include_feature_view_version_metadata": lambda: True,
    "limit": lambda: 1,
    "inputs": lambda: {"driver_id": [1], "rate": [0.5], "event_timestamp": [NOW]},
    "to": lambda: importlib.import_module("feast.data_source").PushMode.ONLINE,
    "transform_on_write": lambda: True,
    "reorder_columns": lambda: True,
    "batch_size": lambda: 10,
    "feature_service": lambda: feast.FeatureService(name="service", features=[view()]),
    "feature_service_name": lambda: "service",
    "tags": lambda: {"a": "b"},
    "progress_ctx": lambda: None,
    "type_": lambda: "http",
    "workers": lambda: 2,
    "worker_connections": lambda: 10,
    "max_requests": lambda: 10,
    "max_requests_jitter": lambda: 10,
    "metrics": lambda: True,
    "no_access_log": lambda: True,
    "keep_alive_timeout": lambda: 5,
    "registry_ttl_sec": lambda: 5,
}


# -- using them --------------------------------------------------------------------------------------


def observe(row: Row, folder: Path) -> tuple[str, str]:
    """Use what a row names; return "works", "warning" or "refused", and in a line what happens."""
    forget_warnings()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        prepared = _prepare(row, folder)
        forget_warnings()
        said.clear()
        try:
            _use(row, folder, prepared)
        except MissingDependencyError as error:
            return "works", error.message
        except UnsupportedError as error:
            return "refused", f"{error.message} {error.hint}".strip()
    told = [str(w.message) for w in said if w.category is FeastCompatibilityWarning]
    return ("warning", told[0]) if told else ("works", "")


def _prepare(row: Row, folder: Path) -> Any:
    """Make the object of a method or property, and check that it has all parameters."""
    if row.name == "FeatureStore" and (row.member or row.param):
        return open_store(folder)
    if row.member and row.name == "RetrievalJob":
        return open_store(folder).get_historical_features(spine(), REFS)
    if row.member and row.name == "BaseRegistry":
        return open_store(folder).registry
    if row.member and row.name == "SavedDataset":
        return open_store(folder).get_saved_dataset("kept")
    if row.name == "load_repo_config":
        open_store(folder)
    if row.member and not is_refused(row):
        return found(row)(**_base(row))
    return None


def _base(row: Row) -> dict[str, Any]:
    facts = facts_of(row)
    if row.name in BASES:
        return BASES[row.name]()
    if facts["kind"] == "config":
        return {name: "text" for name in facts["params"] if name not in facts["defaults"]}
    if row.name.endswith("Source"):
        place = next((p for p in ("table", "table_ref", "path", "collection") if p in facts["params"]), None)
        return {"name": "s"} | ({place: "a.b"} if place else {})
    return {}


def _value(row: Row) -> Any:
    own = OWN_VALUES.get(f"{row.name}.{row.param}")
    if own is not None:
        return own()
    if row.name.endswith("Config") and row.param in facts_of(row).get("defaults", {}):
        default = facts_of(row)["defaults"][row.param]
        if default is not None:
            return default
    return VALUES.get(row.param, lambda: "text")()


def _use(row: Row, folder: Path, prepared: Any) -> None:
    facts, target = facts_of(row), found(row)
    if row.member:
        _use_member(row, folder, prepared)
    elif facts["kind"] == "enum":
        assert set(target.__members__) == set(facts["members"])
    elif facts["kind"] == "error":
        assert issubclass(target, Exception)
    elif facts["kind"] in ("class", "function", "config"):
        if row.param:
            assert row.param in inspect.signature(target).parameters or facts["kind"] == "config", row.param
        given = {} if is_refused(row) else _base(row) | ({row.param: _value(row)} if row.param else {})
        if row.param in ("query", "path") and not row.name.endswith("Storage"):
            given.pop("table", None)  # exactly one of them
        if row.name == "KafkaSource" and row.param != "batch_source":
            given.setdefault("batch_source", source())
        made = target(**given)
        if row.name.endswith("_feature_view"):
            made(halve)
    else:
        assert target is not None
        if is_refused(row):
            target()


def _use_member(row: Row, folder: Path, made: Any) -> None:
    facts = facts_of(row)
    if row.member in facts.get("properties", ()):
        getattr(made, row.member)
        return
    method = getattr(made, row.member)
    if row.name == "FeatureStore":
        given = CALLS.get(row.member, lambda store: {})(made)
        if row.param:
            accepted = inspect.signature(method).parameters
            assert row.param in accepted or any(p.kind is p.VAR_KEYWORD for p in accepted.values()), row.param
            if row.param not in given:
                given[row.param] = CALL_VALUES.get(row.param, lambda: "text")()
            if row.param == "inputs":
                given.pop("df", None)
            if row.param in ("start_date", "end_date") and row.member == "get_historical_features":
                given |= {"entity_df": None, "start_date": NOW - timedelta(days=1), "end_date": NOW}
        _call(method, given, row.member)
    else:
        params = facts["methods"][row.member]
        own = MEMBER_VALUES.get(f"{row.name}.{row.member}") or MEMBER_VALUES.get(row.member)
        given = own(made) if own else {param: VALUES.get(param, lambda: "text")() for param in params}
        _call(method, given, row.member)


def named(name: str, _: Any) -> dict[str, Any]:
    return {"name": name, "project": "p"}


MEMBER_VALUES: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "set_projection": lambda view_: {"feature_view_projection": view_.projection},
    "with_projection": lambda view_: {"feature_view_projection": view_.projection},
    "with_join_key_map": lambda view_: {"join_key_map": {"driver_id": "other_id"}},
    "from_definition": lambda _: {"base_feature_view": view()},
    "from_feature_view_definition": lambda _: {"feature_view": view()},
    "get_feature": lambda projection: projection.features.append(field()) or {"feature_name": "rate"},
    "from_feature": lambda _: {"feature": feast.Feature("f", feast.ValueType.INT64)},
    "transform_dict": lambda _: {"feature_dict": {"rate": pd.Series([1.0])}},
    "PandasTransformation.transform": lambda _: {"inputs": {"rate": pd.Series([1.0])}},
    "PythonTransformation.transform": lambda _: {"input_dict": {"rate": pd.Series([1.0])}},
    "Transformation.transform": lambda _: {"inputs": {"rate": pd.Series([1.0])}},
    "transform_singleton": lambda _: {"input_dict": {"rate": pd.Series([1.0])}},
    "get_requested_odfvs": lambda _: {"feature_refs": [], "project": "p", "registry": NoViews()},
    "persist": lambda _: {"storage": storage("data/persisted.parquet")},
    "RetrievalJob.to_df": lambda _: {},
    "RetrievalJob.to_arrow": lambda _: {},
    "RetrievalJob.to_feast_df": lambda _: {},
    "OnlineResponse.to_df": lambda _: {},
    "to_tensor": lambda _: {},
    "OnlineResponse.to_arrow": lambda _: {},
    "OnlineResponse.to_dict": lambda _: {},
    "SavedDataset.with_retrieval_job": lambda _: {"retrieval_job": None},
    "from_data_source": lambda _: {"data_source": source()},
    "from_dict": lambda _: {"data": {"format_type": "delta"}},
    "get_uri_for_file_path": lambda _: {"repo_path": ".", "uri": "x.parquet"},
    "has_matching_role": lambda _: {"requested_roles": ["r"]},
    "has_matching_group": lambda _: {"requested_groups": ["g"]},
    "has_matching_namespace": lambda _: {"requested_namespaces": ["n"]},
    "prepare_for_apply": lambda _: {"registry": None, "project": "p"},
    **{
        f"BaseRegistry.get_{kind}": partial(named, name)
        for kind, name in {
            "entity": "driver",
            "data_source": "stats",
            "feature_view": "stats_view",
            "any_feature_view": "stats_view",
            "stream_feature_view": "streamed",
            "label_view": "labels",
            "on_demand_feature_view": "halves",
            "feature_service": "service",
            "saved_dataset": "kept",
        }.items()
    },
    "BaseRegistry.apply_entity": lambda _: {"entity": entity(), "project": "p"},
    "BaseRegistry.apply_data_source": lambda _: {"data_source": source(), "project": "p"},
    "BaseRegistry.apply_feature_view": lambda _: {"feature_view": view(), "project": "p"},
    "BaseRegistry.apply_feature_service": lambda _: {
        "feature_service": feast.FeatureService(name="service", features=[view()]),
        "project": "p",
    },
    **{
        f"BaseRegistry.delete_{kind}": partial(named, name)
        for kind, name in {
            "entity": "unused",
            "data_source": "unused_source",
            "feature_view": "pushed_view",
            "feature_service": "service",
            "label_view": "labels",
        }.items()
    },
    "BaseRegistry.commit": lambda _: {},
    "BaseRegistry.to_dict": lambda _: {"project": "p"},
    "BaseRegistry.get_permission": lambda _: {"name": "x", "project": "p"},
    "BaseRegistry.get_validation_reference": lambda _: {"name": "x", "project": "p"},
    "BaseRegistry.get_project": lambda _: {"name": "p"},
    "BaseRegistry.list_feature_view_versions": lambda _: {"name": "stats_view", "project": "p"},
    "BaseRegistry.list_projects": lambda _: {},
    "BaseRegistry.refresh": lambda _: {},
}


class NoViews:
    def list_on_demand_feature_views(self, project: str) -> list[Any]:
        return []


RAISES = {
    "get_permission": "PermissionNotFoundException",
    "get_validation_reference": "ValidationReferenceNotFound",
}
"""Methods whose answer is always that there is none."""


def _serve(method: Any, given: dict[str, Any]) -> None:
    """Serve at a port that is taken: all options were understood when that is what is said."""
    if "tls_key_path" in given or "tls_cert_path" in given:
        given |= {"tls_key_path": "k.pem", "tls_cert_path": "c.pem"}
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UnavailableError):
        method(**given | {"port": taken.getsockname()[1]})


def _call(method: Any, given: dict[str, Any], name: str) -> None:
    if name == "serve":
        _serve(method, given)
        return
    expected = RAISES.get(name)
    try:
        result = method(*given.values()) if getattr(method, "__name__", "") == "read" else method(**given)
        if inspect.isawaitable(result):
            asyncio.run(result)  # type: ignore[arg-type]
    except Exception as error:
        if type(error).__name__ != expected:
            raise
    else:
        assert expected is None
