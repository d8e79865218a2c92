"""A frame, and which library's it is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any


class DataFrameEngine(Enum):
    """Whose frame it is."""

    PANDAS = "pandas"
    SPARK = "spark"
    DASK = "dask"
    RAY = "ray"
    ARROW = "arrow"
    POLARS = "polars"
    UNKNOWN = "unknown"


class FeastDataFrame:
    """A frame, and which library's it is."""

    def __init__(
        self, data: Any, engine: DataFrameEngine | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        self.data, self.metadata = data, dict(metadata or {})
        self.engine = engine or self._detect()

    def _detect(self) -> DataFrameEngine:
        library = type(self.data).__module__.partition(".")[0]
        known = {"pyarrow": "arrow", "pyspark": "spark"} | {e.value: e.value for e in DataFrameEngine}
        return DataFrameEngine(known.get(library, "unknown"))

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        return f"FeastDataFrame(engine={self.engine.value})"

    @property
    def is_lazy(self) -> bool:
        """Whether the rows are not read yet."""
        return self.engine in (DataFrameEngine.SPARK, DataFrameEngine.DASK, DataFrameEngine.RAY)
