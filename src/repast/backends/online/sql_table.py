"""How views and keys are named in SQL databases, whose names and keys are short."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from repast.ports.online import OnlineTable

PREFIX = "repast_"
KEY_BYTES = 1000
"""Longer keys are kept as their beginning and a digest: what is kept is then longer than any whole key."""
STORED_KEY_BYTES = KEY_BYTES + 32

_SPELLED = 39


def table_name(table: OnlineTable) -> str:
    """Return a name of at most 63 letters, digits and underscores: readable, and by its digest that of one table."""
    identity = repr((table.project, table.view, table.incarnation)).encode("utf-8", "surrogatepass")
    spelled = re.sub(r"[^a-z0-9]+", "_", f"{table.project}_{table.view}_{table.incarnation}".lower()).strip("_")
    return f"{PREFIX}{spelled[:_SPELLED]}_{hashlib.blake2b(identity, digest_size=8).hexdigest()}"


def stored_keys(keys: Sequence[bytes]) -> Sequence[bytes]:
    """Return keys as they are stored."""
    if not keys or max(map(len, keys)) <= KEY_BYTES:
        return keys
    return [key if len(key) <= KEY_BYTES else key[:KEY_BYTES] + hashlib.sha256(key).digest() for key in keys]
