"""Load the definitions of a repo: import its Python files, and gather what they define."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from repast.app.importing import ImportFailure, absolute, definitions_in, importing
from repast.core.definitions import Definition
from repast.core.definitions.base import as_definition
from repast.core.definitions.problem import collecting_problems
from repast.errors import InvalidDefinitionError, Problem

CONFIG_FILE = "feature_store.yaml"
IGNORE_FILES = (".repastignore", ".feastignore")
IGNORED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages", "venv"})
"""Besides hidden folders, virtual environments of any name, and folders with a feature_store.yaml of their own."""


@dataclass(frozen=True, slots=True)
class LoadedRepo:
    """What the files of a repo define, and what is wrong with them."""

    definitions: tuple[Definition, ...]
    problems: tuple[Problem, ...]


def load_definitions(repo_path: Path) -> list[Definition]:
    """Return the definitions that the files of a repo make, in the order of files and of their lines.

    Every ``*.py`` file below the repo is imported, with the repo's folder on the import path. Definitions
    count if a module's variable holds them, alone or in a list, tuple or dict; each object once.

    Raises:
        InvalidDefinitionError: All problems of all files: exceptions at import, wrong definitions.

    """
    loaded = load_repo(repo_path)
    if loaded.problems:
        raise InvalidDefinitionError.of(loaded.problems)
    return list(loaded.definitions)


def load_repo(repo_path: Path) -> LoadedRepo:
    """Like :func:`load_definitions`, but hand the problems back with the definitions that could be loaded."""
    repo_path = absolute(repo_path)
    found: dict[int, object] = {}
    problems: list[Problem] = []
    with collecting_problems() as reported, importing(repo_path) as repo:
        for path in find_files(repo_path):
            try:
                module = repo.load(path)
            except ImportFailure as failure:
                problems.append(failure.problem)
            else:
                found |= {id(definition): definition for definition in definitions_in(module)}
        # Only now: what is spelt in another way may refer to what a later file defines.
        definitions = [as_definition(value) for value in found.values()]
    kept = tuple(d for d in definitions if isinstance(d, Definition))
    return LoadedRepo(kept, tuple(dict.fromkeys([*problems, *reported])))


def find_files(repo_path: Path) -> list[Path]:
    """Return the Python files of a repo, sorted, without what is ignored.

    ``.repastignore`` and ``.feastignore`` hold one glob a line, relative to the repo; a folder that
    matches is ignored with everything in it. The repo's own ``__init__.py`` is no module of the repo.
    """
    repo_path = absolute(repo_path)
    ignored = _ignore_patterns(repo_path)
    files: list[Path] = []
    for folder, folders, names in os.walk(repo_path):
        here = Path(folder)
        folders[:] = [n for n in folders if not _skips(here / n) and not _matches(here / n, repo_path, ignored)]
        files += [here / n for n in names if n.endswith(".py") and not n.startswith(".")]
    files = [f for f in files if f != repo_path / "__init__.py" and not _matches(f, repo_path, ignored)]
    return sorted(files)


def _skips(folder: Path) -> bool:
    if folder.name.startswith(".") or folder.name in IGNORED_FOLDERS:
        return True
    return (folder / "pyvenv.cfg").exists() or (folder / CONFIG_FILE).exists()


def _ignore_patterns(repo_path: Path) -> list[tuple[str, ...]]:
    patterns: list[tuple[str, ...]] = []
    for name in IGNORE_FILES:
        file = repo_path / name
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        stripped = (line.split("#", 1)[0].strip() for line in lines)
        patterns += [PurePath(line).parts for line in stripped if line]
    return patterns


def _matches(path: Path, repo_path: Path, patterns: list[tuple[str, ...]]) -> bool:
    parts = path.relative_to(repo_path).parts
    return any(_glob(parts, pattern) for pattern in patterns)


def _glob(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether a path matches a glob in which ``**`` stands for any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_glob(parts[skip:], pattern[1:]) for skip in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _glob(parts[1:], pattern[1:])
