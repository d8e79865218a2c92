"""Backends by name: find the class an entry point names, check its options, make it."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from repast.app.config import RepoConfig
from repast.app.document import config_error
from repast.app.entry_point import installed
from repast.app.feast_key import MISSING_BACKENDS
from repast.app.option import check_options
from repast.app.section import BackendConfig
from repast.errors import InvalidConfigError, MissingDependencyError, Problem, UnsupportedError, did_you_mean

if TYPE_CHECKING:
    from repast.ports.offline import OfflineEngine
    from repast.ports.online import OnlineStore
    from repast.ports.registry import RegistryStore
GROUPS: Mapping[str, str] = {
    "registry": "repast.registries",
    "offline_store": "repast.offline_stores",
    "online_store": "repast.online_stores",
    "batch_engine": "repast.batch_engines",
}
"""Section of feature_store.yaml -> group of entry points."""

_PORTS: Mapping[str, tuple[str, str]] = {
    "registry": ("repast.ports.registry", "RegistryStore"),
    "offline_store": ("repast.ports.offline", "OfflineEngine"),
    "online_store": ("repast.ports.online", "OnlineStore"),
    "batch_engine": ("repast.ports.offline", "OfflineEngine"),
}


def open_registry(config: RepoConfig) -> RegistryStore:
    """Make the registry store of a configuration; it connects when first used.

    Raises:
        InvalidConfigError: No such backend, or its options are wrong; all problems, with their lines.
        MissingDependencyError: The backend needs a package that is not installed.

    """
    return cast("RegistryStore", _open(config, config.registry))


def open_offline_engine(config: RepoConfig) -> OfflineEngine:
    """Make the offline engine of a configuration; errors as in :func:`open_registry`."""
    return cast("OfflineEngine", _open(config, config.offline_store))


def open_batch_engine(config: RepoConfig) -> OfflineEngine:
    """Make the engine that loads read with; errors as in :func:`open_registry`."""
    assert config.batch_engine is not None
    return cast("OfflineEngine", _open(config, config.batch_engine))


def open_online_store(config: RepoConfig) -> OnlineStore:
    """Make the online store of a configuration; errors as in :func:`open_registry`.

    Raises:
        UnsupportedError: The project has none.

    """
    if config.online_store is None:
        raise UnsupportedError(
            f"Project {config.project!r} has no online store.", hint="set online_store in feature_store.yaml"
        )
    return cast("OnlineStore", _open(config, config.online_store))


def check_backends(config: RepoConfig) -> list[Problem]:
    """Return everything wrong with the backends' types and options, without making any of them.

    An installed type without options is not imported: engines are heavy, and a missing option is told on opening.
    """
    problems: list[Problem] = []
    for backend in (config.registry, config.offline_store, config.online_store, config.batch_engine):
        if backend is None or (backend.section, backend.type) == ("batch_engine", "local"):
            continue
        if not backend.options and backend.type in installed(GROUPS[backend.section]):
            continue
        found = find_class(config, backend)
        problems += [found] if isinstance(found, Problem) else check_options(found, backend)[1]
    return problems


def _open(config: RepoConfig, backend: BackendConfig) -> object:
    found = find_class(config, backend)
    if isinstance(found, Problem):
        raise config_error([found])
    options, problems = check_options(found, backend)
    if problems:
        raise config_error(problems)
    factory: Callable[..., object] = found
    try:
        return factory(repo_path=config.repo_path, **options)
    except InvalidConfigError as error:
        named = re.match(rf"{backend.section}\.(\w+)", error.message)
        location = backend.location(named[1] if named else "")
        raise config_error([Problem(error.message, location=location, hint=error.hint)]) from error


def find_class(config: RepoConfig, backend: BackendConfig) -> type | Problem:
    """Return the class of a section's type (the name of an entry point, or a dotted path), or what is wrong.

    Raises:
        MissingDependencyError: The class is there but a package that it imports is not.

    """
    types = installed(GROUPS[backend.section])
    target = types.get(backend.type)
    if target is None and is_feasts(backend):
        return _without_code(backend, types)
    if target is None and not is_dotted(backend.type):
        return _unknown(backend, types)
    module_name, _, attribute = split_path(target or backend.type)
    if target is None:
        reach(module_name, config.repo_path)
    try:
        found: object = getattr(importlib.import_module(module_name), attribute, None)
    except ModuleNotFoundError as error:
        if f"{module_name}.".startswith(f"{error.name}."):
            return _unknown(backend, types) if target is None else _broken(backend, module_name)
        raise _missing(backend, error) from error
    except (ImportError, SyntaxError) as error:
        message = f"module {module_name!r} cannot be imported: {error}."
        return _problem(backend, message, f'try: python -c "import {module_name}"')
    if not isinstance(found, type):
        hint = "write it as package.module.ClassName"
        return _problem(backend, f"module {module_name!r} has no class {attribute!r}.", hint)
    port = _port(backend.section)
    if not issubclass(found, port):
        return _problem(backend, f"it is no {port.__name__}.", f"extend {port.__module__}.{port.__name__}")
    if missing := sorted(getattr(found, "__abstractmethods__", ())):
        return _problem(backend, f"it lacks the methods {', '.join(missing)}.", f"{port.__module__} says what they do")
    return found


def _port(section: str) -> type:
    module_name, name = _PORTS[section]
    port: type = getattr(importlib.import_module(module_name), name)
    return port


def _problem(backend: BackendConfig, message: str, hint: str) -> Problem:
    subject = f"{backend.section}.type {backend.type!r}"
    return Problem(f"{subject}: {message}", location=backend.location("type"), hint=hint)


def _missing(backend: BackendConfig, error: ModuleNotFoundError) -> MissingDependencyError:
    package = (error.name or "").partition(".")[0]
    return MissingDependencyError(
        f"{backend.section}.type {backend.type!r} needs the package {package!r}, which is not installed.",
        hint=f"pip install {package}, or the extra of the package that provides {backend.type!r}",
    )


def _broken(backend: BackendConfig, module_name: str) -> Problem:
    hint = "reinstall the package that provides it"
    return _problem(backend, f"it is installed, but its module {module_name!r} is not there.", hint)


def is_dotted(name: str) -> bool:
    """Tell whether a name may be the path of a class: package.module.Class, or package.module:Class."""
    return all(part.isidentifier() for part in name.replace(":", ".").split(".")) and "." in name.replace(":", ".")


def split_path(path: str) -> tuple[str, str, str]:
    """Return module, separator and attribute of the path of a class."""
    return path.partition(":") if ":" in path else path.rpartition(".")


def reach(module_name: str, folder: Path) -> None:
    """Let a class live in the user's own repo: its folder joins the end of the import path when needed."""
    top = module_name.partition(".")[0]
    if str(folder) not in sys.path and importlib.util.find_spec(top) is None:
        sys.path.append(str(folder))


def is_feasts(backend: BackendConfig) -> bool:
    """Tell whether a type is one of Feast's that Repast has no code for."""
    return backend.type in MISSING_BACKENDS[backend.section] or backend.type.startswith("feast.infra.")


def _without_code(backend: BackendConfig, types: Mapping[str, str]) -> Problem:
    guide = {"registry": "write-a-registry", "online_store": "write-an-online-store"}.get(backend.section)
    return Problem(
        f"{backend.section}.type {backend.type!r} is Feast's, and Repast has no code for it.",
        location=backend.location("type"),
        hint=f"use one of {', '.join(sorted(types))}, or write one: docs/how-to/{guide or 'write-an-engine'}.md",
    )


def _unknown(backend: BackendConfig, types: Mapping[str, str]) -> Problem:
    known = ", ".join(sorted(types)) or "none"
    return Problem(
        f"{backend.section}.type {backend.type!r} is not installed; there is: {known}.",
        location=backend.location("type"),
        hint=did_you_mean(backend.type, types)
        or "install the package that provides it, or name a class: package.module.Class",
    )
