"""Import the user's files as modules, leaving the process as it was: sys.path, sys.modules, no bytecode."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, TracebackType

from repast.core import definitions
from repast.core.definitions.base import is_spelling
from repast.errors import InvalidRequestError, Location, Problem, RepastError, did_you_mean

_LOCK = threading.RLock()
"""Imports change what the whole process sees: one repo at a time."""
_open: list[Path] = []
"""The repos whose files are being imported by who has the lock."""


class ImportFailure(Exception):  # noqa: N818  # an outcome, not an error class of Repast: callers report its problem
    """A user's file that could not be imported."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@contextmanager
def importing(repo_path: Path) -> Iterator[RepoImporter]:
    """Make a repo's files importable inside the block; afterwards its modules are forgotten by ``sys.modules``.

    Modules of the same names that the process had before are set aside meanwhile, except those of the
    standard library, so that two repos in one process do not see each other.

    Raises:
        InvalidRequestError: A file of this repo asks for it while it is imported: it would be, without end.

    """
    root = absolute(repo_path)
    with _LOCK:
        if root in _open:
            raise InvalidRequestError(
                "This needs the files of the repo, and runs while they are imported.",
                hint='put what a script does below: if __name__ == "__main__":',
            )
        _open.append(root)
        aside = _set_aside(root)
        before = set(sys.modules)
        writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        sys.path.insert(0, str(root))
        importlib.invalidate_caches()
        try:
            yield RepoImporter(root)
        finally:
            _open.remove(root)
            sys.path.remove(str(root))
            sys.dont_write_bytecode = writes_bytecode
            own = _own_names(root)
            for name in sys.modules.keys() - before:
                if name.partition(".")[0] in own and _is_below(sys.modules[name], root):
                    del sys.modules[name]
            sys.modules.update(aside)


def _set_aside(root: Path) -> dict[str, ModuleType]:
    own = _own_names(root)
    loaded = list(sys.modules)  # other threads import meanwhile
    names = {name for name in loaded if name in own and (own[name] or _is_namespace(sys.modules[name]))}
    return {name: sys.modules.pop(name) for name in loaded if name.partition(".")[0] in names}


def _own_names(root: Path) -> dict[str, bool]:
    """Top-level modules of a repo; False for folders that are packages only if nothing else has their name."""
    own = {entry.name: (entry / "__init__.py").exists() for entry in root.iterdir() if entry.is_dir()}
    own |= {entry.stem: True for entry in root.iterdir() if entry.suffix == ".py"}
    return {name: strong for name, strong in own.items() if name not in sys.stdlib_module_names and name != "repast"}


def _is_namespace(module: ModuleType) -> bool:
    return getattr(module, "__file__", None) is None and hasattr(module, "__path__")


def _is_below(module: ModuleType, root: Path) -> bool:
    places = [getattr(module, "__file__", None), *_search_path(module)]
    inside = (Path(place).relative_to(root).parts for place in places if place and Path(place).is_relative_to(root))
    return any("site-packages" not in parts for parts in inside)


def _search_path(module: ModuleType) -> list[str]:
    try:
        return list(getattr(module, "__path__", None) or [])
    except (KeyError, TypeError):  # a namespace package whose parent is gone, or a lazy module's stand-in
        return []


