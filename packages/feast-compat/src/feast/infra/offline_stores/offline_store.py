"""Training data that is read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from feast.adapter.notice import refuse, refused_class, without_effect
from feast.online_response import to_tensors

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_PLUGIN = "write a Repast engine: docs/how-to/write-an-engine.md"

OfflineStore = refused_class("feast.infra.offline_stores.offline_store.OfflineStore", hint=_PLUGIN)


@contextmanager
def raising_taken(table: str) -> Iterator[None]:
    """Raise Feast's error where a table is there already."""
    from feast.errors import SavedDatasetLocationAlreadyExists
    from repast.errors import ConflictError

    try:
        yield
    except ConflictError as error:
        raise SavedDatasetLocationAlreadyExists(f"{table} exists; allow_overwrite=True replaces it") from error


class RetrievalMetadata:
    """What a retrieval asks for."""

    def __init__(
        self,
        features: list[str],
        keys: list[str],
        min_event_timestamp: datetime | None = None,
        max_event_timestamp: datetime | None = None,
    ) -> None:
        self.features, self.keys = features, keys
        self.min_event_timestamp, self.max_event_timestamp = min_event_timestamp, max_event_timestamp


class RetrievalJob:
    """Training data that is read when it is asked for."""

    _store: Any
    _job: Any
    _features: Any
    _full_feature_names = False

    @classmethod
    def _of(cls, store: Any, job: Any, features: Any, full_feature_names: bool) -> RetrievalJob:
        made = cls.__new__(cls)
        made._store, made._job, made._features, made._full_feature_names = store, job, features, full_feature_names
        return made

    def _check(self, validation_reference: Any, timeout: int | None) -> None:
        if validation_reference is not None:
            refuse("to_df(validation_reference=...)", hint="read the data and check it with a library of your own")
        if timeout is not None:
            without_effect("to_df(timeout=...)", "the retrieval runs to its end")

    def to_df(self, validation_reference: Any = None, timeout: int | None = None) -> pd.DataFrame:
        """Return a pandas frame."""
        self._check(validation_reference, timeout)
        frame: pd.DataFrame = self._job.to_pandas()
        return frame

    def to_arrow(self, validation_reference: Any = None, timeout: int | None = None) -> pa.Table:
        """Return an Arrow table."""
        self._check(validation_reference, timeout)
        table: pa.Table = self._job.to_arrow()
        return table

    def to_feast_df(self, validation_reference: Any = None, timeout: int | None = None) -> Any:
        """Return a FeastDataFrame around a pandas frame."""
        from feast.dataframe import FeastDataFrame

        return FeastDataFrame(self.to_df(validation_reference, timeout))

    def to_tensor(self, kind: str = "torch", default_value: Any = float("nan"), timeout: int | None = None) -> Any:
        """Return numbers as torch tensors, and other values as lists."""
        return to_tensors(self.to_arrow(None, timeout).to_pydict(), kind, default_value)

    def to_sql(self) -> str:
        """Return the statements that the engine runs."""
        text: str = self._job.to_sql()
        return text

    def to_ray_dataset(self) -> Any:
        """Refuse: there is no Ray engine."""
        refuse("RetrievalJob.to_ray_dataset", hint="ray.data.from_arrow(job.to_arrow())")

    def supports_remote_storage_export(self) -> bool:
        """Return whether the offline store writes files to a bucket that is configured."""
        return bool(self._job.supports_remote_storage)

    def to_remote_storage(self) -> list[str]:
        """Have the offline store write Parquet files to its gcs_staging_location; return their addresses."""
        if not self.supports_remote_storage_export():
            refuse(
                "RetrievalJob.to_remote_storage with an offline store that is not BigQuery",
                hint="persist(SavedDatasetFileStorage(path=...))",
            )
        written: list[str] = self._job.to_remote_storage()
        return written

    def persist(self, storage: Any, allow_overwrite: bool = False, timeout: int | None = None) -> None:
        """Write the result to the storage's Parquet file, or its table."""
        from feast.infra.offline_stores.file_source import SavedDatasetFileStorage
        from feast.saved_dataset import table_of

        self._check(None, timeout)
        table = table_of(storage)
        if table is not None:
            with raising_taken(table):
                self._job.to_table(table, allow_overwrite=allow_overwrite)
            return
        if not isinstance(storage, SavedDatasetFileStorage):
            refuse(f"persist to {type(storage).__name__}", hint="use SavedDatasetFileStorage(path=...)")
        path = self._store.config.repo_path / storage.path
        if path.exists() and not allow_overwrite:
            from feast.errors import SavedDatasetLocationAlreadyExists

            raise SavedDatasetLocationAlreadyExists(f"{path} exists; allow_overwrite=True replaces it")
        self._job.to_parquet(path)

    @property
    def full_feature_names(self) -> bool:
        """Whether columns are named ``view__feature``."""
        return self._full_feature_names

    @property
    def on_demand_feature_views(self) -> list[Any]:
        """The on-demand views that are asked for."""
        names = {str(ref).partition(":")[0] for ref in self._features} if isinstance(self._features, list) else set()
        return [view for view in self._store.list_on_demand_feature_views() if view.name in names]

    @property
    def metadata(self) -> RetrievalMetadata | None:
        """What is asked for."""
        features = self._features if isinstance(self._features, list) else []
        return RetrievalMetadata([str(ref) for ref in features], [])
