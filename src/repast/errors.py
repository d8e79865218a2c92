"""Every error Repast raises on purpose.

::

    RepastError
    ├── NotFoundError            a name, path or key that does not exist     (also LookupError)
    ├── ConflictError            somebody else changed the same thing
    ├── InvalidDefinitionError   feature definitions that cannot work        (also ValueError)
    │   └── InvalidConfigError   feature_store.yaml or a backend's options
    ├── InvalidRequestError      arguments of one call                       (also ValueError)
    │   └── InvalidValueError    one value that does not fit its type
    ├── UnsupportedError         this backend cannot do that                 (also NotImplementedError)
    ├── UnavailableError         a store, server or file cannot be reached   (also ConnectionError)
    ├── CorruptDataError         stored bytes that cannot be right
    ├── ClosedError              a store used after close()                  (also RuntimeError)
    └── MissingDependencyError   an extra that is not installed              (also ImportError)

A message says what is wrong and what was expected; ``hint`` is an action. Categories, not classes,
decide what faces do: the CLI maps ``code`` to an exit status, a server to an HTTP status.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "ClosedError",
    "ConflictError",
    "CorruptDataError",
    "InvalidConfigError",
    "InvalidDefinitionError",
    "InvalidRequestError",
    "InvalidValueError",
    "Location",
    "MissingDependencyError",
    "NotFoundError",
    "Problem",
    "RepastError",
    "UnavailableError",
    "UnsupportedError",
    "did_you_mean",
    "require",
]


@dataclass(frozen=True, slots=True)
class Location:
    """Where in the user's code something was written."""

    file: str
    line: int

    def __str__(self) -> str:
        """``file:line``, relative to the current folder if the file is below it."""
        here = os.path.join(os.getcwd(), "")  # noqa: PTH109, PTH118  # text only; pathlib is not imported for it
        return f"{self.file.removeprefix(here)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one definition; a validation reports many of them at once."""

    message: str
    subject: str = ""
    location: Location | None = None
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        subject = f"{self.subject}: " if self.subject else ""
        hint = f"\n    hint: {self.hint}" if self.hint else ""
        return f"{where}{subject}{self.message}{hint}"


class RepastError(Exception):
    """Base of all errors raised by Repast.

    Args:
        message: What is wrong and what was expected.
        hint: What to do about it.
        context: Facts a program may want (view, column, value, path); never secrets.

    """

    code: str = "error"
    retryable: bool = False

    def __init__(self, message: str, *, hint: str = "", context: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.context: dict[str, object] = dict(context or {})

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.__dict__, self.args))


def _rebuild(cls: type[RepastError], state: dict[str, object], args: tuple[object, ...]) -> RepastError:
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class NotFoundError(RepastError, LookupError):
    """A name, path or key that does not exist."""

    code = "not_found"


class ConflictError(RepastError):
    """Somebody else changed the same object since it was read; nothing was lost."""

    code = "conflict"


class InvalidDefinitionError(RepastError, ValueError):
    """Feature definitions that cannot work; carries every problem that was found."""

    code = "invalid_definition"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        context: Mapping[str, object] | None = None,
        problems: Sequence[Problem] = (),
    ) -> None:
        super().__init__(message, hint=hint, context=context)
        self.problems = tuple(problems)

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> InvalidDefinitionError:
        """One error for all problems, in the order of file and line."""
        ordered = sorted(problems, key=lambda p: (p.location.file, p.location.line) if p.location else ("", 0))
        if len(ordered) == 1:
            return cls(str(ordered[0]), problems=ordered)
        listing = "\n".join(f"  {i}. {problem}" for i, problem in enumerate(ordered, 1))
        return cls(f"{len(ordered)} problems in the definitions:\n{listing}", problems=ordered)


class InvalidConfigError(InvalidDefinitionError):
    """A problem in feature_store.yaml or in a backend's options."""

    code = "invalid_config"


class InvalidRequestError(RepastError, ValueError):
    """Arguments of one call that cannot be served."""

    code = "invalid_request"


class InvalidValueError(InvalidRequestError):
    """One value that does not fit its declared type without loss."""

    code = "invalid_value"


class UnsupportedError(RepastError, NotImplementedError):
    """Something this backend or version cannot do, and says so."""

    code = "unsupported"


class UnavailableError(RepastError, ConnectionError):
    """A store, server or file that cannot be reached now."""

    code = "unavailable"
    retryable = True


class CorruptDataError(RepastError):
    """Stored bytes that cannot be what Repast wrote; they are left untouched."""

    code = "corrupt"


class ClosedError(RepastError, RuntimeError):
    """A store or server used after it was closed."""

    code = "closed"


class MissingDependencyError(RepastError, ImportError):
    """An optional dependency that is not installed; the hint is the command that installs it."""

    code = "missing_dependency"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'x'?"`` for the closest known name, or an empty string."""
    import difflib

    candidates = [k for k in known if isinstance(k, str)]
    by_lower = {k.lower(): k for k in candidates}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    return f"did you mean {by_lower[close[0]]!r}?" if close else ""


def require(module: str, *, extra: str, purpose: str) -> object:
    """Import an optional dependency, or say which command installs it.

    Raises:
        MissingDependencyError: ``module`` is not installed.

    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"{purpose} needs the package {module.partition('.')[0]!r}, which is not installed.",
            hint=f"pip install 'repast[{extra}]'",
        ) from error
