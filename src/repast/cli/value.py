"""Values as people read them in tables, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

NULL = "null"
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {10: "\\n", 9: "\\t", 13: "\\r"}


def to_text(value: object) -> str:
    """Return one line for one value: instants as ISO 8601 with Z, long floats with about six digits."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, str):
        return value.translate(_CONTROL)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    plain = to_plain(value)
    return plain if isinstance(plain, str) else dump_json(plain, indent=0)


def _float_text(value: float) -> str:
    exact = repr(value)
    if len(exact) <= 9 or not math.isfinite(value):
        return exact
    if not 1e-4 <= abs(value) < 1e15:
        return f"{value:.6g}"
    whole = len(str(int(abs(value))))
    text = f"{value:.{max(1, 6 - whole)}f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def instant_text(value: datetime) -> str:
    """Return an instant in UTC, ready to be pasted into another command: 2013-03-31T20:00:00Z."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def duration_text(value: timedelta) -> str:
    """Return a duration in the greatest units that say it exactly: 14d, 1d 12h, 90s, 0.5s."""
    seconds, microseconds = value.days * 86400 + value.seconds, value.microseconds
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    if seconds or microseconds or not parts:
        parts.append(f"{seconds + microseconds / 1e6:g}s" if microseconds else f"{seconds}s")
    return " ".join(parts)


def to_plain(value: object) -> object:
    """Return what JSON can say of a value. NaN and infinities become null, for JSON has no word for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime):
        return instant_text(value) if value.tzinfo else value.isoformat()
    if isinstance(value, date | Decimal):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {to_text(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    return str(value)


def dump_json(value: object, *, indent: int | None = 2) -> str:
    """Return JSON text; ``indent`` 0 keeps it on one line."""
    import json

    return json.dumps(to_plain(value), indent=indent or None, ensure_ascii=False, allow_nan=False)
