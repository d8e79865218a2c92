"""A shop whose training data is tested: real files, engine and registry in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from repast import Entity, FeatureStore, FeatureView, Field, FileSource
from repast.app.config import RepoConfig
from repast.types import DataType, Float64, Int64

START = datetime(2024, 6, 1, tzinfo=UTC)
BIG = 2**53 + 1
"""The first whole number that a float does not hold."""


def at(hours: float) -> datetime:
    """The moment so many hours after START."""
    return START + timedelta(hours=hours)


class Shop:
    """A project with a driver entity and whatever views a test defines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        config = RepoConfig(project="shop", repo_path=path, registry="data/registry", online_store="memory")
        self.store = FeatureStore(config=config)

    def rows(self, name: str, columns: Mapping[str, Any] | pa.Table) -> str:
        """Write a source; returns its path."""
        table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
        pq.write_table(table, self.path / f"{name}.parquet")
        return f"{name}.parquet"

    def view(
        self,
        name: str,
        columns: Mapping[str, Any] | pa.Table,
        *,
        keys: Mapping[str, DataType] | None = None,
        features: Mapping[str, DataType] | None = None,
        ttl: timedelta | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> FeatureView:
        """Write rows and define a view on them; its entity is named like its keys."""
        keys = {"driver_id": Int64} if keys is None else keys
        features = {"trips": Int64} if features is None else features
        table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
        options = {"timestamp_field": "event_timestamp"}
        if "created" in table.column_names:
            options["created_timestamp_column"] = "created"
        return FeatureView(
            name=name,
            entities=[Entity(name="_".join(keys), join_keys=dict(keys))] if keys else [],
            schema=[Field(name=f, dtype=dtype) for f, dtype in features.items()],
            source=FileSource(path=self.rows(name, table), name=name, **{**options, **(source or {})}),
            ttl=ttl,
        )

    def apply(self, *definitions: Any) -> Shop:
        self.store.apply(list(definitions))
        return self

    def get(self, spine: Any, features: Any, **options: Any) -> Any:
        return self.store.get_historical_features(spine, features, **options)

    def values(self, spine: Any, features: Sequence[str], **options: Any) -> list[Any]:
        """The first feature's column."""
        job = self.get(spine, features, **options)
        return job.to_arrow()[features[0].partition(":")[2]].to_pylist()


def driver_rows() -> dict[str, Any]:
    """Driver 1 at hours 0, 2 (twice, one recorded later) and 5; driver 2 once, with a big number."""
    return {
        "driver_id": [1, 1, 2, 1, 1],
        "event_timestamp": [at(0), at(2), at(1), at(5), at(2)],
        "created": [at(0), at(4), at(1), at(5), at(3)],
        "trips": [10, 21, BIG, 50, 20],
        "rating": [1.0, 2.5, None, 5.0, 2.0],
    }


DRIVER_FEATURES: Mapping[str, DataType] = {"trips": Int64, "rating": Float64}
