"""Feature services, projects and saved datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from repast.core.definitions.base import Definition, duplicates, is_list
from repast.core.definitions.feature_view import FeatureView, FeatureViewProjection
from repast.core.definitions.on_demand import OnDemandFeatureView


@dataclass(frozen=True, init=False, kw_only=True)
class FeatureService(Definition):
    """The features that one model uses, under one name.

    Args:
        name: Name of the service.
        features: Views, or projections of views.

    """

    kind: ClassVar[str] = "feature service"
    features: tuple[FeatureViewProjection, ...] = ()

    def __init__(
        self,
        *,
        name: str,
        features: Sequence[FeatureView | OnDemandFeatureView | FeatureViewProjection],
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> None:
        self._init(name=name, description=description, tags=tags, owner=owner, features=())
        parsed: list[FeatureViewProjection] = []
        if not is_list(features):
            self.problem(f"features must be a list, not {features!r}.", hint="features=[driver_stats]")
            return
        for item in features:
            if isinstance(item, FeatureViewProjection):
                parsed.append(item)
            elif isinstance(item, FeatureView | OnDemandFeatureView):
                parsed.append(FeatureViewProjection(view=item))
            else:
                self.problem(
                    f"features must be feature views or projections of them, not {item!r}.",
                    hint='features=[driver_stats, weather[["temp"]]]',
                )
        object.__setattr__(self, "features", tuple(parsed))
        if not features:
            self.problem("features is empty.", hint="features=[driver_stats]")
        for repeated in duplicates(p.name for p in parsed):
            self.problem(
                f"view {repeated!r} is listed twice.",
                hint="select its features in one list, or give one of them another name: .with_name(...)",
            )

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class Project(Definition):
    """The project that a repo's definitions belong to; must match feature_store.yaml."""

    kind: ClassVar[str] = "project"

    def __init__(
        self, *, name: str, description: str = "", tags: Mapping[str, str] | None = None, owner: str = ""
    ) -> None:
        self._init(name=name, description=description, tags=tags, owner=owner)

    __hash__ = Definition.__hash__


@dataclass(frozen=True, init=False, kw_only=True)
class SavedDataset(Definition):
    """A training set that is kept, with what it was made from.

    Args:
        name: Name of the data set.
        path: Where its Parquet file is, if it is one.
        table: The table of the offline store that it is, if it is one.
        features: The references it was made from.
        join_keys: Key columns of its spine.
        full_feature_names: Whether its columns are named ``view__feature``.
        feature_service: The service it was made from, if any.
        rows: Number of rows.

    """

    kind: ClassVar[str] = "saved dataset"
    path: str = ""
    table: str = ""
    features: tuple[str, ...] = ()
    join_keys: tuple[str, ...] = ()
    full_feature_names: bool = False
    feature_service: str | None = None
    rows: int = 0

    def __init__(
        self,
        *,
        name: str,
        path: str = "",
        table: str = "",
        features: Sequence[str] = (),
        join_keys: Sequence[str] = (),
        full_feature_names: bool = False,
        feature_service: str | None = None,
        rows: int = 0,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> None:
        self._init(
            name=name,
            description=description,
            tags=tags,
            owner=owner,
            path=path,
            table=table,
            features=tuple(features),
            join_keys=tuple(join_keys),
            full_feature_names=full_feature_names,
            feature_service=feature_service,
            rows=rows,
        )

    __hash__ = Definition.__hash__
