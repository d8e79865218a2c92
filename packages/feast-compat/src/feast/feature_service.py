"""The features of one model, under one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import repast
from feast.adapter.base import FeastObject
from feast.adapter.notice import legacy, refuse, without_effect
from feast.base_feature_view import BaseFeatureView, repast_projection
from feast.feature_logging import LoggingConfig
from feast.feature_view_projection import FeatureViewProjection


class FeatureService(FeastObject):
    """The features of one model: views, selections of views, or references of registered ones."""

    _kind = "feature service"

    def __init__(
        self,
        *args: Any,
        name: str | None = None,
        features: Sequence[Any] = (),
        tags: Mapping[str, str] | None = None,
        description: str = "",
        owner: str = "",
        org: str = "",
        logging_config: LoggingConfig | None = None,
        precompute_online: bool = False,
    ) -> None:
        if args:
            legacy("FeatureService('name', [...])", "FeatureService(name='name', features=[...])")
            name, features = (*args, features)[:2]
        self._start(name=name, description=description, tags=tags, owner=owner)
        self.features = list(features)
        self.logging_config, self.precompute_online, self.org = logging_config, precompute_online, org
        if logging_config is not None:
            without_effect("FeatureService(logging_config=...)", "served features are not logged yet")
        if precompute_online:
            without_effect("FeatureService(precompute_online=True)", "a read is one call of the store as it is")
        if org:
            without_effect("FeatureService(org=...)", "use tags or owner")
        if any(isinstance(feature, str) for feature in self.features):
            refuse(
                f"FeatureService(features=['view:feature']) of {name!r}",
                hint="give the views themselves: features=[view[['feature']]]",
            )
        self.__repast_definition__()

    @property
    def feature_view_projections(self) -> list[FeatureViewProjection]:
        """What of each view the service has."""
        return [f if isinstance(f, FeatureViewProjection) else f.projection for f in self.features]

    @classmethod
    def build_apply_request(cls, **kwargs: Any) -> Any:
        """Refuse: there is no gRPC registry."""
        refuse("FeatureService.build_apply_request", hint="FeatureStore.apply(service)")

    def infer_features(self, fvs_to_update: Any) -> None:
        """Do nothing: apply infers the features of views."""

    def prepare_for_apply(self, registry: Any, project: str, allow_cache: bool = False) -> FeatureService:
        """Return the service as it is."""
        return self

    def resolve_pending_refs(self, project: str, registry: Any = None, fvs_to_update: Any = None) -> None:
        """Do nothing: services hold their views."""

    def validate(self) -> None:
        """Check the definition."""
        self.__repast_definition__()

    def _extra(self) -> dict[str, Any]:
        config = self.logging_config
        if config is None:
            return {}
        destination = config.destination
        return {"logging": {"to": type(destination).__name__, "sample_rate": config.sample_rate, **vars(destination)}}

    def _repast_feature(self, feature: Any) -> Any:
        if isinstance(feature, FeatureViewProjection):
            if feature._view is None:
                self._problem(f"the projection of {feature.name!r} knows no view.", hint="give the view itself")
                return None
            return repast_projection(feature)
        return feature._repast_projection() if isinstance(feature, BaseFeatureView) else feature

    def _build(self) -> repast.FeatureService:
        return repast.FeatureService(**self._named(), features=[self._repast_feature(f) for f in self.features])
