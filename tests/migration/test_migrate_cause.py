"""The rules that say why two values differ, one by one; and the values as both sides send them."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from repast.app.migration.cause import Evidence, SourceRow, find_cause, is_cast, is_same
from repast.app.migration.comparison import CAUSES, readable
from repast.app.migration.feast_script import plain

HOUR = 3_600_000_000
NAN = {"float": "nan"}


def row(hour: int, value: Any, created: int | None = None) -> SourceRow:
    return SourceRow(hour * HOUR, None if created is None else created * HOUR, {"f": value})


def evidence(*rows: SourceRow, at: int = 10, ttl: int | None = None, loaded: int | None = None) -> Evidence:
    return Evidence(
        rows, at * HOUR, None if ttl is None else ttl * HOUR, None if loaded is None else loaded * HOUR, "f"
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (1, 1.0, True),
        (2**53 + 1, float(2**53), False),
        (None, NAN, True),
        (None, 0, False),
        ([1, None], [1.0, NAN], True),
        ([1], [1, 2], False),
        ({"map": []}, [], True),
        ('{"b": 1, "a": [2]}', {"map": [["a", [2]], ["b", 1]]}, True),
        ("not json", [1], False),
        ({"time": 5}, {"time": 5}, True),
    ],
)
def test_is_same(ours: Any, theirs: Any, same: bool) -> None:
    assert is_same(ours, theirs) is same


@pytest.mark.parametrize(
    ("ours", "theirs", "cast"),
    [
        (1.75, 1, True),
        (1.75, 2, False),
        (2**53 + 1, float(2**53), True),
        ([1, None], [1, 0], True),
        (["a", None], ["a", ""], True),
        ([1, None], [2, 0], False),
        ({"time": 1_500_000}, {"time": 1_000_000}, True),
        ({"time": 1_500_000}, 1, True),
        ({"time": 2_500_000}, {"time": 1_000_000}, False),
        (7, "7", True),
        (7, "8", False),
    ],
)
def test_is_cast(ours: Any, theirs: Any, cast: bool) -> None:
    assert is_cast(ours, theirs) is cast


@pytest.mark.parametrize(
    ("ours", "theirs", "known", "cause"),
    [
        (1.75, 1, None, "cast"),
        (None, 5, None, "other"),
        (None, 5, evidence(row(1, 5), ttl=2), "ttl"),
        (None, 5, evidence(row(8, 5), ttl=2), "other"),  # within the ttl: a null would be wrong, and nothing excuses it
        (None, 6, evidence(row(1, 5), ttl=2), "other"),
        (2, 1, evidence(row(9, 1), row(9, 2)), "tie"),
        (2, 3, evidence(row(9, 1), row(9, 2)), "other"),
        (2, 1, evidence(row(8, 1), row(9, 2), loaded=10), "late_row"),
        (2, None, evidence(row(9, 2), loaded=10), "late_row"),
        (2, 1, evidence(row(5, 1), row(9, 2), loaded=6), "not_loaded"),
        (2, 1, evidence(row(8, 1), row(9, 2)), "other"),  # of training data there is no load to blame
        (2, 1, evidence(row(11, 1), row(9, 2)), "other"),  # a row of the future explains nothing
    ],
)
def test_find_cause(ours: Any, theirs: Any, known: Evidence | None, cause: str) -> None:
    assert find_cause(ours, theirs, known) == cause
    assert cause in CAUSES


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (True, True),
        (np.int64(5), 5),
        (np.float32(0.5), 0.5),
        (float("inf"), {"float": "inf"}),
        (b"\x00\xff", {"bytes": "00ff"}),
        (datetime(1970, 1, 1, 0, 0, 1), {"time": 1_000_000}),  # noqa: DTZ001 - naive means UTC
        (pd.Timestamp("1970-01-01T00:00:01Z"), {"time": 1_000_000}),
        (np.datetime64("1970-01-01T00:00:01"), {"time": 1_000_000}),
        (pd.NaT, None),
        (pd.NA, None),
        (date(1970, 1, 2), {"time": 86_400_000_000}),
        (np.array([1, 2]), [1, 2]),
        ({"b": 1, "a": 2}, {"map": [["a", 2], ["b", 1]]}),
        ([("b", 1), ("a", 2)], {"map": [["a", 2], ["b", 1]]}),
        ({2, 1}, [1, 2]),
        (Decimal("1.50"), "1.50"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_plain_values(value: Any, sent: Any) -> None:
    assert plain(value) == sent


def test_readable_values() -> None:
    sent = [{"time": 1_000_000}, {"bytes": "ff"}, {"map": [["a", {"float": "inf"}]]}, None]
    assert readable(sent) == [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), b"\xff", {"a": float("inf")}, None]
