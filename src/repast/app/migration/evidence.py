"""The rows of sources that explain a difference: all rows of the keys that were asked for, read once per view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from repast.app.migration.cause import SourceRow
from repast.app.migration.feast_script import plain
from repast.core.manifest import FeatureViewSpec, Manifest
from repast.core.plan.offline import CREATED, EVENT, FeatureColumn, KeyColumn, ReadRows

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.ports.offline import OfflineEngine

Key = tuple[Any, ...]


class SourceRows:
    """Reads the rows of views, and keeps those of the keys of one retrieval.

    Args:
        engine: What reads the sources.
        manifest: The project.

    """

    def __init__(self, engine: OfflineEngine, manifest: Manifest) -> None:
        self._engine = engine
        self._manifest = manifest

    def read(self, view: FeatureViewSpec, keys: Iterable[Key]) -> dict[Key, list[SourceRow]]:
        """Return the rows of a view by key, for these keys."""
        wanted = set(keys)
        found: dict[Key, list[SourceRow]] = {}
        for batch in self._engine.run(self._plan(view)):
            names = [key.name for key in view.join_keys]
            columns = [[plain(value) for value in batch.column(name).to_pylist()] for name in names]
            of_batch = list(zip(*columns, strict=True)) if columns else [()] * batch.num_rows
            places = [i for i, key in enumerate(of_batch) if key in wanted]
            for i, row in zip(places, _rows(batch.take(places), set(names)), strict=True):
                found.setdefault(of_batch[i], []).append(row)
        return found

    def _plan(self, view: FeatureViewSpec) -> ReadRows:
        source = self._manifest.data_sources[view.source]
        return ReadRows(
            view=view.name,
            source=source,
            keys=tuple(KeyColumn(key.name, source.column(key.name), key.type) for key in view.join_keys),
            features=tuple(FeatureColumn(f.name, source.column(f.name), f.type) for f in view.features),
        )


def _rows(batch: pa.RecordBatch, keys: set[str]) -> Iterable[SourceRow]:
    for row in batch.to_pylist():
        values = {
            name: plain(value) for name, value in row.items() if name not in keys and name not in (EVENT, CREATED)
        }
        yield SourceRow(row[EVENT], row[CREATED], values)
