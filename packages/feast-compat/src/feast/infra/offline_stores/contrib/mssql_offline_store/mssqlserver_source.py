"""Tables of SQL Server."""

from __future__ import annotations

from feast.adapter.notice import refused_class, refused_function
from feast.adapter.table_source import TableSource


class MsSqlServerSource(TableSource):
    """A table of SQL Server: a definition, which no engine of Repast reads yet."""

    _source_type = "mssql"
    _places = ("table_ref", "connection_str")
    _refused = ("mssqlserver_options",)


MsSqlServerOptions = refused_class(
    "feast.infra.offline_stores.contrib.mssql_offline_store.mssqlserver_source.MsSqlServerOptions",
    hint="use MsSqlServerSource",
)
get_ibis_connection = refused_function(
    "feast.infra.offline_stores.contrib.mssql_offline_store.mssqlserver_source.get_ibis_connection",
    hint="engines connect themselves",
)
