"""The registry store: named documents with compare-and-swap."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes and the version that a swap must name to replace them."""

    data: bytes
    version: str


class RegistryStore(ABC):
    """A few small documents, each replaced as a whole or not at all.

    Names are paths of ``[A-Za-z0-9_.-]`` segments joined by "/". What documents mean is the core's
    business. Versions are opaque and never reused for other bytes.
    Construction takes keyword-only options (the ``registry`` section of feature_store.yaml) and must
    not connect or create files.
    """

    @abstractmethod
    def load(self, name: str) -> Document | None:
        """Return the document, or None if there is none.

        Raises:
            UnavailableError: The store cannot be reached.

        """

    def find_version(self, name: str) -> str | None:
        """Return the version of the document, or None if there is none; stores override it where that is cheaper.

        Readers ask it every few seconds, in the background.

        Raises:
            UnavailableError: The store cannot be reached.

        """
        found = self.load(name)
        return found.version if found else None

    def stamp(self, name: str) -> tuple[int, ...] | None:  # noqa: ARG002
        """Return something that changes whenever the document may have changed, if that takes microseconds.

        A reader asks before every use of what it has kept. None (the default): only :meth:`load` can tell.
        """
        return None

    @abstractmethod
    def swap(self, name: str, data: bytes | None, expected: str | None) -> Document | None:
        """Replace the document if its version is still ``expected`` (None: only if it does not exist).

        ``data`` None removes it. A crash leaves the old document or the new one.

        Raises:
            ConflictError: The version is another one now; nothing was changed.
            UnavailableError: The store cannot be reached; the swap may or may not have happened.

        """

    @abstractmethod
    def names(self, prefix: str = "") -> Sequence[str]:
        """Return the names that start with ``prefix``, sorted."""

    @abstractmethod
    def close(self) -> None:
        """Release connections. Idempotent."""
