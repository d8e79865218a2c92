"""Tables of Athena."""

from __future__ import annotations

from feast.adapter.notice import refused_class
from feast.adapter.table_source import TableSource, logging_destination, saved_dataset_storage


class AthenaSource(TableSource):
    """A table or a query of Athena."""

    _source_type = "athena"
    _places = ("table", "database", "data_source", "query")


AthenaOptions = refused_class(
    "feast.infra.offline_stores.contrib.athena_offline_store.athena_source.AthenaOptions", hint="use AthenaSource"
)
SavedDatasetAthenaStorage = saved_dataset_storage(
    "SavedDatasetAthenaStorage", ("table_ref", "query", "database", "data_source"), AthenaSource
)
AthenaLoggingDestination = logging_destination("AthenaLoggingDestination", ("table_name",))
