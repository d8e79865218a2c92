"""List Feast's public names as facts: run once per version of Feast, by a Python that has it.

    FEAST_PYTHON scripts/make_feast_inventory.py > packages/feast-compat/tests/inventory.json

Names, parameters, methods, properties and members of enumerations; no text of Feast's. Packages that Feast's
modules import and that are not there are stood in for, so that every module can be listed.
"""

from __future__ import annotations

import ast
import contextlib
import enum
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import inspect
import json
import re
import sys
import types
import warnings
from pathlib import Path
from typing import Any, ClassVar

MODULES = """
aggregation base_feature_view batch_feature_view chunker credentials data_format data_source dataframe
dataset_job_manager demos doc_embedder document_labeling dqm.errors dqm.profilers.profiler
dqm.profilers.ge_profiler driver_test_data embedder entity errors feature feature_logging feature_service
feature_store feature_view feature_view_projection field filter_models importer labeling.conflict_policy
labeling.conflict_resolver labeling.label_view on_demand_feature_view online_response permissions.action
permissions.auth_model permissions.decision permissions.enforcer permissions.matcher permissions.permission
permissions.policy permissions.security_manager permissions.user project repo_config repo_contents saved_dataset
stream_feature_view table_format transformation.base transformation.factory transformation.flink_transformation
transformation.mode transformation.pandas_transformation transformation.python_transformation
transformation.ray_transformation transformation.spark_transformation transformation.sql_transformation
transformation.substrait_transformation transformation.trino_transformation types value_type vector_store wait
infra.contrib.spark_kafka_processor infra.contrib.stream_processor
infra.data_sources.contrib.iceberg_catalog.iceberg_source
infra.data_sources.contrib.iceberg_catalog.unity_catalog_source infra.data_sources.contrib.lance.lance_source
infra.data_sources.mlflow.mlflow_dataset_source infra.feature_servers.base_config
infra.feature_servers.local_process.config infra.key_encoding_utils infra.offline_stores.bigquery
infra.offline_stores.bigquery_source infra.offline_stores.contrib.athena_offline_store.athena
infra.offline_stores.contrib.athena_offline_store.athena_source
infra.offline_stores.contrib.chronon_offline_store.chronon
infra.offline_stores.contrib.chronon_offline_store.chronon_source
infra.offline_stores.contrib.clickhouse_offline_store.clickhouse
infra.offline_stores.contrib.clickhouse_offline_store.clickhouse_source
infra.offline_stores.contrib.couchbase_offline_store.couchbase
infra.offline_stores.contrib.couchbase_offline_store.couchbase_source
infra.offline_stores.contrib.mongodb_offline_store.mongodb infra.offline_stores.contrib.mssql_offline_store.mssql
infra.offline_stores.contrib.mssql_offline_store.mssqlserver_source
infra.offline_stores.contrib.oracle_offline_store.oracle
infra.offline_stores.contrib.oracle_offline_store.oracle_source
infra.offline_stores.contrib.postgres_offline_store.postgres
infra.offline_stores.contrib.postgres_offline_store.postgres_source
infra.offline_stores.contrib.ray_offline_store.ray infra.offline_stores.contrib.ray_offline_store.ray_source
infra.offline_stores.contrib.spark_offline_store.spark
infra.offline_stores.contrib.spark_offline_store.spark_source
infra.offline_stores.contrib.trino_offline_store.trino
infra.offline_stores.contrib.trino_offline_store.trino_source infra.offline_stores.dask
infra.offline_stores.duckdb infra.offline_stores.file_source infra.offline_stores.hybrid_offline_store
infra.offline_stores.offline_store infra.offline_stores.redshift infra.offline_stores.redshift_source
infra.offline_stores.remote infra.offline_stores.snowflake infra.offline_stores.snowflake_source
infra.online_stores.aerospike_online_store.aerospike infra.online_stores.bigtable
infra.online_stores.cassandra_online_store.cassandra_online_store infra.online_stores.chronon_online_store.chronon
infra.online_stores.couchbase_online_store.couchbase infra.online_stores.datastore infra.online_stores.dynamodb
infra.online_stores.elasticsearch_online_store.elasticsearch infra.online_stores.faiss_online_store
infra.online_stores.hazelcast_online_store.hazelcast_online_store infra.online_stores.hbase_online_store.hbase
infra.online_stores.hybrid_online_store.hybrid_online_store infra.online_stores.milvus_online_store.milvus
infra.online_stores.mongodb_online_store.mongodb infra.online_stores.mysql_online_store.mysql
infra.online_stores.online_store infra.online_stores.postgres_online_store.postgres
infra.online_stores.qdrant_online_store.qdrant infra.online_stores.redis infra.online_stores.remote
infra.online_stores.scylladb_online_store.scylladb infra.online_stores.singlestore_online_store.singlestore
infra.online_stores.snowflake infra.online_stores.sqlite infra.online_stores.vector_store
infra.passthrough_provider infra.provider infra.registry.base_registry infra.registry.registry
infra.registry.remote infra.registry.registry_store infra.registry.s3 infra.registry.gcs
infra.registry.contrib.azure.azure_registry_store infra.registry.snowflake infra.registry.sql
"""
CONFIG_MODULES = """
infra.utils.postgres.postgres_config infra.mcp_servers.mcp_config mlflow_integration.config
infra.compute_engines.aws_lambda.lambda_engine infra.compute_engines.flink.compute
infra.compute_engines.kubernetes.k8s_engine infra.compute_engines.local.compute infra.compute_engines.ray.config
infra.compute_engines.snowflake.snowflake_engine infra.compute_engines.spark.compute
infra.compute_engines.spark_application.config infra.compute_engines.trino.compute
"""
"""Modules of which only the configuration is listed."""
PROTO = ("to_proto", "from_proto", "to_proto_meta", "to_proto_spec")


