"""Rows for the rules: few keys and short values over few bytes, so that rows meet often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from hypothesis import strategies as st

Row: TypeAlias = tuple[bytes, bytes]

ROW = st.tuples(
    st.sampled_from([b"k", b"k\x00", b"\x00", b"\xff\xff"]),
    st.binary(max_size=3)
    | st.sampled_from([b"\x7f", b"\x80", b"a", b"B", b"10", b"9", b"a\x00", b"a\x00b", b"a\x00c"]),
)
"""Prefixes and high bytes are common."""


def split(rows: Sequence[Row]) -> tuple[list[bytes], list[bytes]]:
    """Return keys and values."""
    return [key for key, _ in rows], [value for _, value in rows]
