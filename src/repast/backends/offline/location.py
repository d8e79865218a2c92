"""Files of a source: what its path stands for now, and a fingerprint of each."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from repast.errors import NotFoundError, UnavailableError, did_you_mean

SUFFIXES = {
    "parquet": (".parquet", ".parq", ".pq"),
    "csv": (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst"),
}
"""What files of a format are called in a folder."""


def is_remote(path: str) -> bool:
    """Whether a path names an object store."""
    return "://" in path and not path.startswith("file://")


def has_wildcard(path: str) -> bool:
    """Whether a path is a pattern."""
    return any(c in path for c in "*?[")


def local_path(path: str, repo_path: Path) -> Path:
    """Return the absolute path; relative ones start at ``repo_path``."""
    return Path(os.path.abspath(repo_path / Path(path.removeprefix("file://")).expanduser()))  # noqa: PTH100 keeps symlinks


def local_files(path: Path, file_format: str, *, source: str) -> dict[str, str]:
    """Return path -> fingerprint (size and change time) of the files of a local source, by path.

    Raises:
        NotFoundError: There is nothing there, or no file of that format.

    """
    files = {str(found): fingerprint(found) for found in _walk(path, file_format)}
    if files:
        return files
    if path.is_dir():
        raise NotFoundError(
            f"Source {source!r}: the folder {path} has no {file_format} files.",
            hint="files are told by their suffix: " + ", ".join(SUFFIXES.get(file_format, ())),
            context={"source": source, "path": str(path)},
        )
    raise missing(path, source=source)


def missing(path: Path, *, source: str) -> NotFoundError:
    """Return the error for a path with nothing there, with the nearest name that is."""
    what = "no file matches" if has_wildcard(str(path)) else "there is nothing at"
    return NotFoundError(
        f"Source {source!r}: {what} {path}.",
        hint=_nearest(path) or "relative paths start at the folder of feature_store.yaml",
        context={"source": source, "path": str(path)},
    )


def fingerprint(path: Path) -> str:
    """Return size and change time of a file."""
    stat = path.stat()
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def _walk(path: Path, file_format: str) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from _folder(path, SUFFIXES.get(file_format, ()))
    elif has_wildcard(str(path)):
        for match in sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207 - Path.glob needs a relative pattern
            found = Path(match)
            yield from [found] if found.is_file() else _folder(found, SUFFIXES.get(file_format, ()))


def _folder(path: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise UnavailableError(f"The folder {error.filename} may not be read: {error.strerror}.") from error

    for folder, names, files in os.walk(path, onerror=refuse):
        names[:] = sorted(name for name in names if not is_hidden(name))
        yield from (Path(folder) / name for name in sorted(files) if is_data(name, suffixes))


def is_hidden(name: str) -> bool:
    """Whether a name is bookkeeping of other programs, not data."""
    return name.startswith((".", "_"))


def is_data(name: str, suffixes: Iterable[str]) -> bool:
    """Whether a file of a folder holds rows."""
    return not is_hidden(name) and name.lower().endswith(tuple(suffixes))


def _nearest(path: Path) -> str:
    for folder, wanted in zip(path.parents, [path.name, *(parent.name for parent in path.parents)], strict=False):
        if folder.is_dir() and os.access(folder, os.R_OK):
            there = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
            hint = did_you_mean(wanted, there)
            return hint.replace("?", f" in {folder}?") if hint else ""
    return ""


def matches(path: str, pattern: str) -> bool:
    """Whether a path with "/" fits a pattern: ``*`` and ``?`` stay within a folder, ``**`` does not."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]*\])", pattern)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    text = "".join(words.get(part) or (part if part.startswith("[") else re.escape(part)) for part in parts)
    return re.fullmatch(text, path) is not None


def partition_names(paths: Iterable[str], root: str) -> list[str]:
    """Return the names that folders below ``root`` give values to, as in ``year=2024``."""
    names: dict[str, None] = {}
    for path in paths:
        folders = path.removeprefix(root).replace(os.sep, "/").split("/")[:-1]
        names |= {folder.partition("=")[0]: None for folder in folders if "=" in folder}
    return list(names)
