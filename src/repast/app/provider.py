"""The provider that a project names: found for its defaults, made for its hooks."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from repast.app.entry_point import installed
from repast.app.plugin import is_dotted, reach, split_path
from repast.errors import Location, MissingDependencyError, UnsupportedError, did_you_mean
from repast.ports.provider import Provider

if TYPE_CHECKING:
    from repast.app.config import RepoConfig

GROUP = "repast.providers"
LOCAL = "local"


def find_provider(name: str, repo_path: Path, location: Location | None = None) -> type[Provider]:
    """Return the class of a provider: the name of an entry point, or the dotted path of a class.

    Raises:
        UnsupportedError: It is not installed, or is no provider.
        MissingDependencyError: It needs a package that is not installed.

    """
    if name == LOCAL:
        return Provider
    where = f"{location}: " if location else ""
    providers = installed(GROUP)
    target = providers.get(name) or (name if is_dotted(name) else None)
    if target is None:
        known = ", ".join(sorted({LOCAL, *providers}))
        raise UnsupportedError(
            f"{where}provider {name!r} is not installed; there is: {known}.",
            hint=did_you_mean(name, {LOCAL, *providers})
            or "provider: local, and name the registry and the stores themselves",
        )
    module_name, _, attribute = split_path(target)
    if name not in providers:
        reach(module_name, repo_path)
    found = _load(module_name, attribute, f"{where}provider {name!r}")
    if not (isinstance(found, type) and issubclass(found, Provider)):
        raise UnsupportedError(
            f"{where}provider {name!r} is no provider: {target} is {found!r}.",
            hint="write a class that extends repast.ports.provider.Provider",
        )
    return found


def open_provider(config: RepoConfig) -> Provider:
    """Make the provider of a configuration; errors as in :func:`find_provider`."""
    return find_provider(config.provider, config.repo_path)(project=config.project, repo_path=config.repo_path)


def _load(module_name: str, attribute: str, subject: str) -> object:
    try:
        return getattr(importlib.import_module(module_name), attribute, None)
    except ModuleNotFoundError as error:
        package = error.name or module_name
        if f"{module_name}.".startswith(f"{package}."):
            raise UnsupportedError(
                f"{subject}: there is no module {package!r}.", hint="install it, or put it beside feature_store.yaml"
            ) from error
        raise MissingDependencyError(
            f"{subject} needs the package {package!r}, which is not installed.", hint=f"pip install {package}"
        ) from error
    except (ImportError, SyntaxError) as error:
        raise UnsupportedError(
            f"{subject}: its module cannot be imported: {error}.", hint=f'try: python -c "import {module_name}"'
        ) from error
