"""Both answers side by side: which values differ, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from repast.app.migration.cause import Evidence, SourceRow, find_cause, is_same
from repast.app.migration.comparison import Example, FeatureParity, RetrievalParity
from repast.app.migration.evidence import Key, SourceRows, keys_of
from repast.app.migration.feast_script import plain
from repast.app.migration.retrieval import Retrieval
from repast.app.migration.spine import TIME
from repast.core.refs import Selection, ViewSelection

if TYPE_CHECKING:
    from repast.app.store import FeatureStore


class Judge:
    """Explains differences; reads the rows of a source when there is one to explain.

    Args:
        store: Repast's side.
        loaded_until: The end of Feast's last load per view, microseconds.
        now_us: The moment of the online reads.

    """

    def __init__(self, store: FeatureStore, loaded_until: Mapping[str, int | None], now_us: int) -> None:
        workspace = store._workspace
        self._manifest = workspace.registry.manifest()
        self._rows = SourceRows(workspace.engine, self._manifest)
        self._loaded_until = loaded_until
        self._now_us = now_us

    def case(self, asked: Retrieval) -> Case:
        """Return what explains the differences of one retrieval."""
        from repast.app.online import resolve_features

        selection = resolve_features(self._manifest, asked.features, True)
        return Case(asked, selection, self._rows, self._loaded_until, self._now_us)


class Case:
    """One retrieval, and the rows of the sources behind it."""

    def __init__(
        self,
        asked: Retrieval,
        selection: Selection,
        rows: SourceRows,
        loaded_until: Mapping[str, int | None],
        now_us: int,
    ) -> None:
        self._asked = asked
        self._rows = rows
        self._loaded_until = loaded_until
        self._now_us = now_us
        self._views = {f.output: (view, f.field.name) for view in selection.views for f in view.features if f.output}
        self._types = {f.output: f.field.type for view in selection.views for f in view.features if f.output}
        self._read: dict[str, dict[Key, list[SourceRow]]] = {}
        self._found: dict[int, str] = {}
        """The first cause of each row: on-demand features inherit it."""

    def is_exact(self, output: str) -> bool:
        """Whether a feature is of integers or truth values, which NumPy's frames cannot hold beside nulls."""
        return output in self._types and str(self._types[output]) in ("Int32", "Int64", "Bool")

    @property
    def outputs(self) -> Iterable[str]:
        """The features, those of views before those that are computed from them."""
        return sorted(self._asked.outputs, key=lambda name: name not in self._views)

    def cause(self, output: str, number: int, ours: Any, theirs: Any) -> str:
        """Return why two values differ; empty: they are the same."""
        if is_same(ours, theirs):
            return ""
        if output not in self._views:
            return self._found.get(number, find_cause(ours, theirs, None))
        view, feature = self._views[output]
        online = self._asked.kind == "online"
        time_us = self._now_us if online else self._times[number]["time"]
        until = self._loaded_until.get(view.view.name) if online else None
        rows = self._source_rows(view).get(self._keys(view)[number], [])
        cause = find_cause(ours, theirs, Evidence(rows, time_us, view.view.ttl_us or None, until, feature))
        self._found.setdefault(number, cause)
        return cause

    @cached_property
    def _times(self) -> list[Any]:
        return [plain(value) for value in self._asked.spine[TIME].to_pylist()]

    def _keys(self, view: ViewSelection) -> list[Key]:
        spine = self._asked.spine
        return keys_of([spine[column] for _, column in view.keys], spine.num_rows)

    def _source_rows(self, view: ViewSelection) -> dict[Key, list[SourceRow]]:
        if view.name not in self._read:
            self._read[view.name] = self._rows.read(view.view, self._keys(view))
        return self._read[view.name]


def compare(judge: Judge, asked: Retrieval, theirs: dict[str, Any], load_errors: Mapping[str, str]) -> RetrievalParity:
    """Compare both answers to one retrieval."""
    rows = asked.spine.num_rows
    parity = RetrievalParity(
        asked.kind, asked.name, rows, recorded_later=asked.recorded_later, repast_error=asked.error
    )
    failed = [why for view, why in load_errors.items() if asked.asks(view)] if asked.kind == "online" else []
    parity.feast_error = theirs.get("error") or (failed[0] if failed else "")
    if asked.answer is None or "error" in theirs:
        return parity
    places: dict[int, int] = {}
    for place, number in enumerate(theirs["rows"]):
        places.setdefault(number, place)  # in the order of Feast's rows
    parity.lost_rows = rows - len(places)
    parity.moved_rows = sum(one != other for one, other in zip(places, sorted(places), strict=True))
    case = judge.case(asked)
    found = {name: _compare_feature(case, asked, theirs, name, places) for name in case.outputs}
    parity.features = [found[name] for name in asked.outputs]
    return parity


def _compare_feature(
    case: Case, asked: Retrieval, theirs: dict[str, Any], name: str, places: Mapping[int, int]
) -> FeatureParity:
    assert asked.answer is not None
    parity = FeatureParity(name, rows=asked.spine.num_rows)
    if case.is_exact(name) and theirs["dtypes"].get(name, "").startswith(("float", "object")):
        parity.dtype = theirs["dtypes"][name]
    column = theirs["columns"].get(name)
    for number, ours in enumerate(asked.answer[name]):
        value, cause = None, "lost_row"
        if column is not None and number in places:
            value = column[places[number]]
            cause = case.cause(name, number, ours, value)
        if cause:
            parity.add(Example(asked.row(number), value, ours, cause))
    return parity
