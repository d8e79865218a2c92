"""Tables of Oracle."""

from __future__ import annotations

from feast.adapter.notice import refused_class
from feast.adapter.table_source import TableSource


class OracleSource(TableSource):
    """A table of Oracle: a definition, which no engine of Repast reads yet."""

    _source_type = "oracle"
    _places = ("table_ref",)
    _refused = ("oracle_options",)


OracleOptions = refused_class(
    "feast.infra.offline_stores.contrib.oracle_offline_store.oracle_source.OracleOptions", hint="use OracleSource"
)
