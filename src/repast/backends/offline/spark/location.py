"""Paths as Spark writes them: unlike URLs they are not encoded, and glob signs in them need a backslash."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from repast.backends.offline.location import is_remote, local_path

_SCHEMES = {"s3": "s3a", "az": "abfss"}
"""What Hadoop calls the object stores that others call otherwise."""
FILE_PATH = "regexp_replace(_metadata.file_path, '^file:/+', '/')"
"""SQL: the file of a row, as :func:`metadata_path` spells it."""


def spark_path(path: str, repo_path: Path) -> str:
    """Return a path for Spark: relative ones start at ``repo_path``; local ones say so, whatever Spark's default is."""
    return hadoop_url(path) if is_remote(path) else f"file://{local_path(path, repo_path)}"


def hadoop_url(url: str) -> str:
    """Return a URL with the scheme that Hadoop knows it by."""
    scheme, sign, rest = url.partition("://")
    return f"{_SCHEMES.get(scheme, scheme)}{sign}{rest}"


def file_path(path: Path | str) -> str:
    """Return the path of one local file for Spark, whatever its name holds."""
    return "file://" + re.sub(r"([*?\[\]{}\\])", r"\\\1", str(path))


def metadata_path(path: str) -> str:
    """Return a local path as Java's URLs have it, which encode spaces and leave letters of any alphabet alone."""
    return "".join(c if ord(c) > 127 else quote(c, safe="/!$&'()*+,;=:@~") for c in path)
