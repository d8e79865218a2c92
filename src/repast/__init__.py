"""Repast: a feature store that is right by default.

Names are loaded when first used, so ``import repast`` costs milliseconds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from repast.app.store import FeatureStore as FeatureStore
    from repast.core.definitions import (
        AthenaSource as AthenaSource,
    )
    from repast.core.definitions import (
        BatchSource as BatchSource,
    )
    from repast.core.definitions import (
        BigQuerySource as BigQuerySource,
    )
    from repast.core.definitions import (
        ClickhouseSource as ClickhouseSource,
    )
    from repast.core.definitions import (
        DataSource as DataSource,
    )
    from repast.core.definitions import (
        Entity as Entity,
    )
    from repast.core.definitions import (
        FeatureService as FeatureService,
    )
    from repast.core.definitions import (
        FeatureView as FeatureView,
    )
    from repast.core.definitions import (
        FeatureViewProjection as FeatureViewProjection,
    )
    from repast.core.definitions import (
        Field as Field,
    )
    from repast.core.definitions import (
        FileSource as FileSource,
    )
    from repast.core.definitions import (
        OnDemandFeatureView as OnDemandFeatureView,
    )
    from repast.core.definitions import (
        PostgreSQLSource as PostgreSQLSource,
    )
    from repast.core.definitions import (
        Project as Project,
    )
    from repast.core.definitions import (
        PushMode as PushMode,
    )
    from repast.core.definitions import (
        PushSource as PushSource,
    )
    from repast.core.definitions import (
        RedshiftSource as RedshiftSource,
    )
    from repast.core.definitions import (
        RequestSource as RequestSource,
    )
    from repast.core.definitions import (
        SavedDataset as SavedDataset,
    )
    from repast.core.definitions import (
        SnowflakeSource as SnowflakeSource,
    )
    from repast.core.definitions import (
        SparkSource as SparkSource,
    )
    from repast.core.definitions import (
        TableSource as TableSource,
    )
    from repast.core.definitions import (
        TrinoSource as TrinoSource,
    )
    from repast.core.definitions import (
        on_demand_feature_view as on_demand_feature_view,
    )
    from repast.errors import RepastError as RepastError

__version__ = "0.1.0"

_HOME = {
    "FeatureStore": "repast.app.store",
    "RepastError": "repast.errors",
    **dict.fromkeys(
        (
            "AthenaSource",
            "BatchSource",
            "BigQuerySource",
            "ClickhouseSource",
            "DataSource",
            "Entity",
            "FeatureService",
            "FeatureView",
            "FeatureViewProjection",
            "Field",
            "FileSource",
            "OnDemandFeatureView",
            "PostgreSQLSource",
            "Project",
            "PushMode",
            "PushSource",
            "RedshiftSource",
            "RequestSource",
            "SavedDataset",
            "SnowflakeSource",
            "SparkSource",
            "TableSource",
            "TrinoSource",
            "on_demand_feature_view",
        ),
        "repast.core.definitions",
    ),
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'repast' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
