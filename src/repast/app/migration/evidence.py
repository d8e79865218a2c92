"""The rows of sources that explain a difference: all rows of the keys that were asked for, read once per view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
        import pyarrow as pa

        wanted = set(keys)
        found: dict[Key, list[SourceRow]] = {}
        names = [key.name for key in view.join_keys]
        for whole in self._engine.run(self._plan(view)):
            batch = _with_first_key(whole, names[0], {key[0] for key in wanted}) if names else whole
            of_batch = keys_of([batch.column(name) for name in names], batch.num_rows)
            places = [i for i, key in enumerate(of_batch) if key in wanted]
            chosen = batch.take(pa.array(places, pa.int64()))
            for i, row in zip(places, _rows(chosen, set(names)), strict=True):
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


def keys_of(columns: Sequence[pa.Array | pa.ChunkedArray], rows: int) -> list[Key]:
    """Return the key of each row as values that compare across types; without columns, the one key of all rows."""
    parts = [[_hashable(plain(value)) for value in column.to_pylist()] for column in columns]
    return list(zip(*parts, strict=True)) if parts else [()] * rows


def _hashable(value: Any) -> Any:
    return tuple(value.items()) if isinstance(value, dict) else value


def _with_first_key(batch: pa.RecordBatch, name: str, values: set[Any]) -> pa.RecordBatch:
    """Leave out most of the rows that nobody asked for, before they become Python's; maybe not all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = batch.column(name)
    try:
        asked = pa.array(list(values)).cast(column.type)
    except (pa.ArrowException, TypeError):  # of another type than the source's: they are compared later
        return batch
    return batch.filter(pc.is_in(column, value_set=asked))


def _rows(batch: pa.RecordBatch, keys: set[str]) -> Iterable[SourceRow]:
    for row in batch.to_pylist():
        values = {
            name: plain(value) for name, value in row.items() if name not in keys and name not in (EVENT, CREATED)
        }
        yield SourceRow(row[EVENT], row[CREATED], values)