class Stand(types.ModuleType):
    """A package that is not there: every attribute is a class, or a module of its own."""

    __path__: ClassVar[list[str]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__class_getitem__": classmethod(lambda cls, _: cls)})


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds what nobody else does."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:  # noqa: ARG002  # importlib calls it
        if name.partition(".")[0] in ("feast", "_typeshed", "nt", "org"):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> Any:
        return Stand(spec.name)

    def exec_module(self, module: Any) -> None:
        pass


def params(function: Any) -> list[str]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return []
    skipped = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in signature.parameters.values() if p.kind not in skipped and p.name not in ("self", "cls")]


def plain(value: Any) -> Any:
    value = getattr(value, "value", value)
    return value if isinstance(value, str | int | float | bool | None) else None


def describe_class(cls: type) -> dict[str, Any]:
    if issubclass(cls, enum.Enum):
        return {"kind": "enum", "members": {name: plain(member.value) for name, member in cls.__members__.items()}}
    if issubclass(cls, BaseException):
        return {"kind": "error"}
    fields = getattr(cls, "model_fields", None)
    if fields:
        named = {field.alias or name: field for name, field in fields.items()}
        defaults = {name: plain(field.default) for name, field in named.items() if not field.is_required()}
        return {"kind": "config", "params": list(named), "defaults": defaults}
    found: dict[str, Any] = {"kind": "class", "params": params(cls), "methods": {}, "properties": []}
    for name, value in sorted(vars(cls).items()):
        if name.startswith("_") or name in PROTO:
            continue
        if isinstance(value, property):
            found["properties"].append(name)
        elif callable(value) or isinstance(value, staticmethod | classmethod):
            found["methods"][name] = params(getattr(cls, name))
    return found


def describe(module: Any) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for name, value in sorted(vars(module).items()):
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value):
            names[name] = describe_class(value)
        elif inspect.isfunction(value):
            names[name] = {"kind": "function", "params": params(value)}
    if module.__name__ == "feast.types":
        wanted = [n for n, v in vars(module).items() if type(v).__name__ == "PrimitiveFeastType"]
        names |= {name: {"kind": "value"} for name in sorted(wanted)}
    return names


def read(name: str) -> dict[str, Any]:
    """Describe a module by its text: one whose packages cannot be stood in for."""
    import feast

    base = Path(feast.__file__).parent.joinpath(*name.split(".")[1:])
    tree = ast.parse(base.with_suffix(".py").read_text())
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            found[node.name] = {"kind": "function", "params": arguments(node)}
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found[node.name] = read_class(node)
    return found


def arguments(node: ast.FunctionDef) -> list[str]:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [a.arg for a in given if a.arg not in ("self", "cls")]


