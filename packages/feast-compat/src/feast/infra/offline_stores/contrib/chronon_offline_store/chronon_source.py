"""Joins of Chronon."""

from __future__ import annotations

from feast.adapter.notice import refused_class
from feast.adapter.table_source import TableSource


class ChrononSource(TableSource):
    """A join of Chronon: a definition, which no engine of Repast reads."""

    _source_type = "chronon"
    _places = ("materialization_path", "chronon_join", "chronon_group_by", "online_endpoint")


ChrononOptions = refused_class(
    "feast.infra.offline_stores.contrib.chronon_offline_store.chronon_source.ChrononOptions", hint="use ChrononSource"
)
