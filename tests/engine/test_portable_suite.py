"""The engine suite on other forms of the statements: the portable one, and that of large spines."""

from __future__ import annotations

import dataclasses

from test_duckdb_suite import DuckDBSuite

from repast.backends.offline.duckdb import DuckDBEngine
from repast.core.sql.dialect import DUCKDB, GENERIC
from repast.testing.engine import EngineSuite
from repast.testing.engine.base import EngineBase
from repast.testing.engine.join import JoinRules


class PortableEngine(DuckDBEngine):
    """DuckDB running what engines without ASOF JOIN run."""

    dialect = GENERIC


class TestPortableStatements(DuckDBSuite, EngineSuite):
    engine_class = PortableEngine


class UnfilteredEngine(DuckDBEngine):
    """DuckDB joining as it does with spines that are not small."""

    dialect = dataclasses.replace(DUCKDB, small_spine_share=0.0)


class TestLargeSpines(DuckDBSuite, JoinRules, EngineBase):
    engine_class = UnfilteredEngine
