"""How a definition is shown: as somebody would write it, without what has its default."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any


def short_repr(value: Any) -> str:
    """Return how an object of a dataclass is written, without what has its default."""
    shown = []
    for one in fields(value):
        default = one.default_factory() if one.default_factory is not MISSING else one.default
        given = getattr(value, one.name)
        if one.repr and given != default:
            # Definitions keep as tuples what people write as lists.
            shown.append(f"{one.name}={list(given) if isinstance(given, tuple) else given!r}")
    return f"{type(value).__qualname__}({', '.join(shown)})"
