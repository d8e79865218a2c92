"""Spark's errors in Repast's words, and Repast's own errors on their way back from the executors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

from repast import errors
from repast.core.sql.instant import REFUSAL
from repast.errors import (
    CorruptDataError,
    InvalidRequestError,
    InvalidValueError,
    MissingDependencyError,
    NotFoundError,
    RepastError,
    UnavailableError,
    UnsupportedError,
)

if TYPE_CHECKING:
    import pyarrow as pa

    Work = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]

_MARK = "[repast-error]"
_CARRIED = re.compile(re.escape(_MARK) + r"(\{.*\})")
_REFUSED = re.compile(re.escape(REFUSAL) + r"(.*?)(?: SQLSTATE: \w+|$)", re.DOTALL)
_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_NOT_THERE = ("PATH_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND")
_UNREADABLE = (
    "CANNOT_READ_FILE",
    "FAILED_READ_FILE",
    "is not a Parquet file",
    "CANNOT_READ_FILE_FOOTER",
    "CANNOT_MERGE",
)
_NO_FORMAT = ("DATA_SOURCE_NOT_FOUND", "Failed to find the data source", "UNSUPPORTED_DATASOURCE")
_BAD_REQUEST = ("ParseException", "AnalysisException", "PARSE_", "UNRESOLVED_", "INVALID_SQL_ARG")


class Guarded:
    """Work on an executor whose errors of ours come back as they are."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._work(batches)
        except RepastError as error:
            said = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
            raise RuntimeError(_MARK + json.dumps(said)) from error


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Raise what Spark says about a source or statement as one of our errors."""
    try:
        yield
    except RepastError:
        raise
    except Exception as error:  # py4j, gRPC and PySpark have no common error
        raise translate(error, subject) from error


def translate(error: Exception, subject: str) -> RepastError:
    """Return our error for one of Spark's."""
    text = str(error)
    if found := _CARRIED.search(text):
        said = json.loads(found[1])
        kind: type[RepastError] = getattr(errors, said["type"], RepastError)
        return kind(said["message"], hint=said["hint"])
    if found := _REFUSED.search(text):
        return InvalidValueError(found[1].strip(), hint="correct the value, or the type in the definition")
    return _of_executors(text) or _of_source(text, type(error).__name__, subject) or _unavailable(text, subject)


def _of_executors(text: str) -> RepastError | None:
    """What a worker's Python lacks."""
    if found := _NO_MODULE.search(text):
        package = found[1].partition(".")[0]
        wanted = f"repast=={version('repast')}" if package == "repast" else package
        return MissingDependencyError(
            f"The Spark executors have no Python package {package!r}.",
            hint=f"on every worker: pip install '{wanted}' into the Python that PYSPARK_PYTHON names; "
            "or ship an environment with spark.archives",
        )
    if "PYTHON_VERSION_MISMATCH" in text:
        return UnsupportedError(
            "The Spark executors run another minor version of Python than this process.",
            hint="set PYSPARK_PYTHON to a Python of this version on every worker",
        )
    if "Cannot run program" in text and "python" in text.lower():
        return MissingDependencyError(
            "The Spark executors do not find their Python.", hint="set PYSPARK_PYTHON to one that is on every worker"
        )
    if "InvalidClassException" in text or "local class incompatible" in text:
        return UnsupportedError(
            "The Spark cluster runs another version than this pyspark.", hint="install the pyspark of the cluster"
        )
    return None


def _of_source(text: str, kind: str, subject: str) -> RepastError | None:
    first = _first_line(text)
    if any(word in text for word in _NOT_THERE):
        return NotFoundError(f"{subject}: {first}", hint="check the name or path, and the catalog of the session")
    if any(word in text for word in _NO_FORMAT):
        return UnsupportedError(
            f"{subject}: {first}",
            hint="this Spark has no reader for that format: add its package with "
            'spark_conf: {spark.jars.packages: "..."} (Delta: io.delta:delta-spark, '
            "Iceberg: org.apache.iceberg:iceberg-spark-runtime, of your Spark's version)",
        )
    if any(word in text for word in _UNREADABLE):
        return CorruptDataError(f"{subject} cannot be read: {first}")
    if kind.endswith(("ParseException", "AnalysisException")) or any(word in text[:80] for word in _BAD_REQUEST):
        return InvalidRequestError(f"{subject}: {first}", hint="check the statement")
    return None


def _unavailable(text: str, subject: str) -> RepastError:
    return UnavailableError(f"{subject}: {_first_line(text)}", hint="the executors' logs say more")


def _first_line(text: str) -> str:
    lines = [line.strip(" :") for line in text.splitlines() if line.strip(" :")]
    said = [line for line in lines if not line.startswith("An error occurred while calling")]
    return said[0][:300] if said else "Spark gave no reason"
