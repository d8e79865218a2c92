"""New projects from the templates that ship with Repast."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from repast.errors import ConflictError, InvalidRequestError, UnavailableError

TEMPLATES: Mapping[str, str] = {
    "local": "flights and weather, with data",
    "minimal": "one entity, no data",
}
PLACEHOLDER = "PROJECT_NAME"
_RENAMED = {"gitignore": ".gitignore"}
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
        return sorted(_copy(resources.files("repast.templates") / template, target, target, name))
    except OSError as error:
        raise UnavailableError(f"{str(target)!r} cannot be written: {error.strerror}.") from error


def _copy(source: Traversable, target: Path, root: Path, project: str) -> list[str]:
    target.mkdir(parents=True, exist_ok=True)
    made: list[str] = []
    for item in source.iterdir():
        copy = target / _RENAMED.get(item.name, item.name)
        if item.is_dir():
            made += [] if item.name == "__pycache__" else _copy(item, copy, root, project)
            continue
        data = item.read_bytes()
        if not item.name.endswith(_BINARY):
            data = data.replace(PLACEHOLDER.encode(), project.encode())
        copy.write_bytes(data)
        made.append(copy.relative_to(root).as_posix())
    return made
