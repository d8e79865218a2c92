"""feature_store.yaml: what it may say, and the RepoConfig it becomes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from repast.app.document import Document, config_error, decode_document
from repast.app.feast_key import BACKEND_ALIASES, IGNORED_KEYS, IGNORED_OPTIONS, REGISTRY_OPTIONS
from repast.app.secret import mask
from repast.errors import InvalidConfigError, Location, Problem, did_you_mean

FILE_NAME = "feature_store.yaml"
FILE_VARIABLES = ("REPAST_YAML", "FEAST_FS_YAML_FILE_PATH")
"""Environment variables that name the configuration file, the first one that is set wins."""

PROJECT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
KEYS = ("project", "project_description", "provider", "registry", "offline_store", "online_store")
"""The keys that mean something to Repast, in the order they are shown."""


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """One section: which backend, and its options as they were written.

    Args:
        section: "registry", "offline_store" or "online_store".
        type: Name of an installed backend, or the dotted path of a class.
        options: What the class is made with; checked against it when it is opened.
        origin: The file it was read from, if it was a file.

    """

    section: str
    type: str
    options: Mapping[str, object] = field(default_factory=dict)
    origin: Document | None = field(default=None, repr=False, compare=False)

    def location(self, option: str = "") -> Location | None:
        """Where the section, or one of its options, is written."""
        path = (self.section, option) if option else (self.section,)
        return self.origin.location(*path) if self.origin else None

    def to_public_dict(self) -> dict[str, object]:
        """The section as it could be written, secrets hidden."""
        return {"type": self.type, **{name: mask(name, value) for name, value in self.options.items()}}

    def __repr__(self) -> str:
        return f"BackendConfig({self.section}={self.to_public_dict()!r})"


@dataclass(frozen=True, init=False, repr=False)
class RepoConfig:
    """A project's configuration. Frozen; secrets are hidden whenever it is printed.

    Args:
        project: Name of the project: letters, digits, ``_`` and ``-``.
        registry: A path or address, or a mapping with ``path``, ``type`` and ``cache_ttl_seconds``.
        offline_store: Name of an engine, or a mapping with ``type`` and its options.
        online_store: Name of a store, or a mapping with ``type`` and its options; None: there is none.
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
        online_store: str | Mapping[str, object] | None = "sqlite",
        repo_path: str | Path | None = None,
        **others: object,
    ) -> None:
        values: dict[str, object] = {
            "project": project,
            "project_description": project_description,
            "provider": provider,
            "registry": str(registry) if isinstance(registry, Path) else registry,
            "offline_store": offline_store,
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
        resolver = _Resolver(values, origin)
        resolved = resolver.resolve()
        resolved["repo_path"] = Path(repo_path or ".").expanduser().absolute()
        resolved["file"] = Path(origin.file) if origin else None
        resolved["ignored"] = resolver.ignored
        for name, value in resolved.items():
            object.__setattr__(self, name, value)

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


class _Resolver:
    """Turns written values into a configuration, collecting every problem on the way."""

    def __init__(self, values: Mapping[str, object], origin: Document | None) -> None:
        self.values = values
        self.origin = origin
        self.problems: list[Problem] = []
        self.ignored: dict[str, str] = {}

    def resolve(self) -> dict[str, Any]:
        self.keys()
        self.auth()
        resolved = {
            "project": self.project(),
            "project_description": self.text("project_description", ""),
            "provider": self.text("provider", "local"),
            "registry_ttl": self.registry_ttl(),
        }
        defaults = self.defaults(resolved["provider"])
        resolved["registry"] = self.registry(defaults)
        resolved["offline_store"] = self.backend("offline_store", defaults)
        resolved["online_store"] = None if self.without_online() else self.backend("online_store", defaults)
        if self.problems:
            raise config_error(self.problems)
        return resolved

    def report(self, message: str, *path: str, hint: str = "") -> None:
        location = self.origin.location(*path) if self.origin else None
        self.problems.append(Problem(message, location=location, hint=hint))

    def keys(self) -> None:
        for key in self.values:
            if key in IGNORED_KEYS:
                self.ignored[key] = IGNORED_KEYS[key]
            elif key not in KEYS:
                hint = did_you_mean(key, (*KEYS, *IGNORED_KEYS)) or f"the keys are: {', '.join(KEYS)}"
                self.report(f"{key!r} is not a key of {FILE_NAME}.", key, hint=hint)

    def auth(self) -> None:
        """Ignoring a demand for access control would leave a door open, so it is refused."""
        auth = self.values.get("auth")
        kind = auth.get("type", "no_auth") if isinstance(auth, Mapping) else auth or "no_auth"
        if kind != "no_auth":
            self.report(
                f"auth.type {kind!r} is not supported: nothing would check who asks.", "auth", hint="type: no_auth"
            )

    def project(self) -> str:
        project = self.values.get("project")
        if project is None:
            self.report("project is missing.", "project", hint="add a line like: project: my_project")
        elif not isinstance(project, str):
            self.report(f"project must be text, not {project!r}.", "project", hint=f'quote it: "{project}"')
        elif not PROJECT_NAME.fullmatch(project):
            self.report(
                f"{project!r} is not a valid project name.",
                "project",
                hint="use letters, digits, '_' and '-'; start with a letter or digit; at most 100 long",
            )
        else:
            return str(project)
        return ""

    def text(self, key: str, default: str) -> str:
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            self.report(f"{key} must be text, not {value!r}.", key, hint="quote it")
        return str(value) if isinstance(value, str) else default

    def defaults(self, provider: str) -> Mapping[str, Mapping[str, object]]:
        if provider == "local":
            return LOCAL
        from repast.app.plugin import get_provider

        return {**LOCAL, **get_provider(provider, self.origin.location("provider") if self.origin else None)}

    def without_online(self) -> bool:
        if "online_store" not in self.values:
            return False
        value = self.values["online_store"]
        return value is None or (isinstance(value, str) and value.lower() in ("null", "none"))

    def registry(self, defaults: Mapping[str, Mapping[str, object]]) -> BackendConfig:
        written = self.values.get("registry")
        if isinstance(written, str):
            if not written.strip():
                self.report("registry is empty.", "registry", hint="registry: data/registry")
            return BackendConfig("registry", str(defaults["registry"]["type"]), {"path": written}, self.origin)
        return self.backend("registry", defaults)

    def backend(self, section: str, defaults: Mapping[str, Mapping[str, object]]) -> BackendConfig:
        written = self.values.get(section)
        if written is None:
            written = defaults[section]
        elif isinstance(written, str):
            written = {"type": written}
        elif not isinstance(written, Mapping):
            self.report(
                f"{section} must be a name or a mapping, not {written!r}.",
                section,
                hint=f"{section}:\n          type: {defaults[section]['type']}",
            )
            written = {}
        kind = self.type_of(section, written, str(defaults[section]["type"]))
        return BackendConfig(section, kind, self.options(section, kind, written), self.origin)

    def type_of(self, section: str, written: Mapping[str, object], default: str) -> str:
        key = "registry_type" if section == "registry" and "registry_type" in written else "type"
        kind = written.get(key, default)
        if not isinstance(kind, str) or not kind:
            self.report(f"{section}.{key} must be the name of a backend, not {kind!r}.", section, key)
            return default
        alias = BACKEND_ALIASES[section].get(kind)
        if alias is not None and kind != alias:
            self.ignored[f"{section}.{key}"] = f"{kind!r} is read as {alias!r}"
        return str(alias or kind)

    def options(self, section: str, kind: str, written: Mapping[str, object]) -> dict[str, object]:
        reasons = IGNORED_OPTIONS.get((section, kind), {})
        kept: dict[str, object] = {}
        for option, value in written.items():
            if option in reasons:
                self.ignored[f"{section}.{option}"] = reasons[option]
            elif option != "type" and not (section == "registry" and option in REGISTRY_OPTIONS):
                kept[option] = value
        return kept

    def registry_ttl(self) -> timedelta | None:
        written = self.values.get("registry")
        value = written.get("cache_ttl_seconds") if isinstance(written, Mapping) else None
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10**9:
            self.report(
                f"registry.cache_ttl_seconds must be a number of seconds, not {value!r}.",
                "registry",
                "cache_ttl_seconds",
                hint="0 means: read it once and keep it",
            )
            return None
        return timedelta(seconds=value)


LOCAL: Mapping[str, Mapping[str, object]] = {
    "registry": {"type": "object_store"},
    "offline_store": {"type": "duckdb"},
    "online_store": {"type": "sqlite"},
}
"""What provider "local" stands for."""
