"""Optional abilities of engines: the result of a retrieval is written where the data lives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from repast.core.plan.offline import PointInTimeJoin

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    Answer: TypeAlias = Callable[[int, npt.NDArray[np.int64] | None], pa.Table]


@dataclass(frozen=True, kw_only=True)
class ResultJoin:
    """The part of a result that one view answers."""

    join: PointInTimeJoin
    keys: tuple[str, ...]
    """The columns of the rows with the join's keys, in their order."""
    columns: tuple[str, ...]
    """What the join's features are called in the result, in their order."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """A training set that is still to be made."""

    rows: pa.Table
    """``__row`` (numbers from 0), ``__time``, the keys of all joins, each of the entity's type, and all columns of the
    result that no join answers."""
    columns: tuple[str, ...]
    """The columns of the result."""
    joins: tuple[ResultJoin, ...]
    answer: Answer
    """Asked with the number of a join, and the numbers of some rows or None for all: returns these rows' ``__row`` and
    the join's columns, in their declared types, as this process makes them."""


class SupportsTableReads(ABC):
    """Tables that results were written to can be read again."""

    @abstractmethod
    def read_table(self, name: str) -> pa.RecordBatchReader:
        """Return the rows of a table, in no order.

        Raises:
            InvalidRequestError: The name cannot be read.
            NotFoundError: There is none of that name.

        """


class SupportsTables(SupportsTableReads):
    """Results can be tables of the engine's database.

    A table has the rows and values that this process would have made, in no order. What the engine can join and cast
    exactly as the core does stays in the database; for the rest (rows that tie to the last, values that may not fit
    their type) it asks ``Result.answer``. A table appears whole, under a name that was free.
    """

    @abstractmethod
    def write_table(self, name: str, result: Result, *, overwrite: bool = False) -> None:
        """Make a table of a result.

        Args:
            name: As the database writes it: parts separated by dots, odd characters quoted.
            result: What is written.
            overwrite: Whether a table of that name is replaced, when the new one is complete.

        Raises:
            ConflictError: There is such a table, and ``overwrite`` is False; it is untouched.
            InvalidRequestError: The name cannot be read, or a column cannot be stored.
            NotFoundError: The schema, dataset or database that the name names is not there.
            UnavailableError: The user may not create tables there.

        """


class SupportsObjects(ABC):
    """Results can be Parquet files in a bucket, which the database itself writes."""

    @property
    @abstractmethod
    def has_folder(self) -> bool:
        """Whether the engine is configured to have folders for results."""

    @abstractmethod
    def write_objects(self, folder: str | None, result: Result, *, overwrite: bool = False) -> list[str]:
        """Write a result as Parquet files; return their addresses. Rows are in no order.

        Args:
            folder: The address of a folder, ``gs://bucket/folder``; None: a new one where the engine is configured to
                have them.
            result: What is written.
            overwrite: Whether files of an earlier result there are replaced.

        Raises:
            ConflictError: There are files already, and ``overwrite`` is False.
            InvalidRequestError: There is no folder, or the address is none that the database writes to.

        """
