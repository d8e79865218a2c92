"""New projects from the templates that ship with Repast."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from repast.errors import ConflictError, InvalidRequestError, UnavailableError

TEMPLATES: Mapping[str, str] = {
    "local": "flights and weather, with data",
    "minimal": "one entity, no data",
    "plugin-online-store": "a package with an online store",
    "plugin-offline-store": "a package with an engine and its source",
    "plugin-registry": "a package with a registry store",
    "plugin-provider": "a package with a provider",
}
_BINARY = (".parquet",)


def create_project(name: str, template: str, *, parent: Path = Path()) -> list[str]:
    """Copy a template to the folder ``parent / name``; return the files made, relative to it, sorted.

    Raises:
        InvalidRequestError: ``name`` cannot name a project.
        ConflictError: There is something at that path already; nothing was changed.
        UnavailableError: The folder cannot be written.

    """
    from repast.app.config import PROJECT_NAME

    if not PROJECT_NAME.fullmatch(name):
        raise InvalidRequestError(
            f"{name!r} cannot name a project.",
            hint="use letters, digits, '_' and '-'; start with a letter or digit; at most 100 long"
            + ("; 'repast -c FOLDER init NAME' makes it elsewhere" if "/" in name else ""),
        )
    target = parent / name
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ConflictError(
            f"{str(target)!r} exists already; nothing was changed.", hint="choose another name, or remove it first"
        )
    try:
        folder = resources.files("repast.templates") / template.replace("-", "_")
        return sorted(_copy(folder, target, target, _Names(name)))
    except OSError as error:
        raise UnavailableError(f"{str(target)!r} cannot be written: {error.strerror}.") from error


class _Names:
    """What stands in templates for names that are chosen now."""

    def __init__(self, project: str) -> None:
        module = re.sub(r"\W", "_", project.lower())
        self._module = f"_{module}" if module[0].isdigit() else module
        self._contents = {b"PROJECT_NAME": project.encode(), b"MODULE_NAME": self._module.encode()}

    def file(self, name: str) -> str:
        """Return what a file of a template is called in a project."""
        return {"gitignore": ".gitignore", "plugin.py": f"{self._module}.py"}.get(name, name)

    def fill(self, data: bytes) -> bytes:
        """Return a file's contents with the names in place."""
        for placeholder, name in self._contents.items():
            data = data.replace(placeholder, name)
        return data


def _copy(source: Traversable, target: Path, root: Path, names: _Names) -> list[str]:
    target.mkdir(parents=True, exist_ok=True)
    made: list[str] = []
    for item in source.iterdir():
        copy = target / names.file(item.name)
        if item.is_dir():
            made += [] if item.name == "__pycache__" else _copy(item, copy, root, names)
            continue
        data = item.read_bytes()
        if not item.name.endswith(_BINARY):
            data = names.fill(data)
        copy.write_bytes(data)
        made.append(copy.relative_to(root).as_posix())
    return made
