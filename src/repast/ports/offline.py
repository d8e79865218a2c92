"""The offline engine: runs plans over sources and streams Arrow record batches back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from repast.core.manifest import SourceSpec
from repast.core.plan.offline import OfflinePlan

if TYPE_CHECKING:
    import pyarrow as pa


class OfflineEngine(ABC):
    """Reads and writes sources. Meaning (types, ties, nulls, order) stays in the core.

    Construction takes keyword-only options (the ``offline_store`` section of feature_store.yaml) and
    must not connect or read. Relative paths start at ``repo_path``, which every engine accepts.
    Engines are safe to share between threads; one plan's result is read by one thread.
    """

    @abstractmethod
    def inspect(self, source: SourceSpec) -> pa.Schema:
        """Return the columns of a source, as they are there (before ``field_mapping``).

        Raises:
            NotFoundError: There is nothing at the source's path or name.
            CorruptDataError: It is there and cannot be read.
            UnsupportedError: This engine does not read sources of that kind.

        """

    @abstractmethod
    def run(self, plan: OfflinePlan, spine: pa.Table | None = None) -> pa.RecordBatchReader:
        """Execute a plan; the plan's docstring says what comes back. Memory stays bounded."""

    @abstractmethod
    def explain(self, plan: OfflinePlan, spine: pa.Table | None = None) -> str:
        """Return the text (SQL, say) that :meth:`run` would execute."""

    @abstractmethod
    def query(self, statement: str) -> pa.RecordBatchReader:
        """Run a user's SQL that yields a spine."""

    @abstractmethod
    def files(self, source: SourceSpec) -> Mapping[str, str] | None:
        """Return path -> fingerprint of the files a source has now; None if it is not made of files."""

    @abstractmethod
    def append(self, source: SourceSpec, rows: pa.Table) -> None:
        """Add rows to a source, all or none; column names and types are the source's own.

        Raises:
            UnsupportedError: The source cannot be appended to.

        """

    @abstractmethod
    def close(self) -> None:
        """Release connections. Idempotent."""


Progress = Callable[[int, int | None], None]
"""Called with (rows done, rows in total if known)."""
