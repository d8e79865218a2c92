"""Spark's errors in Repast's words, and Repast's own errors on their way back from the executors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from repast import errors
from repast.core.sql.instant import REFUSAL
from repast.errors import (
    ClosedError,
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
_NO_CATALOG = ("REQUIRES_SINGLE_PART_NAMESPACE", "Couldn't find a catalog")
_NO_FORMAT = (
    "DATA_SOURCE_NOT_FOUND",
    "DATA_SOURCE_NOT_ENABLED",
    "Failed to find the data source",
    "UNSUPPORTED_DATASOURCE",
    "CANNOT_LOAD_CATALOG",
)
_BY_NAME = re.compile(r"TABLE_OR_VIEW_NOT_FOUND.*`(delta|iceberg|hudi)`\.`")
"""A path as the name of a table: SELECT * FROM delta.`/path`."""
_LINKAGE = re.compile(
    r"IncompatibleClassChangeError|NoSuchMethodError|NoSuchFieldError|AbstractMethodError|NoClassDefFoundError"
    r"|UnsupportedClassVersionError"
)
"""Java's words for a package that was built for another version of what it meets."""
_FORMATS = re.compile(r"delta|iceberg|hudi|avro", re.IGNORECASE)
_PACKAGES = {
    "delta": "io.delta:delta-spark; with spark.sql.extensions: io.delta.sql.DeltaSparkSessionExtension and "
    "spark.sql.catalog.spark_catalog: org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "iceberg": "org.apache.iceberg:iceberg-spark-runtime; tables of a catalog need spark.sql.catalog.NAME: "
    "org.apache.iceberg.spark.SparkCatalog with its type, too",
    "hudi": "org.apache.hudi:hudi-spark-bundle",
    "avro": "org.apache.spark:spark-avro",
}
_NO_FILE_SYSTEM = re.compile(
    r"No FileSystem for scheme \"(\w+)\"|Class (org\.apache\.hadoop\.fs\.(\w+)\.\w+) not found"
)
_FILE_SYSTEMS = {
    "s3a": "org.apache.hadoop:hadoop-aws",
    "s3": "org.apache.hadoop:hadoop-aws, and write s3a://",
    "gs": "com.google.cloud.bigdataoss:gcs-connector",
    "abfss": "org.apache.hadoop:hadoop-azure",
    "azurebfs": "org.apache.hadoop:hadoop-azure",
}
_STOPPED = re.compile(
    r"SparkContext was shut down|stopped SparkContext|SESSION_OR_CONTEXT_NOT_EXISTS|SESSION_CLOSED|NO_ACTIVE_SESSION"
    # Whatever of a context is asked for first, when it is gone.
    r"|\"org\.apache\.spark\.Spark(Context|Env)[$.\w]*\(\)\" is null"
)
_NO_ACCESS = ("Mkdirs failed", "ParentNotDirectoryException", "AccessControlException", "Permission denied")
_VALUE = re.compile(r"SQLSTATE: (22|P0)\w{3}")
"""Of data, and what raise_error raises."""
_TASK = re.compile(r"^.*Job aborted due to stage failure.*?\([^()]*executor[^()]*\): |^[\w.$]+: (?=\[[A-Z_.]+\])")
"""Where it failed, or the class of an error that has a name."""
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


def is_stopped(session: Any) -> bool:
    """Return whether somebody stopped a session."""
    if hasattr(session, "is_stopped"):  # of Connect
        return bool(session.is_stopped)
    context = session.sparkContext._jsc
    try:
        return context is None or bool(context.sc().isStopped())
    except Exception as error:
        if has_java_ended(error):
            return True
        raise


def has_java_ended(error: Exception) -> bool:
    """Return whether the Java process that this one talks with is gone."""
    return isinstance(error, ConnectionError) or type(error).__name__ == "Py4JNetworkError"


def java_ended(subject: str) -> UnavailableError:
    """Return what to say then. PySpark starts one Java process in the life of a Python process."""
    return UnavailableError(
        f"{subject}: the Java process of Spark has ended; the system ends one that takes too much memory.",
        hint="start this Python process anew; spark.driver.memory in spark_conf bounds what Java takes",
    )


@contextmanager
def translated(subject: str, session: Any = None) -> Iterator[None]:
    """Raise what Spark says about a source or statement as one of our errors.

    Args:
        subject: What was asked, for the message.
        session: The session that was asked. What Spark says when that was stopped depends on the moment.

    """
    try:
        yield
    except RepastError:
        raise
    except Exception as error:  # py4j, gRPC and PySpark have no common error
        if session is not None and not has_java_ended(error) and is_stopped(session):
            raise _stopped(subject) from error
        raise translate(error, subject) from error


