"""The registry as a folder of JSON documents: on a local disk, in S3, Google Cloud Storage, Azure, or in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from repast.errors import ClosedError, InvalidConfigError, InvalidRequestError
from repast.ports.registry import Document, RegistryStore

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_FILE = re.compile(r"(?![^/]+://[^/]+$)(?P<folder>.*[^/\\:])\.(?:db|pb|json)", re.IGNORECASE | re.DOTALL)
_REMOTE = ("s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss", "memory")


class _Driver(Protocol):
    """One way to keep documents; names have been checked."""

    def load(self, name: str) -> Document | None: ...
    def find_version(self, name: str) -> str | None: ...
    def swap(self, name: str, data: bytes | None, expected: str | None) -> Document | None: ...
    def names(self, prefix: str) -> Sequence[str]: ...
    def stamp(self, name: str) -> tuple[int, ...] | None: ...


class ObjectStoreRegistry(RegistryStore):
    """Documents in a folder of a disk or an object store, each replaced by compare-and-swap.

    Feast's registry is one file, ours a folder. A path that ends like a file (.db, .pb, .json) means the
    folder of that name without the suffix, so a Feast registry is never touched.

    Args:
        repo_path: What a relative path starts at.
        path: A local path, or ``s3://bucket/folder``, ``gs://bucket/folder``, ``az://container/folder``,
            ``memory://name`` (shared within the process; without a name, private).
        storage_options: Settings of the object store's client (region, endpoint, credentials, ...); by
            default they come from the environment, as the cloud's own tools read it.

    Raises:
        InvalidConfigError: The address is of no kind that can be a registry.

    """

    def __init__(
        self,
        *,
        repo_path: Path,
        path: str = "data/registry",
        storage_options: Mapping[str, str | int | float | bool] | None = None,
    ) -> None:
        self.path = _folder_of(path)
        self._driver: _Driver | None = _driver(self.path, repo_path, storage_options or {})

    def load(self, name: str) -> Document | None:
        return self._open(name).load(name)

    def find_version(self, name: str) -> str | None:
        return self._open(name).find_version(name)

    def stamp(self, name: str) -> tuple[int, ...] | None:
        return self._open(name).stamp(name)

    def swap(self, name: str, data: bytes | None, expected: str | None) -> Document | None:
        return self._open(name).swap(name, data, expected)

    def names(self, prefix: str = "") -> Sequence[str]:
        if prefix and not _NAME.fullmatch(prefix.removesuffix("/")):
            raise _bad_name(prefix)
        return self._open(None).names(prefix)

    def close(self) -> None:
        self._driver = None

    def __repr__(self) -> str:
        return f"ObjectStoreRegistry({self.path!r})"

    def _open(self, name: str | None) -> _Driver:
        if self._driver is None:
            raise ClosedError("The registry was closed.", hint="open the feature store again")
        if name is not None and not _NAME.fullmatch(name):
            raise _bad_name(name)
        return self._driver


def _bad_name(name: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{name!r} is not a document name.",
        hint="use segments of letters, digits, '_', '-' and '.', joined by '/'; none starts with '.'",
    )


def _folder_of(path: str) -> str:
    stripped = path.strip()
    stripped = stripped.rstrip("/") if stripped.strip("/") and not stripped.endswith("://") else stripped
    named_like_a_file = _FILE.fullmatch(stripped)
    return named_like_a_file["folder"] if named_like_a_file else stripped


def _driver(path: str, repo_path: Path, options: Mapping[str, str | int | float | bool]) -> _Driver:
    scheme = _SCHEME.match(path)
    kind = scheme[1].lower() if scheme else "file"
    if kind in _REMOTE:
        from repast.backends.registry.bucket import Bucket

        return Bucket(path, options)
    if kind != "file":
        raise InvalidConfigError(
            f"A registry cannot be at a {kind}:// address.",
            hint="use a local folder, s3://bucket/folder, gs://bucket/folder or az://container/folder",
        )
    if not path:
        raise InvalidConfigError("registry.path is empty.", hint="registry: data/registry")
    if options:
        raise InvalidConfigError("registry.storage_options are for object stores, but the path is local.")
    from repast.backends.registry.folder import Folder

    return Folder(repo_path / Path(path.removeprefix("file://")).expanduser())
