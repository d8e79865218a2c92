"""Find the user's functions of on-demand views, in the user's own code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from repast.app.importing import ImportFailure, definitions_in, importing
from repast.core.definitions import OnDemandFeatureView, UserFunction
from repast.core.definitions.base import as_definition
from repast.core.manifest import FunctionSpec
from repast.errors import InvalidDefinitionError, NotFoundError


class FunctionLoader:
    """Finds functions by ``module:name`` and checks that they still say what was applied.

    Looks among the functions that this process defined, then at the on-demand views in the repo's file of
    that module, in the module if the process has imported it, and in all files of the repo. So only a
    function that the user's code made an on-demand view of is ever called: nothing outside the repo is
    imported because the registry names it, and text of the registry is never executed.
    """

    def __init__(self, repo_path: Path) -> None:
        self._repo_path = repo_path
        self._known: dict[tuple[str, str], Callable[..., Any]] = {}

    def remember(self, function: UserFunction) -> None:
        """Keep a function that this process has defined."""
        if function.call is not None:
            self._known[function.reference, function.sha256] = function.call

    def load(self, spec: FunctionSpec) -> Callable[..., Any]:
        """Return the function that was applied.

        Raises:
            NotFoundError: Its code is not here.
            InvalidDefinitionError: Its code was changed since, or its file cannot be imported.

        """
        known = self._known.get((spec.reference, spec.sha256))
        if known is not None:
            return known
        changed = False
        for function in self._candidates(spec):
            if function.sha256 == spec.sha256 and function.call is not None:
                self.remember(UserFunction(spec.reference, spec.source, spec.sha256, function.call))
                return function.call
            changed = True
        if changed:
            raise InvalidDefinitionError(
                f"Function {spec.reference!r} is not what was applied: its code here is another.",
                hint="run: repast apply; or restart this process if its code is old",
                context={"function": spec.reference},
            )
        raise _not_found(spec, self._repo_path)

    def _candidates(self, spec: FunctionSpec) -> Iterator[UserFunction]:
        """Functions of that reference which on-demand views in the user's code use, the nearest first."""
        module = spec.reference.partition(":")[0]
        file = self._file_of(module)
        if file is not None:
            yield from _functions_in(definitions_in(self._import(file)), spec.reference)
        if module in sys.modules:
            yield from _functions_in(definitions_in(sys.modules[module]), spec.reference)
        if module != "__main__":
            from repast.app.loading import load_repo

            yield from _functions_in(load_repo(self._repo_path).definitions, spec.reference)

    def _file_of(self, module: str) -> Path | None:
        """The repo's file of a module; names that lead out of the repo have none."""
        parts = module.split(".")
        if module == "__main__" or not all(
            part and part != ".." and "/" not in part and "\\" not in part for part in parts
        ):
            return None
        base = self._repo_path.joinpath(*parts)
        return next((f for f in (base.with_name(base.name + ".py"), base / "__init__.py") if f.is_file()), None)

    def _import(self, file: Path) -> ModuleType:
        try:
            with importing(self._repo_path) as repo:
                return repo.load(file)
        except ImportFailure as failure:
            raise InvalidDefinitionError.of([failure.problem]) from failure


def _functions_in(definitions: Iterable[object], reference: str) -> Iterator[UserFunction]:
    for definition in map(as_definition, definitions):
        if isinstance(definition, OnDemandFeatureView) and definition.function.reference == reference:
            yield definition.function


def _not_found(spec: FunctionSpec, repo_path: Path) -> NotFoundError:
    module, _, name = spec.reference.partition(":")
    if module == "__main__":
        return NotFoundError(
            f"Function {name!r} was defined in a script or a notebook, which this process does not run.",
            hint="move the on-demand view to a file of the repo and apply it, or apply it in this process",
            context={"function": spec.reference},
        )
    return NotFoundError(
        f"Function {spec.reference!r} is not in the code below {str(repo_path)!r}.",
        hint=f"restore it there, or import module {module!r} in this process, or apply the definitions again",
        context={"function": spec.reference},
    )
