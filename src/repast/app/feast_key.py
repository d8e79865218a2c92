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
    "offline_store": {
        "file": "duckdb",
        "dask": "duckdb",
        "snowflake.offline": "snowflake",
        **{
            f"feast.infra.offline_stores.{path}OfflineStore": name
            for path, name in {
                "bigquery.BigQuery": "bigquery",
                "contrib.athena_offline_store.athena.Athena": "athena",
                "contrib.clickhouse_offline_store.clickhouse.Clickhouse": "clickhouse",
                "contrib.postgres_offline_store.postgres.PostgreSQL": "postgres",
                "contrib.spark_offline_store.spark.Spark": "spark",
                "contrib.trino_offline_store.trino.Trino": "trino",
                "dask.Dask": "duckdb",
                "duckdb.DuckDB": "duckdb",
                "file.File": "duckdb",
                "redshift.Redshift": "redshift",
                "snowflake.Snowflake": "snowflake",
            }.items()
        },
    },
    "batch_engine": {"spark.engine": "spark"},
    "online_store": {
        "SqliteOnlineStore": "sqlite",
        **{
            f"feast.infra.online_stores.{path}OnlineStore": name
            for path, name in {
                "datastore.Datastore": "datastore",
                "dynamodb.DynamoDB": "dynamodb",
                "mysql_online_store.mysql.MySQL": "mysql",
                "postgres_online_store.postgres.PostgreSQL": "postgres",
                "redis.Redis": "redis",
                "remote.Remote": "remote",
                "sqlite.Sqlite": "sqlite",
            }.items()
        },
    },
}
"""Feast's names for what Repast calls otherwise."""

BATCH_ENGINES: Mapping[str, str] = dict.fromkeys(
    ("snowflake.engine", "lambda", "k8s", "spark_application", "ray.engine", "flink.engine", "trino.engine", "trino"),
    "the offline store's engine finds the newest rows, and this process writes them",
)
"""Batch engines of Feast that are accepted without effect, with the reason."""

REGISTRY_OPTIONS = ("registry_type", "cache_ttl_seconds")
"""Options of the registry section that are not the registry store's own."""

OPTION_NAMES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("offline_store", "trino"): {
        "http-scheme": "http_scheme",
        "ssl-verify": "ssl_verify",
        "x-trino-extra-credential-header": "extra_credential",
    },
}
"""Feast's names of options that Repast calls otherwise."""

MISSING_BACKENDS: Mapping[str, frozenset[str]] = {
    "registry": frozenset({"remote", "snowflake.registry"}),
    "offline_store": frozenset(
        {"chronon", "couchbase.offline", "hybrid", "hybrid_offline_store.HybridOfflineStore"}
        | {"mssql", "oracle", "ray", "remote"}
    ),
    "online_store": frozenset(
        {"aerospike", "bigtable", "cassandra", "chronon", "couchbase.online", "elasticsearch", "hazelcast", "hbase"}
        | {"hybrid", "milvus", "mongodb", "qdrant", "scylladb", "singlestore", "snowflake.online"}
    ),
    "batch_engine": frozenset(),
}
"""Feast's backends that Repast has no code for; so are all classes of its package, by their path."""

_VECTORS = "there is no vector search yet"

_MCP = "there is no MCP server yet"
_APPENDED = "pushed rows are appended before the push is answered"
_SEEN = "what is stored is served while loads write"
_LAZY = "connections are opened when they are needed"
_STREAMED = "results are streamed, not staged"

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
        "mcp": _MCP,
        "serve_features_while_materializing": _SEEN,
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
        "min_conn": _LAZY,
        "conn_type": "connections are always pooled",
        "max_batched_result_rows": "a read is one statement, whatever it asks for",
    },
    ("online_store", "mysql"): {
        "batch_write": "rows are always written in batches",
    },
    ("online_store", "redis"): {
        "client": "one client speaks to servers of both kinds",
        "full_scan_for_deletion": "nothing is scanned: dropping a view unlinks its hashes",
        "skip_dedup": "a server keeps the greater of two values by itself",
    },
    ("online_store", "dynamodb"): {
        "session_based_auth": "credentials are found as the AWS SDK finds them, sessions included",
        "warmup_connections": _LAZY,
    },
    ("registry", "sql"): {
        "registry_store_type": "the kind of database follows from the path",
        "cache_mode": "the cache refreshes itself in the background",
        "s3_additional_kwargs": "the registry is not in S3",
        "purge_feast_metadata": "there is no legacy metadata to purge",
        "enable_online_feature_view_versioning": "every generation of the registry is kept: see repast log",
        "mcp": _MCP,
        "serve_features_while_materializing": _SEEN,
        "read_path": "a replica may lag behind what was just registered; reads are few",
        "thread_pool_executor_worker_count": "the registry is one small document, not many rows",
        "schema_mode": "the one table is made when it is missing",
    },
    ("batch_engine", "local"): {"backend": "the offline store's engine does the work"},
    ("offline_store", "postgres"): {
        "min_conn": _LAZY,
        "max_conn": "a plan has one connection, which the next one uses again",
        "conn_type": "connections are always pooled",
        "entity_select_mode": "the engine sends spines as it is best",
    },
    ("offline_store", "snowflake"): {
        "blob_export_location": _STREAMED,
        "storage_integration_name": _STREAMED,
        "max_file_size": _STREAMED,
        "convert_timestamp_columns": "instants are instants, with microseconds, always",
    },
    ("offline_store", "clickhouse"): dict.fromkeys(
        ("port", "user", "password", "use_temporary_tables_for_entity_df", "additional_client_args"),
        "ClickHouse runs in this process, no server is connected to",
    ),
    ("offline_store", "duckdb"): {
        "staging_location": _STREAMED,
        "staging_location_endpoint_override": _STREAMED,
    },
}
