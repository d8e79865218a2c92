"""One definition in full, as people read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from repast.cli.table import print_pairs
from repast.cli.value import dump_json, duration_text, to_text

_FIELDS = frozenset({"schema", "join_keys"})


def print_detail(facts: Mapping[str, object]) -> None:
    """Print what is set, one fact a line; lists of fields one field a line; empty facts are left out."""
    pairs = [(_label(name), _text(name, value)) for name, value in facts.items() if _says_something(value)]
    print_pairs(pairs)


def _label(name: str) -> str:
    return name.removesuffix("_seconds").replace("_", " ")


def _says_something(value: object) -> bool:
    return value is not None and value not in ("", [], {})


def _text(name: str, value: object) -> str:
    from datetime import timedelta

    if name.endswith("_seconds") and isinstance(value, int | float):
        return duration_text(timedelta(seconds=value))
    if name in _FIELDS and isinstance(value, Sequence):
        return _field_lines(value)
    if name == "function" and isinstance(value, Mapping):
        return f"{value['reference']}\n{str(value['source']).rstrip()}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {to_text(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(_item_text(item) for item in value)
    return to_text(value)


def _item_text(item: object) -> str:
    if not isinstance(item, Mapping) or "view" not in item:
        return item if isinstance(item, str) else dump_json(item, indent=0)
    features = item.get("features")
    shown = f"[{', '.join(features)}]" if isinstance(features, list) else ""
    alias = f" as {item['name_alias']}" if item.get("name_alias") else ""
    mapped = item.get("join_key_map")
    joined = ", ".join(f"{key} = {column}" for key, column in mapped.items()) if isinstance(mapped, Mapping) else ""
    return f"{item['view']}{shown}{alias}" + (f" where {joined}" if joined else "")


def _field_lines(fields: Sequence[object]) -> str:
    rows = [f for f in fields if isinstance(f, Mapping)]
    widths = [max((len(str(f[part])) for f in rows), default=0) for part in ("name", "dtype")]
    return "\n".join(
        f"{f['name']!s:{widths[0]}}  {f['dtype']!s:{widths[1]}}  {f.get('description', '')}".rstrip() for f in rows
    )
