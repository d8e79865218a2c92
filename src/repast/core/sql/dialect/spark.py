"""What Spark's SQL does otherwise, as data."""

from __future__ import annotations

from repast.core.sql.dialect.description import SqlDialect

_HEX = "LOWER(REGEXP_REPLACE(CAST(:x AS STRING), '^[{]|[}]$|-', ''))"

SPARK = SqlDialect(
    name="spark",
    asof_join=False,
    # The session's zone is UTC, so that a wall time read as an instant is the wall clock read as UTC.
    instant_us="UNIX_MICROS(CAST(:x AS TIMESTAMP))",
    # Nanoseconds are numbers here: Parquet is read with spark.sql.legacy.parquet.nanosAsLong.
    nano_us="(:x - PMOD(:x, 1000)) DIV 1000",
    us_instant="TIMESTAMP_MICROS(:us)",
    us_wall="CAST(TIMESTAMP_MICROS(:us) AS TIMESTAMP_NTZ)",
    us_nano=":us * 1000",
    us_nano_instant=":us * 1000",
    wall_instant="TO_UTC_TIMESTAMP(CAST(:x AS TIMESTAMP), :zone)",
    instant_wall="FROM_UTC_TIMESTAMP(:x, :zone)",
    # Without the pattern "12:30" would be today.
    text_instant="CASE WHEN :x RLIKE '^ *[0-9]{4}-[0-9]{2}-[0-9]{2}' THEN TRY_CAST(:x AS TIMESTAMP) END",
    text_has_offset=":x RLIKE ':[0-9]{2}([.][0-9]+)? ?([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$'",
    canonical_uuid=f"CASE WHEN {_HEX} RLIKE '^[0-9a-f]{{32}}$' THEN REGEXP_REPLACE({_HEX}, "
    "'^(.{8})(.{4})(.{4})(.{4})(.{12})$', '$1-$2-$3-$4-$5') END",
    refuse="RAISE_ERROR(CONCAT(:message, REPLACE(CAST(:x AS STRING), 'NaN', 'nan')))",
)
