"""Training sets that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from feast.adapter.notice import refuse, refused_class, refused_function

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_NO_PROFILE = "there is no data validation yet; read the data set and check it with a library of your own"


class SavedDatasetStorage:
    """Where a data set is kept: in a Parquet file (SavedDatasetFileStorage), or in a table of the offline store."""

    path: str

    @staticmethod
    def from_data_source(data_source: Any) -> Any:
        """Return the storage at the place of a source."""
        from feast.infra.offline_stores.file_source import FileSource, SavedDatasetFileStorage

        if not isinstance(data_source, FileSource):
            refuse(f"A saved dataset in {type(data_source).__name__}", hint="use SavedDatasetFileStorage(path=...)")
        return SavedDatasetFileStorage(data_source.path)

    def to_data_source(self) -> Any:
        """Return a source that reads the data set."""
        refuse(f"{type(self).__name__}.to_data_source", hint="use SavedDatasetFileStorage(path=...)")


class _TableStorage(SavedDatasetStorage):
    """A table of the offline store, of whatever kind that is."""

    def __init__(self, table: str) -> None:
        self.table = table


def table_of(storage: Any) -> str | None:
    """Return the table that a storage names; None: it is no table."""
    name = getattr(storage, "table_ref", None) or getattr(storage, "table", None)
    return str(name) if name else None


class SavedDataset:
    """A training set in a file or table, with what it was made from."""

    def __init__(
        self,
        name: str,
        features: list[str],
        join_keys: list[str],
        storage: SavedDatasetStorage,
        full_feature_names: bool = False,
        tags: Mapping[str, str] | None = None,
        feature_service_name: str | None = None,
        namespace: str = "",
        collection: str = "",
        description: str = "",
    ) -> None:
        self.name, self.features, self.join_keys, self.storage = name, list(features), list(join_keys), storage
        self.full_feature_names, self.tags = full_feature_names, dict(tags or {})
        self.feature_service_name, self.description = feature_service_name, description
        self.namespace, self.collection = namespace, collection
        self._dataset: Any = None

    @classmethod
    def _restore(cls, dataset: Any) -> SavedDataset:
        from feast.infra.offline_stores.file_source import SavedDatasetFileStorage

        definition = getattr(dataset, "definition", dataset)
        made = cls(
            definition.name,
            list(definition.features),
            list(definition.join_keys),
            _TableStorage(definition.table) if definition.table else SavedDatasetFileStorage(str(definition.path)),
            definition.full_feature_names,
            definition.tags,
            definition.feature_service,
            description=definition.description,
        )
        made._dataset = dataset
        return made

    def _read(self) -> Any:
        if self._dataset is None:
            refuse("Reading a SavedDataset that no store returned", hint="store.get_saved_dataset(name)")
        return self._dataset

    def to_df(self) -> pd.DataFrame:
        """Return the rows as a pandas frame."""
        frame: pd.DataFrame = self._read().to_pandas()
        return frame

    def to_arrow(self) -> pa.Table:
        """Return the rows as an Arrow table."""
        table: pa.Table = self._read().to_arrow()
        return table

    def as_reference(self, name: str, profiler: Any) -> Any:
        """Refuse: there is no data validation yet."""
        refuse("SavedDataset.as_reference", hint=_NO_PROFILE)

    def get_profile(self, profiler: Any) -> Any:
        """Refuse: there is no data validation yet."""
        refuse("SavedDataset.get_profile", hint=_NO_PROFILE)

    def with_retrieval_job(self, retrieval_job: Any) -> SavedDataset:
        """Return the data set, read from another job."""
        self._dataset = retrieval_job
        return self


ValidationReference = refused_class("feast.saved_dataset.ValidationReference", hint=_NO_PROFILE)
get_saved_dataset_storage_class_from_path = refused_function(
    "feast.saved_dataset.get_saved_dataset_storage_class_from_path", hint="use SavedDatasetFileStorage"
)
