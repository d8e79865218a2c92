"""DuckDB, and the portable form of its statements."""

from __future__ import annotations

from dataclasses import replace

from repast.core.sql.dialect.description import SqlDialect

DUCKDB = SqlDialect(
    name="duckdb",
    asof_join=True,
    materialized=True,
    instant_us="EPOCH_US(:x)",
    nano_us="EPOCH_NS(:x) // 1000 - CASE WHEN EPOCH_NS(:x) % 1000 < 0 THEN 1 ELSE 0 END",
    us_instant="MAKE_TIMESTAMPTZ(:us)",
    us_wall="MAKE_TIMESTAMP(:us)",
    us_nano="MAKE_TIMESTAMP_NS(:us * 1000)",
    us_nano_instant="CAST(MAKE_TIMESTAMPTZ(:us) AS TIMESTAMPTZ_NS)",
    wall_instant="TIMEZONE(:zone, :x)",
    instant_wall="TIMEZONE(:zone, :x)",
    text_instant="TRY_CAST(:x AS TIMESTAMPTZ)",
    text_has_offset=r"REGEXP_MATCHES(:x, ':\d\d(\.\d+)? ?([zZ]|[+-]\d\d(:?\d\d)?)$')",
    canonical_uuid="CAST(TRY_CAST(:x AS UUID) AS TEXT)",
    refuse="ERROR(:message || CAST(:x AS TEXT))",
)

GENERIC = replace(DUCKDB, asof_join=False, materialized=False)
"""The portable form of every statement, in DuckDB's spelling: what engines without ``ASOF JOIN`` run."""
