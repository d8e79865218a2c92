"""BigQuery: GoogleSQL. Times are exact to the microsecond; tables are pruned by bounds on the raw column."""

from __future__ import annotations

from repast.core.sql.dialect.description import SqlDialect

_MICROSECONDS = "UNIX_MICROS(CAST(:x AS TIMESTAMP))"
_WALL = "DATETIME(TIMESTAMP_MICROS(:us))"
_HEX = "REGEXP_REPLACE(LOWER(:x), '-', '')"
_PARTS = "^(.{8})(.{4})(.{4})(.{4})(.{12})$"

BIGQUERY = SqlDialect(
    name="bigquery",
    asof_join=False,
    # Pairs in a subquery would have to be structs.
    tuple_in=False,
    narrow_integers=False,
    instant_us=_MICROSECONDS,
    nano_us=_MICROSECONDS,
    us_instant="TIMESTAMP_MICROS(:us)",
    us_wall=_WALL,
    us_nano=_WALL,
    us_nano_instant="TIMESTAMP_MICROS(:us)",
    wall_instant="TIMESTAMP(:x, :zone)",
    instant_wall="DATETIME(:x, :zone)",
    text_instant="SAFE_CAST(:x AS TIMESTAMP)",
    text_has_offset=r"REGEXP_CONTAINS(:x, ':[0-9][0-9]([.][0-9]+)? ?([zZ]|[+-][0-9][0-9](:?[0-9][0-9])?)$')",
    canonical_uuid=f"CASE WHEN REGEXP_CONTAINS({_HEX}, '^[0-9a-f]{{32}}$') "
    f"THEN REGEXP_REPLACE({_HEX}, '{_PARTS}', '\\\\1-\\\\2-\\\\3-\\\\4-\\\\5') END",
    refuse="ERROR(CONCAT(:message, CAST(:x AS STRING)))",
)
