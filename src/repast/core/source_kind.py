"""Which offline store reads which kind of source, for errors that say what to use instead."""

from __future__ import annotations

from collections.abc import Mapping

from repast.core.manifest import SourceSpec
from repast.errors import UnsupportedError

READERS: Mapping[str, tuple[str, ...]] = {
    "file": ("duckdb", "spark"),
    "postgres": ("postgres",),
    "bigquery": ("bigquery",),
    "snowflake": ("snowflake",),
    "redshift": ("redshift",),
    "athena": ("athena",),
    "trino": ("trino",),
    "clickhouse": ("clickhouse",),
    "spark": ("spark",),
}
"""``source_type`` -> the types of ``offline_store`` that read it. Sources of other packages are not in it."""


def unreadable(source: SourceSpec, *, engine: str) -> UnsupportedError:
    """Return the error of an engine (its type in feature_store.yaml) that cannot read a source of this kind."""
    readers = READERS.get(source.source_type, ())
    own = [kind for kind, engines in READERS.items() if engine in engines]
    kinds = " and ".join(repr(kind) for kind in own)
    reads = f"reads sources of type {kinds}" if own else "reads no source of that type"
    stores = " or ".join(f"offline_store: {{type: {reader}}}" for reader in readers)
    return UnsupportedError(
        f"Source {source.name!r} is of type {source.source_type!r}; the {engine} offline store {reads}.",
        hint=f"it is read with {stores}" if stores else "use the offline store that the source is made for",
        context={"source": source.name, "source_type": source.source_type},
    )
