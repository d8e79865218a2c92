"""Tables of Snowflake."""

from __future__ import annotations

from feast.adapter.notice import refused_class
from feast.adapter.table_source import TableSource, logging_destination, saved_dataset_storage


class SnowflakeSource(TableSource):
    """A table or a query of Snowflake."""

    _source_type = "snowflake"
    _places = ("database", "warehouse", "schema", "table", "query")


SnowflakeOptions = refused_class(
    "feast.infra.offline_stores.snowflake_source.SnowflakeOptions", hint="use SnowflakeSource"
)
SavedDatasetSnowflakeStorage = saved_dataset_storage("SavedDatasetSnowflakeStorage", ("table_ref",), SnowflakeSource)
SnowflakeLoggingDestination = logging_destination("SnowflakeLoggingDestination", ("table_name",))
