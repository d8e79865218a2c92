"""DuckDB's and Arrow's errors in Repast's words: which source, what is wrong with it, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb
import obstore.exceptions
import pyarrow as pa

from repast.backends.offline.statement import as_refused
from repast.core.sql.instant import REFUSAL
from repast.errors import (
    ClosedError,
    CorruptDataError,
    InvalidRequestError,
    NotFoundError,
    RepastError,
    UnavailableError,
)

_REFUSED = re.compile(re.escape(REFUSAL) + r"(.*)", re.DOTALL)
_MEMORY = re.compile(r"out of memory|failed to (allocate|offload|pin)|could not allocate")
_DENIED = re.compile(r"permission ?denied|access ?denied|\b40[13]\b|unauthorized|forbidden")
_MISSING = re.compile(r"no files found|no such file|not found|does not exist|\b404\b")
_CORRUPT = re.compile(
    r"magic bytes|corrupt|tprotocolexception|thrift|don't know what type|footer|too small to be a parquet"
    r"|snappy|zstd|decompress|invalid parquet|not a parquet|out of buffer|end of file|could not read enough bytes"
    r"|csv error|when sniffing|error when converting column|invalid page|metadata"
)


@contextmanager
def translated(subject: str, *, spell: Callable[[str], str] = str) -> Iterator[None]:
    """Turn errors of DuckDB and Arrow into Repast's.

    ``subject`` names the source or statement; ``spell`` puts into a message what the user calls things.
    """
    try:
        yield
    except RepastError:
        raise
    except (duckdb.Error, pa.ArrowException, obstore.exceptions.BaseError, OSError) as error:
        raise translate(error, subject, spell=spell) from error


def translate(error: Exception, subject: str, *, spell: Callable[[str], str] = str) -> RepastError:
    """Return the Repast error for an error of DuckDB or Arrow."""
    text = spell(str(error).strip())
    refused = _REFUSED.search(text)
    if refused:
        return as_refused(refused.group(1).strip().split("\n")[0])
    first = text.split("\n")[0]
    lowered = text.lower()
    if isinstance(error, MemoryError | duckdb.OutOfMemoryException) or _MEMORY.search(lowered):
        return UnavailableError(
            f"{subject}: not enough memory: {first}",
            hint="raise memory_limit of the offline store, or lower threads; it spills to temp_directory",
        )
    if isinstance(error, duckdb.ConnectionException):
        return ClosedError(f"{subject}: the engine was closed.")
    if isinstance(error, PermissionError) or _DENIED.search(lowered):
        return UnavailableError(f"{subject} may not be read: {first}", hint="check its permissions or credentials")
    if _CORRUPT.search(lowered):
        return CorruptDataError(
            f"{subject} cannot be read: {first}", hint="is it complete, and of the format the source declares?"
        )
    if isinstance(error, OSError | duckdb.IOException | obstore.exceptions.BaseError):
        if _MISSING.search(lowered):
            return NotFoundError(f"{subject}: {first}")
        return UnavailableError(f"{subject} cannot be read: {first}")
    return InvalidRequestError(f"{subject}: {first}")
