"""Tables of PostgreSQL."""

from __future__ import annotations

from feast.adapter.notice import refused_class
from feast.adapter.table_source import TableSource, saved_dataset_storage


class PostgreSQLSource(TableSource):
    """A table or a query of PostgreSQL."""

    _source_type = "postgres"
    _places = ("query", "table")
    _refused = ("get_table_query_string_with_alias",)


PostgreSQLOptions = refused_class(
    "feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source.PostgreSQLOptions",
    hint="use PostgreSQLSource",
)
SavedDatasetPostgreSQLStorage = saved_dataset_storage("SavedDatasetPostgreSQLStorage", ("table_ref",), PostgreSQLSource)
