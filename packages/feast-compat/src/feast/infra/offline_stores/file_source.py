"""Rows in files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import repast
from feast.adapter.notice import legacy, refuse, refused_class, without_effect
from feast.data_format import DeltaFormat, FileFormat, ParquetFormat
from feast.data_source import DataSource
from feast.feature_logging import LoggingDestination
from feast.saved_dataset import SavedDatasetStorage

FileOptions = refused_class("feast.infra.offline_stores.file_source.FileOptions", hint="use FileSource")


class FileSource(DataSource):
    """One file, a folder or a glob of Parquet or Delta; local or in an object store."""

    _source_type = "file"
    _timezone = "UTC"
    _lateness = timedelta(0)

    def __init__(
        self,
        *args: Any,
        path: str | None = None,
        name: str | None = "",
        event_timestamp_column: str | None = "",
        file_format: FileFormat | None = None,
        created_timestamp_column: str | None = "",
        field_mapping: Mapping[str, str] | None = None,
        s3_endpoint_override: str | None = None,
        description: str | None = "",
        tags: Mapping[str, str] | None = None,
        owner: str | None = "",
        timestamp_field: str | None = "",
        connection_ref: Any = None,
        date_partition_column: str | None = None,
        file_url: str | None = None,
    ) -> None:
        if args or file_url:
            legacy("FileSource('path') or FileSource(file_url='path')", "FileSource(path='path')")
            path = args[0] if args else file_url
        text = os.fspath(path) if path is not None else ""
        super().__init__(
            name=name or text,
            timestamp_field=timestamp_field,
            event_timestamp_column=event_timestamp_column,
            created_timestamp_column=created_timestamp_column,
            field_mapping=field_mapping,
            description=description,
            tags=tags,
            owner=owner,
            date_partition_column=date_partition_column,
            connection_ref=connection_ref,
        )
        self._named_by_path = not name
        self.path, self.s3_endpoint_override = text, s3_endpoint_override or ""
        self.file_format = file_format
        self.__repast_definition__()

    _named_by_path = False

    def _build(self) -> repast.FileSource:
        common = self._common()
        if self._named_by_path:  # a path is no name of Repast's; the last part of it is
            common["name"] = None
        file_format = self.file_format.name if isinstance(self.file_format, FileFormat) else self.file_format
        return repast.FileSource(
            **common,
            path=self.path,
            file_format=file_format,
            s3_endpoint_override=self.s3_endpoint_override,
            timezone=self._timezone,
            lateness=self._lateness,
        )

    def _restore_from(self, options: dict[str, Any]) -> None:
        self.path, self.s3_endpoint_override = options["path"], options.get("s3_endpoint_override", "")
        known: dict[str, Any] = {"parquet": ParquetFormat(), "delta": DeltaFormat()}
        self.file_format = known.get(options["file_format"], options["file_format"])
        self.timestamp_field_type, self.connection_ref = None, None

    @staticmethod
    def get_uri_for_file_path(repo_path: Any, uri: str) -> str:
        """Return a path as seen from a repo's folder."""
        return uri if "://" in uri or os.path.isabs(uri) else os.path.join(repo_path or "", uri)  # noqa: PTH117, PTH118

    @staticmethod
    def create_filesystem_and_path(path: str, s3_endpoint_override: str, resolved_credentials: Any = None) -> Any:
        """Refuse: engines open files."""
        refuse("FileSource.create_filesystem_and_path", hint="pyarrow.fs.FileSystem.from_uri opens places")


class SavedDatasetFileStorage(SavedDatasetStorage):
    """A data set in a Parquet file."""

    def __init__(
        self, path: str, file_format: FileFormat | None = None, s3_endpoint_override: str | None = None
    ) -> None:
        if isinstance(file_format, DeltaFormat):
            refuse("A saved dataset in Delta format", hint="leave file_format out: it is a Parquet file")
        if s3_endpoint_override:
            without_effect("SavedDatasetFileStorage(s3_endpoint_override=...)", "data sets are local files")
        self.path, self.file_format, self.s3_endpoint_override = (
            path,
            file_format or ParquetFormat(),
            s3_endpoint_override,
        )

    @staticmethod
    def from_data_source(data_source: Any) -> SavedDatasetFileStorage:
        """Return the storage at the place of a source."""
        return SavedDatasetFileStorage(data_source.path)

    def to_data_source(self) -> FileSource:
        """Return a source that reads the data set."""
        return FileSource(path=self.path)


class FileLoggingDestination(LoggingDestination):
    """Logs in Parquet files."""

    def __init__(self, *, path: str, s3_endpoint_override: str = "", partition_by: list[str] | None = None) -> None:
        self.path, self.s3_endpoint_override, self.partition_by = path, s3_endpoint_override, partition_by

    def to_data_source(self) -> FileSource:
        """Return a source that reads the logs."""
        return FileSource(path=self.path, s3_endpoint_override=self.s3_endpoint_override)
