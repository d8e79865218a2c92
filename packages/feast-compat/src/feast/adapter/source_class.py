"""Which of Feast's classes stands for which kind of source, wherever their modules are."""

from __future__ import annotations

import importlib
from typing import Any

from feast.data_source import DataSource
from feast.feature_logging import LoggingConfig, LoggingDestination

_STORES = "feast.infra.offline_stores"

SOURCE_CLASSES = {
    "file": f"{_STORES}.file_source:FileSource",
    "bigquery": f"{_STORES}.bigquery_source:BigQuerySource",
    "redshift": f"{_STORES}.redshift_source:RedshiftSource",
    "snowflake": f"{_STORES}.snowflake_source:SnowflakeSource",
    "athena": f"{_STORES}.contrib.athena_offline_store.athena_source:AthenaSource",
    "oracle": f"{_STORES}.contrib.oracle_offline_store.oracle_source:OracleSource",
    "chronon": f"{_STORES}.contrib.chronon_offline_store.chronon_source:ChrononSource",
    "spark": f"{_STORES}.contrib.spark_offline_store.spark_source:SparkSource",
    "postgres": f"{_STORES}.contrib.postgres_offline_store.postgres_source:PostgreSQLSource",
    "trino": f"{_STORES}.contrib.trino_offline_store.trino_source:TrinoSource",
    "mssql": f"{_STORES}.contrib.mssql_offline_store.mssqlserver_source:MsSqlServerSource",
    "clickhouse": f"{_STORES}.contrib.clickhouse_offline_store.clickhouse_source:ClickhouseSource",
    "couchbase": f"{_STORES}.contrib.couchbase_offline_store.couchbase_source:CouchbaseColumnarSource",
}
"""Kinds of sources as Repast's engines name them, and Feast's class of each."""


def source_class(source_type: str) -> type[DataSource] | None:
    """Return Feast's class of a kind of source, or None."""
    module, _, name = SOURCE_CLASSES.get(source_type, "").partition(":")
    return getattr(importlib.import_module(module), name) if module else None


def restore_logging(plain: dict[str, Any]) -> LoggingConfig:
    """Return a logging configuration as a service had it."""
    values = dict(plain)
    name, rate = values.pop("to"), values.pop("sample_rate")
    found = next((cls for cls in LoggingDestination.__subclasses__() if cls.__name__ == name), LoggingDestination)
    destination = found.__new__(found)
    destination.__dict__.update(values)
    return LoggingConfig(destination, rate)
