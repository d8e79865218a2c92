"""Tables of Redshift."""

from __future__ import annotations

from feast.adapter.notice import refused_class
from feast.adapter.table_source import TableSource, logging_destination, saved_dataset_storage


class RedshiftSource(TableSource):
    """A table or a query of Redshift."""

    _source_type = "redshift"
    _places = ("table", "schema", "query", "database")


RedshiftOptions = refused_class("feast.infra.offline_stores.redshift_source.RedshiftOptions", hint="use RedshiftSource")
SavedDatasetRedshiftStorage = saved_dataset_storage("SavedDatasetRedshiftStorage", ("table_ref",), RedshiftSource)
RedshiftLoggingDestination = logging_destination("RedshiftLoggingDestination", ("table_name",))
