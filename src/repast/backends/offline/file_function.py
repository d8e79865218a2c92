"""The table function of DuckDB that reads some files, and files held fast while it does."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from sqlglot import exp

from repast.errors import UnavailableError

if TYPE_CHECKING:
    import duckdb

FILE_COLUMN = "__file"
"""The file that a row is in, where a plan asks for it."""
_DESCRIPTORS = Path("/proc/self/fd")
_PINNED = re.compile(rf"{_DESCRIPTORS}/(\d+)")
_MOST_PINNED = 64


class PinnedFiles:
    """Local files under names that stay theirs when somebody puts others in their place.

    A statement opens its files several times: to plan, and once per scan and thread. Appends (ours, and
    anybody's careful ones) replace files, and half of one with half of another is worse than either.
    Where the system has no such names, or for many files, the names are the paths.

    Nothing holds a file fast against who overwrites it in place; :meth:`check` tells that it happened.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._descriptors: list[int] = []
        self._paths = list(paths)
        self.names = list(paths)
        if len(paths) > _MOST_PINNED or not _DESCRIPTORS.is_dir():
            return
        for path in paths:
            self._descriptors.append(os.open(path, os.O_RDONLY))
        self.names = [str(_DESCRIPTORS / str(descriptor)) for descriptor in self._descriptors]
        self._found = self._stamps()

    def check(self) -> None:
        """Raise UnavailableError if a file was overwritten since it was opened."""
        if not self._descriptors:
            return
        for path, before, now in zip(self._paths, self._found, self._stamps(), strict=True):
            if before != now:
                raise UnavailableError(
                    f"{path} was overwritten while it was read; the answer could be a mix of two versions.",
                    hint="read again; whoever writes it should write a new file and rename it over the old one",
                    context={"path": path},
                )

    def _stamps(self) -> list[tuple[int, int]]:
        stats = [os.fstat(descriptor) for descriptor in self._descriptors]
        return [(stat.st_size, stat.st_mtime_ns) for stat in stats]

    def spell(self, text: str) -> str:
        """Return a message with the paths that the names stand for."""
        paths = dict(zip(map(str, self._descriptors), self._paths, strict=False))
        return _PINNED.sub(lambda match: paths.get(match[1], match[0]), text)

    def close(self) -> None:
        """Let the files go. Idempotent."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    __del__ = close


def estimate_rows(names: Sequence[str]) -> int:
    """Return about how many rows Parquet files have: as many per byte as the first one."""
    sizes = [Path(name).stat().st_size for name in names]
    rows: int = pq.read_metadata(names[0]).num_rows
    return rows * sum(sizes) // max(1, sizes[0])  # it may be overwritten just now


@dataclass(frozen=True, slots=True)
class FileFunction:
    """``read_parquet`` or ``read_csv`` of files that are found at ``paths`` and opened under ``names``."""

    file_format: str
    paths: Sequence[str]
    names: Sequence[str]
    partitions: Sequence[str]
    """Columns that folders give values to."""

    def node(self, *, types: Mapping[str, str] | None = None, with_file: bool = False) -> exp.Expr:
        """Return the call.

        Args:
            types: DuckDB's names for the types of columns that would else be guessed: of CSV, and of folders.
                None looks at all rows of a CSV file to guess.
            with_file: Whether to add :data:`FILE_COLUMN`.

        """
        arguments: dict[str, exp.Expr] = {"hive_partitioning": exp.true() if self.partitions else exp.false()}
        if len(self.names) > 1:
            arguments["union_by_name"] = exp.true()
        if with_file:
            arguments["filename"] = exp.Literal.string(FILE_COLUMN)
        known = types or {}
        if hive := {name: kind for name, kind in known.items() if name in self.partitions}:
            arguments["hive_types"] = _struct(hive)
        if self.file_format == "csv":
            arguments |= self._csv_arguments({name: kind for name, kind in known.items() if name not in hive})
        # What looks like a pattern by now is a name.
        names = exp.Array(expressions=[exp.Literal.string(glob.escape(name)) for name in self.names])
        options = [exp.EQ(this=exp.to_identifier(name), expression=value) for name, value in arguments.items()]
        function = "read_csv" if self.file_format == "csv" else "read_parquet"
        return exp.Anonymous(this=function, expressions=[names, *options])

    def ambiguous_times(self, cursor: duckdb.DuckDBPyConnection, types: Mapping[str, str]) -> set[str]:
        """Return the columns of CSV whose days DuckDB found only by guessing an order: 03/04/2024 is two days."""
        if not any(_is_time(kind) for name, kind in types.items() if name not in self.partitions):
            return set()
        ambiguous: set[str] = set()
        for name in self.names:
            [(date_format, time_format, columns)] = cursor.execute(
                "SELECT DateFormat, TimestampFormat, Columns FROM sniff_csv(?, header = true, compression = ?)",
                [glob.escape(name), self._compression or "none"],
            ).fetchall()
            for column in columns:
                found = date_format if column["type"] == "DATE" else time_format
                if _is_time(column["type"]) and found and not found.startswith("%Y"):
                    ambiguous.add(column["name"])
        return ambiguous

    @property
    def _compression(self) -> str | None:
        return {".gz": "gzip", ".zst": "zstd"}.get(Path(self.paths[0]).suffix.lower())

    def _csv_arguments(self, types: Mapping[str, str]) -> dict[str, exp.Expr]:
        arguments: dict[str, exp.Expr] = {"header": exp.true()}
        if self._compression is not None:
            arguments["compression"] = exp.Literal.string(self._compression)
        if types:
            return arguments | {"types": _struct(types)}
        return arguments | {"sample_size": exp.Literal.number(-1)}


def _is_time(kind: str) -> bool:
    return kind == "DATE" or kind.startswith("TIMESTAMP")


def _struct(values: Mapping[str, str]) -> exp.Expr:
    pairs = [(exp.to_identifier(name, quoted=True), exp.Literal.string(value)) for name, value in values.items()]
    return exp.Struct(expressions=[exp.PropertyEQ(this=name, expression=value) for name, value in pairs])
