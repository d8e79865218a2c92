"""The user's functions of on-demand views, as they can be written down."""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any


@dataclass(frozen=True)
class UserFunction:
    """A function of the user's, known by where it lives and what it says; never by its bytecode.

    ``reference`` is ``module:qualified.name``; where that does not tell one function from another
    (lambdas, inner functions, methods of objects, partials) ``@view`` follows. ``source`` is shown to
    people and hashed, never executed: the text of the function without its decorators. ``call`` is
    present in the process that defined it and absent in what the registry returns.
    """

    reference: str
    source: str
    sha256: str
    call: Callable[..., Any] | None = None

    @classmethod
    def of(cls, function: Callable[..., Any], *, view: str = "") -> UserFunction:
        """Describe a function, that of the on-demand view ``view``."""
        import hashlib

        target, arguments = _unwrap(function)
        name = getattr(target, "__qualname__", None) or f"<{type(target).__qualname__}>"
        if "<" in name or arguments or _is_bound(target):
            name = f"{name}@{view}"
        source = _source_of(target)
        return cls(
            reference=f"{getattr(target, '__module__', None) or '__main__'}:{name}",
            source=source,
            sha256=hashlib.sha256((source or _constants_of(target, name)).encode() + arguments.encode()).hexdigest(),
            call=function,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UserFunction) and (self.reference, self.sha256) == (other.reference, other.sha256)

    def __hash__(self) -> int:
        return hash((self.reference, self.sha256))

    def __repr__(self) -> str:
        return f"<function {self.reference}>"


NO_FUNCTION = UserFunction("", "", "")


def _unwrap(function: Callable[..., Any]) -> tuple[Callable[..., Any], str]:
    """Return the function below wrappers and partials, and the arguments of the partials as text."""
    target, arguments = inspect.unwrap(function), ""
    while isinstance(target, functools.partial):
        arguments += repr((target.args, sorted(target.keywords.items())))
        target = inspect.unwrap(target.func)
    return target, re.sub(r" at 0x[0-9a-fA-F]+", "", arguments)  # addresses differ from process to process


def _is_bound(function: object) -> bool:
    owner = getattr(function, "__self__", None)
    return owner is not None and not isinstance(owner, type | ModuleType)


def _source_of(function: Callable[..., Any]) -> str:
    """Return the text of a function without its decorators, or of a callable object's class; "" if there is none."""
    target = function if hasattr(function, "__qualname__") else type(function)
    try:
        source = textwrap.dedent(inspect.getsource(target))
    except (OSError, TypeError):  # built in, or made by exec
        return ""
    lines = source.splitlines(keepends=True)
    start = next((n for n, line in enumerate(lines) if line.startswith(("def ", "async def "))), 0)
    return "".join(lines[start:])


def _constants_of(function: object, name: str) -> str:
    """What tells functions without text apart: their instructions and constants."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return name
    constants = [c for c in code.co_consts if not isinstance(c, CodeType)]
    return repr((code.co_code, code.co_names, constants))
