"""Redshift, in a session whose time zone is UTC: PostgreSQL's words for zones, its own for counting."""

from __future__ import annotations

from repast.core.sql.dialect.description import SqlDialect

_EPOCH = "CAST('1970-01-01' AS TIMESTAMP)"
_MICROSECONDS = f"DATEDIFF(MICROSECOND, {_EPOCH}, CAST(:x AS TIMESTAMP))"
_WALL = f"DATEADD(MICROSECOND, :us, {_EPOCH})"
_TIME = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?( ?([zZ]|[+-][0-9]{2}(:?[0-9]{2})?))?)?$"
)
_HEX = "REPLACE(LOWER(CAST(:x AS VARCHAR)), '-', '')"

REDSHIFT = SqlDialect(
    name="redshift",
    asof_join=False,
    tuple_in=False,
    try_cast=False,
    instant_us=_MICROSECONDS,
    nano_us=_MICROSECONDS,
    us_instant=f"TIMEZONE('UTC', {_WALL})",
    us_wall=_WALL,
    us_nano=_WALL,
    us_nano_instant=f"TIMEZONE('UTC', {_WALL})",
    wall_instant="TIMEZONE(:zone, CAST(:x AS TIMESTAMP))",
    instant_wall="TIMEZONE(:zone, :x)",
    text_instant=f"CASE WHEN :x ~ '{_TIME}' THEN CAST(:x AS TIMESTAMPTZ) END",
    text_has_offset=":x ~ ':[0-9]{2}([.][0-9]+)? ?([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$'",
    canonical_uuid=f"CASE WHEN {_HEX} ~ '^[0-9a-f]{{32}}$' THEN SUBSTRING({_HEX}, 1, 8) || '-' || "
    f"SUBSTRING({_HEX}, 9, 4) || '-' || SUBSTRING({_HEX}, 13, 4) || '-' || SUBSTRING({_HEX}, 17, 4) || '-' || "
    f"SUBSTRING({_HEX}, 21, 12) END",
    # A cast that fails names one character. This is no JSON, and the error says what it is instead.
    refuse="JSON_EXTRACT_PATH_TEXT(:message || CAST(:x AS VARCHAR), 'value')",
)
