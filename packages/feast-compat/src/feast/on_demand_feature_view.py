"""Features computed from other features and from the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import repast
from feast.adapter.base import FeastObject
from feast.adapter.notice import legacy, refuse, refused_class, without_effect
from feast.base_feature_view import BaseFeatureView, repast_projection
from feast.data_source import RequestSource
from feast.entity import Entity
from feast.feature_view import FeatureView
from feast.feature_view_projection import FeatureViewProjection
from feast.field import Field, as_fields
from feast.transformation.base import Transformation, mode_name, source_text
from repast.core.definitions import UserFunction

MODES = ("python", "pandas")

ODFVErrorMessages = refused_class(
    "feast.on_demand_feature_view.ODFVErrorMessages", hint="Repast has messages of its own"
)


class OnDemandFeatureView(BaseFeatureView):
    """Features computed when they are asked for, the same way for training and for serving."""

    _kind = "on demand feature view"
    _function: UserFunction | None = None

    def __init__(
        self,
        *args: Any,
        name: str | None = None,
        entities: Sequence[Entity] | None = None,
        schema: list[Field] | None = None,
        sources: Sequence[Any] | Mapping[str, Any] | None = None,
        input_schema: list[Field] | None = None,
        udf: Callable[..., Any] | None = None,
        udf_string: str | None = "",
        feature_transformation: Transformation | None = None,
        mode: str = "pandas",
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
        org: str = "",
        write_to_online_store: bool = False,
        singleton: bool = False,
        track_metrics: bool = False,
        aggregations: list[Any] | None = None,
        version: str = "latest",
        enabled: bool = True,
        features: list[Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        if args:
            legacy("OnDemandFeatureView('name', ...)", "OnDemandFeatureView(name='name', ...)")
            name = args[0]
        self._start(name=name, description=description, tags=tags, owner=owner)
        if features is not None:
            legacy("on_demand_feature_view(features=[Feature(...)])", "schema=[Field(...)]")
        if inputs is not None or isinstance(sources, Mapping):
            legacy("on_demand_feature_view(inputs={'x': view})", "sources=[view]")
            sources = list((inputs or sources or {}).values())  # type: ignore[union-attr]
        self.sources = list(sources or [])
        self.features = as_fields(self, schema if schema is not None else features, "schema")
        transformation = feature_transformation
        self.feature_transformation = transformation
        self.udf = udf or (transformation.udf if transformation else None)
        self.udf_string = udf_string or (source_text(self.udf) if self.udf else "")
        self.mode = mode_name(transformation.mode if transformation else mode)
        self.singleton, self.write_to_online_store = singleton, write_to_online_store
        self._entities = list(entities or ())
        self.track_metrics, self.aggregations, self.input_schema = track_metrics, aggregations or [], input_schema
        self.version, self.enabled, self.org = version, enabled, org
        self._check_options()
        self.__repast_definition__()
        self._project()

    def _check_options(self) -> None:
        what = "OnDemandFeatureView"
        if self.mode not in MODES:
            refuse(f"{what}(mode={self.mode!r})", hint='write the function for mode="pandas" or mode="python"')
        if self.aggregations:
            refuse(f"{what}(aggregations=...)", hint="aggregate in the source; windowed aggregates are not built yet")
        if self.write_to_online_store:
            if any(isinstance(source, RequestSource) for source in self.sources):
                refuse(
                    f"{what}(write_to_online_store=True) with a RequestSource",
                    hint="leave write_to_online_store out and send the values with the request",
                )
            without_effect(
                f"{what}(write_to_online_store=True)", "the function runs at every read, on the stored inputs"
            )
        if self.track_metrics:
            without_effect(f"{what}(track_metrics=True)", "the function is not timed")
        if self.input_schema:
            without_effect(f"{what}(input_schema=...)", "the sources have the types of the inputs")
        if self.org:
            without_effect(f"{what}(org=...)", "use tags or owner")
        if self.version not in ("latest", "", None):
            refuse(f"{what}(version={self.version!r})", hint="every generation is kept: repast log, repast rollback")
        if not self.enabled:
            refuse(f"{what}(enabled=False)", hint="delete the view")

    @property
    def source_feature_view_projections(self) -> dict[str, FeatureViewProjection]:
        """The source views, by name."""
        projections = [s if isinstance(s, FeatureViewProjection) else s.projection for s in self._views()]
        return {projection.name_to_use(): projection for projection in projections}

    @property
    def source_request_sources(self) -> dict[str, RequestSource]:
        """The request sources, by name."""
        return {source.name: source for source in self.sources if isinstance(source, RequestSource)}

    @property
    def entities(self) -> list[str]:
        """Names of the entities that were given."""
        return [entity.name for entity in self._entities]

    @property
    def join_keys(self) -> list[str]:
        """Names of the key columns of all source views."""
        return list(self.__repast_definition__().join_keys)

    @property
    def schema(self) -> list[Field]:
        """The features that the function returns."""
        return self.features

    @property
    def entity_columns(self) -> list[Field]:
        """None: the key columns belong to the source views."""
        return []

    def _views(self) -> list[Any]:
        return [source for source in self.sources if not isinstance(source, RequestSource)]

    def get_request_data_schema(self) -> dict[str, Any]:
        """Return the request's fields with their older types."""
        return {f.name: f.dtype.to_value_type() for s in self.source_request_sources.values() for f in s.schema}

    def get_feature_transformation(self) -> Transformation:
        """Return the function and its mode."""
        return self.feature_transformation or Transformation(self.mode, self.udf, self.udf_string)  # type: ignore[arg-type]

    def infer_features(self) -> None:
        """Do nothing: the schema says what the function returns."""

    def transform_dict(self, feature_dict: dict[str, Any]) -> Any:
        """Call the function of a view in python mode."""
        return self._call(feature_dict)

    def transform_arrow(self, pa_table: Any, full_feature_names: bool = False) -> Any:
        """Refuse: Repast runs the functions of views itself."""
        refuse("OnDemandFeatureView.transform_arrow", hint="FeatureStore.get_historical_features computes the view")

    def transform_ibis(self, ibis_table: Any, full_feature_names: bool = False) -> Any:
        """Refuse: Repast runs the functions of views itself."""
        refuse("OnDemandFeatureView.transform_ibis", hint="FeatureStore.get_historical_features computes the view")

    @staticmethod
    def get_requested_odfvs(feature_refs: Any, project: str, registry: Any) -> list[OnDemandFeatureView]:
        """Return the on-demand views that references name."""
        names = {ref.partition(":")[0] for ref in feature_refs}
        return [view for view in registry.list_on_demand_feature_views(project) if view.name in names]

    def _call(self, inputs: Any) -> Any:
        if self.udf is None:
            refuse(
                f"Calling the function of {self.name!r} as the registry has it", hint="import the view from the repo"
            )
        return self.udf(inputs)

    def __call__(self, inputs: Any) -> Any:
        """Call the function, as the decorated function would be."""
        return self._call(inputs)

    def _repast_source(self, source: Any) -> Any:
        if isinstance(source, FeatureViewProjection):
            if source._view is None:
                self._problem(f"the projection of {source.name!r} knows no view.", hint="give the view itself")
                return None
            return repast_projection(source)
        if isinstance(source, BaseFeatureView):
            return source._repast_projection()
        return source.__repast_definition__() if isinstance(source, FeastObject) else source

    def _extra(self) -> dict[str, Any]:
        return {"write_to_online_store": True} if self.write_to_online_store else {}

    def _build(self) -> repast.OnDemandFeatureView:
        return repast.OnDemandFeatureView(
            **self._named(),
            sources=[self._repast_source(source) for source in self.sources],
            schema=[field._repast() for field in self.features],
            function=self._function or self.udf,  # type: ignore[arg-type]  # what is no function is reported
            mode=self.mode,
            singleton=self.singleton,
        )


