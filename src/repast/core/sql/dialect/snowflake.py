"""Snowflake, in a session whose time zone is UTC: a wall time read as an instant is then the wall clock read as UTC.

``ASOF JOIN`` exists there and is not used: the form with a window is the one that is tested.
"""

from __future__ import annotations

from repast.core.sql.dialect.description import SqlDialect

# Counts the microseconds that have begun, so that finer times are floored, before 1970 too.
_MICROSECONDS = "DATEDIFF(MICROSECOND, CAST('1970-01-01' AS TIMESTAMP_NTZ), :x)"
_WALL = "DATEADD(MICROSECOND, :us, CAST('1970-01-01' AS TIMESTAMP_NTZ))"
_INSTANT = "DATEADD(MICROSECOND, :us, CAST('1970-01-01' AS TIMESTAMP_LTZ))"
_OFFSET = ".*:[0-9]{2}([.][0-9]+)? ?([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)"
_HEX = "REPLACE(LOWER(:x), '-', '')"

SNOWFLAKE = SqlDialect(
    name="snowflake",
    asof_join=False,
    # There, TRY_CAST is for text only.
    try_cast=False,
    instant_us=_MICROSECONDS,
    nano_us=_MICROSECONDS,
    us_instant=_INSTANT,
    us_wall=_WALL,
    us_nano=_WALL,
    us_nano_instant=_INSTANT,
    wall_instant="CONVERT_TIMEZONE(:zone, 'UTC', :x)",
    instant_wall="CONVERT_TIMEZONE('UTC', :zone, CAST(:x AS TIMESTAMP_NTZ))",
    # A text of digits alone would be seconds since 1970.
    text_instant="CASE WHEN REGEXP_LIKE(:x, '[0-9]{4}-[0-9]{2}-[0-9]{2}.*') THEN TRY_CAST(:x AS TIMESTAMP_LTZ) END",
    text_has_offset=f"REGEXP_LIKE(:x, '{_OFFSET}')",
    canonical_uuid=f"CASE WHEN REGEXP_LIKE({_HEX}, '[0-9a-f]{{32}}') THEN SUBSTR({_HEX}, 1, 8) || '-' || "
    f"SUBSTR({_HEX}, 9, 4) || '-' || SUBSTR({_HEX}, 13, 4) || '-' || SUBSTR({_HEX}, 17, 4) || '-' || "
    f"SUBSTR({_HEX}, 21) END",
    # Nothing raises an error in plain SQL but a cast that fails, and that names the text.
    refuse="CAST(:message || CAST(:x AS TEXT) AS BIGINT)",
)
