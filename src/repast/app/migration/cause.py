"""Why two values differ: rules over the rows of the source, tried in one fixed order."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repast.app.migration.feast_script import plain

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of a key: its times in microseconds, and its values as :func:`feast_script.plain` has them."""

    event: int
    created: int | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one value: the rows of its key, the moment, the ttl, how far Feast had loaded.

    Attributes:
        rows: All rows of the key, in any order.
        time_us: The moment that was asked for.
        ttl_us: The view's ttl; None: it has none.
        loaded_until_us: The end of Feast's last load; None: there was none, or the value is not from a load.
        feature: Name of the feature.

    """

    rows: Sequence[SourceRow]
    time_us: int
    ttl_us: int | None
    loaded_until_us: int | None
    feature: str

    def until_now(self) -> list[SourceRow]:
        """Return the rows up to the moment, newest first."""
        return sorted((row for row in self.rows if row.event <= self.time_us), key=lambda row: -row.event)


def is_null(value: Any) -> bool:
    """Whether a value stands for none: Feast's frames cannot tell NaN from null."""
    return value is None or value == {"float": "nan"}


def is_same(one: Any, other: Any) -> bool:
    """Whether two plain values are the same; numbers are compared exactly, whatever their types."""
    if is_null(one) or is_null(other):
        return is_null(one) and is_null(other)
    if {"map": []} in (one, other) and [] in (one, other):
        return True
    if isinstance(one, str) and isinstance(other, dict | list):
        return _is_text_of(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)


def _is_text_of(text: str, value: Any) -> bool:
    """Whether a value is what JSON text says: Feast reads some of it, Repast hands it on as it is."""
    try:
        return bool(plain(json.loads(text)) == value)
    except ValueError:
        return False


def is_cast(ours: Any, theirs: Any) -> bool:
    """Whether a value is what Feast's conversions make of another one."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(
            is_same(a, b) or is_cast(a, b) or (is_null(a) and b in (0, "", False))
            for a, b in zip(ours, theirs, strict=True)
        )
    if _is_number(ours) and _is_number(theirs):
        return float(ours) == float(theirs) or int(ours) == theirs
    if isinstance(ours, dict) and "time" in ours:
        seconds = theirs["time"] // _SECOND if isinstance(theirs, dict) and "time" in theirs else theirs
        return bool(ours["time"] // _SECOND == seconds)
    return isinstance(theirs, str) and not is_null(ours) and str(ours) == theirs


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def find_cause(ours: Any, theirs: Any, evidence: Evidence | None) -> str:
    """Return why values that differ do; ``ours`` is right by the rules of docs/concepts.md."""
    if not is_null(ours) and not is_null(theirs) and is_cast(ours, theirs):
        return "cast"
    rows = evidence.until_now() if evidence else []
    if evidence is None or not rows:
        return "other"
    newest = rows[0].event
    expired = evidence.ttl_us is not None and newest < evidence.time_us - evidence.ttl_us
    of_newest = [row for row in rows if row.event == newest]
    if expired:
        return "ttl" if is_null(ours) and _has(of_newest, evidence.feature, theirs) else "other"
    if _has(of_newest, evidence.feature, theirs):
        return "tie" if len(of_newest) > 1 else "other" if is_null(ours) or is_null(theirs) else "cast"
    older = is_null(theirs) or _has([row for row in rows if row.event < newest], evidence.feature, theirs)
    if older and evidence.loaded_until_us is not None:
        return "late_row" if newest <= evidence.loaded_until_us else "not_loaded"
    return "other"


def _has(rows: Sequence[SourceRow], feature: str, value: Any) -> bool:
    return any(is_same(row.values.get(feature), value) or is_cast(row.values.get(feature), value) for row in rows)
