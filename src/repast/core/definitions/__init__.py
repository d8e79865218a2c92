"""What users write: frozen, keyword-only, validated, and each remembers its file and line."""

from repast.core.definitions.base import Definition
from repast.core.definitions.entity import Entity
from repast.core.definitions.feature_view import FeatureView, FeatureViewProjection
from repast.core.definitions.field import Field, JoinKey
from repast.core.definitions.function import UserFunction
from repast.core.definitions.on_demand import OnDemandFeatureView, on_demand_feature_view
from repast.core.definitions.service import FeatureService, Project, SavedDataset
from repast.core.definitions.source import (
    BatchSource,
    DataSource,
    FileSource,
    PushMode,
    PushSource,
    RegisteredSource,
    RequestSource,
)
from repast.core.definitions.table_source import (
    AthenaSource,
    BigQuerySource,
    ClickhouseSource,
    PostgreSQLSource,
    RedshiftSource,
    SnowflakeSource,
    SparkSource,
    TableSource,
    TrinoSource,
)

__all__ = [
    "AthenaSource",
    "BatchSource",
    "BigQuerySource",
    "ClickhouseSource",
    "DataSource",
    "Definition",
    "Entity",
    "FeatureService",
    "FeatureView",
    "FeatureViewProjection",
    "Field",
    "FileSource",
    "JoinKey",
    "OnDemandFeatureView",
    "PostgreSQLSource",
    "Project",
    "PushMode",
    "PushSource",
    "RedshiftSource",
    "RegisteredSource",
    "RequestSource",
    "SavedDataset",
    "SnowflakeSource",
    "SparkSource",
    "TableSource",
    "TrinoSource",
    "UserFunction",
    "on_demand_feature_view",
]
