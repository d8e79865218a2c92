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
    with notice.listening(lambda message, location: heard.append(Notice(message, location))), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the user's own files warn of
        yield heard
