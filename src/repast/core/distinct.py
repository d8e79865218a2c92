"""Lists without repeats, for the Set type."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def distinct_items(lists: pa.Array) -> pa.Array:
    """Keep the first of equal items in each list, in order. Nulls are equal, NaNs too, and 0.0 and -0.0."""
    items = lists.flatten()
    owners = np.asarray(pc.list_parent_indices(lists))
    codes = _codes(items)
    pairs = owners.astype(np.int64) * (int(codes.max(initial=0)) + 1) + codes
    _, first = np.unique(pairs, return_index=True)
    if len(first) == len(items):
        return lists
    kept = np.sort(first)
    lengths = np.bincount(owners[kept], minlength=len(lists))
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    mask = lists.is_null() if lists.null_count else None
    return pa.ListArray.from_arrays(offsets, items.take(pa.array(kept)), mask=mask)


_NAN = object()


def _codes(items: pa.Array) -> npt.NDArray[np.int64]:
    """One number per distinct value."""
    if pa.types.is_nested(items.type):
        seen: dict[object, int] = {}
        numbers = [seen.setdefault(_frozen(value), len(seen)) for value in items.to_pylist()]
        return np.array(numbers, dtype=np.int64)
    if pa.types.is_floating(items.type):
        items = pc.add(items, pa.scalar(0.0, items.type))  # -0.0 + 0.0 is 0.0
    encoded = items.dictionary_encode(null_encoding="encode")
    return np.asarray(encoded.indices).astype(np.int64)


def _frozen(value: object) -> object:
    if isinstance(value, dict):
        return tuple((name, _frozen(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    return _NAN if value != value else value
