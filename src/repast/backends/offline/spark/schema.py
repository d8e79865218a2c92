"""Schemas of sources without a job of Spark's: read here from a Parquet footer, or remembered of the same files."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

_ROOM = 1000
"""Schemas that are remembered."""
_SPARKS_OWN = b"org.apache.spark.sql.parquet.row.metadata"
"""Where Spark says itself what the columns of a file that it wrote are."""


class SchemaMemory:
    """Schemas by form (format and path) and files with their fingerprints: what changes is looked at anew."""

    def __init__(self) -> None:
        self._known: dict[Any, StructType] = {}
        self._lock = threading.Lock()

    def get(self, form: str, files: Mapping[str, str]) -> StructType | None:
        """Return the schema of these files, if it is known."""
        with self._lock:
            return self._known.get(_key(form, files))

    def put(self, form: str, files: Mapping[str, str], schema: StructType) -> None:
        """Remember a schema; the one known longest makes room."""
        with self._lock:
            if len(self._known) >= _ROOM:
                del self._known[next(iter(self._known))]
            self._known[_key(form, files)] = schema


def _key(form: str, files: Mapping[str, str]) -> tuple[str, int]:
    # A hash, for a source may have many thousands of files.
    return form, hash(tuple(files.items()))


def footer_schema(path: str) -> StructType | None:
    """Return a file's schema as Spark would find it by a job; None: of some column only Spark can say.

    A file that cannot be read is Spark's to complain about, too.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql.types import StructField, StructType

    try:
        with pq.ParquetFile(path) as file:
            schema, own = file.schema, file.metadata.metadata or {}
    except (pa.ArrowException, OSError):
        return None
    if _SPARKS_OWN in own:
        # What Spark would parse, too.
        try:
            return StructType.fromJson(json.loads(own[_SPARKS_OWN]))
        except (ValueError, KeyError, PySparkException):
            return None
    columns = [schema.column(i) for i in range(len(schema))]
    types = [_type_of(column) for column in columns]
    names = [column.path for column in columns]
    if None in types or len({name.lower() for name in names}) < len(names):
        return None
    return StructType([StructField(name, kind) for name, kind in zip(names, types, strict=True)])


def _type_of(column: Any) -> Any:
    """Return Spark's type of a flat column of a common type, whatever the session's settings are."""
    from pyspark.sql import types

    # A field of a struct has a path of several names; one name may have dots as well: leave both.
    if column.max_repetition_level or column.max_definition_level > 1 or "." in column.path:
        return None
    said = json.loads(column.logical_type.to_json())
    match column.physical_type, said["Type"]:
        case "BOOLEAN", "None":
            return types.BooleanType()
        case "FLOAT", "None":
            return types.FloatType()
        case "DOUBLE", "None":
            return types.DoubleType()
        case "INT32", "None":
            return types.IntegerType()
        case "INT64", "None":
            return types.LongType()
        case "INT32", "Date":
            return types.DateType()
        case "BYTE_ARRAY", "String":
            return types.StringType()
        case "INT32" | "INT64", "Int" if said["isSigned"]:
            signed = {8: types.ByteType, 16: types.ShortType, 32: types.IntegerType, 64: types.LongType}
            return signed[said["bitWidth"]]()
        case "INT64", "Timestamp" if said["timeUnit"] == "nanoseconds":
            return types.LongType()  # nanosAsLong
        case "INT64", "Timestamp" if said["isAdjustedToUTC"]:
            return types.TimestampType()
    return None
