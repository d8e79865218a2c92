"""Training sets kept as files or tables, registered with what they were made from."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from repast.app.retrieval import RetrievalJob, write_parquet
from repast.core.definitions import FeatureService, SavedDataset
from repast.core.describe import get_definition
from repast.core.spec import dataset_spec
from repast.errors import (
    ConflictError,
    CorruptDataError,
    InvalidRequestError,
    NotFoundError,
    RepastError,
    UnsupportedError,
    require,
)

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from repast.app.workspace import Workspace
    from repast.ports.table import SupportsTableReads

_ATTEMPTS = 50


class Dataset:
    """A saved dataset, ready to be read.

    Attributes:
        definition: What is registered: name, features, number of rows, tags.
        path: Where its Parquet file is; None: it is the table ``definition.table`` of the offline store.

    """

    def __init__(self, definition: SavedDataset, path: Path | None, engine: SupportsTableReads | None = None) -> None:
        self.definition = definition
        self.path = path
        self._engine = engine

    @property
    def name(self) -> str:
        """Its name in the registry."""
        return self.definition.name

    def to_arrow(self) -> pa.Table:
        """Return all rows as an Arrow table: those of a file in the order they were saved, of a table in no order.

        Raises:
            NotFoundError: The file or table is gone.
            CorruptDataError: It cannot be read.

        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._engine is not None:
            return self._engine.read_table(self.definition.table).read_all()
        try:
            return pq.read_table(self.path, partitioning=None)
        except FileNotFoundError as error:
            raise NotFoundError(
                f"Saved dataset {self.name!r}: there is no file {str(self.path)!r}.",
                hint="restore it, or save the dataset again with allow_overwrite=True",
            ) from error
        except (pa.ArrowException, OSError) as error:
            raise CorruptDataError(
                f"Saved dataset {self.name!r}: {str(self.path)!r} cannot be read: {error}",
                hint="restore it, or save the dataset again with allow_overwrite=True",
            ) from error

    def to_pandas(self) -> pd.DataFrame:
        """Return all rows as a pandas DataFrame of nullable dtypes."""
        require("pandas", extra="pandas", purpose="to_pandas()")
        from repast.core.frame import to_pandas

        return to_pandas(self.to_arrow())

    to_df = to_pandas

    def to_polars(self) -> pl.DataFrame:
        """Return all rows as a polars DataFrame."""
        polars: Any = require("polars", extra="polars", purpose="to_polars()")
        frame: pl.DataFrame = polars.from_arrow(self.to_arrow())
        return frame

    def __repr__(self) -> str:
        return f"Dataset(name={self.name!r}, rows={self.definition.rows}, {self._place})"

    @property
    def _place(self) -> str:
        return f"table={self.definition.table!r}" if self.path is None else f"path={str(self.path)!r}"


def create_saved_dataset(
    workspace: Workspace,
    job: RetrievalJob,
    name: str,
    path: str | Path | None = None,
    *,
    table: str | None = None,
    tags: Mapping[str, str] | None = None,
    feature_service: FeatureService | None = None,
    allow_overwrite: bool = False,
) -> Dataset:
    """Write a retrieval to Parquet, or to a table of the offline store, and register it.

    A relative path starts at the folder of feature_store.yaml. The file or table is complete before it is in place,
    and in place before it is registered.

    Raises:
        ConflictError: The path, table or name is taken and ``allow_overwrite`` is False; nothing was changed.
        InvalidRequestError: There is neither a path nor a table, or both.
        UnsupportedError: The path is not on a file system, or the offline store writes no tables.

    """
    if not isinstance(job, RetrievalJob):
        raise InvalidRequestError(
            f"A saved dataset is made from a retrieval, not from a {type(job).__name__}.",
            hint="pass what store.get_historical_features(...) returns, before .to_pandas()",
        )
    if (path is None) == (table is None):
        raise InvalidRequestError(
            "A saved dataset is one file or one table.", hint='give path="data/train.parquet", or table="sets.train"'
        )
    target = None if path is None else _resolve_path(workspace, path)
    if not allow_overwrite:
        _refuse_taken(workspace, name, target)
    if target is not None:
        job.refuse_source(target)
    request = job.request
    dataset = SavedDataset(
        name=name,
        path="" if path is None else str(path),
        table=table or "",
        features=request.features,
        join_keys=job.metadata.keys,
        full_feature_names=request.full_feature_names,
        feature_service=feature_service.name if feature_service is not None else request.feature_service,
        rows=len(job),
        tags=tags,
    )
    if target is None:
        return _keep_table(workspace, job, dataset, allow_overwrite=allow_overwrite)
    write_parquet(job.parts(), target, place=os.replace if allow_overwrite else partial(_place_new, name))
    try:
        _register(workspace, dataset, allow_overwrite=allow_overwrite)
    except RepastError:
        if not allow_overwrite:
            target.unlink(missing_ok=True)
        raise
    return Dataset(dataset, target)


