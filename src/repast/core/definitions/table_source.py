"""Sources in a database or a warehouse: a table, or a query that is read like one.

Each kind is read by the offline store of the same name (``offline_store: {type: postgres}`` reads a
:class:`PostgreSQLSource`). Names of tables are written as in SQL of that database: parts are separated by
dots, and a part that is case sensitive or holds odd characters is quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, TypedDict, Unpack

from repast.core.definitions.base import Definition
from repast.core.definitions.source import BatchSource

_UNNAMED = "unnamed"


class TableOptions(TypedDict, total=False):
    """Arguments that sources in databases share: those of :class:`BatchSource`, and which rows."""

    name: str | None
    table: str | None
    query: str | None
    timestamp_field: str | None
    created_timestamp_column: str | None
    field_mapping: Mapping[str, str] | None
    timezone: str
    lateness: timedelta
    description: str
    tags: Mapping[str, str] | None
    owner: str


@dataclass(frozen=True, init=False, kw_only=True)
class TableSource(BatchSource):
    """Rows of a table, or of a query: exactly one of the two.

    Args:
        table: The table's name, with as much of its path as the engine's own default leaves open.
        query: One SELECT in the database's own SQL.
        name: Defaults to the last part of the table's name; a query has to be given one.
        Others: see :class:`BatchSource`.

    """

    ways: ClassVar[tuple[str, ...]] = ("table", "query")
    """Options of which exactly one says where the rows are."""
    places: ClassVar[tuple[str, ...]] = ()
    """Options that say in which database, schema or the like a table is."""

    table: str = ""
    query: str = ""

    def __init__(
        self,
        *,
        name: str | None = None,
        table: str | None = None,
        query: str | None = None,
        timestamp_field: str | None = None,
        created_timestamp_column: str | None = None,
        field_mapping: Mapping[str, str] | None = None,
        timezone: str = "UTC",
        lateness: timedelta = timedelta(0),
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> None:
        self._hold(table=table, query=query)
        self._init(
            name=name or self._default_name(),
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            field_mapping=field_mapping,
            timezone=timezone,
            lateness=lateness,
            description=description,
            tags=tags,
            owner=owner,
        )
        self._check_place()

    def _hold(self, **texts: str | None) -> None:
        """Store options that are texts; None is the same as leaving one out."""
        for option, value in texts.items():
            object.__setattr__(self, option, "" if value is None else value)

    def _default_name(self) -> str:
        where = next((getattr(self, way) for way in self.ways if way != "query" and getattr(self, way)), "")
        return name_of(where) if isinstance(where, str) and where else _UNNAMED

    def _check_place(self) -> None:
        for option in (*self.ways, *self.places):
            value = getattr(self, option)
            if not isinstance(value, str):
                self.problem(f"{option} must be a string, not {value!r}.")
                object.__setattr__(self, option, "")
        given = [way for way in self.ways if getattr(self, way)]
        if given == ["query"] and self.name == _UNNAMED:
            self.problem("a source that is a query needs a name.", hint='for example name="driver_stats"')
        if len(given) != 1:
            listed = " or ".join([", ".join(self.ways[:-1]), self.ways[-1]])
            found = " and ".join(given) if given else "none of them"
            self.problem(f"give {listed}, exactly one; given: {found}.", hint='for example table="driver_stats"')

    def options(self) -> dict[str, Any]:
        """The JSON-able options that only this kind of source has."""
        return {option: value for option in (*self.ways, *self.places) if (value := getattr(self, option))}

    __hash__ = Definition.__hash__


def name_of(table: str) -> str:
    """Return the name of a source that is a table: its last part, in letters that names may have."""
    last = table.strip("\"`[]'; ").rsplit(".", 1)[-1].strip("\"`[]'")
    cleaned = "".join(c if (c.isascii() and c.isalnum()) or c in "_-" else "_" for c in last)
    return cleaned if cleaned and not cleaned[0].isdigit() and cleaned[0] != "-" else f"source_{cleaned}"


@dataclass(frozen=True, init=False, kw_only=True)
class PostgreSQLSource(TableSource):
    """A table, view or query in PostgreSQL."""

    source_type: ClassVar[str] = "postgres"

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class BigQuerySource(TableSource):
    """A table, view or query in BigQuery; ``table`` is ``project.dataset.table`` or ``dataset.table``."""

    source_type: ClassVar[str] = "bigquery"

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class TrinoSource(TableSource):
    """A table, view or query in Trino; ``table`` is ``catalog.schema.table`` or less."""

    source_type: ClassVar[str] = "trino"

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class ClickhouseSource(TableSource):
    """A table, view or query in ClickHouse; ``table`` is ``database.table`` or less."""

    source_type: ClassVar[str] = "clickhouse"

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class SnowflakeSource(TableSource):
    """A table, view or query in Snowflake.

    Args:
        database: By default that of the offline store.
        schema: By default that of the offline store.
        warehouse: By default that of the offline store.
        Others: see :class:`TableSource`.

    """

    source_type: ClassVar[str] = "snowflake"
    places: ClassVar[tuple[str, ...]] = ("database", "schema", "warehouse")
    database: str = ""
    schema: str = ""
    warehouse: str = ""

    def __init__(
        self,
        *,
        database: str | None = None,
        schema: str | None = None,
        warehouse: str | None = None,
        **others: Unpack[TableOptions],
    ) -> None:
        self._hold(database=database, schema=schema, warehouse=warehouse)
        super().__init__(**others)

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class RedshiftSource(TableSource):
    """A table, view or query in Redshift.

    Args:
        database: By default that of the offline store.
        schema: By default the search path's.
        Others: see :class:`TableSource`.

    """

    source_type: ClassVar[str] = "redshift"
    places: ClassVar[tuple[str, ...]] = ("database", "schema")
    database: str = ""
    schema: str = ""

    def __init__(
        self, *, database: str | None = None, schema: str | None = None, **others: Unpack[TableOptions]
    ) -> None:
        self._hold(database=database, schema=schema)
        super().__init__(**others)

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class AthenaSource(TableSource):
    """A table, view or query in Athena.

    Args:
        data_source: The catalog, by default that of the offline store.
        database: By default that of the offline store.
        Others: see :class:`TableSource`.

    """

    source_type: ClassVar[str] = "athena"
    places: ClassVar[tuple[str, ...]] = ("data_source", "database")
    data_source: str = ""
    database: str = ""

    def __init__(
        self, *, data_source: str | None = None, database: str | None = None, **others: Unpack[TableOptions]
    ) -> None:
        self._hold(data_source=data_source, database=database)
        super().__init__(**others)

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class SparkSource(TableSource):
    """A table, view, query, or files that Spark reads.

    Args:
        path: A file or folder, as Spark writes paths.
        file_format: Of ``path``: by default "parquet".
        Others: see :class:`TableSource`.

    """

    source_type: ClassVar[str] = "spark"
    ways: ClassVar[tuple[str, ...]] = ("table", "query", "path")
    places: ClassVar[tuple[str, ...]] = ("file_format",)
    path: str = ""
    file_format: str = ""

    def __init__(
        self, *, path: str | None = None, file_format: str | None = None, **others: Unpack[TableOptions]
    ) -> None:
        self._hold(path=path, file_format=file_format or ("parquet" if path else ""))
        super().__init__(**others)

    def _default_name(self) -> str:
        # Of a path, the last part without its suffix.
        last = self.path.rstrip("/").rsplit("/", 1)[-1].split(".", 1)[0] if isinstance(self.path, str) else ""
        return name_of(last) if last and not self.table else super()._default_name()

    __hash__ = Definition.__hash__
