"""Tables of ClickHouse."""

from __future__ import annotations

from feast.adapter.notice import refused_class, refused_function
from feast.adapter.table_source import TableSource, saved_dataset_storage


class ClickhouseSource(TableSource):
    """A table or a query of ClickHouse."""

    _source_type = "clickhouse"
    _places = ("query", "table")


ClickhouseOptions = refused_class(
    "feast.infra.offline_stores.contrib.clickhouse_offline_store.clickhouse_source.ClickhouseOptions",
    hint="use ClickhouseSource",
)
SavedDatasetClickhouseStorage = saved_dataset_storage("SavedDatasetClickhouseStorage", ("table_ref",), ClickhouseSource)
ch_type_to_feast_value_type = refused_function(
    "feast.infra.offline_stores.contrib.clickhouse_offline_store.clickhouse_source.ch_type_to_feast_value_type",
    hint="types are Arrow's",
)
