"""Feast's API on Repast. Names are loaded when first used."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from feast.adapter.elsewhere import install
from repast.core.definitions.problem import hide_frames

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
