"""Formats of files and of messages in streams."""

from __future__ import annotations


class FileFormat:
    """How the rows of files are written."""

    name = "parquet"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self).__name__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ParquetFormat(FileFormat):
    """Parquet files."""

    def __str__(self) -> str:
        return "parquet"


class DeltaFormat(FileFormat):
    """A Delta table."""

    name = "delta"

    def __str__(self) -> str:
        return "delta"


class StreamFormat:
    """How the messages of a stream are written."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self).__name__)


class AvroFormat(StreamFormat):
    """Messages in Avro."""

    def __init__(self, schema_json: str) -> None:
        self.schema_json = schema_json


class JsonFormat(StreamFormat):
    """Messages in JSON."""

    def __init__(self, schema_json: str) -> None:
        self.schema_json = schema_json


class ProtoFormat(StreamFormat):
    """Messages in Protocol Buffers."""

    def __init__(self, class_path: str) -> None:
        self.class_path = class_path
