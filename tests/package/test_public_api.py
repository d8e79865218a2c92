"""What users may rely on: the public names, how they are documented, and what importing them costs."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import repast
import repast.errors
import repast.types
from repast import FeatureStore

NAMES = {
    "AthenaSource",
    "BatchSource",
    "BigQuerySource",
    "ClickhouseSource",
    "DataSource",
    "Entity",
    "FeatureService",
    "FeatureStore",
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
    "RepastError",
    "RequestSource",
    "SavedDataset",
    "SnowflakeSource",
    "SparkSource",
    "TableSource",
    "TrinoSource",
    "on_demand_feature_view",
    "__version__",
}

STORE = {
    "apply",
    "close",
    "config",
    "create_saved_dataset",
    "erase",
    "get_data_source",
    "get_entity",
    "get_feature_service",
    "get_feature_view",
    "get_historical_features",
    "get_on_demand_feature_view",
    "get_online_features",
    "get_online_features_async",
    "get_saved_dataset",
    "input_columns",
    "list_data_sources",
    "list_entities",
    "list_feature_services",
    "list_feature_views",
    "list_on_demand_feature_views",
    "list_projects",
    "list_saved_datasets",
    "log",
    "materialize",
    "materialize_incremental",
    "plan",
    "project",
    "push",
    "push_async",
    "refresh_registry",
    "rollback",
    "teardown",
    "write_to_offline_store",
    "write_to_online_store",
}

TYPES = {
    "Array",
    "Bool",
    "Bytes",
    "DataType",
    "Date",
    "Decimal",
    "Float32",
    "Float64",
    "Int32",
    "Int64",
    "Json",
    "List",
    "Map",
    "Primitive",
    "Set",
    "String",
    "Struct",
    "Timestamp",
    "UnixTimestamp",
    "Uuid",
    "as_type",
    "from_arrow",
    "from_json",
}

ERRORS = {
    "ClosedError",
    "ConflictError",
    "CorruptDataError",
    "InvalidConfigError",
    "InvalidDefinitionError",
    "InvalidRequestError",
    "InvalidValueError",
    "Location",
    "MissingDependencyError",
    "NotFoundError",
    "Problem",
    "RepastError",
    "UnavailableError",
    "UnsupportedError",
    "did_you_mean",
    "require",
}


def test_the_names_are_these_and_no_others() -> None:
    assert set(repast.__all__) == NAMES
    assert set(repast.types.__all__) == TYPES
    assert set(repast.errors.__all__) == ERRORS
    assert {name for name in vars(FeatureStore) if not name.startswith("_")} == STORE


def test_every_public_name_resolves_and_is_documented() -> None:
    for name in NAMES - {"__version__"}:
        assert inspect.getdoc(getattr(repast, name)), name
    for name in STORE:
        assert inspect.getdoc(getattr(FeatureStore, name)), name
    for name in ERRORS:
        assert inspect.getdoc(getattr(repast.errors, name)), name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Feature_Store'"):
        _ = repast.Feature_Store  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import repast", ("pyarrow", "numpy", "pandas", "duckdb", "sqlglot", "click", "rich", "yaml", "msgspec")),
        (
            "from repast import Entity, FeatureView, FileSource, FeatureService, FeatureStore; import repast.types",
            ("pyarrow", "numpy", "pandas", "duckdb", "sqlglot", "click", "rich", "polars"),
        ),
    ],
)
def test_importing_loads_nothing_heavy(statement: str, heavy: tuple[str, ...]) -> None:
    code = f"{statement}\nimport sys\nprint(*[m for m in {heavy!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []


def test_every_error_is_also_what_a_caller_would_guess() -> None:
    assert issubclass(repast.errors.NotFoundError, LookupError)
    assert issubclass(repast.errors.InvalidValueError, ValueError)
    assert issubclass(repast.errors.UnavailableError, ConnectionError)
    assert issubclass(repast.errors.MissingDependencyError, ImportError)
    assert all(issubclass(getattr(repast.errors, n), Exception) for n in ERRORS if n.endswith("Error"))
