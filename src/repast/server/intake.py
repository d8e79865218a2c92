"""Rows that arrive as JSON columns, read as the types of the views they are for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from repast.core.intake import input_types
from repast.core.json_value import read_json
from repast.core.manifest import FeatureViewSpec, Manifest
from repast.types import UnixTimestamp

if TYPE_CHECKING:
    from repast.types import DataType


def read_columns(
    manifest: Manifest, views: Sequence[FeatureViewSpec], df: dict[str, list[Any]]
) -> dict[str, list[Any]]:
    """Return columns of Python values. Columns that no view reads stay as they are.

    Raises:
        InvalidValueError: Text that is no base64, or a number that no Float32 is near to.

    """
    types: dict[str, set[DataType | None]] = {}
    for view in views:
        for name, dtype in input_types(view, manifest.data_sources[view.source]).items():
            types.setdefault(name, set()).add(dtype)
    found = dict(df)
    for name, declared in types.items():
        if name in df and len(declared) == 1:  # where views differ, each casts what it gets
            found[name] = read_json(df[name], declared.pop() or UnixTimestamp, subject=f"df column {name!r}")
    return found
