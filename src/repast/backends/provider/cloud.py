"""The three clouds. A registry's path is the project's own, so it is never a default: ``registry: gs://...``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from repast.ports.provider import Provider


class GcpProvider(Provider):
    """Google Cloud: BigQuery for training data, Datastore for serving, the registry in a bucket of GCS."""

    defaults: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "registry": {"type": "object_store"},
        "offline_store": {"type": "bigquery"},
        "online_store": {"type": "datastore"},
    }


class AwsProvider(Provider):
    """Amazon Web Services: Redshift for training data, DynamoDB for serving, the registry in a bucket of S3.

    With Athena instead: ``offline_store: {type: athena, ...}``.
    """

    defaults: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "registry": {"type": "object_store"},
        "offline_store": {"type": "redshift"},
        "online_store": {"type": "dynamodb"},
    }


class AzureProvider(Provider):
    """Azure: files in Blob storage, read by DuckDB, for training data; Redis for serving; the registry in a blob."""

    defaults: ClassVar[Mapping[str, Mapping[str, object]]] = {
        "registry": {"type": "object_store"},
        "offline_store": {"type": "duckdb"},
        "online_store": {"type": "redis"},
    }
