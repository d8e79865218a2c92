"""The engine suite on the Snowflake emulator, with the real connector."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from repast.backends.offline.snowflake import SnowflakeEngine
from repast.core.manifest import SourceSpec
from repast.ports.offline import OfflineEngine
from repast.testing.engine import EngineSuite, TableRules
from repast.testing.strategy import NESTED
from server.snowflake import SnowflakeServer, run_snowflake

pytestmark = pytest.mark.slow  # the emulator takes tenths of a second for a statement

_TYPES = ("test_features_come_back_as_they_are", "test_tables_hold_features_as_they_are")
_64_BITS = "the emulator keeps NUMBER(38, 0) in 64 bits, Snowflake does not"
_MICROS = "the emulator keeps times in microseconds, Snowflake in nanoseconds"
_UPPER = "names that are not quoted are upper case in Snowflake; test_snowflake_project.py quotes them"
_SEMI_STRUCTURED = "semi-structured columns are read as text; declare such a feature Json"


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[SnowflakeServer]:
    with run_snowflake() as started:
        TestSnowflakeEngine.server = started
        yield started


class TestSnowflakeEngine(TableRules, EngineSuite):
    server: ClassVar[SnowflakeServer]
    gaps: ClassVar[dict[str, str]] = {
        "test_query": _UPPER,
        "test_nanoseconds_are_floored": _MICROS,
        "test_keys_of_other_number_types_match[uint32-Int64]": _64_BITS,
        "test_keys_of_other_number_types_match[uint64-Int64]": _64_BITS,
        f"test_keys_that_would_lose_are_refused[uint64-Int64-{2**64 - 1}-{2**64 - 1}]": _64_BITS,
        **{f"{rule}[{dtype}]": _SEMI_STRUCTURED for rule in _TYPES for dtype in NESTED},
    }
    copies = 51
    examples = 2

    def make_engine(self, folder: Path) -> OfflineEngine:
        return SnowflakeEngine(repo_path=folder, **self.server.options)

    def store_rows(self, folder: Path, name: str, rows: pa.Table) -> SourceSpec:
        self.server.store_rows(f'"{name}"', rows)
        return SourceSpec(name=name, source_type="snowflake", options={"table": f'"{name}"'})

    def storable(self, value: Any) -> Any:
        # The emulator keeps NUMBER(38, 0) in 64 bits.
        large = isinstance(value, Decimal) and value.as_tuple().exponent == 0 and abs(value) >= 2**63
        return value % 2**63 if large else value

    def missing_source(self, folder: Path) -> SourceSpec:
        return SourceSpec(name="gone", source_type="snowflake", options={"table": "gone"})
