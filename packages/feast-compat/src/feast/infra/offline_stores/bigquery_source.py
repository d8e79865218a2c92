"""Tables of BigQuery."""

from __future__ import annotations

from feast.adapter.notice import legacy, refused_class
from feast.adapter.table_source import TableSource, logging_destination, saved_dataset_storage


class BigQuerySource(TableSource):
    """A table or a query of BigQuery."""

    _source_type = "bigquery"
    _places = ("table", "query")

    def __init__(self, *args: str, table_ref: str | None = None, **options: object) -> None:
        if table_ref is not None or args:
            legacy("BigQuerySource(table_ref=...)", "table='project.dataset.table'")
            options["table"] = table_ref or args[0]
        super().__init__(**options)


BigQueryOptions = refused_class("feast.infra.offline_stores.bigquery_source.BigQueryOptions", hint="use BigQuerySource")
SavedDatasetBigQueryStorage = saved_dataset_storage("SavedDatasetBigQueryStorage", ("table",), BigQuerySource)
BigQueryLoggingDestination = logging_destination("BigQueryLoggingDestination", ("table_ref",))
