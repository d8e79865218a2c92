"""Keys that Feast's users have in feature_store.yaml and that Repast accepts without effect, with the reason."""

from __future__ import annotations

from collections.abc import Mapping

IGNORED_KEYS: Mapping[str, str] = {
    "entity_key_serialization_version": "Repast has one key encoding, and versions it itself",
    "coerce_tz_aware": "instants are always UTC inside; naive ones mean UTC",
    "flags": "no feature needs a flag",
    "materialization": "loads read only the newest rows and size their batches themselves",
    "data_quality_monitoring": "there is no monitoring yet",
    "embedding_model": "there is no vector search yet",
    "openlineage": "lineage is not exported yet",
    "mlflow": "runs are not exported yet",
}

BACKEND_ALIASES: Mapping[str, Mapping[str, str]] = {
    "registry": {"file": "object_store"},
    "offline_store": {"file": "duckdb", "dask": "duckdb"},
    "batch_engine": {"spark.engine": "spark"},
    "online_store": {"SqliteOnlineStore": "sqlite"},
}
"""Feast's names for what Repast calls otherwise."""

BATCH_ENGINES: Mapping[str, str] = dict.fromkeys(
    ("snowflake.engine", "lambda", "k8s", "spark_application", "ray.engine", "flink.engine", "trino.engine", "trino"),
    "the offline store's engine finds the newest rows, and this process writes them",
)
"""Batch engines of Feast that are accepted without effect, with the reason."""

REGISTRY_OPTIONS = ("registry_type", "cache_ttl_seconds")
"""Options of the registry section that are not the registry store's own."""

_VECTORS = "there is no vector search yet"

_MCP = "there is no MCP server yet"
_APPENDED = "pushed rows are appended before the push is answered"

IGNORED_OPTIONS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("feature_server", "local"): {
        "enabled": "it runs when it is started: repast serve",
        "feature_logging": "served values are not logged yet",
        "audit_logging": "there is no audit log yet",
        "offline_push_batching_enabled": _APPENDED,
        "offline_push_batching_batch_size": _APPENDED,
        "offline_push_batching_batch_interval_seconds": _APPENDED,
        "transformation_service_endpoint": "on-demand features are computed where they are served",
        "mcp_enabled": _MCP,
        "mcp_server_name": _MCP,
        "mcp_server_version": _MCP,
        "mcp_transport": _MCP,
    },
    ("registry", "object_store"): {
        "registry_store_type": "the kind of store follows from the path",
        "cache_mode": "the cache refreshes itself in the background",
        "s3_additional_kwargs": "Repast's client has its own options: storage_options",
        "purge_feast_metadata": "there is no legacy metadata to purge",
        "enable_online_feature_view_versioning": "every generation of the registry is kept: see repast log",
        "mcp": "there is no MCP server yet",
    },
    ("online_store", "sqlite"): {
        "vector_enabled": _VECTORS,
        "similarity": _VECTORS,
        "text_search_enabled": _VECTORS,
        "enable_openai_compatible_store": _VECTORS,
    },
    ("online_store", "postgres"): {
        "vector_enabled": _VECTORS,
        "similarity": _VECTORS,
        "enable_openai_compatible_store": _VECTORS,
        "min_conn": "connections are opened when they are needed",
        "conn_type": "connections are always pooled",
    },
    ("online_store", "mysql"): {
        "batch_write": "rows are always written in batches",
    },
    ("registry", "sql"): {
        "registry_store_type": "the kind of database follows from the path",
        "cache_mode": "the cache refreshes itself in the background",
        "s3_additional_kwargs": "the registry is not in S3",
        "purge_feast_metadata": "there is no legacy metadata to purge",
        "enable_online_feature_view_versioning": "every generation of the registry is kept: see repast log",
        "mcp": "there is no MCP server yet",
        "read_path": "a replica may lag behind what was just registered; reads are few",
        "thread_pool_executor_worker_count": "the registry is one small document, not many rows",
        "schema_mode": "the one table is made when it is missing",
    },
    ("batch_engine", "local"): {"backend": "the offline store's engine does the work"},
    ("offline_store", "postgres"): {
        "min_conn": "connections are opened when they are needed",
        "max_conn": "a plan has one connection, which the next one uses again",
        "conn_type": "connections are always pooled",
    },
    ("offline_store", "clickhouse"): dict.fromkeys(
        ("port", "user", "password", "use_temporary_tables_for_entity_df", "additional_client_args"),
        "ClickHouse runs in this process, no server is connected to",
    ),
    ("offline_store", "duckdb"): {
        "staging_location": "results are streamed, not staged",
        "staging_location_endpoint_override": "results are streamed, not staged",
    },
}
