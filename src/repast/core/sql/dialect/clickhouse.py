"""ClickHouse."""

from __future__ import annotations

from repast.core.sql.dialect.description import SqlDialect

_TIME = r"^\\d{4}-\\d\\d-\\d\\d"

CLICKHOUSE = SqlDialect(
    name="clickhouse",
    asof_join=False,
    try_cast=False,
    instant_us="toUnixTimestamp64Micro(toDateTime64(:x, 6, 'UTC'))",
    nano_us="toUnixTimestamp64Micro(toDateTime64(:x, 6, 'UTC'))",
    us_instant="fromUnixTimestamp64Micro(:us, 'UTC')",
    us_wall="fromUnixTimestamp64Micro(:us, 'UTC')",
    us_nano="fromUnixTimestamp64Nano(:us * 1000, 'UTC')",
    us_nano_instant="fromUnixTimestamp64Nano(:us * 1000, 'UTC')",
    wall_instant="toTimeZone(:x, :zone)",
    instant_wall="toTimeZone(:x, :zone)",
    text_instant="parseDateTime64BestEffortOrNull(:x, 6, 'UTC')",
    text_has_offset=r"match(:x, ':\\d\\d(\\.\\d+)? ?([zZ]|[+-]\\d\\d(:?\\d\\d)?)$')",
    canonical_uuid="toString(toUUIDOrNull(toString(:x)))",
    refuse="toString(toInt64(concat(:message, toString(:x))))",
)