def on_demand_feature_view(
    *,
    name: str | None = None,
    entities: list[Entity] | None = None,
    schema: list[Field] | None = None,
    sources: list[FeatureView | RequestSource | FeatureViewProjection] | None = None,
    input_schema: list[Field] | None = None,
    aggregations: list[Any] | None = None,
    mode: str = "pandas",
    description: str = "",
    tags: Mapping[str, str] | None = None,
    owner: str = "",
    org: str = "",
    write_to_online_store: bool = False,
    singleton: bool = False,
    track_metrics: bool = False,
    explode: bool = False,
    version: str = "latest",
    features: list[Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Any]], OnDemandFeatureView]:
    """Turn a function into an on-demand view named like the function."""
    if explode:
        refuse("on_demand_feature_view(explode=True)", hint="a view has one row per key: compute lists in the source")

    def decorate(udf: Callable[..., Any]) -> OnDemandFeatureView:
        return OnDemandFeatureView(
            name=name or udf.__name__,
            entities=entities,
            schema=schema,
            sources=sources,
            input_schema=input_schema,
            udf=udf,
            mode=mode,
            description=description,
            tags=tags,
            owner=owner,
            org=org,
            write_to_online_store=write_to_online_store,
            singleton=singleton,
            track_metrics=track_metrics,
            aggregations=aggregations,
            version=version,
            features=features,
            inputs=inputs,
        )

    return decorate
