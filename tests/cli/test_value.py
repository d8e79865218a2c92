"""Values in tables and in JSON."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from repast.cli.table import print_table
from repast.cli.value import dump_json, duration_text, to_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (2**53 + 1, "9007199254740993"),
        (0.1, "0.1"),
        (18.41248, "18.41248"),
        (0.1 + 0.2, "0.3"),
        (1234567.891, "1234567.9"),
        (-1234.56789, "-1234.57"),
        (123456789.0000001, "123456789.0"),
        (1.23456789e-7, "1.23457e-07"),
        (1.5e300, "1.5e+300"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        ("a b", "a b"),
        ("", ""),
        ("two\nlines\tand a bell\x07", "two\\nlines\\tand a bell\\x07"),
        ("\x1b[31mred", "\\x1b[31mred"),
        (b"\x00\xff", "0x00ff"),
        (datetime(2013, 3, 28, 18, tzinfo=UTC), "2013-03-28T18:00:00Z"),
        (datetime(2013, 3, 28, 18, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))), "2013-03-28T16:00:00.000005Z"),
        (date(2013, 3, 28), "2013-03-28"),
        (Decimal("1.50"), "1.50"),
        ([1, None, 2], "[1, null, 2]"),
        ({"a": [1.5]}, '{"a": [1.5]}'),
    ],
)
def test_value_in_a_table(value: object, text: str) -> None:
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(days=14), "14d"),
        (timedelta(hours=36), "1d 12h"),
        (timedelta(minutes=90), "1h 30min"),
        (timedelta(seconds=90), "1min 30s"),
        (timedelta(milliseconds=1500), "1.5s"),
        (timedelta(microseconds=1), "1e-06s"),
    ],
)
def test_duration(duration: timedelta, text: str) -> None:
    assert duration_text(duration) == text


def test_json_has_a_word_for_everything() -> None:
    value = {
        "when": datetime(2013, 3, 28, 18, tzinfo=UTC),
        "nan": math.nan,
        "big": 2**63 - 1,
        "bytes": b"\x01",
        "decimal": Decimal("0.1"),
        "nested": [{"x": (1, None)}],
        "text": "Zürich",
    }
    assert json.loads(dump_json(value)) == {
        "when": "2013-03-28T18:00:00Z",
        "nan": None,
        "big": 2**63 - 1,
        "bytes": "01",
        "decimal": "0.1",
        "nested": [{"x": [1, None]}],
        "text": "Zürich",
    }
    assert "Zürich" in dump_json(value)


def test_plain_table_is_aligned_and_has_no_trailing_space(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "rows", "note"), [("a", 1, ""), ("long name", 1000, "x"), ("c", None, "")])
    assert capsys.readouterr().out.splitlines() == [
        "name       rows  note",
        "a             1",
        "long name  1000  x",
        "c          null",
    ]


def test_plain_table_without_rows_is_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("a", "b"), [])
    assert capsys.readouterr().out == "a  b\n"
