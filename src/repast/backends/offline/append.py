"""Adding rows to file sources: readers see all of them or none, and two writers lose nothing."""

from __future__ import annotations

import csv
import io
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from repast.backends.offline.conform import check_names, conform
from repast.backends.offline.failure import translated
from repast.backends.offline.location import (
    SUFFIXES,
    has_wildcard,
    is_remote,
    local_files,
    local_path,
    missing,
    partition_names,
)
from repast.backends.offline.scan import source_options, subject_of
from repast.backends.offline.table_format import open_snapshot
from repast.core.manifest import SourceSpec
from repast.errors import UnsupportedError, require
from repast.temporary_file import temporary_file

_appending = threading.Lock()


def append_rows(source: SourceSpec, rows: pa.Table, *, repo_path: Path) -> None:
    """Add rows to a source.

    Raises:
        NotFoundError: There is nothing to append to.
        InvalidRequestError: The columns are not the source's.
        UnsupportedError: Sources of that kind cannot be appended to.

    """
    path, file_format = source_options(source)
    with translated(subject_of(source)):
        if file_format in ("delta", "iceberg"):
            snapshot = open_snapshot(source, repo_path)
            snapshot.append(conform(source, rows, snapshot.schema()))
        elif is_remote(path):
            _append_object(source, rows, path, file_format)
        else:
            _append_local(source, rows, local_path(path, repo_path), file_format)


def _append_object(source: SourceSpec, rows: pa.Table, path: str, file_format: str) -> None:
    require("fsspec", extra="cloud", purpose=f"Source {source.name!r} (in an object store)")
    from repast.backends.offline.cloud import Bucket

    bucket = Bucket(source)
    objects = bucket.list(file_format, source=source.name)
    one = len(objects) == 1 and bucket.url(bucket.key) in objects
    if one or file_format != "parquet" or partition_names(objects, bucket.url(bucket.key)):
        raise UnsupportedError(
            f"Source {source.name!r}: rows cannot be appended to {path}; only to folders of Parquet files there.",
            hint="use a folder without partitions, a Delta table or local files",
            context={"source": source.name, "path": path},
        )
    bucket.put_part(conform(source, rows, bucket.schema(next(iter(objects.values())))))


def _append_local(source: SourceSpec, rows: pa.Table, path: Path, file_format: str) -> None:
    folder = path.parent if has_wildcard(path.name) else path
    if folder.is_dir():
        files = list(local_files(path, file_format, source=source.name))
        if has_wildcard(str(folder)) or partition_names(files, str(folder)):
            raise UnsupportedError(
                f"Source {source.name!r}: rows cannot be appended to the partitioned folder {path}.",
                hint="write them into their partition yourself, or use a Delta table",
            )
        _add_part(source, rows, folder, Path(files[-1]), file_format)
    elif path.is_file():
        write = _extend_parquet if file_format == "parquet" else _extend_csv
        _replace(path, lambda target: write(source, path, rows, target))
    else:
        raise missing(path, source=source.name)


def _add_part(source: SourceSpec, rows: pa.Table, folder: Path, example: Path, file_format: str) -> None:
    """Write one more file beside the others; it appears under its name when it is complete."""
    part = folder / f"part-{uuid.uuid4().hex}{SUFFIXES[file_format][0]}"
    with temporary_file(part) as target:
        if file_format == "parquet":
            schema = pq.read_schema(example)
            pq.write_table(conform(source, rows, schema), target)
        else:
            dialect, names = _csv_format(example)
            target.write_text(_csv_text([names], dialect) + _csv_rows(source, rows, names, dialect), encoding="utf-8")
        _commit(target, part)


def _extend_parquet(source: SourceSpec, path: Path, rows: pa.Table, target: Path) -> None:
    with pq.ParquetFile(path) as old:
        schema = old.schema_arrow
        more = conform(source, rows, schema)
        with pq.ParquetWriter(target, schema) as writer:
            for batch in old.iter_batches():
                writer.write_batch(batch)
            if more.num_rows:
                writer.write_table(more)


def _extend_csv(source: SourceSpec, path: Path, rows: pa.Table, target: Path) -> None:
    if path.suffix in (".gz", ".zst"):
        raise UnsupportedError(f"Source {source.name!r}: {path} is compressed and cannot be appended to.")
    dialect, names = _csv_format(path)
    old = path.read_bytes()
    end = "" if old.endswith(b"\n") or not old else "\n"
    target.write_bytes(old + (end + _csv_rows(source, rows, names, dialect)).encode())


def _csv_format(path: Path) -> tuple[type[csv.Dialect], list[str]]:
    """Return how a CSV file is written, and its columns."""
    with duckdb.connect(":memory:") as connection:
        sniffed = connection.execute("SELECT Delimiter FROM sniff_csv(?, header = true)", [str(path)]).fetchall()

    class Dialect(csv.excel):
        delimiter = str(sniffed[0][0])
        lineterminator = "\n"

    with path.open(encoding="utf-8-sig", newline="") as file:
        return Dialect, next(csv.reader(file, Dialect))


def _csv_rows(source: SourceSpec, rows: pa.Table, names: list[str], dialect: type[csv.Dialect]) -> str:
    check_names(source, rows.column_names, names)
    columns = [rows.column(name).cast(pa.string()).to_pylist() for name in names]
    return _csv_text(zip(*columns, strict=True), dialect)


def _csv_text(rows: object, dialect: type[csv.Dialect]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, dialect).writerows(rows)  # type: ignore[arg-type]
    return buffer.getvalue()


def _replace(path: Path, write: Callable[[Path], None]) -> None:
    """Write a new version of a file and put it in the old one's place; concurrent writers take turns."""
    with _locked(path), temporary_file(path) as target:
        write(target)
        target.chmod(path.stat().st_mode & 0o7777)
        _commit(target, path)


def _commit(target: Path, path: Path) -> None:
    with target.open("rb+") as file:
        os.fsync(file.fileno())
    target.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file against other writers, of this process and, where the system has locks, of others."""
    with _appending:
        try:
            import fcntl
        except ImportError:  # not on Windows: threads take turns, processes do not
            yield
            return
        while True:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Whoever held it before may have put another file in its place.
                if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                    yield
                    return