class RepoImporter:
    """Imports files of one repo, each once, under the names that imports between them use."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def load(self, path: Path) -> ModuleType:
        """Import one file, unless another one has imported it already.

        Raises:
            ImportFailure: Its code raised; the problem names the user's line.

        """
        path = absolute(path)
        try:
            return self._import(path)
        except RepastError as error:
            raise ImportFailure(self._problem(error, path, error.message, error.hint)) from error
        except SyntaxError as error:
            raise ImportFailure(self._syntax_problem(error, path)) from error
        except SystemExit as error:
            hint = 'put what a script does below: if __name__ == "__main__":'
            raise ImportFailure(self._problem(error, path, "the file ends the process when imported.", hint)) from error
        except Exception as error:  # the user's code may raise anything
            raise ImportFailure(
                self._problem(error, path, f"{type(error).__name__}: {error}", self._hint(error))
            ) from error

    def _import(self, path: Path) -> ModuleType:
        name = module_name(path, self.root)
        loaded = sys.modules.get(name)
        if loaded is not None and getattr(loaded, "__file__", None) == str(path):
            return loaded
        for folder in reversed(path.relative_to(self.root).parents[:-1]):
            if path != self.root / folder / "__init__.py":
                self._open_folder(self.root / folder)
        module = _execute(name, path)
        parent_name, _, child = name.rpartition(".")
        if parent_name and _is_below(sys.modules[parent_name], self.root):
            setattr(sys.modules[parent_name], child, module)
        return module

    def _open_folder(self, folder: Path) -> None:
        """Make a folder a package, its ``__init__.py`` run if it has one, before a file in it is imported."""
        name = module_name(folder / "__init__.py", self.root)
        if name in sys.modules:
            return
        if (folder / "__init__.py").exists():
            _execute(name, folder / "__init__.py")
            return
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[name] = importlib.util.module_from_spec(spec)

    def _problem(self, error: BaseException, path: Path, message: str, hint: str) -> Problem:
        return Problem(message, location=self._place(error.__traceback__) or Location(str(path), 1), hint=hint)

    def _syntax_problem(self, error: SyntaxError, path: Path) -> Problem:
        message = f"{type(error).__name__}: {error.msg}"
        if error.filename and self._is_own(error.filename):
            return Problem(message, location=Location(error.filename, error.lineno or 1))
        return self._problem(error, path, message, "")  # in text that the file's code parsed

    def _is_own(self, file: str) -> bool:
        return Path(file).is_relative_to(self.root) and "site-packages" not in file

    def _place(self, trace: TracebackType | None) -> Location | None:
        """The innermost line of the repo's own code."""
        place = None
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            if self._is_own(file):
                place = Location(file, trace.tb_lineno)
            trace = trace.tb_next
        return place

    def _hint(self, error: Exception) -> str:
        if isinstance(error, ModuleNotFoundError) and error.name:
            own = [p.stem for p in self.root.iterdir() if p.suffix == ".py" or p.is_dir()]
            return did_you_mean(error.name, own) or f"install the package that has {error.name!r}, or check the name"
        if isinstance(error, ImportError) and "relative import" in str(error):
            return "import from the repo's folder: from entities import driver"
        return _argument_hint(str(error)) if isinstance(error, TypeError) else ""


def _argument_hint(message: str) -> str:
    """Suggest the argument that a definition has, for one that it has not."""
    found = re.match(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", message)
    cls = getattr(definitions, found[1], None) if found else None
    return did_you_mean(found[2], inspect.signature(cls).parameters) if found and cls else ""


def definitions_in(module: ModuleType) -> Iterator[object]:
    """The definitions, however spelt, that a module's variables hold, alone or in a list, tuple or dict."""
    for value in list(vars(module).values()):
        members = value if isinstance(value, list | tuple) else value.values() if isinstance(value, dict) else (value,)
        yield from (member for member in members if is_spelling(member))


def absolute(path: Path) -> Path:
    """Return a path without ``..``, symbolic links kept: files are named as the user sees them."""
    return Path(os.path.abspath(path))  # noqa: PTH100  # Path.absolute keeps "..", Path.resolve follows links


def module_name(path: Path, root: Path) -> str:
    """Return the name that a file of a repo is imported by; dots in names of files and folders become ``_``."""
    parts = [part.replace(".", "_") for part in path.relative_to(root).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _execute(name: str, path: Path) -> ModuleType:
    package = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=package)
    assert spec is not None  # a .py file always has a loader
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A file named like a module of the standard library stays out of sys.modules: others mean that one.
    visible = name not in sys.modules
    if visible:
        sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if visible:
            sys.modules.pop(name, None)
        raise
    return module
