"""Optional abilities of engines that have many machines: to work on rows where they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from repast.core.plan.offline import PointInTimeJoin, ReadRows
from repast.core.plan.timeline import Timeline

if TYPE_CHECKING:
    import pyarrow as pa

    Work: TypeAlias = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
    """What is done with the rows of one partition. It is pickled, and may run more than once: machines die."""
    ColumnTypes: TypeAlias = Mapping[int, Mapping[str, pa.DataType]]
    """Per join the columns of its source that reach the work as other types, with their own."""


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
    the columns of ``bound``. It answers each of ``joins`` by a struct of ``__event``, ``__created`` and the features
    in a column ``__found_<number>``, and gives the work of ``finish``, for each partition, its rows sorted by
    ``__row``: those of the spine (what bind returned is in ``__spine``) and those found (``__spine`` is null), one or
    several for a row of the spine, each with one struct or several. All rows of a number come together.

    Joins that have the same key columns may be answered by one time line
    (:func:`repast.core.sql.timeline.compile_timeline`): the work of ``settle`` makes, for each partition of its rows,
    sorted by ``__order`` (:data:`repast.core.plan.timeline.ORDER`), rows that were found. If one line has all joins
    and the spine's own columns, the work of ``finish_line`` makes of it ``__row`` and the columns of the answer.
    """

    bind: Work
    bound: pa.Schema
    """``__row``, ``__time``, the keys, and the spine's own columns in the struct ``__spine``."""
    shared: Mapping[str, str]
    """Own columns of the spine that are one of the other columns of ``bound`` as well: the same values."""
    joins: tuple[tuple[PointInTimeJoin, tuple[str, ...]], ...]
    """Each with its keys' columns in ``bound``."""
    settle: Callable[[Timeline], Work]
    finish_line: Callable[[Timeline], Work]
    finish: Callable[[ColumnTypes], Work]
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
    def explain_join(self, request: FrameJoin) -> list[tuple[tuple[int, ...], str]]:
        """Return the statements, each with the numbers of the joins that it answers."""
