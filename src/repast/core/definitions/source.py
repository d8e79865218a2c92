"""Where rows come from: files, pushes, and the request itself.

A source kind of another package subclasses :class:`BatchSource`, names its ``source_type`` and lists
its own options; engines decide what they can read by that name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, ClassVar

from repast.core.definitions.base import Definition, duplicates, is_duration, is_list
from repast.core.definitions.field import Field


class PushMode(Enum):
    """Where a push goes."""

    ONLINE = "online"
    OFFLINE = "offline"
    ONLINE_AND_OFFLINE = "online_and_offline"


FILE_FORMATS = ("parquet", "csv", "delta", "iceberg")


@dataclass(frozen=True, init=False, kw_only=True)
class DataSource(Definition):
    """Base of all sources."""

    kind: ClassVar[str] = "data source"
    source_type: ClassVar[str]

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class BatchSource(DataSource):
    """A table of past rows: keys, an event time, maybe a created time, features.

    Args:
        timestamp_field: Column with the event time; inferred when exactly one column is a timestamp.
        created_timestamp_column: Column with the time a row was recorded; breaks ties, and is what
            ``as_of="available"`` looks at.
        field_mapping: Source column to the name used in views.
        timezone: IANA zone that naive timestamps of this source are in.
        lateness: How much later than its created (or event) time a row may still arrive; incremental
            loads look back this far.

    """

    timestamp_field: str | None = None
    created_timestamp_column: str | None = None
    field_mapping: Mapping[str, str] = field(default_factory=dict)
    timezone: str = "UTC"
    lateness: timedelta = timedelta(0)

    def _init(
        self,
        *,
        name: str,
        timestamp_field: str | None = None,
        created_timestamp_column: str | None = None,
        field_mapping: Mapping[str, str] | None = None,
        timezone: str = "UTC",
        lateness: timedelta = timedelta(0),
        **values: Any,
    ) -> None:
        super()._init(
            name=name,
            timestamp_field=timestamp_field or None,
            created_timestamp_column=created_timestamp_column or None,
            timezone=timezone,
            lateness=lateness,
            **values,
        )
        object.__setattr__(self, "field_mapping", self._texts("field_mapping", field_mapping))
        self._check_batch()

    def _check_batch(self) -> None:
        import zoneinfo

        try:
            zoneinfo.ZoneInfo(self.timezone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            self.problem(f"{self.timezone!r} is not a time zone.", hint='use an IANA name, for example "Europe/Paris"')
        if not is_duration(self.lateness):
            self.problem(f"lateness must be a timedelta of zero or more, not {self.lateness!r}.")
            object.__setattr__(self, "lateness", timedelta(0))
        for option in ("timestamp_field", "created_timestamp_column"):
            if not isinstance(getattr(self, option), str | None):
                self.problem(
                    f"{option} must be the name of a column, not {getattr(self, option)!r}.",
                    hint=f'for example {option}="event_timestamp"',
                )
                object.__setattr__(self, option, None)
        for name in duplicates(self.field_mapping.values()):
            self.problem(f"field_mapping gives the name {name!r} to two columns.")
        if self.timestamp_field and self.timestamp_field == self.created_timestamp_column:
            self.problem(
                f"timestamp_field and created_timestamp_column are both {self.timestamp_field!r}.",
                hint="leave created_timestamp_column out if the source has no such column",
            )

    def options(self) -> dict[str, Any]:
        """The JSON-able options that only this kind of source has."""
        raise NotImplementedError

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class FileSource(BatchSource):
    """Rows in files: one file, a folder, or a glob; local, s3://, gs:// or az://.

    Args:
        path: Relative paths start at the folder of feature_store.yaml.
        name: Defaults to the path's last part without its suffix.
        file_format: "parquet", "csv", "delta" or "iceberg"; by default told from the path.
        s3_endpoint_override: Endpoint of an S3-compatible server.
        Others: see :class:`BatchSource`.

    """

    source_type: ClassVar[str] = "file"
    path: str = ""
    file_format: str = "parquet"
    s3_endpoint_override: str = ""

    def __init__(
        self,
        *,
        path: str | os.PathLike[str],
        name: str | None = None,
        timestamp_field: str | None = None,
        created_timestamp_column: str | None = None,
        file_format: str | None = None,
        field_mapping: Mapping[str, str] | None = None,
        timezone: str = "UTC",
        lateness: timedelta = timedelta(0),
        s3_endpoint_override: str = "",
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> None:
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        self._init(
            name=name or _name_of(text),
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            field_mapping=field_mapping,
            timezone=timezone,
            lateness=lateness,
            description=description,
            tags=tags,
            owner=owner,
            path=text,
            file_format=file_format or _format_of(text),
            s3_endpoint_override=s3_endpoint_override,
        )
        if not text:
            given = repr(path) if isinstance(path, str | int | float | None) else f"a {type(path).__name__}"
            self.problem(f"path is {given}.", hint='for example path="data/driver_stats.parquet"')
        if self.file_format not in FILE_FORMATS:
            self.problem(
                f"file_format {self.file_format!r} is not known.",
                hint="use one of " + ", ".join(FILE_FORMATS),
            )

    def options(self) -> dict[str, Any]:
        options = {"path": self.path, "file_format": self.file_format}
        if self.s3_endpoint_override:
            options["s3_endpoint_override"] = self.s3_endpoint_override
        return options

    __hash__ = Definition.__hash__


def _name_of(path: str) -> str:
    last = path.rstrip("/").rsplit("/", 1)[-1]
    stem = last.split(".", 1)[0] if not last.startswith("*") else path.rstrip("/").rsplit("/", 2)[-2:][0]
    cleaned = "".join(c if c.isalnum() or c in "_-." else "_" for c in stem)
    return cleaned if cleaned and not cleaned[0].isdigit() else f"source_{cleaned}"


def _format_of(path: str) -> str:
    lowered = path.lower()
    return "csv" if lowered.endswith((".csv", ".csv.gz", ".tsv")) else "parquet"


@dataclass(frozen=True, init=False, kw_only=True)
class RegisteredSource(BatchSource):
    """A batch source as the registry knows it, whose own class is in a package that is not imported here."""

    source_type: str = ""  # type: ignore[misc]  # of this one source, not of a class
    registered_options: Mapping[str, Any] = field(default_factory=dict)

    def __init__(
        self,
        *,
        name: str,
        source_type: str,
        options: Mapping[str, Any],
        timestamp_field: str | None = None,
        created_timestamp_column: str | None = None,
        field_mapping: Mapping[str, str] | None = None,
        timezone: str = "UTC",
        lateness: timedelta = timedelta(0),
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> None:
        self._init(
            name=name,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            field_mapping=field_mapping,
            timezone=timezone,
            lateness=lateness,
            description=description,
            tags=tags,
            owner=owner,
            source_type=source_type,
            registered_options=dict(options),
        )

    def options(self) -> dict[str, Any]:
        return dict(self.registered_options)

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class PushSource(DataSource):
    """Rows that programs push as they happen, beside the batch source that holds the past.

    Args:
        name: The name that ``push`` is called with.
        batch_source: Where the same rows are found for training; a push "to offline" appends to it.

    """

    source_type: ClassVar[str] = "push"
    batch_source: BatchSource | None = None

    def __init__(
        self,
        *,
        name: str,
        batch_source: BatchSource | None = None,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> None:
        self._init(name=name, batch_source=batch_source, description=description, tags=tags, owner=owner)
        if batch_source is not None and not isinstance(batch_source, BatchSource):
            self.problem(f"batch_source must be a batch source such as FileSource, not {batch_source!r}.")
            object.__setattr__(self, "batch_source", None)

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class RequestSource(DataSource):
    """Values that arrive with the request: inputs of on-demand views that no store holds."""

    source_type: ClassVar[str] = "request"
    schema: tuple[Field, ...] = ()

    def __init__(
        self,
        *,
        name: str,
        schema: Sequence[Field],
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> None:
        self._init(name=name, description=description, tags=tags, owner=owner, schema=())
        if not is_list(schema) or not all(isinstance(f, Field) for f in schema):
            self.problem("schema must be a list of Field.", hint='schema=[Field(name="amount", dtype=Float64)]')
            return
        object.__setattr__(self, "schema", tuple(schema))
        if not schema:
            self.problem("schema is empty.")
        for repeated in duplicates(f.name for f in schema):
            self.problem(f"field {repeated!r} is listed twice.")

    __hash__ = Definition.__hash__
