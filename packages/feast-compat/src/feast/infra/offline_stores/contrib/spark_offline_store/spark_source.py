"""Tables and files of Spark."""

from __future__ import annotations

from enum import Enum
from typing import Any

from feast.adapter.notice import refused_class
from feast.adapter.table_source import TableSource, saved_dataset_storage


class SparkSource(TableSource):
    """A table, a query or files that Spark reads."""

    _source_type = "spark"
    _places = ("table", "query", "path", "file_format", "table_format")
    _refused = ("date_partition_column_format",)
    _unused = ("date_partition_column_format",)

    def _options(self) -> dict[str, Any]:
        options = super()._options()
        table_format = options.pop("table_format", None)
        return options | ({"file_format": table_format["format_type"]} if table_format else {})


SparkOptions = refused_class(
    "feast.infra.offline_stores.contrib.spark_offline_store.spark_source.SparkOptions", hint="use SparkSource"
)
SavedDatasetSparkStorage = saved_dataset_storage(
    "SavedDatasetSparkStorage", ("table", "query", "path", "file_format", "table_format"), SparkSource
)


class SparkFileSourceFormat(Enum):
    """Formats of files that Spark reads."""

    csv = "csv"
    json = "json"
    parquet = "parquet"
    avro = "avro"
