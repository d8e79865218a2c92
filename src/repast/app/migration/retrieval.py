"""What a comparison asks of both sides: retrievals with their entity frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repast.app.migration.spine import TIME, around, distinct_keys, sample
from repast.errors import InvalidRequestError

if TYPE_CHECKING:
    import pyarrow as pa

    from repast.app.retrieval import RetrievalJob
    from repast.app.store import FeatureStore
    from repast.core.definitions import FeatureView, OnDemandFeatureView


@dataclass(frozen=True, kw_only=True)
class ShadowRequest:
    """What to compare.

    Attributes:
        repo: The Feast repo.
        python: The interpreter that has Feast.
        spine: Entity rows: an Arrow table, a file's path or SQL; None: moments around the views' own rows.
        features: References; with no service either: every view by itself.
        service: A feature service.
        keys: Keys to read online: an Arrow table or a file's path; None: those of the spine.
        rows: How many rows of a spine, and keys, are asked for at most.
        loaded: Compare with a copy of what Feast has loaded, instead of loading anew.
        timeout: How long Feast may take.

    """

    repo: Path
    python: str
    spine: Any = None
    features: Sequence[str] = ()
    service: str | None = None
    keys: Any = None
    rows: int = 1000
    loaded: bool = False
    timeout: timedelta = timedelta(minutes=30)


@dataclass(kw_only=True)
class Retrieval:
    """One retrieval: what is asked for, and Repast's answer."""

    kind: str
    name: str
    features: list[str] | str
    spine: pa.Table
    outputs: list[str]
    answer: dict[str, list[Any]] | None = None
    error: str = ""
    recorded_later: int = 0
    """Rows with a value that was recorded only after their time."""

    @property
    def service(self) -> str | None:
        """The service that is asked for, if it is one."""
        return self.features if isinstance(self.features, str) else None

    def asks(self, view: str) -> bool:
        """Whether a view is among what is asked for; of a service that is not told."""
        return is_asked(view, self.features)

    def row(self, number: int) -> dict[str, Any]:
        """Return the keys and the time of one row."""
        return {name: self.spine[name][number].as_py() for name in self.spine.column_names}


def plan_retrievals(store: FeatureStore, request: ShadowRequest) -> tuple[list[Retrieval], list[str]]:
    """Return what to ask both sides, and what is left out, each with the reason.

    Raises:
        InvalidRequestError: What the user named does not fit the repo.

    """
    if request.features and request.service:
        raise InvalidRequestError("Both features and a service were named.", hint="name either")
    if request.service:
        return _retrievals(store, request, request.service, request.service)
    if request.features:
        return _retrievals(store, request, ", ".join(request.features), list(request.features))
    found: list[Retrieval] = []
    skipped: list[str] = []
    views: list[FeatureView | OnDemandFeatureView] = [*store.list_feature_views()]
    views += store.list_on_demand_feature_views()
    for view in views:
        features = [f"{view.name}:{field.name}" for field in view.features]
        try:
            more, why = _retrievals(store, request, view.name, features)
        except InvalidRequestError as error:  # values that only a request brings, or keys that the rows lack
            more, why = [], [f"{view.name}: {error.message} ({error.hint})"]
        found += more
        skipped += why
    return found, skipped


def _retrievals(
    store: FeatureStore, request: ShadowRequest, name: str, features: list[str] | str
) -> tuple[list[Retrieval], list[str]]:
    spine = _spine(store, request, features)
    if not spine.num_rows:
        return [], [f"{name}: there are no rows to ask for"]
    inputs = [column for column in store.input_columns(features) if column in spine.column_names]
    keys = _keys(store, request, inputs) if request.keys is not None else distinct_keys(spine, inputs)
    outputs = store.get_historical_features(spine, features, full_feature_names=True).columns[len(spine.column_names) :]
    found = [Retrieval(kind="historical", name=name, features=features, spine=spine, outputs=outputs)]
    if not keys.num_rows:
        return found, [f"{name} online: there are no keys to ask for; name a service that has it beside other views"]
    some = sample(keys, request.rows)
    found.append(Retrieval(kind="online", name=name, features=features, spine=some, outputs=outputs))
    return found, []


def _keys(store: FeatureStore, request: ShadowRequest, inputs: list[str]) -> pa.Table:
    from repast.app.spine import read_spine, to_arrow

    table = to_arrow(read_spine(request.keys, store._workspace.engine, request.repo), subject="keys")
    missing = [name for name in inputs if name not in table.column_names]
    if missing:
        raise InvalidRequestError(
            f"The keys have no column {missing[0]!r}.", hint=f"they need {', '.join(inputs)}; one row per key"
        )
    return table.select(inputs)


def _spine(store: FeatureStore, request: ShadowRequest, features: list[str] | str) -> pa.Table:
    """Return the spine with its time in UTC under the name that Feast knows."""
    if request.spine is None:
        moments = _rows_of(store.get_historical_features(None, features, full_feature_names=True, last_n=2))
        keys = [name for name in store.input_columns(features) if name in moments.column_names]
        ttls = [view.ttl for view in store.list_feature_views() if view.ttl and is_asked(view.name, features)]
        return around(moments.select([*keys, TIME]), min(ttls, default=None), request.rows)
    job = store.get_historical_features(request.spine, features, full_feature_names=True)
    time = job.metadata.time_column
    table = sample(_rows_of(job), request.rows)
    return table.rename_columns([TIME if name == time else name for name in table.column_names])


def _rows_of(job: RetrievalJob) -> pa.Table:
    """Return the spine of a job. Its features may be what one side refuses, so they are not read for it."""
    return job._sides[0].table


def is_asked(view: str, features: list[str] | str) -> bool:
    return isinstance(features, str) or any(reference.startswith(f"{view}:") for reference in features)