def translate(error: Exception, subject: str) -> RepastError:
    """Return our error for one of Spark's."""
    if has_java_ended(error):
        return java_ended(subject)
    text = str(error)
    if found := _CARRIED.search(text):
        said = json.loads(found[1])
        kind: type[RepastError] = getattr(errors, said["type"], RepastError)
        return kind(said["message"], hint=said["hint"])
    if found := _REFUSED.search(text):
        return InvalidValueError(found[1].strip(), hint="correct the value, or the type in the definition")
    return (
        _of_executors(text)
        or _of_packages(text, subject)
        or _of_source(text, type(error).__name__, subject)
        or _unavailable(text, subject)
    )


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


def _of_packages(text: str, subject: str) -> RepastError | None:
    """What Spark's Java lacks, or has in another version."""
    first = first_line(text)
    if _LINKAGE.search(first):
        found = _FORMATS.search(text)
        return UnsupportedError(
            f"{subject}: a Java package of the session does not fit Spark {_spark()}: {first}",
            hint=_package_hint(found[0].lower() if found else "", "the one built"),
        )
    if any(word in first for word in _NO_FORMAT) or (found := _BY_NAME.search(text)):
        found = _FORMATS.search(first)
        return UnsupportedError(f"{subject}: {first}", hint=_package_hint(found[0].lower() if found else "", "one"))
    if found := _NO_FILE_SYSTEM.search(text):
        scheme = found[1] or found[3]
        package = _FILE_SYSTEMS.get(scheme, "the one that has it")
        return MissingDependencyError(
            f"{subject}: this Spark has no file system for {scheme}://.",
            hint=f"add its package, of the version of Hadoop that Spark has, with spark_conf: "
            f"{{spark.jars.packages: ...}}: {package}",
        )
    return None


def _package_hint(name: str, which: str) -> str:
    if name not in _PACKAGES:
        return (
            "Spark has parquet, csv, json, orc and text itself; others need a package: "
            "spark_conf: {spark.jars.packages: ...}"
        )
    return f"add {which} for Spark {_spark()} with spark_conf: {{spark.jars.packages: ...}}: {_PACKAGES[name]}"


def _spark() -> str:
    """The version that packages must be built for."""
    return ".".join(version("pyspark").split(".")[:2])


def _of_source(text: str, kind: str, subject: str) -> RepastError | None:
    first = first_line(text)
    if _STOPPED.search(text):
        return _stopped(subject)
    if "COLUMN_ALREADY_EXISTS" in text:
        return InvalidRequestError(
            f"{subject}: {first}",
            hint="names that differ in case only are one name: rename one column, "
            "or set spark.sql.caseSensitive: true in spark_conf",
        )
    if any(word in text for word in _NO_CATALOG):
        return NotFoundError(
            f"{subject}: the session has no catalog for that name: {first}",
            hint="a catalog is named in spark_conf: {spark.sql.catalog.NAME: its class}",
        )
    if "UNABLE_TO_INFER_SCHEMA" in text:
        return NotFoundError(f"{subject} has no files with rows: {first}", hint="check the path and the format")
    if any(word in text for word in _NO_ACCESS):
        return InvalidRequestError(
            f"{subject} cannot be read or written: {first}", hint="check the place and its permissions"
        )
    if _VALUE.search(first):
        return InvalidValueError(f"{subject}: {first}", hint="correct the value, or the statement")
    if any(word in text for word in _NOT_THERE):
        return NotFoundError(f"{subject}: {first}", hint="check the name or path, and the catalog of the session")
    if any(word in text for word in _UNREADABLE):
        return CorruptDataError(f"{subject} cannot be read: {first}")
    if kind.endswith(("ParseException", "AnalysisException")) or any(word in text[:80] for word in _BAD_REQUEST):
        return InvalidRequestError(f"{subject}: {first}", hint="check the statement: it must be one SELECT")
    return None


def _stopped(subject: str) -> ClosedError:
    return ClosedError(
        f"{subject}: the Spark session was stopped.",
        hint="what was made with it went with it: make data frames anew, and ask again",
    )


def _unavailable(text: str, subject: str) -> RepastError:
    return UnavailableError(f"{subject}: {first_line(text)}", hint="the executors' logs say more")


def first_line(text: str) -> str:
    """Return what Spark said, without where in its code."""
    lines = [line.strip(" :") for line in text.splitlines() if line.strip(" :")]
    said = [line for line in lines if not line.startswith("An error occurred while calling")]
    return _TASK.sub("", said[0])[:300] if said else "Spark gave no reason"
