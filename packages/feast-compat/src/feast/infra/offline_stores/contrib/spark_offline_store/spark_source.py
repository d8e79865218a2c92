"""Tables and files of Spark."""

from __future__ import annotations

from feast.adapter.notice import refused_class
from feast.adapter.table_source import TableSource, saved_dataset_storage


class SparkSource(TableSource):
    """A table, a query or files that Spark reads."""

    _source_type = "spark"
    _places = ("table", "query", "path", "file_format", "table_format")
    _unused = ("date_partition_column_format",)


SparkOptions = refused_class(
    "feast.infra.offline_stores.contrib.spark_offline_store.spark_source.SparkOptions", hint="use SparkSource"
)
SavedDatasetSparkStorage = saved_dataset_storage(
    "SavedDatasetSparkStorage", ("table", "query", "path", "file_format", "table_format"), SparkSource
)
