"""The package that reads Feast's definitions: a top-level ``feast`` that is Repast's, not Feast's own."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repast.errors import Location, MissingDependencyError

INSTALL = "pip install repast-feast"
_MARK = Path("adapter") / "notice.py"
"""A file that Repast's ``feast`` has and Feast's has not."""


def require_compat() -> None:
    """Check that ``import feast`` means Repast's package, without importing anything: Feast itself takes seconds.

    Raises:
        MissingDependencyError: There is no ``feast``, or it is the real one.

    """
    spec = importlib.util.find_spec("feast")
    if spec is None or spec.origin is None:
        raise MissingDependencyError("Reading a Feast repo needs the package repast-feast.", hint=INSTALL)
    if not (Path(spec.origin).parent / _MARK).is_file():
        raise MissingDependencyError(
            f"The feast of this environment is Feast itself ({spec.origin}); it cannot be read with both.",
            hint=f"in an environment of its own: {INSTALL}   (or here: pip uninstall feast, then {INSTALL})",
        )


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that the package said about a definition."""

    message: str
    location: Location


@contextmanager
def hearing() -> Iterator[list[Notice]]:
    """Gather what the package says inside the block: everything, at every place, instead of each thing once."""
    notice: Any = importlib.import_module("feast.adapter.notice")
    heard: list[Notice] = []

    def hear(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
        if issubclass(category, notice.FeastCompatibilityWarning):
            heard.append(Notice(str(message), Location(filename, lineno)))
            notice.forget_warnings()

    notice.forget_warnings()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", notice.FeastCompatibilityWarning)
        warnings.showwarning = hear  # type: ignore[assignment]  # what the warnings module documents
        yield heard
    notice.forget_warnings()
