"""What differs between SQL dialects, as data: one module of tens of lines each.

A new one states the fields of :class:`SqlDialect`, most of them templates in its own words, and is tried
with ``repast.testing.engine.EngineSuite`` on a server, or by ``tests/engine/test_pinned_sql.py`` where none runs.
"""

from repast.core.sql.dialect.bigquery import BIGQUERY
from repast.core.sql.dialect.clickhouse import CLICKHOUSE
from repast.core.sql.dialect.description import SqlDialect
from repast.core.sql.dialect.duckdb import DUCKDB, GENERIC
from repast.core.sql.dialect.postgres import POSTGRES
from repast.core.sql.dialect.redshift import REDSHIFT
from repast.core.sql.dialect.snowflake import SNOWFLAKE
from repast.core.sql.dialect.spark import SPARK
from repast.core.sql.dialect.trino import ATHENA, TRINO

__all__ = [
    "ATHENA",
    "BIGQUERY",
    "CLICKHOUSE",
    "DUCKDB",
    "GENERIC",
    "POSTGRES",
    "REDSHIFT",
    "SNOWFLAKE",
    "SPARK",
    "TRINO",
    "SqlDialect",
]
