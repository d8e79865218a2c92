"""What ``feast init`` starts from: a configuration, definitions and data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

_LOCAL_ONLINE = "online_store:\n    type: sqlite\n    path: data/online_store.db\n"
_FOOT = "entity_key_serialization_version: 3\nauth:\n    type: no_auth\n"
_SOURCES = "feast.infra.offline_stores"


@dataclass(frozen=True)
class Template:
    """One template: its stores, and where the rows of drivers are."""

    stores: str
    provider: str = "local"
    registry: str = "registry: data/registry.db\n"
    source: tuple[str, str, str] | None = None
    """Module and class of the source, and the argument that says where the rows are; None: a file."""

    def configuration(self, project: str, *, flat: bool = False) -> str:
        """Return feature_store.yaml; ``flat`` as it was in 2022."""
        foot = "" if flat else _FOOT
        return f"project: {project}\nprovider: {self.provider}\n{self.registry}{self.stores}{foot}"


TEMPLATES: Mapping[str, Template] = {
    "local": Template(_LOCAL_ONLINE),
    "gcp": Template(
        "offline_store:\n    type: bigquery\n    dataset: feast\nonline_store:\n    type: datastore\n",
        provider="gcp",
        source=(f"{_SOURCES}.bigquery_source", "BigQuerySource", 'table="my_project.my_dataset.driver_hourly_stats"'),
    ),
    "aws": Template(
        "offline_store:\n    type: redshift\n    cluster_id: my-cluster\n    region: us-west-2\n    database: dev\n"
        "    user: awsuser\n    s3_staging_location: s3://my-bucket/staging\n"
        "    iam_role: arn:aws:iam::123456789012:role/redshift\n"
        "online_store:\n    type: dynamodb\n    region: us-west-2\n",
        provider="aws",
        source=(f"{_SOURCES}.redshift_source", "RedshiftSource", 'table="driver_hourly_stats"'),
    ),
    "snowflake": Template(
        "offline_store:\n    type: snowflake.offline\n    account: ${SNOWFLAKE_ACCOUNT}\n    user: ${SNOWFLAKE_USER}\n"
        "    password: ${SNOWFLAKE_PASSWORD}\n    role: ${SNOWFLAKE_ROLE}\n    warehouse: ${SNOWFLAKE_WAREHOUSE}\n"
        "    database: ${SNOWFLAKE_DATABASE}\n" + _LOCAL_ONLINE,
        source=(f"{_SOURCES}.snowflake_source", "SnowflakeSource", 'table="driver_hourly_stats"'),
    ),
    "spark": Template(
        'offline_store:\n    type: spark\n    spark_conf:\n        spark.master: "local[*]"\n' + _LOCAL_ONLINE,
        source=(
            f"{_SOURCES}.contrib.spark_offline_store.spark_source",
            "SparkSource",
            'path="data/driver_stats.parquet", file_format="parquet"',
        ),
    ),
    "postgres": Template(
        "".join(
            f"{section}:\n    type: postgres\n    host: ${{DB_HOST}}\n    port: 5432\n    database: ${{DB_NAME}}\n"
            "    db_schema: public\n    user: ${DB_USERNAME}\n    password: ${DB_PASSWORD}\n"
            for section in ("online_store", "offline_store")
        ),
        registry="registry:\n    registry_type: sql\n"
        "    path: postgresql+psycopg://${DB_USERNAME}:${DB_PASSWORD}@${DB_HOST}:5432/${DB_NAME}\n",
        source=(
            f"{_SOURCES}.contrib.postgres_offline_store.postgres_source",
            "PostgreSQLSource",
            'query="SELECT * FROM driver_hourly_stats"',
        ),
    ),
}
"""Templates that Repast has backends for."""

MISSING: Mapping[str, str] = {
    **dict.fromkeys(("hbase", "cassandra", "hazelcast", "couchbase"), "there is no such online store yet"),
    **dict.fromkeys(("milvus", "rag", "ray_rag", "pytorch_nlp"), "there is no vector search yet"),
    "ray": "there is no Ray engine yet",
}
"""Feast's other templates, each with the reason why it is refused."""


def text_of(name: str, project: str, template: Template | None = None) -> str:
    """Return a file of the templates, filled in."""
    text = resources.files("feast.cli").joinpath(f"template/{name}.txt").read_text(encoding="utf-8")
    text = text.replace("PROJECT_NAME", project)
    if template is not None and template.source is not None:
        for word, value in zip(("SOURCE_MODULE", "SOURCE_CLASS", "SOURCE_PLACE"), template.source, strict=True):
            text = text.replace(word, value)
    return text


def write_data(folder: Path, *, full: bool) -> None:
    """Write rows of drivers; with ``full`` also labels, and columns of maps, JSON and structs."""
    from feast.driver_test_data import write_driver_labels, write_driver_stats

    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    write_driver_stats(folder / "driver_stats.parquet", end=now, profiles=full)
    if full:
        write_driver_labels(folder / "driver_quality_labels.parquet", end=now)
