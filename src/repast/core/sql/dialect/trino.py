"""Trino, and Athena, which runs it: sessions are in UTC, so that a wall time read as an instant is the wall clock."""

from __future__ import annotations

from dataclasses import replace

from repast.core.sql.dialect.description import SqlDialect


def _micros(digits: int) -> str:
    """Count microseconds: no function tells finer units than milliseconds, and a double is not exact in every year."""
    utc = f"CAST(CAST(:x AS TIMESTAMP({digits}) WITH TIME ZONE) AT TIME ZONE 'UTC' AS TIMESTAMP({digits}))"
    seconds = f"DATE_DIFF('second', TIMESTAMP '1970-01-01 00:00:00', DATE_TRUNC('second', {utc}))"
    return f"{seconds} * 1000000 + CAST(SUBSTR(CAST({utc} AS VARCHAR), {-digits}, 6) AS BIGINT)"


_NANOS = "FROM_UNIXTIME_NANOS(CAST(:us AS DECIMAL(38, 0)) * 1000)"
_HEX = "REPLACE(LOWER(CAST(:x AS VARCHAR)), '-', '')"

TRINO = SqlDialect(
    name="trino",
    asof_join=False,
    tuple_in=False,
    instant_us=_micros(6),
    nano_us=_micros(9),
    us_instant=f"CAST({_NANOS} AS TIMESTAMP(6) WITH TIME ZONE)",
    us_wall=f"CAST({_NANOS} AT TIME ZONE 'UTC' AS TIMESTAMP(6))",
    us_nano=f"CAST({_NANOS} AT TIME ZONE 'UTC' AS TIMESTAMP(9))",
    us_nano_instant=_NANOS,
    wall_instant="WITH_TIMEZONE(CAST(:x AS TIMESTAMP(6)), :zone)",
    instant_wall="CAST(:x AT TIME ZONE :zone AS TIMESTAMP(6))",
    text_instant="CASE WHEN REGEXP_LIKE(:x, '^[0-9]{4}-[0-9]{2}-[0-9]{2}')"
    " THEN TRY(FROM_ISO8601_TIMESTAMP_NANOS(REPLACE(:x, ' ', 'T'))) END",
    text_has_offset="REGEXP_LIKE(:x, ':[0-9]{2}([.][0-9]+)? ?([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$')",
    canonical_uuid=f"CASE WHEN REGEXP_LIKE({_HEX}, '^[0-9a-f]{{32}}$') THEN REGEXP_REPLACE({_HEX}, "
    "'^(.{8})(.{4})(.{4})(.{4})(.{12})$', '$1-$2-$3-$4-$5') END",
    # A cast that fails names the text.
    refuse="CAST(CAST(:message || CAST(:x AS VARCHAR) AS BIGINT) AS VARCHAR)",
)

ATHENA = replace(TRINO, name="athena")
