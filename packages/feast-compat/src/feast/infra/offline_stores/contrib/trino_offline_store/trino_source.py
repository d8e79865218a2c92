"""Tables of Trino."""

from __future__ import annotations

from feast.adapter.notice import refused_class
from feast.adapter.table_source import TableSource, saved_dataset_storage


class TrinoSource(TableSource):
    """A table or a query of Trino."""

    _source_type = "trino"
    _places = ("table", "query")
    _refused = ("trino_options",)


TrinoOptions = refused_class(
    "feast.infra.offline_stores.contrib.trino_offline_store.trino_source.TrinoOptions", hint="use TrinoSource"
)
SavedDatasetTrinoStorage = saved_dataset_storage("SavedDatasetTrinoStorage", ("table", "query"), TrinoSource)
