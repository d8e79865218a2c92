"""ClickHouse: every time is an instant, so a wall time is the instant at which clocks in UTC show it."""

from __future__ import annotations

from repast.core.sql.dialect.description import SqlDialect

_TIME = r"^\\d{4}-\\d\\d-\\d\\d"
_NANOS = "toUnixTimestamp64Nano(:x)"

CLICKHOUSE = SqlDialect(
    name="clickhouse",
    asof_join=False,
    try_cast=False,
    # DATE holds days from 1970 on only.
    types={"DATE": "DATE32"},
    instant_us="toUnixTimestamp64Micro(toDateTime64(:x, 6, 'UTC'))",
    nano_us=f"intDiv({_NANOS} - positiveModulo({_NANOS}, 1000), 1000)",
    us_instant="fromUnixTimestamp64Micro(:us, 'UTC')",
    us_wall="fromUnixTimestamp64Micro(:us, 'UTC')",
    us_nano="fromUnixTimestamp64Nano(:us * 1000, 'UTC')",
    us_nano_instant="fromUnixTimestamp64Nano(:us * 1000, 'UTC')",
    wall_instant="toDateTime64(toString(:x), 6, :zone)",
    instant_wall="toDateTime64(toString(toTimeZone(:x, :zone)), 6, 'UTC')",
    text_instant=f"CASE WHEN match(:x, '{_TIME}') THEN parseDateTime64BestEffortOrNull(:x, 6, 'UTC') END",
    text_has_offset=r"match(:x, ':\\d\\d(\\.\\d+)? ?([zZ]|[+-]\\d\\d(:?\\d\\d)?)$')",
    canonical_uuid="toString(toUUIDOrNull(toString(:x)))",
    # A message of throwIf has to be a constant; a cast that fails names the text, if it is not nullable.
    refuse="toString(toInt64(assumeNotNull(concat(:message, toString(:x)))))",
)
