"""feature_store.yaml: what it may say, and the RepoConfig it becomes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from repast.app.config_resolver import FILE_NAME, PROJECT_NAME, ConfigResolver
from repast.app.document import Document, decode_document
from repast.app.section import BackendConfig
from repast.errors import InvalidConfigError, did_you_mean

__all__ = ["FILE_NAME", "FILE_VARIABLES", "PROJECT_NAME", "BackendConfig", "RepoConfig", "load_config"]

FILE_VARIABLES = ("REPAST_YAML", "FEAST_FS_YAML_FILE_PATH")
"""Environment variables that name the configuration file, the first one that is set wins."""


_DEFAULT: Mapping[str, object] = MappingProxyType({})
"""Not None, which says that there is no online store: the provider's."""


@dataclass(frozen=True, init=False, repr=False)
class RepoConfig:
    """A project's configuration. Frozen; secrets are hidden whenever it is printed.

    Args:
        project: Name of the project: letters, digits, ``_`` and ``-``.
        registry: A path or address, or a mapping with ``path``, ``type`` and ``cache_ttl_seconds``.
        offline_store: Name of an engine, or a mapping with ``type`` and its options; default: the provider's.
        online_store: As ``offline_store``; None: there is none.
        batch_engine: Name of an engine that loads read and write with, or a mapping with ``type`` and its
            options; None: the offline store's; ``local`` writes from this process, whatever the engine.
        repo_path: Folder that relative paths start at and definitions are read from; default: the current one.
        others: Further keys of feature_store.yaml.

    Raises:
        InvalidConfigError: All problems that were found.
        UnsupportedError: The provider is not installed.

    """

    project: str
    project_description: str
    provider: str
    registry: BackendConfig
    registry_ttl: timedelta | None
    """How old the registry may be as it is seen here; None: the store's default. Zero: never read again unasked."""
    offline_store: BackendConfig
    online_store: BackendConfig | None
    batch_engine: BackendConfig | None
    """What loads read and write with; None: the offline store's engine."""
    feature_server: BackendConfig | None
    """How the feature server is started; None: nothing is said about it."""
    repo_path: Path
    file: Path | None = field(compare=False)
    """The file this was read from."""
    ignored: Mapping[str, str] = field(compare=False)
    """Accepted keys that change nothing ("section.key"), each with the reason."""

    def __init__(
        self,
        *,
        project: str,
        project_description: str = "",
        provider: str = "local",
        registry: str | Path | Mapping[str, object] | None = None,
        offline_store: str | Mapping[str, object] | None = None,
        online_store: str | Mapping[str, object] | None = _DEFAULT,
        batch_engine: str | Mapping[str, object] | None = None,
        repo_path: str | Path | None = None,
        **others: object,
    ) -> None:
        values: dict[str, object] = {
            "project": project,
            "project_description": project_description,
            "provider": provider,
            "registry": str(registry) if isinstance(registry, Path) else registry,
            "offline_store": offline_store,
            "batch_engine": batch_engine,
            **others,
        }
        values = {key: value for key, value in values.items() if value is not None} | {"online_store": online_store}
        self._fill(values, None, repo_path)

    @classmethod
    def of(cls, document: Document, *, repo_path: Path) -> RepoConfig:
        """Make a configuration of a file that was read."""
        config = cls.__new__(cls)
        config._fill(document.values, document, repo_path)
        return config

    def _fill(self, values: Mapping[str, object], origin: Document | None, repo_path: str | Path | None) -> None:
        folder = Path(repo_path or ".").expanduser().absolute()
        resolver = ConfigResolver(values, origin, folder)
        resolved = resolver.resolve()
        resolved["repo_path"] = folder
        resolved["file"] = Path(origin.file) if origin else None
        resolved["ignored"] = resolver.ignored
        for name, value in resolved.items():
            object.__setattr__(self, name, value)

    def with_registry_ttl(self, ttl: timedelta) -> RepoConfig:
        """Return this configuration with another age that the registry may have as it is seen here."""
        config = copy(self)
        object.__setattr__(config, "registry_ttl", ttl)
        return config

    def to_public_dict(self) -> dict[str, object]:
        """The configuration as plain values, defaults filled in and secrets hidden."""
        registry = self.registry.to_public_dict()
        if self.registry_ttl is not None:
            registry["cache_ttl_seconds"] = self.registry_ttl.total_seconds()
        return {
            "project": self.project,
            "project_description": self.project_description,
            "provider": self.provider,
            "registry": registry,
            "offline_store": self.offline_store.to_public_dict(),
            "online_store": self.online_store.to_public_dict() if self.online_store else None,
            **({"batch_engine": self.batch_engine.to_public_dict()} if self.batch_engine else {}),
            **({"feature_server": self.feature_server.to_public_dict()} if self.feature_server else {}),
        }

    def __repr__(self) -> str:
        inside = ", ".join(f"{key}={value!r}" for key, value in self.to_public_dict().items())
        return f"RepoConfig({inside}, repo_path={str(self.repo_path)!r})"


def load_config(
    repo_path: str | Path | None = None,
    *,
    file: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> RepoConfig:
    """Read feature_store.yaml.

    The file is ``file``, else the one that an environment variable of :data:`FILE_VARIABLES` names, else
    feature_store.yaml in ``repo_path`` (default: the current folder). Relative paths in it start at
    ``repo_path``, or where that is not given, at the file's folder.

    Args:
        repo_path: The project's folder.
        file: The configuration file.
        environ: Stands in for the process environment.

    Raises:
        InvalidConfigError: No such file, or all problems that were found in it, each with its line.
        UnsupportedError: The provider is not installed.

    """
    environ = os.environ if environ is None else environ
    named = file or next((environ[name] for name in FILE_VARIABLES if environ.get(name)), None)
    folder = Path(repo_path).expanduser() if repo_path is not None else None
    path = Path(named).expanduser() if named else (folder or Path()) / FILE_NAME
    path = path.absolute()
    document = decode_document(_load(path), file=str(path), environ=environ)
    return RepoConfig.of(document, repo_path=folder or path.parent)


def _load(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidConfigError(f"There is no {path.name} in {path.parent}.", hint=_elsewhere(path)) from None
    except NotADirectoryError:
        raise InvalidConfigError(
            f"{path.parent} is a file, not a folder.", hint="repo_path is the folder with feature_store.yaml in it"
        ) from None
    except IsADirectoryError:
        raise InvalidConfigError(
            f"{path} is a folder, not a file.", hint="name the file itself, or give the folder as repo_path"
        ) from None
    except OSError as error:
        raise InvalidConfigError(
            f"{path} cannot be read: {error.strerror}.", hint="check who may read the file"
        ) from error


def _elsewhere(path: Path) -> str:
    """Say where a missing file may be: misspelt beside it, or in a folder above or below."""
    if path.parent.is_dir():
        siblings = [entry.name for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml")]
        if close := did_you_mean(path.name, siblings):
            return close
    above = next((folder for folder in path.parent.parents if (folder / FILE_NAME).is_file()), None)
    below = path.parent / "feature_repo"
    found = above or (below if (below / FILE_NAME).is_file() else None)
    return f"there is one in {found}: go there first" if found else "start a project with: repast init my_project"
