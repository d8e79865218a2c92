"""DuckDB's and Arrow's errors in Repast's words: which source, what is wrong with it, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from repast.core.sql.instant import REFUSAL
from repast.errors import (
    ClosedError,
    CorruptDataError,
    InvalidRequestError,
    InvalidValueError,
    NotFoundError,
    RepastError,
    UnavailableError,
)

_REFUSED = re.compile(re.escape(REFUSAL) + r"(.*)", re.DOTALL)
_MEMORY = ("out of memory", "failed to allocate", "could not allocate", "failed to offload")
_DENIED = ("permission denied", "access denied", "accessdenied", "403", "unauthorized")
_MISSING = ("no files found", "no such file", "not found", "does not exist", "404")
_CORRUPT = (
    "magic bytes",
    "corrupt",
    "tprotocolexception",
    "thrift",
    "footer",
    "too small to be a parquet",
    "snappy",
    "zstd",
    "decompress",
    "invalid parquet",
    "out of buffer",
    "end of file",
    "could not read enough bytes",
    "csv error",
    "error when sniffing",
    "error when converting column",
)


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Turn errors of DuckDB and Arrow into Repast's; ``subject`` names the source or statement."""
    try:
        yield
    except RepastError:
        raise
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise translate(error, subject) from error


def translate(error: Exception, subject: str) -> RepastError:
    """Return the Repast error for an error of DuckDB or Arrow."""
    text = str(error).strip()
    refused = _REFUSED.search(text)
    if refused:
        return InvalidValueError(
            refused.group(1).strip().split("\n")[0] + ".",
            hint="correct the value in the source, or the type in the definition",
        )
    first = text.split("\n")[0]
    lowered = text.lower()
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException) or any(word in lowered for word in _MEMORY):
        return UnavailableError(
            f"{subject}: not enough memory: {first}",
            hint="raise memory_limit of the offline store, or lower threads; it spills to temp_directory",
        )
    if isinstance(error, duckdb.ConnectionException):
        return ClosedError(f"{subject}: the engine was closed.")
    if isinstance(error, PermissionError) or any(word in lowered for word in _DENIED):
        return UnavailableError(f"{subject} may not be read: {first}", hint="check its permissions or credentials")
    if any(word in lowered for word in _CORRUPT):
        return CorruptDataError(
            f"{subject} cannot be read: {first}", hint="is it complete, and of the format the source declares?"
        )
    if isinstance(error, OSError | duckdb.IOException):
        if any(word in lowered for word in _MISSING):
            return NotFoundError(f"{subject}: {first}")
        return UnavailableError(f"{subject} cannot be read: {first}")
    return InvalidRequestError(f"{subject}: {first}")