def read_class(node: ast.ClassDef) -> dict[str, Any]:
    bases = " ".join(ast.unparse(base) for base in node.bases)
    fields = [n for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
    names = [n.target.id for n in fields if isinstance(n.target, ast.Name) and n.target.id != "model_config"]
    if "Config" in bases or "BaseModel" in bases:
        given = {n.target.id: n.value for n in fields if isinstance(n.target, ast.Name) and n.value is not None}
        defaults = {k: written(v) for k, v in given.items()}
        found = {"kind": "config", "params": names, "defaults": defaults, "bases": re.findall(r"\w+", bases)}
        aliases = {k: alias for k, v in given.items() if (alias := alias_of(v))}
        return found | ({"aliases": aliases} if aliases else {})
    if "Enum" in bases:
        members = [n for n in node.body if isinstance(n, ast.Assign)]
        return {"kind": "enum", "members": {ast.unparse(n.targets[0]): ast.literal_eval(n.value) for n in members}}
    if "Exception" in bases or "Error" in bases:
        return {"kind": "error"}
    methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    shown = {k: n for k, n in methods.items() if not k.startswith("_") and k not in PROTO}
    properties = [
        k
        for k, n in shown.items()
        if any("property" in (text := ast.unparse(d)) or text.endswith(".setter") for d in n.decorator_list)
    ]
    public = {k: arguments(n) for k, n in shown.items() if k not in properties}
    made = arguments(methods["__init__"]) if "__init__" in methods else []
    return {"kind": "class", "params": made, "methods": public, "properties": properties}


def alias_of(node: ast.expr) -> str | None:
    """Return what feature_store.yaml calls an option that goes by another name in Python."""
    if not isinstance(node, ast.Call):
        return None
    return next((ast.literal_eval(k.value) for k in node.keywords if k.arg == "alias"), None)


def written(node: ast.expr) -> Any:
    """Return a default as it is written: a constant, or the name of an enumeration's member."""
    return node.value if isinstance(node, ast.Constant) else node.attr if isinstance(node, ast.Attribute) else None


SECTIONS = {
    "OnlineStoreConfig": "online_store",
    "OfflineStoreConfig": "offline_store",
    "RegistryConfig": "registry",
    "FeatureServerConfig": "feature_server",
    "ComputeEngineConfig": "batch_engine",
}
BLOCKS = {
    "DataQualityMonitoringConfig": "data_quality_monitoring",
    "EmbeddingModelConfig": "embedding_model",
    "FaissOnlineStoreConfig": "online_store feast.infra.online_stores.faiss_online_store.FaissOnlineStore",
    "FeatureLoggingConfig": "feature_server.feature_logging",
    "KubernetesAuthConfig": "auth kubernetes",
    "MaterializationConfig": "materialization",
    "McpRegistryConfig": "registry.mcp",
    "MetricsConfig": "feature_server.metrics",
    "MlflowConfig": "mlflow",
    "NoAuthConfig": "auth no_auth",
    "OidcAuthConfig": "auth oidc",
    "OidcClientAuthConfig": "auth oidc",
    "OpenLineageConfig": "openlineage",
    "OpenLineageConsumerConfig": "openlineage.consumer",
    "RepoConfig": "",
}
"""Configurations by name -> where they are in feature_store.yaml; others by how their names end, and their type."""
BASES = ("BaseFeatureServerConfig",)
MIXED_IN = {"VectorStoreConfig": {"vector_enabled", "similarity"}}
"""Classes with options that are no models."""


def yaml_keys(modules: dict[str, Any]) -> dict[str, list[str]]:
    """The keys of feature_store.yaml: at the top, and per section and type of backend."""
    configs = {n: f for names in modules.values() for n, f in names.items() if f["kind"] == "config"}
    keys: dict[str, set[str]] = {}
    for names in modules.values():
        for name, facts in names.items():
            place = place_of(name, facts) if facts["kind"] == "config" else None
            if place is not None:
                keys.setdefault(place, set()).update(with_inherited(facts, configs))
    return {section: sorted(found) for section, found in sorted(keys.items())}


def place_of(name: str, facts: dict[str, Any]) -> str | None:
    if name in BLOCKS or name in BASES:
        return BLOCKS.get(name)
    section = next((s for suffix, s in SECTIONS.items() if name.endswith(suffix)), None)
    kind = facts["defaults"].get("type") or facts["defaults"].get("registry_type") or ""
    return f"{section} {kind}".strip() if section and kind else None


def with_inherited(facts: dict[str, Any], configs: dict[str, Any]) -> set[str]:
    found = {facts.get("aliases", {}).get(param, param) for param in facts["params"]}
    for base in facts.get("bases", ()):
        found |= MIXED_IN.get(base, set())
        if base in configs and configs[base] is not facts:
            found |= with_inherited(configs[base], configs)
    return found


def commands(group: Any, path: str = "feast") -> dict[str, list[str]]:
    """Every verb of the command with its arguments and options."""
    found: dict[str, list[str]] = {}
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            found |= commands(command, f"{path} {name}")
        else:
            found[f"{path} {name}"] = [max(p.opts, key=len) if p.opts else p.name for p in command.params]
    return found


def full(names: str) -> list[str]:
    return [f"feast.{name}" for name in names.split()]


def listed(name: str) -> dict[str, Any]:
    """List a module by importing it, or where that fails by its text."""
    with contextlib.suppress(BaseException):  # read below
        found = describe(importlib.import_module(name))
        if found:
            return found
    return read(name)


def main() -> None:
    warnings.simplefilter("ignore")
    sys.stdout, out = sys.stderr, sys.stdout
    import feast

    exported = {name: {"kind": "export"} for name in sorted(feast.__all__)}
    inventory: dict[str, Any] = {"feast": importlib.metadata.version("feast"), "modules": {"feast": exported}}
    sys.meta_path.append(Finder())
    for name in full(MODULES):
        inventory["modules"][name] = listed(name)
    from feast.cli.cli import cli

    inventory["cli"] = {"feast": [max(p.opts, key=len) for p in cli.params], **commands(cli)}
    inventory["yaml"] = yaml_keys(inventory["modules"] | {name: listed(name) for name in full(CONFIG_MODULES)})
    json.dump(inventory, out, indent=1, sort_keys=True)
    out.write("\n")


if __name__ == "__main__":
    main()
