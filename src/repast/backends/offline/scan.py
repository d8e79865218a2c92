"""Sources as tables that DuckDB can select from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import duckdb
import pyarrow as pa
from sqlglot import exp

from repast.backends.offline.failure import translated
from repast.backends.offline.file_function import FILE_COLUMN, FileFunction, PinnedFiles, estimate_rows
from repast.backends.offline.location import is_remote, local_files, local_path, partition_names
from repast.backends.offline.table_format import CHANGED_COLUMN, open_snapshot
from repast.core.manifest import SourceSpec
from repast.core.plan.offline import CountRows, OfflinePlan, PointInTimeJoin, ReadRows
from repast.core.source_kind import unreadable
from repast.core.sql.dialect import DUCKDB
from repast.core.sql.instant import is_utc, time_kind
from repast.core.sql.node import column, select
from repast.core.sql.plan import plan_columns
from repast.errors import require
from repast.types import Json, String, Uuid

if TYPE_CHECKING:
    from repast.backends.offline.cloud import BucketFileSystem

_TEXT_TYPES = (String, Uuid, Json)


@dataclass
class Scan:
    """A source opened in a cursor of its own; closing it releases both."""

    cursor: duckdb.DuckDBPyConnection
    subject: str
    """The words for it in error messages."""
    table: exp.Expr = field(default_factory=exp.Table)
    schema: pa.Schema = field(default_factory=lambda: pa.schema([]))
    changed: exp.Expr | None = None
    """Condition that a row is in one of the files that the plan asks for."""
    rows: int | None = None
    """About how many rows there are, where that is cheap to know."""
    pinned: PinnedFiles | None = None

    def translated(self) -> AbstractContextManager[None]:
        """Raise errors of DuckDB as Repast's."""
        return translated(self.subject, spell=self._spell)

    def _spell(self, text: str) -> str:
        return text if self.pinned is None else self.pinned.spell(text)

    def close(self) -> None:
        """Release the cursor and the files. Idempotent."""
        self.cursor.close()
        if self.pinned is not None:
            self.pinned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self.pinned is not None:
                self.pinned.check()
        finally:
            self.close()


@dataclass
class Scanner:
    """Opens sources for one DuckDB database."""

    repo_path: Path
    mounted: dict[str, BucketFileSystem] = field(default_factory=dict)

    def files(self, source: SourceSpec) -> Mapping[str, str]:
        """Return path -> fingerprint of the files a source has now."""
        path, file_format = source_options(source)
        with translated(subject_of(source)):
            if file_format in ("delta", "iceberg"):
                return open_snapshot(source, self.repo_path).files()
            if is_remote(path):
                return {url: str(meta["e_tag"] or meta["size"]) for url, meta in self._objects(source, None).items()}
            return local_files(local_path(path, self.repo_path), file_format, source=source.name)

    def open(
        self, source: SourceSpec, plan: OfflinePlan | None, cursor: duckdb.DuckDBPyConnection, *, pin: bool = True
    ) -> Scan:
        """Open a source for a plan, or for its columns only; ``pin`` False leaves its files under their names.

        Raises:
            NotFoundError, CorruptDataError, UnavailableError, UnsupportedError: It cannot be read.

        """
        _, file_format = source_options(source)
        scan = Scan(cursor, subject_of(source))
        try:
            with scan.translated():
                if file_format in ("delta", "iceberg"):
                    self._open_table(scan, source, plan, pin)
                else:
                    self._open_files(scan, source, plan, file_format, pin)
        except BaseException:
            scan.close()
            raise
        return scan

    def _open_table(self, scan: Scan, source: SourceSpec, plan: OfflinePlan | None, read: bool) -> None:
        files = _changed_files(plan)
        snapshot = open_snapshot(source, self.repo_path)
        table = snapshot.attach(scan.cursor, plan_columns(plan) if plan and read else None, files)
        scan.changed = None if files is None else column(CHANGED_COLUMN)
        _describe(scan, table)

    def _open_files(
        self, scan: Scan, source: SourceSpec, plan: OfflinePlan | None, file_format: str, pin: bool
    ) -> None:
        paths = self._paths(source, file_format, scan.cursor)
        remote = is_remote(str(source.options["path"]))
        root = str(local_path(str(source.options["path"]), self.repo_path))
        partitions = partition_names(paths, root)
        if pin and not partitions and not remote:
            scan.pinned = PinnedFiles(paths)
        names = paths if scan.pinned is None else scan.pinned.names
        function = FileFunction(file_format, paths, names, partitions)
        types = _describe(scan, function.node())
        if file_format == "csv" and (ambiguous := function.ambiguous_times(scan.cursor, types)):
            types = _describe(scan, function.node(types=types | dict.fromkeys(ambiguous, "VARCHAR")))
        if file_format == "parquet" and not remote:
            scan.rows = estimate_rows(names)
        if plan is None:
            return
        files = _changed_files(plan)
        guessed = types if file_format == "csv" else {name: types[name] for name in partitions}
        text = dict.fromkeys(_text_columns(plan, scan.schema, guessed), "VARCHAR")
        if files is not None or guessed:
            _describe(scan, function.node(types=guessed | text, with_file=files is not None))
        if files is not None:
            wanted = [name for path, name in zip(paths, names, strict=True) if path in files]
            literals = [exp.Literal.string(name) for name in wanted]
            scan.changed = exp.In(this=column(FILE_COLUMN), expressions=literals) if wanted else exp.false()

    def _paths(self, source: SourceSpec, file_format: str, cursor: duckdb.DuckDBPyConnection) -> list[str]:
        path = str(source.options["path"])
        if is_remote(path):
            return list(self._objects(source, cursor))
        return list(local_files(local_path(path, self.repo_path), file_format, source=source.name))

    def _objects(
        self, source: SourceSpec, cursor: duckdb.DuckDBPyConnection | None
    ) -> Mapping[str, Mapping[str, object]]:
        require("fsspec", extra="cloud", purpose=f"Source {source.name!r} (in an object store)")
        from repast.backends.offline.cloud import Bucket, mount

        bucket = Bucket(source)
        objects = bucket.list(source_options(source)[1], source=source.name)
        if cursor is not None:
            mount(cursor, self.mounted, bucket, objects)
        return objects


