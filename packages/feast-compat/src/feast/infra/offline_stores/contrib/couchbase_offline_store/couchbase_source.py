"""Collections of Couchbase."""

from __future__ import annotations

from feast.adapter.notice import refused_class
from feast.adapter.table_source import TableSource, logging_destination, saved_dataset_storage


class CouchbaseColumnarSource(TableSource):
    """A collection of Couchbase: a definition, which no engine of Repast reads yet."""

    _source_type = "couchbase"
    _places = ("database", "scope", "collection", "query")


CouchbaseColumnarOptions = refused_class(
    "feast.infra.offline_stores.contrib.couchbase_offline_store.couchbase_source.CouchbaseColumnarOptions",
    hint="use CouchbaseColumnarSource",
)
SavedDatasetCouchbaseColumnarStorage = saved_dataset_storage(
    "SavedDatasetCouchbaseColumnarStorage", ("database_ref", "scope_ref", "collection_ref"), CouchbaseColumnarSource
)
CouchbaseColumnarLoggingDestination = logging_destination(
    "CouchbaseColumnarLoggingDestination", ("database", "scope", "table_name")
)
