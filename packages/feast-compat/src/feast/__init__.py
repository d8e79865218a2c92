"""Feast's API on Repast. Names are loaded when first used."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feast.adapter.elsewhere import install
from repast.core.definitions.problem import hide_frames

if TYPE_CHECKING:  # for editors and type checkers
    from feast.aggregation import Aggregation as Aggregation
    from feast.batch_feature_view import BatchFeatureView as BatchFeatureView
    from feast.data_source import KafkaSource as KafkaSource
    from feast.data_source import KinesisSource as KinesisSource
    from feast.data_source import PushSource as PushSource
    from feast.data_source import RequestSource as RequestSource
    from feast.dataframe import DataFrameEngine as DataFrameEngine
    from feast.dataframe import FeastDataFrame as FeastDataFrame
    from feast.entity import Entity as Entity
    from feast.feature import Feature as Feature
    from feast.feature_service import FeatureService as FeatureService
    from feast.feature_store import FeatureStore as FeatureStore
    from feast.feature_view import FeatureView as FeatureView
    from feast.feature_view import FeatureViewState as FeatureViewState
    from feast.field import Field as Field
    from feast.infra.offline_stores.bigquery_source import BigQuerySource as BigQuerySource
    from feast.infra.offline_stores.contrib.athena_offline_store.athena_source import AthenaSource as AthenaSource
    from feast.infra.offline_stores.contrib.chronon_offline_store.chronon_source import ChrononSource as ChrononSource
    from feast.infra.offline_stores.contrib.oracle_offline_store.oracle_source import OracleSource as OracleSource
    from feast.infra.offline_stores.file_source import FileSource as FileSource
    from feast.infra.offline_stores.redshift_source import RedshiftSource as RedshiftSource
    from feast.infra.offline_stores.snowflake_source import SnowflakeSource as SnowflakeSource
    from feast.labeling import ConflictPolicy as ConflictPolicy
    from feast.labeling import LabelView as LabelView
    from feast.on_demand_feature_view import OnDemandFeatureView as OnDemandFeatureView
    from feast.project import Project as Project
    from feast.repo_config import RepoConfig as RepoConfig
    from feast.stream_feature_view import StreamFeatureView as StreamFeatureView
    from feast.value_type import ValueType as ValueType

hide_frames(Path(__file__).parent)
install()

__version__ = "0.67.0"
"""The version of Feast whose interface this is."""

_HOME = {
    "Aggregation": "feast.aggregation",
    "BatchFeatureView": "feast.batch_feature_view",
    "copy_demo_notebooks": "feast.demos",
    "DataFrameEngine": "feast.dataframe",
    "Entity": "feast.entity",
    "KafkaSource": "feast.data_source",
    "KinesisSource": "feast.data_source",
    "FeastDataFrame": "feast.dataframe",
    "Feature": "feast.feature",
    "Field": "feast.field",
    "FeatureService": "feast.feature_service",
    "FeatureStore": "feast.feature_store",
    "FeatureView": "feast.feature_view",
    "FeatureViewState": "feast.feature_view",
    "LabelView": "feast.labeling",
    "ConflictPolicy": "feast.labeling",
    "OnDemandFeatureView": "feast.on_demand_feature_view",
    "RepoConfig": "feast.repo_config",
    "StreamFeatureView": "feast.stream_feature_view",
    "ValueType": "feast.value_type",
    "BigQuerySource": "feast.infra.offline_stores.bigquery_source",
    "FileSource": "feast.infra.offline_stores.file_source",
    "RedshiftSource": "feast.infra.offline_stores.redshift_source",
    "SnowflakeSource": "feast.infra.offline_stores.snowflake_source",
    "PushSource": "feast.data_source",
    "RequestSource": "feast.data_source",
    "AthenaSource": "feast.infra.offline_stores.contrib.athena_offline_store.athena_source",
    "OracleSource": "feast.infra.offline_stores.contrib.oracle_offline_store.oracle_source",
    "ChrononSource": "feast.infra.offline_stores.contrib.chronon_offline_store.chronon_source",
    "Project": "feast.project",
    "FeastVectorStore": "feast.vector_store",
    "DocEmbedder": "feast.doc_embedder",
    "SchemaTransformFn": "feast.doc_embedder",
    "BaseChunker": "feast.chunker",
    "TextChunker": "feast.chunker",
    "ChunkingConfig": "feast.chunker",
    "BaseEmbedder": "feast.embedder",
    "MultiModalEmbedder": "feast.embedder",
    "EmbeddingConfig": "feast.embedder",
    "EmbeddingProvider": "feast.embedder",
    "SentenceTransformersEmbeddingProvider": "feast.embedder",
    "get_embedding_provider": "feast.embedder",
    "FilterTranslator": "feast.filter_models",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'feast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