def _keep_table(workspace: Workspace, job: RetrievalJob, dataset: SavedDataset, *, allow_overwrite: bool) -> Dataset:
    engine = _table_engine(workspace)
    job.to_table(dataset.table, allow_overwrite=allow_overwrite)
    # Should this fail the table stays: nothing here may drop tables.
    _register(workspace, dataset, allow_overwrite=allow_overwrite)
    return Dataset(dataset, None, engine)


def _table_engine(workspace: Workspace) -> SupportsTableReads:
    from repast.ports.table import SupportsTableReads

    engine = workspace.engine
    if not isinstance(engine, SupportsTableReads):
        raise UnsupportedError(
            f"The {workspace.config.offline_store.type} engine keeps no tables of results that it reads again.",
            hint='save the dataset to a file: path="data/train.parquet"',
        )
    return engine


def get_saved_dataset(workspace: Workspace, name: str) -> Dataset:
    """Return a saved dataset.

    Raises:
        NotFoundError: There is none of that name.

    """
    manifest = workspace.registry.manifest()
    if not manifest.saved_datasets:
        raise NotFoundError(
            f"There is no saved dataset {name!r}: project {workspace.project!r} has none.",
            hint="save one: store.create_saved_dataset(job, name, path)",
        )
    definition: SavedDataset = get_definition(manifest, "saved_datasets", name)
    if definition.table:
        return Dataset(definition, None, _table_engine(workspace))
    return Dataset(definition, _resolve_path(workspace, definition.path))


def _resolve_path(workspace: Workspace, path: str | Path) -> Path:
    if "://" in str(path):
        raise UnsupportedError(
            f"A saved dataset is a file; {str(path)!r} is not on a file system.",
            hint="save it to a file and upload that",
        )
    target = workspace.config.repo_path / path
    if target.is_dir() or not target.name:
        raise InvalidRequestError(
            f"{str(target)!r} is a folder; a saved dataset is one file.", hint=f'for example "{path}/train.parquet"'
        )
    return target


def _refuse_taken(workspace: Workspace, name: str, target: Path | None) -> None:
    manifest, _ = workspace.registry.load_manifest()
    if name in manifest.saved_datasets:
        raise ConflictError(f"There is a saved dataset {name!r} already.", hint=_TAKEN)
    if target is not None and target.exists():
        raise _path_taken(name, target)


_TAKEN = "choose another one, or pass allow_overwrite=True"


def _path_taken(name: str, target: Path) -> ConflictError:
    return ConflictError(f"Saved dataset {name!r}: there is a file {str(target)!r} already.", hint=_TAKEN)


def _place_new(name: str, temporary: Path, target: Path) -> None:
    """Put a file in place only if there is none: a link is made or fails, whoever else tries."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError as error:
        raise _path_taken(name, target) from error
    except OSError:  # a file system without links
        if target.exists():
            raise _path_taken(name, target) from None
        temporary.rename(target)


def _register(workspace: Workspace, dataset: SavedDataset, *, allow_overwrite: bool) -> None:
    """Add the dataset to whatever is registered by then."""
    registry = workspace.registry
    for attempt in range(_ATTEMPTS):
        manifest, version = registry.load_manifest()
        if dataset.name in manifest.saved_datasets and not allow_overwrite:
            raise ConflictError(f"There is a saved dataset {dataset.name!r} already.", hint=_TAKEN)
        datasets = {**manifest.saved_datasets, dataset.name: dataset_spec(dataset)}
        changed = msgspec.structs.replace(manifest, saved_datasets=datasets, generation=manifest.generation + 1)
        try:
            registry.swap_manifest(changed, version)
        except ConflictError:
            time.sleep(random.uniform(0, min(0.2, 0.002 * 2**attempt)))  # noqa: S311  # jitter, not a secret
        else:
            return
    raise ConflictError(
        f"The registry of project {workspace.project!r} was changed {_ATTEMPTS} times meanwhile.",
        hint="try again when fewer processes write to it",
    )
