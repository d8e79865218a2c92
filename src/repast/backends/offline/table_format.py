"""Delta and Iceberg tables: their snapshot of now, as files and as something DuckDB can scan.

DuckDB's own readers of these are extensions, which a machine without network cannot install.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from repast.backends.offline.location import local_path, missing
from repast.core.manifest import SourceSpec
from repast.core.sql.node import named, select, table
from repast.errors import CorruptDataError, NotFoundError, UnsupportedError, require

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyiceberg.table import FileScanTask, StaticTable

CHANGED_COLUMN = "__changed"
"""Whether a row is in one of the files that a plan asks for."""


class Snapshot(ABC):
    """One version of a table."""

    @abstractmethod
    def files(self) -> dict[str, str]:
        """Return path -> fingerprint of its data files."""

    @abstractmethod
    def schema(self) -> pa.Schema:
        """Return its columns."""

    @abstractmethod
    def append(self, rows: pa.Table) -> None:
        """Add rows that have its schema, as a new version."""

    @abstractmethod
    def attach(
        self, cursor: duckdb.DuckDBPyConnection, columns: Sequence[str] | None, changed: Collection[str] | None
    ) -> exp.Expr:
        """Let the cursor scan it; return what to select from.

        With ``columns`` others may be missing; None: no rows are needed, only the columns. With
        ``changed`` there is a column :data:`CHANGED_COLUMN`.
        """


def open_snapshot(source: SourceSpec, repo_path: Path) -> Snapshot:
    """Open the newest version of a Delta or Iceberg table.

    Raises:
        NotFoundError: There is no such table.
        MissingDependencyError: The extra is not installed.
        UnsupportedError: The table uses a feature that cannot be read.

    """
    path = str(source.options["path"])
    if "://" not in path or path.startswith("file://"):
        local = local_path(path, repo_path)
        if not local.exists():
            raise missing(local, source=source.name)
        path = str(local)
    file_format = source.options["file_format"]
    return _Delta(source, path) if file_format == "delta" else _Iceberg(source, path)


def storage_options(source: SourceSpec) -> dict[str, str]:
    """Return where an S3-compatible server is, for deltalake."""
    endpoint = str(source.options.get("s3_endpoint_override") or "")
    if not endpoint:
        return {}
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": str(endpoint.startswith("http://")).lower()}


class _Delta(Snapshot):
    def __init__(self, source: SourceSpec, path: str) -> None:
        require("deltalake", extra="delta", purpose=f"Source {source.name!r} (a Delta table)")
        self._source, self._path = source, path.rstrip("/")
        self._table = self._load()

    def _load(self) -> DeltaTable:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            return DeltaTable(self._path, storage_options=storage_options(self._source))
        except TableNotFoundError as error:
            raise NotFoundError(f"Source {self._source.name!r}: there is no Delta table at {self._path}.") from error
        except DeltaError as error:
            raise CorruptDataError(
                f"Source {self._source.name!r}: the Delta table at {self._path} cannot be read: {error}"
            ) from error

    def files(self) -> dict[str, str]:
        actions = pa.table(self._table.get_add_actions(flatten=True))
        columns = [actions.column(name).to_pylist() for name in ("path", "size_bytes", "modification_time")]
        return {f"{self._path}/{path}": f"{size}-{time}" for path, size, time in zip(*columns, strict=True)}

    def schema(self) -> pa.Schema:
        return self._dataset().schema

    def append(self, rows: pa.Table) -> None:
        from deltalake import write_deltalake

        write_deltalake(self._table, rows, mode="append", storage_options=storage_options(self._source))

    def attach(
        self,
        cursor: duckdb.DuckDBPyConnection,
        columns: Sequence[str] | None,  # noqa: ARG002 - DuckDB tells the data set which it reads
        changed: Collection[str] | None,
    ) -> exp.Expr:
        import pyarrow.dataset as ds

        dataset = self._dataset()
        if changed is None:
            cursor.register("delta", dataset)
            return table("delta")
        parts: dict[bool, list[ds.Fragment]] = {True: [], False: []}
        for fragment in dataset.get_fragments():
            parts[f"{self._path}/{fragment.path}" in changed].append(fragment)
        selects = []
        for flag, fragments in parts.items():
            name = f"delta_{'changed' if flag else 'rest'}"
            cursor.register(name, ds.FileSystemDataset(fragments, dataset.schema, dataset.format, dataset.filesystem))
            selects.append(_flagged(name, flag))
        return exp.Union(this=selects[0], expression=selects[1], distinct=False).subquery(copy=False)

    def _dataset(self) -> Any:
        from deltalake.exceptions import DeltaError

        try:
            return self._table.to_pyarrow_dataset()
        except DeltaError as error:
            raise UnsupportedError(
                f"Source {self._source.name!r}: the Delta table at {self._path} cannot be read: {error}",
                hint="rewrite it without deletion vectors and column mapping",
            ) from error


class _Iceberg(Snapshot):
    def __init__(self, source: SourceSpec, path: str) -> None:
        require("pyiceberg", extra="iceberg", purpose=f"Source {source.name!r} (an Iceberg table)")
        self._source, self._path = source, path.rstrip("/")
        self._table = self._load()

    def _load(self) -> StaticTable:
        from pyiceberg.exceptions import ValidationError
        from pyiceberg.table import StaticTable

        endpoint = str(self._source.options.get("s3_endpoint_override") or "")
        try:
            return StaticTable.from_metadata(self._metadata_file(), {"s3.endpoint": endpoint} if endpoint else {})
        except FileNotFoundError as error:
            raise NotFoundError(f"Source {self._source.name!r}: there is no Iceberg table at {self._path}.") from error
        except (ValidationError, ValueError) as error:
            raise CorruptDataError(
                f"Source {self._source.name!r}: the Iceberg table at {self._path} cannot be read: {error}"
            ) from error

    def _metadata_file(self) -> str:
        """The path itself if it is a metadata file, else the newest one of the table's folder."""
        if self._path.endswith(".metadata.json"):
            return self._path
        if "://" in self._path:
            raise UnsupportedError(
                f"Source {self._source.name!r}: name the metadata file of an Iceberg table in an object store.",
                hint=f"for example {self._path}/metadata/v3.metadata.json",
            )
        found = max((Path(self._path) / "metadata").glob("*.metadata.json"), key=_metadata_version, default=None)
        if found is None:
            raise NotFoundError(f"Source {self._source.name!r}: there is no Iceberg table at {self._path}.")
        return str(found)

    def _tasks(self) -> list[FileScanTask]:
        return list(self._table.scan().plan_files())

    def files(self) -> dict[str, str]:
        # Data files never change; what may change is which of their rows are deleted.
        return {
            task.file.file_path: "-".join(
                [str(task.file.file_size_in_bytes), *sorted(file.file_path for file in task.delete_files)]
            )
            for task in self._tasks()
        }

    def schema(self) -> pa.Schema:
        return self._table.schema().as_arrow()

    def append(self, rows: pa.Table) -> None:
        raise UnsupportedError(
            f"Source {self._source.name!r}: {rows.num_rows} rows cannot be added: an Iceberg table needs its catalog.",
            hint="write them with the tool that owns the table",
        )

    def attach(
        self, cursor: duckdb.DuckDBPyConnection, columns: Sequence[str] | None, changed: Collection[str] | None
    ) -> exp.Expr:
        if columns is None:
            cursor.register("iceberg", self.schema().empty_table())
            return table("iceberg")
        present = [column for column in columns if column in self._table.schema().column_names]
        scan = self._table.scan(selected_fields=tuple(present))
        # A copy in DuckDB, which spills: plans read a source twice, and Iceberg's reader is read once.
        self._copy(cursor, scan.projection(), self._tasks(), changed)
        return table("iceberg")

    def _copy(
        self, cursor: duckdb.DuckDBPyConnection, schema: Any, tasks: list[FileScanTask], changed: Collection[str] | None
    ) -> None:
        from pyiceberg.expressions import AlwaysTrue
        from pyiceberg.io.pyarrow import ArrowScan

        reader = ArrowScan(self._table.metadata, self._table.io, schema, AlwaysTrue())
        groups = [(False, tasks)]
        if changed is not None:
            groups = [
                (flag, [task for task in tasks if (task.file.file_path in changed) is flag]) for flag in (True, False)
            ]
        create = "CREATE TEMP TABLE iceberg AS"
        for flag, members in groups:
            batches = pa.RecordBatchReader.from_batches(schema.as_arrow(), _aligned(reader, members, schema.as_arrow()))
            cursor.register("iceberg_reader", batches)
            columns = select(exp.Star()).from_(table("iceberg_reader"), copy=False)
            query = columns if changed is None else _flagged("iceberg_reader", flag)
            cursor.execute(f"{create} {query.sql(dialect='duckdb')}")
            create = "INSERT INTO iceberg"


def _aligned(reader: Any, tasks: list[FileScanTask], schema: pa.Schema) -> Any:
    for batch in reader.to_record_batches(tasks):
        yield pa.RecordBatch.from_arrays(
            [batch.column(name).cast(schema.field(name).type) for name in schema.names], schema=schema
        )


def _flagged(name: str, flag: bool) -> exp.Select:
    return select(exp.Star(), named(exp.true() if flag else exp.false(), CHANGED_COLUMN)).from_(table(name), copy=False)


def _metadata_version(path: Path) -> tuple[int, str]:
    number = re.match(r"v?(\d+)", path.name)
    return int(number.group(1)) if number else -1, path.name