def subject_of(source: SourceSpec) -> str:
    """Return the words for a source in error messages."""
    return f"Source {source.name!r} ({source.options.get('path', source.source_type)})"


def source_options(source: SourceSpec) -> tuple[str, str]:
    """Return path and format of a file source.

    Raises:
        UnsupportedError: It is of another kind.

    """
    if source.source_type != "file":
        raise unreadable(source, engine="duckdb")
    return str(source.options["path"]), str(source.options.get("file_format") or "parquet")


def _describe(scan: Scan, table: exp.Expr) -> dict[str, str]:
    """Set the table of a scan and the columns it has, without those that only we need; return DuckDB's types."""
    statement = select(exp.Star()).from_(exp.Table(this=table.copy()) if isinstance(table, exp.Func) else table.copy())
    relation = scan.cursor.sql(DUCKDB.render(statement.limit(0)))
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    schema = relation.to_arrow_table().schema
    scan.schema = pa.schema([field for field in schema if field.name not in (FILE_COLUMN, CHANGED_COLUMN)])
    scan.table = table
    return types


def plan_rows(plan: OfflinePlan) -> PointInTimeJoin | ReadRows:
    """Return the part of a plan that names source and columns."""
    return plan.rows if isinstance(plan, CountRows) else plan


def _changed_files(plan: OfflinePlan | None) -> Collection[str] | None:
    rows = plan_rows(plan) if plan is not None else None
    changed = rows.changed if isinstance(rows, ReadRows) else None
    return changed.files or None if changed is not None else None


def _text_columns(plan: OfflinePlan, schema: pa.Schema, guessed: Collection[str]) -> list[str]:
    """Columns whose guessed type had better be text.

    Where text is declared, "007" is not to become 7. Where only some times of a CSV column have an
    offset, the others are in the source's zone.
    """
    rows = plan_rows(plan)
    names = [key.column for key in rows.keys if key.dtype in _TEXT_TYPES]
    names += [feature.column for feature in rows.features if feature.dtype in _TEXT_TYPES]
    if not is_utc(rows.source.timezone):
        times = (rows.source.timestamp_field, rows.source.created_timestamp_column or "")
        names += [name for name in times if name in schema.names and time_kind(schema.field(name).type) == "instant"]
    return [name for name in names if name in guessed]
