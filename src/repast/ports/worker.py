"""Optional abilities of engines that have many machines: to work on rows where they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from repast.core.plan.offline import PointInTimeJoin, ReadRows

if TYPE_CHECKING:
    import pyarrow as pa

    Work: TypeAlias = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
    """What is done with the rows of one partition. It is pickled, and may run more than once: machines die."""


class SupportsWorkers(ABC):
    """Loads can be written from where their rows are."""

    @abstractmethod
    def map(self, plan: ReadRows, work: Work, schema: pa.Schema) -> pa.RecordBatchReader:
        """Run a plan, bring all rows of a key together in some partition, and run ``work`` on each partition.

        Returns what ``work`` yields, of every partition that was completed exactly once: of attempts that
        failed, or were not needed, nothing. Errors of ours that ``work`` raises are raised here.
        """


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameJoin:
    """Point-in-time joins of several views with one spine, and the functions that begin and end them.

    The engine numbers the spine's rows in a column ``__row`` and gives them to ``bind``, which returns
    the columns of ``bound``. It joins each of ``joins`` and gives ``finish``, for each partition of the
    result, its rows sorted by ``__row`` and then by ``__view``: those of the spine (``__view`` is -1, what
    bind returned is in ``__spine``) and those found (``__view`` is the number of the join, its features
    are in ``__found_<number>``), with ``__event`` and ``__created``. All rows of a number come together.
    """

    bind: Work
    bound: pa.Schema
    """``__row``, ``__time``, the keys, and the spine's own columns in the struct ``__spine``."""
    joins: tuple[tuple[PointInTimeJoin, tuple[str, ...]], ...]
    """Each with its keys' columns in ``bound``."""
    finish: Work
    answer: pa.Schema
    functions: tuple[Callable[..., Any], ...] = ()
    """Functions of the user in ``finish``, of modules that workers may not have."""


class Frame(ABC):
    """Rows that an engine holds where its workers are."""

    native: Any
    """The engine's own data frame."""

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The columns."""

    @abstractmethod
    def count(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def collect(self) -> pa.Table:
        """Return all rows at once, in their order."""

    @abstractmethod
    def stream(self) -> pa.RecordBatchReader:
        """Return all rows in their order, in bounded memory."""

    @abstractmethod
    def write_parquet(self, path: str) -> None:
        """Have the workers write a folder of Parquet files.

        Raises:
            ConflictError: There is something already.

        """

    @abstractmethod
    def write_table(self, name: str, *, overwrite: bool = False) -> None:
        """Have the workers write a table; it must not exist, or is replaced when the new one is complete.

        Raises:
            ConflictError: It exists, and ``overwrite`` is False.
            InvalidRequestError: The name cannot be read.

        """


class SupportsFrames(ABC):
    """Spines and results of retrievals can stay where the workers are."""

    @abstractmethod
    def open_frame(self, spine: Any) -> Frame | None:
        """Return a spine as a frame: the engine's own kind of data frame, SQL text, a file's path or Arrow.

        None: it is nothing of that kind.
        """

    @abstractmethod
    def join(self, spine: Frame, request: FrameJoin) -> Frame:
        """Return the finished rows: as many as the spine has, in its order if it has one."""

    @abstractmethod
    def explain_join(self, request: FrameJoin) -> list[str]:
        """Return the statement of each join."""
