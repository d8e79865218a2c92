"""Colours: on a terminal only, and never against the wish of NO_COLOR."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def is_terminal(stream: TextIO) -> bool:
    """Tell whether a person looks at the stream."""
    return stream.isatty()


def has_color(stream: TextIO) -> bool:
    """Tell whether a stream may get colours: a terminal that knows them, and NO_COLOR unset or empty."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def paint(text: str, *styles: str, stream: TextIO | None = None) -> str:
    """Return the text in these styles (bold, dim, red, green, yellow, cyan) if its stream may have them.

    Args:
        stream: Where the text will go; by default stdout.

    """
    if not has_color(stream or sys.stdout):
        return text
    codes = ";".join(_CODES[style] for style in styles)
    return f"\033[{codes}m{text}\033[0m"
