"""Starts the BigQuery emulator, without two things that the tests do not need.

These are DuckDB's extension for GEOGRAPHY, which it would download, and parsing one statement many times over: each
part of the emulator parses the text anew, which is most of its work.
"""

import os
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from bqemulator.cli import main
from bqemulator.storage.engine import DuckDBEngine
from sqlglot.dialects.dialect import Dialect

DuckDBEngine._load_spatial = lambda self: None  # type: ignore[method-assign]


def parse_once(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Let parsing give copies of what a text was parsed to lately: trees are changed by who gets them."""

    @lru_cache(64)
    def parsed(kind: type[Dialect], settings: str, text: str, options: tuple[tuple[str, Any], ...]) -> Any:
        return parse(dialects[kind, settings], text, **dict(options))

    dialects: dict[tuple[type[Dialect], str], Dialect] = {}

    def parse_or_copy(dialect: Dialect, text: str, **options: Any) -> Any:
        settings = repr(sorted(vars(dialect).get("settings", {}).items()))
        dialects.setdefault((type(dialect), settings), dialect)
        trees = parsed(type(dialect), settings, text, tuple(sorted(options.items())))
        return [tree and tree.copy() for tree in trees]

    return parse_or_copy


Dialect.parse = parse_once(Dialect.parse)  # type: ignore[method-assign]

if __name__ == "__main__":
    rest, grpc, buckets = sys.argv[1:]
    os.environ["BQEMU_GCS_LOCAL_ROOT"] = buckets
    main(["start", "--rest-port", rest, "--grpc-port", grpc, "--ephemeral", "--log-level", "error"])
