"""Load a repo although some of it is refused: statement by statement, so that one refusal does not hide the next."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from types import ModuleType

from repast.app.importing import ImportFailure, absolute, definitions_in, importing, module_name
from repast.app.loading import LoadedRepo, find_files
from repast.core.definitions import Definition
from repast.core.definitions.base import as_definition
from repast.core.definitions.problem import collecting_problems
from repast.errors import Location, Problem, RepastError


def load_tolerantly(repo_path: Path) -> LoadedRepo:
    """Return what :func:`repast.app.loading.load_repo` does, and what stands beside refused statements in their files.

    A file whose import a refusal ended is run again, one statement of its top level after the other. What a refused
    statement would have made is missing then; that others miss it is no problem of theirs.
    """
    root = absolute(repo_path)
    found: dict[int, object] = {}
    problems: list[Problem] = []
    partial: set[str] = set()
    with collecting_problems() as reported, importing(root) as repo:
        for path in find_files(root):
            try:
                module = repo.load(path)
            except ImportFailure as failure:
                if not isinstance(failure.__cause__, RepastError) and not _follows(failure.__cause__, partial):
                    problems.append(failure.problem)
                    continue
                module = ModuleType(module_name(path, root))
                problems += _Run(module, path, partial).run()
                partial.add(module.__name__)
                sys.modules[module.__name__] = module
            found |= {id(definition): definition for definition in definitions_in(module)}
        definitions = [as_definition(value) for value in found.values()]
    kept = tuple(d for d in definitions if isinstance(d, Definition))
    return LoadedRepo(kept, tuple(dict.fromkeys([*problems, *reported])))


class _Run:
    """One run of a file's statements in a module."""

    def __init__(self, module: ModuleType, path: Path, partial: Collection[str]) -> None:
        module.__file__ = str(path)
        self._module = module
        self._path = path
        self._partial = partial
        self._missing: set[str] = set()
        """What refused statements would have made."""

    def run(self) -> Iterator[Problem]:
        """Run them all and yield what is refused."""
        for statement in ast.parse(self._path.read_bytes()).body:
            code = compile(ast.Module([statement], []), str(self._path), "exec")
            try:
                exec(code, self._module.__dict__)  # noqa: S102 - the user's own file, which was just imported
            except RepastError as error:
                yield Problem(error.message, location=self._place(error, statement), hint=error.hint)
            except Exception as error:  # noqa: BLE001 - the user's code may raise anything
                if not _follows(error, {*self._missing, *self._partial}):
                    message = f"{type(error).__name__}: {error}"
                    yield Problem(message, location=self._place(error, statement))
            else:
                continue
            self._missing |= set(_names(statement))

    def _place(self, error: Exception, statement: ast.stmt) -> Location:
        """The innermost line of the file, or the statement's."""
        line, trace = statement.lineno, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == str(self._path):
                line = trace.tb_lineno
            trace = trace.tb_next
        return Location(str(self._path), line)


def _follows(error: BaseException | None, missing: Collection[str]) -> bool:
    """Whether an error is there only because of something that was refused before: a name, or a part of a module."""
    return isinstance(error, NameError | ImportError) and error.name in missing


def _names(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement gives to things."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
